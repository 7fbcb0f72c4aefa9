// SPDX-License-Identifier: Apache-2.0
//! This process's own figures, read from `/proc` at every scrape (Linux only; elsewhere there are
//! none).

use std::fmt::Error;
use std::fs;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

/// Ticks a second of the times in `/proc`: a constant of the kernel's interface to programs, on
/// every architecture that Rust supports.
const TICKS: f64 = 100.0;

/// Reads the figures under the names that Prometheus knows them by.
#[derive(Debug)]
pub(super) struct Process {
    /// Unix time in seconds; it never changes, and reading it is the slowest of all.
    started: Option<f64>,
}

/// The times in `/proc/self/stat`.
#[derive(Debug, PartialEq)]
struct Times {
    cpu_seconds: f64,
    /// Seconds between the machine's start and the process's.
    started: f64,
}

impl Process {
    pub(super) fn new() -> Self {
        let since_boot = read("stat")
            .as_deref()
            .and_then(times)
            .map(|times| times.started);
        let boot = fs::read_to_string("/proc/stat").ok();
        let boot = boot.as_deref().and_then(boot_time);
        Self {
            started: boot.zip(since_boot).map(|(boot, since)| boot + since),
        }
    }
}

impl Collector for Process {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), Error> {
        if let Some(times) = read("stat").as_deref().and_then(times) {
            let help = "CPU time used, in user and in system mode.";
            let counter = ConstCounter::new(times.cpu_seconds);
            write(&mut encoder, "process_cpu_seconds", help, &counter)?;
        }
        let status = read("status").unwrap_or_default();
        let limits = read("limits").unwrap_or_default();
        for (name, help, value) in [
            (
                "process_resident_memory_bytes",
                "Resident memory.",
                kibibytes(&status, "VmRSS:"),
            ),
            (
                "process_virtual_memory_bytes",
                "Virtual memory.",
                kibibytes(&status, "VmSize:"),
            ),
            ("process_open_fds", "Open file descriptors.", open_files()),
            (
                "process_max_fds",
                "Most open file descriptors.",
                max_files(&limits),
            ),
            (
                "process_start_time_seconds",
                "Start, in Unix time.",
                self.started,
            ),
        ] {
            if let Some(value) = value {
                write(&mut encoder, name, help, &ConstGauge::new(value))?;
            }
        }
        Ok(())
    }
}

fn write(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    metric: &impl EncodeMetric,
) -> Result<(), Error> {
    metric.encode(encoder.encode_descriptor(name, help, None, metric.metric_type())?)
}

fn read(file: &str) -> Option<String> {
    fs::read_to_string(format!("/proc/self/{file}")).ok()
}

/// The times in a `stat` file. The name of the program, in parentheses, may hold anything, so
/// fields are counted from the last parenthesis: there is the third.
fn times(stat: &str) -> Option<Times> {
    let (_, fields) = stat.rsplit_once(')')?;
    let fields: Vec<&str> = fields.split_ascii_whitespace().collect();
    let seconds = |number: usize| Some(fields.get(number - 3)?.parse::<f64>().ok()? / TICKS);
    Some(Times {
        cpu_seconds: seconds(14)? + seconds(15)?,
        started: seconds(22)?,
    })
}

/// Unix time of the machine's start, in the machine's `stat` file.
fn boot_time(stat: &str) -> Option<f64> {
    value_of(stat, "btime ")?.parse().ok()
}

/// A line of a `status` file, in bytes.
fn kibibytes(status: &str, name: &str) -> Option<f64> {
    Some(value_of(status, name)?.parse::<f64>().ok()? * 1024.0)
}

/// The soft limit in a `limits` file; none when there is no limit.
fn max_files(limits: &str) -> Option<f64> {
    value_of(limits, "Max open files")?.parse().ok()
}

fn open_files() -> Option<f64> {
    // The listing itself has one open.
    let listed = fs::read_dir("/proc/self/fd").ok()?.count();
    Some(listed.saturating_sub(1) as f64)
}

/// The first word after `name`, on the line that begins with it.
fn value_of<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    let value = text.lines().find_map(|line| line.strip_prefix(name))?;
    value.split_ascii_whitespace().next()
}

#[cfg(test)]
mod tests;
