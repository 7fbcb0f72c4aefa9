// SPDX-License-Identifier: Apache-2.0
//! What a proxied request costs, beside the least that a proxy can do.
//!
//! `cargo bench -p lukhas-tests --bench proxy` starts an upstream that answers from memory, a bare
//! proxy before it, and the release build of `lukhas serve` before it, with a key, its limits and
//! its metrics, and again with run events, and with spans too. The one that is asked has CPU 0;
//! upstream and load share CPU 1. Two are asked in turn, and their CPU time per request is compared
//! pair by pair: the ratio depends neither on the machine's speed nor, much, on what else it does.
//! Latencies do.
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
mod lukhas;
#[path = "../process.rs"]
mod process;
mod report;
mod serve;
mod upstream;

use std::process::ExitCode;
use std::time::Duration;

use cpus::{LOAD_CPU, SERVER_CPU, pin_this, pinned};
use figures::{median, quantile};
use load::{Failure, Question, Seen, load};
use lukhas::{Lukhas, Tells};
use process::Server;
use report::{Figure, Report};

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
/// How long connections take at most to be closed on both sides.
const LEAVING: Duration = Duration::from_millis(200);

/// What can be asked for alone.
const COSTS: &str = "costs";
const LATENCIES: &str = "latencies";
const MEMORY: &str = "memory";
const PARTS: [&str; 3] = [COSTS, LATENCIES, MEMORY];

/// Bars: ratios of CPU time of whole answers and streams, without and with run events; microseconds, and
/// mebibytes.
const MOST_RATIO: [f64; 2] = [1.5, 1.2];
const MOST_RATIO_TELLING: [f64; 2] = [2.0, 1.5];
const MOST_FIRST_EVENT_US: f64 = 5_000.0;
const MOST_ADDED_US: f64 = 100.0;
const MOST_ADDED_BY_TELLING_US: f64 = 30.0;
const MOST_IDLE_MIB: f64 = 15.0;
const MOST_PEAK_MIB: f64 = 40.0;

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
        _ => match runtime.block_on(measure(&args)) {
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

async fn measure(args: &[String]) -> Result<bool, Failure> {
    let binary = process::lukhas()?;
    pin_this()?;
    let this = std::env::current_exe()?;
    let upstream = Server::start(pinned(LOAD_CPU, &this, &["--upstream"]))?;
    let bare = Server::start(pinned(SERVER_CPU, &this, &["--bare", &upstream.address]))?;
    let start = |tells| Lukhas::start(&binary, &upstream, tells);
    let is_asked_for = |name: &str| {
        !args.iter().any(|arg| PARTS.contains(&arg.as_str())) || args.iter().any(|arg| arg == name)
    };
    let mut report = Report::default();
    let silent = start(Tells::Nobody)?;
    if is_asked_for(COSTS) {
        for question in Question::ALL {
            let (what, servers) = (question.name(), [&silent.server, &bare]);
            cpu_time(&mut report, what, question, servers, MOST_RATIO).await?;
        }
        let telling = start(Tells::Events)?;
        for question in [Question::Chat, Question::ChatStream] {
            let what = format!("{}, with run events", question.name());
            let servers = [&telling.server, &bare];
            cpu_time(&mut report, &what, question, servers, MOST_RATIO_TELLING).await?;
        }
    }
    if is_asked_for(LATENCIES) {
        whole_latency(&mut report, &silent.server, &bare).await?;
        stream_latency(&mut report, &silent.server, &bare).await?;
        let telling = start(Tells::EventsAndSpans)?;
        telling_latency(&mut report, &telling.server, &silent.server).await?;
    }
    if is_asked_for(MEMORY) {
        memory(&mut report, start(Tells::Nobody)?.server).await?;
    }
    Ok(report.print())
}

/// CPU time per request, in pairs of turns.
async fn cpu_time(
    report: &mut Report,
    what: &str,
    question: Question,
    servers: [&Server; 2],
    [most, most_of_streams]: [f64; 2],
) -> Result<(), Failure> {
    eprintln!("{what} ...");
    let (requests, most) = if question.streams() {
        (STREAMS, most_of_streams)
    } else {
        (REQUESTS, most)
    };
    let mut costs = [Vec::new(), Vec::new()];
    for turn in 0..=TURNS {
        for (cost, server) in costs.iter_mut().zip(servers) {
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
    let what = format!("{what}: CPU time per request");
    report.add(&what, measured, Figure::ratio(&ratios), most);
    Ok(())
}

/// How long one client waits for whole answers.
async fn whole_latency(report: &mut Report, ours: &Server, bare: &Server) -> Result<(), Failure> {
    let [ours, bare] = alone(Question::Chat, [ours, bare]).await?;
    let at = |share| [quantile(&ours.whole, share), quantile(&bare.whole, share)];
    let [ours, bare] = at(0.5);
    let what = "chat: answered at one connection, p50";
    let figure = Figure::new(ours - bare, "us more");
    report.add(what, shown([ours, bare]), figure, MOST_ADDED_US);
    report.show("chat: answered at one connection, p99", shown(at(0.99)));
    Ok(())
}

/// How long one client waits for the first events of streams.
async fn stream_latency(report: &mut Report, ours: &Server, bare: &Server) -> Result<(), Failure> {
    let [ours, bare] = alone(Question::ChatStream, [ours, bare]).await?;
    let at = |share| [quantile(&ours.first, share), quantile(&bare.first, share)];
    let name = Question::ChatStream.name();
    let what = format!("{name}: first event at one connection, p50");
    report.show(&what, shown(at(0.5)));
    let what = format!("{name}: first event at one connection, p99");
    let late = at(0.99);
    let figure = Figure::new(late[0], "us");
    report.add(&what, shown(late), figure, MOST_FIRST_EVENT_US);
    Ok(())
}

/// How much longer one client waits for whole answers where run events and spans are told.
async fn telling_latency(
    report: &mut Report,
    telling: &Server,
    silent: &Server,
) -> Result<(), Failure> {
    let [telling, silent] = alone(Question::Chat, [telling, silent]).await?;
    let [telling, silent] = [median(&telling.whole), median(&silent.whole)];
    let what = "chat, with run events and spans, beside without: answered at one connection, p50";
    let figure = Figure::new(telling - silent, "us more");
    report.add(
        what,
        shown([telling, silent]),
        figure,
        MOST_ADDED_BY_TELLING_US,
    );
    Ok(())
}

/// What one client sees of two servers that it asks in turn.
async fn alone(question: Question, servers: [&Server; 2]) -> Result<[Seen; 2], Failure> {
    eprintln!("{}, one connection ...", question.name());
    let requests = if question.streams() {
        STREAMS_ALONE
    } else {
        ALONE
    };
    let mut seen = [Seen::default(), Seen::default()];
    for turn in 0..=TURNS {
        for (seen, server) in seen.iter_mut().zip(servers) {
            let now = load(server, question, 1, requests).await?;
            if turn > 0 {
                seen.first.extend(now.first);
                seen.whole.extend(now.whole);
            }
        }
    }
    Ok(seen)
}

fn shown(times: [f64; 2]) -> [String; 2] {
    times.map(|time| format!("{time:.0} us"))
}

/// Memory of a server that has just answered once, and at most with many connections.
async fn memory(report: &mut Report, fresh: Server) -> Result<(), Failure> {
    const KIB: f64 = 1024.0;
    load(&fresh, Question::Chat, 1, 1).await?;
    let idle = Figure::new(fresh.memory_kib("VmRSS")? / KIB, "MiB");
    eprintln!("{CROWD} connections ...");
    for question in [Question::Chat, Question::ChatStream] {
        load(&fresh, question, CROWD, CROWD * CROWD_REQUESTS).await?;
        // The next crowd must not come while the last one is leaving: it would be twice as large.
        tokio::time::sleep(LEAVING).await;
    }
    let peak = Figure::new(fresh.memory_kib("VmHWM")? / KIB, "MiB");
    let none = || [String::new(), String::new()];
    report.add("resident when idle", none(), idle, MOST_IDLE_MIB);
    let what = format!("resident at most, {CROWD} connections");
    report.add(&what, none(), peak, MOST_PEAK_MIB);
    Ok(())
}
