// SPDX-License-Identifier: Apache-2.0
//! What a request costs, beside a server that does nothing but HTTP and JSON.
//!
//! `cargo bench -p lukhas-tests --bench echo` starts the release build of `lukhas` and a bare
//! hyper server that parses the same body with `serde_json` and answers the same bytes, loads
//! them in turn, and prints CPU time per request of each and their ratio, pair by pair. Then it
//! reads memory: idle, after the load, and while a stream of 10,000 events passes.
//!
//! CPU time comes from `/proc`, to the nanosecond; it does not depend on how busy the machine is
//! the way elapsed time does.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::expect_used,
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "a program for the terminal, which fails by panicking"
)]

mod bare;
mod client;
#[path = "../figures.rs"]
mod figures;
#[path = "../process.rs"]
mod process;

use std::io::{self, Write};
use std::path::Path;
use std::process::{Command, ExitCode};

use client::{Client, Sample};
use figures::median;
use process::Server;

/// Requests of one turn.
const REQUESTS: u32 = 20_000;
/// Turns of each server.
const TURNS: usize = 7;
/// Connections of the load.
const CONNECTIONS: u32 = 8;
/// Words that are echoed, each an event of its own.
const EVENTS: usize = 10_000;

/// Bars: the ratio, and mebibytes.
const MOST_RATIO: f64 = 1.5;
const MOST_IDLE_MB: f64 = 25.0;
const MOST_BINARY_MB: f64 = 30.0;
const MOST_STREAM_GROWTH_MB: f64 = 4.0;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().collect();
    if let [_, mode, body] = args.as_slice()
        && mode == "--bare"
    {
        return bare::serve(body);
    }
    if !args.iter().any(|arg| arg == "--bench") {
        // `cargo test` builds benches and runs them; there is nothing to test here.
        return ExitCode::SUCCESS;
    }
    match measure() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn measure() -> Result<bool, Box<dyn std::error::Error>> {
    let binary = process::lukhas()?;
    let ours = lukhas(&binary)?;
    let idle = resident_mb(&ours)?;
    println!("lukhas {}", binary.display());
    let mut holds = bar(
        "binary, MB",
        std::fs::metadata(&binary)?.len() as f64 / 1e6,
        MOST_BINARY_MB,
    );
    holds &= bar("idle resident, MB", idle, MOST_IDLE_MB);
    for (name, store) in [("echo, not stored", false), ("echo, stored", true)] {
        let body = format!(r#"{{"model":"lukhas-matriz","input":"hello there","store":{store}}}"#);
        holds &= compare(name, &ours, &body)?;
    }
    println!("resident after the load, MB: {:.1}", resident_mb(&ours)?);
    holds &= bar(
        "resident growth over a stream of 10,000 events, MB",
        stream(&ours)?,
        MOST_STREAM_GROWTH_MB,
    );
    Ok(holds)
}

fn lukhas(binary: &Path) -> io::Result<Server> {
    let mut command = Command::new(binary);
    command.args(process::SERVE);
    Server::start(command)
}

/// The yardstick, answering `answer`: this binary again, in another role.
fn bare(answer: &[u8]) -> io::Result<Server> {
    let mut file = tempfile::NamedTempFile::new()?;
    file.write_all(answer)?;
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("--bare").arg(file.path());
    Server::start(command)
}

fn resident_mb(server: &Server) -> io::Result<f64> {
    Ok(server.memory_kib("VmRSS")? * 1024.0 / 1e6)
}

/// Loads both servers in turn and prints the ratio of their CPU time per request.
fn compare(name: &str, ours: &Server, body: &str) -> Result<bool, Box<dyn std::error::Error>> {
    let answer = Client::new(ours).once("/v1/responses", body)?;
    let bare = bare(&answer)?;
    let mut ratios = Vec::new();
    let (mut our_cost, mut bare_cost) = (Vec::new(), Vec::new());
    for turn in 0..=TURNS {
        let ours = Sample::of(ours, "/v1/responses", body, CONNECTIONS, REQUESTS)?;
        let bare = Sample::of(&bare, "/v1/responses", body, CONNECTIONS, REQUESTS)?;
        // The first turn warms both.
        if turn > 0 {
            ratios.push(ours.cpu_us / bare.cpu_us);
            our_cost.push(ours.cpu_us);
            bare_cost.push(bare.cpu_us);
        }
    }
    println!(
        "{name}: {:.1} us CPU a request, bare {:.1} us ({} bytes in, {} out)",
        median(&our_cost),
        median(&bare_cost),
        body.len(),
        answer.len(),
    );
    let spread = (
        ratios.iter().copied().fold(f64::MAX, f64::min),
        ratios.iter().copied().fold(0.0, f64::max),
    );
    println!("  ratios pair by pair: {:.2} to {:.2}", spread.0, spread.1);
    Ok(bar("  median ratio", median(&ratios), MOST_RATIO))
}

/// Growth of resident memory while long streams pass, in megabytes.
fn stream(ours: &Server) -> Result<f64, Box<dyn std::error::Error>> {
    let words = "word ".repeat(EVENTS);
    let body = format!(
        r#"{{"model":"lukhas-matriz","stream":true,"messages":[{{"role":"user","content":"{words}"}}]}}"#
    );
    let client = Client::new(ours);
    let events = client.count_events("/v1/chat/completions", &body)?;
    println!("events of the stream: {events}");
    let before = resident_mb(ours)?;
    for _ in 0..20 {
        client.count_events("/v1/chat/completions", &body)?;
    }
    Ok(resident_mb(ours)? - before)
}

fn bar(name: &str, value: f64, most: f64) -> bool {
    let holds = value <= most;
    println!(
        "{name}: {value:.2} (at most {most}) {}",
        if holds { "ok" } else { "MISSED" }
    );
    holds
}
