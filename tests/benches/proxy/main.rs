// SPDX-License-Identifier: Apache-2.0
//! What a proxied request costs, beside the least that a proxy can do.
//!
//! `cargo bench -p lukhas-tests --bench proxy` starts an upstream that answers from memory, a bare
//! proxy before it, and the release build of `lukhas serve` before it, with a key, its limits and
//! its metrics. The one of the two that is asked has CPU 0; upstream and load share CPU 1. Both
//! are asked in turn, and their CPU time per request is compared pair by pair: the ratio depends
//! neither on the machine's speed nor, much, on what else it does. Latencies do.
//!
//! `docs/ops/BENCHMARKS.md` says how to read it.

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
#[path = "../cpus.rs"]
mod cpus;
#[path = "../figures.rs"]
mod figures;
mod load;
#[path = "../process.rs"]
mod process;
mod report;
mod serve;
mod upstream;

use std::io;
use std::path::Path;
use std::process::ExitCode;

use cpus::{LOAD_CPU, SERVER_CPU, pin_this, pinned};
use figures::{median, quantile};
use load::{Failure, Question, Seen, load};
use process::Server;
use report::{Figure, Report};
use tempfile::NamedTempFile;

/// Pieces of each answer.
const PIECES: usize = 100;

/// Turns of each server, after one that warms both.
const TURNS: usize = 7;
/// Connections of the load that CPU time is read under.
const CONNECTIONS: usize = 16;
/// Requests of one turn, of whole answers and of streams.
const REQUESTS: usize = 6_400;
const STREAMS: usize = 320;
/// Requests of one turn over one connection, for latencies.
const ALONE: usize = 1_000;
const STREAMS_ALONE: usize = 200;
/// Connections that memory is read after, and the requests of each.
const CROWD: usize = 256;
const CROWD_REQUESTS: usize = 8;

/// Bars: ratios of CPU time, microseconds, and mebibytes.
const MOST_RATIO: f64 = 1.5;
const MOST_STREAM_RATIO: f64 = 1.2;
const MOST_FIRST_EVENT_US: f64 = 5_000.0;
const MOST_ADDED_US: f64 = 100.0;
const MOST_IDLE_MIB: f64 = 15.0;
const MOST_PEAK_MIB: f64 = 40.0;

/// The variable that `lukhas serve` reads its upstream's key from.
const UPSTREAM_KEY: &str = "BENCH_UPSTREAM_KEY";

fn main() -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let args: Vec<String> = std::env::args().collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [_, "--upstream"] => runtime.block_on(upstream::run()),
        [_, "--bare", upstream] => runtime.block_on(bare::run(upstream.to_owned())),
        // `cargo test` builds benches and runs them; there is nothing to test here.
        _ if !args.iter().any(|arg| arg == "--bench") => {}
        _ => match runtime.block_on(measure()) {
            Ok(true) => {}
            Ok(false) => return ExitCode::FAILURE,
            Err(error) => {
                eprintln!("error: {error}");
                return ExitCode::FAILURE;
            }
        },
    }
    ExitCode::SUCCESS
}

async fn measure() -> Result<bool, Failure> {
    let binary = process::lukhas()?;
    pin_this()?;
    let this = std::env::current_exe()?;
    let upstream = Server::start(pinned(LOAD_CPU, &this, &["--upstream"]))?;
    let bare = Server::start(pinned(SERVER_CPU, &this, &["--bare", &upstream.address]))?;
    let mut report = Report::default();
    let (ours, _config) = lukhas(&binary, &upstream)?;
    for question in [
        Question::Chat,
        Question::Responses,
        Question::ChatStream,
        Question::ResponsesStream,
    ] {
        eprintln!("{} ...", question.name());
        cpu_time(&mut report, question, &ours, &bare).await?;
    }
    for question in [Question::Chat, Question::ChatStream] {
        eprintln!("{}, one connection ...", question.name());
        latency(&mut report, question, &ours, &bare).await?;
    }
    let (fresh, _config) = lukhas(&binary, &upstream)?;
    memory(&mut report, fresh).await?;
    Ok(report.print())
}

/// CPU time per request, in pairs of turns.
async fn cpu_time(
    report: &mut Report,
    question: Question,
    ours: &Server,
    bare: &Server,
) -> Result<(), Failure> {
    let (requests, most) = if question.streams() {
        (STREAMS, MOST_STREAM_RATIO)
    } else {
        (REQUESTS, MOST_RATIO)
    };
    let mut costs = [Vec::new(), Vec::new()];
    for turn in 0..=TURNS {
        for (cost, server) in costs.iter_mut().zip([ours, bare]) {
            let before = server.cpu_ns()?;
            load(server, question, CONNECTIONS, requests).await?;
            let spent = server.cpu_ns()? - before;
            if turn > 0 {
                cost.push(spent as f64 / 1e3 / requests as f64);
            }
        }
    }
    let pairs = costs[0].iter().zip(&costs[1]);
    let ratios: Vec<_> = pairs.map(|(ours, bare)| ours / bare).collect();
    let measured = costs.map(|cost| format!("{:.1} us", median(&cost)));
    let what = format!("{}: CPU time per request", question.name());
    report.add(&what, measured, Figure::ratio(&ratios), most);
    Ok(())
}

/// What one client waits for: whole answers, or the first events of streams.
async fn latency(
    report: &mut Report,
    question: Question,
    ours: &Server,
    bare: &Server,
) -> Result<(), Failure> {
    let mut seen = [Seen::default(), Seen::default()];
    let requests = if question.streams() {
        STREAMS_ALONE
    } else {
        ALONE
    };
    for turn in 0..=TURNS {
        for (seen, server) in seen.iter_mut().zip([ours, bare]) {
            let now = load(server, question, 1, requests).await?;
            if turn > 0 {
                seen.first.extend(now.first);
                seen.whole.extend(now.whole);
            }
        }
    }
    let at = |share: f64| {
        seen.each_ref()
            .map(|seen| quantile(seen.times(question), share))
    };
    let shown = |values: [f64; 2]| values.map(|value| format!("{value:.0} us"));
    let (middle, late) = (at(0.5), at(0.99));
    let name = question.name();
    if question.streams() {
        let what = format!("{name}: first event at one connection, p50");
        report.show(&what, shown(middle));
        let what = format!("{name}: first event at one connection, p99");
        let figure = Figure::new(late[0], "us");
        report.add(&what, shown(late), figure, MOST_FIRST_EVENT_US);
    } else {
        let what = format!("{name}: answered at one connection, p50");
        let figure = Figure::new(middle[0] - middle[1], "us more");
        report.add(&what, shown(middle), figure, MOST_ADDED_US);
        let what = format!("{name}: answered at one connection, p99");
        report.show(&what, shown(late));
    }
    Ok(())
}

/// Memory of a server that has just answered once, and at most with many connections.
async fn memory(report: &mut Report, fresh: Server) -> Result<(), Failure> {
    const KIB: f64 = 1024.0;
    load(&fresh, Question::Chat, 1, 1).await?;
    let idle = Figure::new(fresh.memory_kib("VmRSS")? / KIB, "MiB");
    eprintln!("{CROWD} connections ...");
    for question in [Question::Chat, Question::ChatStream] {
        load(&fresh, question, CROWD, CROWD * CROWD_REQUESTS).await?;
    }
    let peak = Figure::new(fresh.memory_kib("VmHWM")? / KIB, "MiB");
    let none = || [String::new(), String::new()];
    report.add("resident when idle", none(), idle, MOST_IDLE_MIB);
    let what = format!("resident at most, {CROWD} connections");
    report.add(&what, none(), peak, MOST_PEAK_MIB);
    Ok(())
}

/// `lukhas serve` before `upstream`, with a key for its clients, one for the upstream, a limit that
/// counts every request and denies none, and its defaults; and the file that says so, at which it looks
/// while it runs.
fn lukhas(binary: &Path, upstream: &Server) -> io::Result<(Server, NamedTempFile)> {
    let url = format!("http://{}/v1", upstream.address);
    let config = format!(
        "upstreams:
  chat: {{api: chat, base_url: \"{url}\", key: \"env:{UPSTREAM_KEY}\"}}
  responses: {{api: responses, base_url: \"{url}\", key: \"env:{UPSTREAM_KEY}\"}}
models:
  table:
    chat: {{targets: [{{upstream: chat}}]}}
    responses: {{targets: [{{upstream: responses}}]}}
limits:
  - {{name: all, per: [key], requests: {{amount: 1000000000, per: second}}}}
"
    );
    let file = tempfile::Builder::new().suffix(".yaml").tempfile()?;
    std::fs::write(file.path(), config)?;
    let mut command = pinned(SERVER_CPU, binary, &process::SERVE);
    command.arg("--config").arg(file.path());
    command.env(UPSTREAM_KEY, "upstream");
    Ok((Server::start(command)?, file))
}
