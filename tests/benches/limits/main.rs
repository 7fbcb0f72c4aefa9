// SPDX-License-Identifier: Apache-2.0
//! What rate limits cost: a check in process, and a request with rules beside one without.
//!
//! `cargo xtask bench limits` starts the release build of `lukhas` three times, loads the three in
//! turn, and prints the CPU time of a request of each, and what rules add to it, turn by turn.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::expect_used,
    reason = "a program for the terminal, which fails by panicking"
)]

#[path = "../echo/client.rs"]
#[expect(dead_code, reason = "the other bench counts events, too")]
mod client;
#[path = "../figures.rs"]
mod figures;
#[path = "../process.rs"]
#[expect(dead_code, reason = "the other benches read memory, too")]
mod process;

use std::error::Error;
use std::fs;
use std::hint::black_box;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::Duration;

use client::Sample;
use figures::median;
use lukhas_reliability::{Charge, Limiter, Quota, QuotaConfig};
use process::Server;
use tokio::time::Instant;

/// Requests of one turn.
const REQUESTS: u32 = 10_000;
/// Turns of each server.
const TURNS: usize = 7;
/// Connections of the load.
const CONNECTIONS: u32 = 8;
/// Checks of one turn.
const CHECKS: u32 = 1_000_000;

/// Bar: nanoseconds a check in process, with the search for its bucket.
const MOST_CHECK_NS: f64 = 200.0;

const BODY: &str = r#"{"model":"lukhas-matriz","input":"hello there","store":false}"#;

fn main() -> ExitCode {
    if !std::env::args().any(|arg| arg == "--bench") {
        // `cargo test` builds benches and runs them; there is nothing to test here.
        return ExitCode::SUCCESS;
    }
    match checks().and_then(|holds| requests().map(|()| holds)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Prints what a check costs in process.
fn checks() -> Result<bool, Box<dyn Error>> {
    let quota = Quota::new(QuotaConfig {
        amount: 1_000_000_000,
        period: Duration::from_secs(1),
        burst: 1_000_000_000,
    })?;
    let limiter = Limiter::new();
    let one = turns(|| {
        let bucket = limiter.bucket(quota, black_box(&(7_u32, Some("lk_01234567"))));
        limiter.check_one(bucket, 1).is_ok()
    });
    let mut calls = [0, 1, 2, 3].map(|key| Charge::new(limiter.bucket(quota, &key), 1));
    let four = turns(|| limiter.check(black_box(&mut calls)).is_ok());
    println!("four limits at once, in process: {four:.0} ns");
    let holds = one <= MOST_CHECK_NS;
    let verdict = if holds { "ok" } else { "MISSED" };
    println!("a check in process: {one:.0} ns (at most {MOST_CHECK_NS:.0}) {verdict}");
    Ok(holds)
}

/// Nanoseconds of one `check` in the fastest turn: what else the machine does only adds to it.
fn turns(mut check: impl FnMut() -> bool) -> f64 {
    let turn = |_| {
        let begun = Instant::now();
        for _ in 0..CHECKS {
            assert!(check(), "it is admitted");
        }
        begun.elapsed().as_secs_f64() * 1e9 / f64::from(CHECKS)
    };
    (0..TURNS).map(turn).fold(f64::INFINITY, f64::min)
}

/// Prints the CPU time of a request without rules and with them.
fn requests() -> Result<(), Box<dyn Error>> {
    let binary = process::lukhas()?;
    let folder = tempfile::tempdir()?;
    let wide = "{amount: 1000000000, per: second}";
    let rules = [
        ("no rules", String::new()),
        (
            "requests, per key",
            format!("{{name: a, per: [key], requests: {wide}}}"),
        ),
        (
            "requests and tokens, per key and model",
            format!("{{name: a, per: [key, model], requests: {wide}, tokens: {wide}}}"),
        ),
    ];
    let servers: Vec<(&str, Server)> = rules
        .iter()
        .enumerate()
        .map(|(number, (name, rules))| {
            let path = folder.path().join(format!("{number}.yaml"));
            fs::write(&path, format!("limits: [{rules}]"))?;
            Ok::<_, Box<dyn Error>>((*name, serve(&binary, &path)?))
        })
        .collect::<Result<_, _>>()?;
    let mut costs = vec![Vec::new(); servers.len()];
    let mut added = vec![Vec::new(); servers.len()];
    for turn in 0..=TURNS {
        let mut without = 0.0;
        for (at, (_, server)) in servers.iter().enumerate() {
            let cost = Sample::of(server, "/v1/responses", BODY, CONNECTIONS, REQUESTS)?.cpu_us;
            if at == 0 {
                without = cost;
            }
            // The first turn warms them.
            if turn > 0 {
                costs[at].push(cost);
                added[at].push(cost - without);
            }
        }
    }
    for (at, (name, _)) in servers.iter().enumerate() {
        let (cost, added) = (median(&costs[at]), median(&added[at]));
        println!("{name}: {cost:.1} us CPU a request, {added:+.2} us");
    }
    Ok(())
}

fn serve(binary: &Path, config: &Path) -> std::io::Result<Server> {
    let mut command = Command::new(binary);
    command.args(process::SERVE).arg("--config");
    command.arg(config);
    Server::start(command)
}
