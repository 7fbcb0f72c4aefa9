// SPDX-License-Identifier: Apache-2.0
//! What was measured, beside what it must not exceed: a table in Markdown.

use std::process::Command;

/// A table under the machine that it was measured on.
#[derive(Debug, Default)]
pub(crate) struct Report {
    rows: Vec<[String; 5]>,
    missed: usize,
}

impl Report {
    /// Adds what was measured of `what`: of us, of the bare proxy, and the figure that must be at
    /// most `most`, with its unit.
    pub(crate) fn add(&mut self, what: &str, measured: [String; 2], figure: Figure, most: f64) {
        let Figure { value, shown } = figure;
        let holds = value <= most;
        self.missed += usize::from(!holds);
        let verdict = if holds { "ok" } else { "MISSED" };
        let [ours, bare] = measured;
        self.rows.push([
            what.to_owned(),
            ours,
            bare,
            shown,
            format!("{most} {verdict}"),
        ]);
    }

    /// Adds what was measured of `what`, which no bar is set for.
    pub(crate) fn show(&mut self, what: &str, measured: [String; 2]) {
        let [ours, bare] = measured;
        self.rows
            .push([what.to_owned(), ours, bare, String::new(), String::new()]);
    }

    /// Prints it; whether every bar holds.
    pub(crate) fn print(self) -> bool {
        println!("\n{}\n", machine());
        println!("| what | lukhas | bare proxy | figure | at most |\n|---|---|---|---|---|");
        for row in &self.rows {
            println!("| {} |", row.join(" | "));
        }
        println!("\nbars missed: {}", self.missed);
        self.missed == 0
    }
}

/// A number and how it is shown.
pub(crate) struct Figure {
    pub(crate) value: f64,
    pub(crate) shown: String,
}

impl Figure {
    /// A number with a unit.
    pub(crate) fn new(value: f64, unit: &str) -> Self {
        let shown = format!("{value:.1} {unit}");
        Self { value, shown }
    }

    /// The middle of ratios, with the least and the greatest.
    pub(crate) fn ratio(ratios: &[f64]) -> Self {
        let value = crate::figures::median(ratios);
        let least = ratios.iter().copied().fold(f64::MAX, f64::min);
        let greatest = ratios.iter().copied().fold(0.0, f64::max);
        let shown = format!("{value:.2} ({least:.2} to {greatest:.2})");
        Self { value, shown }
    }
}

/// The machine and what was built on it, in one line.
fn machine() -> String {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let cpus = read("/proc/cpuinfo");
    let name = cpus
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(':'));
    let name = name.map_or("unknown processor", |(_, name)| name.trim());
    let count = cpus
        .lines()
        .filter(|line| line.starts_with("processor"))
        .count();
    let kernel = read("/proc/sys/kernel/osrelease");
    let load = read("/proc/loadavg");
    let load: Vec<_> = load.split_whitespace().take(3).collect();
    format!(
        "{name}, {count} CPUs; Linux {}; {}; lukhas {}; load average {}",
        kernel.trim(),
        said(&["rustc", "--version"]),
        said(&["git", "describe", "--always", "--dirty"]),
        load.join(" "),
    )
}

/// What a program prints.
fn said(words: &[&str]) -> String {
    let output = Command::new(words[0]).args(&words[1..]).output();
    let output = output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    output.unwrap_or_default()
}
