// SPDX-License-Identifier: Apache-2.0
//! What the server still does when more is asked of it than there is room for.
//!
//! `cargo xtask bench overload` starts the release build of `lukhas` on a CPU of its own, before an
//! upstream that bears so many calls at a time and refuses or slows down beyond that, and before one
//! that is faster than the CPU. It finds what is served at most, offers once, twice and five times
//! that at random moments, whether or not anything is answered, and prints how many good answers a
//! second came within the time that clients have, and how soon those heard of it that were shed.
//!
//! `docs/ops/OVERLOAD.md` says how to read it.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::expect_used,
    reason = "a program for the terminal, which fails by panicking"
)]

#[path = "../cpus.rs"]
mod cpus;
#[path = "../figures.rs"]
mod figures;
mod load;
mod probe;
#[path = "../process.rs"]
mod process;
#[path = "../proxy/serve.rs"]
mod serve;
mod upstream;

use std::error::Error;
use std::io;
use std::path::Path;
use std::process::{ExitCode, Stdio};
use std::time::Duration;

use cpus::{LOAD_CPU, SERVER_CPU, pin_this, pinned};
use figures::{median, quantile};
use load::{Question, Seen};
use probe::Probe;
use process::Server;
use tokio::time::Instant;
use upstream::{CAPACITY, Kind};

/// Why nothing was measured.
type Failure = Box<dyn Error + Send + Sync>;

/// How long it is measured what is served at most.
const CAPACITY_TIME: Duration = Duration::from_secs(1);
/// How long each load lasts before it is measured, and then. A load takes over the gates as the one
/// before it has left them.
const WARM_UP: Duration = Duration::from_secs(2);
const MEASURED: Duration = Duration::from_secs(3);
/// How often all of them are offered in turn: what else the machine does changes from one second to the
/// next, and should meet all alike.
const ROUNDS: usize = 8;
/// What is offered, in parts of what is served at most.
const LOADS: [u32; 3] = [1, 2, 5];

/// Bar: the least share of the best goodput that is left at five times the load.
const LEAST: f64 = 90.0;
/// Bar: the longest 99th percentile until those hear of it that are shed, in milliseconds.
const MOST_MS: f64 = 5.0;

const WHOLE: &str = r#"{"model":"m","messages":[{"role":"user","content":"Say one"}]}"#;
const STREAM: &str =
    r#"{"model":"m","stream":true,"messages":[{"role":"user","content":"Say one"}]}"#;

/// The name of what each request costs.
const COSTS: &str = "costs";
/// Clients that ask while that is measured.
const COST_CLIENTS: usize = 16;

/// A run that is under way for as long as anybody listens.
const ENDLESS: &str = r#"{"model":"lukhas-matriz","stream":true,"messages":[{"role":"user","content":"Say one two three"}]}"#;

/// What there is too little of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Bound {
    Upstream,
    /// Goodput is then what there would be if nothing else had used the server's CPU.
    Cpu,
}

/// What is bounded, and how.
struct Scene {
    kind: Kind,
    what: &'static str,
    bound: Bound,
    body: &'static str,
    /// Clients that ask for all that is served at most.
    clients: usize,
}

const SCENES: [Scene; 3] = [
    Scene {
        kind: Kind::Refuses,
        what: "an upstream that refuses what it cannot bear",
        bound: Bound::Upstream,
        body: WHOLE,
        clients: CAPACITY as usize,
    },
    Scene {
        kind: Kind::SlowsDown,
        what: "an upstream that slows down",
        bound: Bound::Upstream,
        body: WHOLE,
        clients: CAPACITY as usize,
    },
    Scene {
        kind: Kind::Streams,
        what: "streams of 1000 pieces, more than the CPU bears",
        bound: Bound::Cpu,
        body: STREAM,
        clients: 32,
    },
];

fn main() -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let args: Vec<String> = std::env::args().collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [_, "--upstream", name] => {
            let kind = Kind::ALL.into_iter().find(|kind| kind.name() == name);
            runtime.block_on(upstream::run(kind.expect("one of them")));
        }
        [_, "--probe", address, key, name] => {
            let scene = SCENES.iter().find(|scene| scene.kind.name() == name);
            let question = Question::of(address, key, scene.expect("one of them").body);
            runtime.block_on(probe::run(&question));
        }
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
    let named = |name: &str| args.iter().any(|arg| arg == name);
    let all = !named(COSTS) && !SCENES.iter().any(|scene| named(scene.kind.name()));
    let mut holds = true;
    if all || named(COSTS) {
        report_costs(&binary).await?;
    }
    for scene in SCENES
        .iter()
        .filter(|scene| all || named(scene.kind.name()))
    {
        println!("\n{}:", scene.what);
        holds &= report(scene, &binary).await?;
    }
    Ok(holds)
}

/// Offers every load in turn, again and again; whether the bars hold.
async fn report(scene: &Scene, binary: &Path) -> Result<bool, Failure> {
    let this = std::env::current_exe()?;
    let upstream = Server::start(pinned(LOAD_CPU, &this, &["--upstream", scene.kind.name()]))?;
    let lukhas = Lukhas::start(binary, &upstream, "")?;
    let server = &lukhas.server;
    let question = Question::new(server, scene.body);
    load::saturate(&question, scene.clients, CAPACITY_TIME).await?;
    let (mut goodputs, mut heard) = ([const { Vec::new() }; 3], Vec::new());
    for _ in 0..ROUNDS {
        let before = server.cpu_ns()?;
        let (capacity, _) = load::saturate(&question, scene.clients, CAPACITY_TIME).await?;
        let each = micros_each(server.cpu_ns()? - before, capacity, CAPACITY_TIME);
        println!("  {capacity:.0} answers a second at most, {each:.0} us of CPU time each");
        for (times, goodputs) in LOADS.into_iter().zip(&mut goodputs) {
            let per_second = capacity * f64::from(times);
            let probe = (times == 5).then(|| Probe::start(server, scene.kind.name()));
            let mut usage = Vec::new();
            let mark = || usage.push(Usage::now(server, &upstream));
            let seen = load::offer(&question, per_second, (WARM_UP, MEASURED), mark).await;
            let usage = usage.into_iter().collect::<io::Result<Vec<_>>>()?;
            let used = Share::between(&usage);
            print(times, &seen, &used);
            let good = seen.good.len() as f64 / MEASURED.as_secs_f64();
            goodputs.push(match scene.bound {
                Bound::Upstream => good,
                Bound::Cpu => good / (1.0 - used.waited).max(0.1),
            });
            if let Some(probe) = probe {
                heard.extend(probe?.end()?);
            }
        }
    }
    // Round by round: what neighbours do to the machine lasts for longer than one.
    let shares: Vec<f64> = (0..ROUNDS)
        .map(|round| {
            let [once, twice, five] = goodputs.each_ref().map(|of| of[round]);
            five / once.max(twice).max(five) * 100.0
        })
        .collect();
    let share = median(&shares);
    let [once, twice, five] = goodputs.each_ref().map(|of| median(of));
    let soon = quantile(&heard, 0.99);
    let holds = share >= LEAST && soon <= MOST_MS && !heard.is_empty();
    let verdict = if holds { "ok" } else { "MISSED" };
    println!(
        "  good a second at once, twice and five times: {once:.0}, {twice:.0}, {five:.0}; {share:.0} % of \
         the peak is left ({:.0} to {:.0}; at least {LEAST:.0}); {} probes were shed, p50 {:.2}, p99 {soon:.2} ms (at \
         most {MOST_MS:.0}); {:.0} MiB at most {verdict}",
        quantile(&shares, 0.0),
        quantile(&shares, 1.0),
        heard.len(),
        median(&heard),
        server.memory_kib("VmHWM")? / 1024.0,
    );
    Ok(holds)
}

/// CPU time, in nanoseconds.
struct Usage {
    at: Instant,
    server: u64,
    /// How long the server waited for its CPU, which something else had.
    waited: u64,
    load: u64,
    upstream: u64,
}

impl Usage {
    fn now(server: &Server, upstream: &Server) -> io::Result<Self> {
        Ok(Self {
            at: Instant::now(),
            server: server.cpu_ns()?,
            waited: server.schedstat(1)?,
            load: own_cpu_ns()?,
            upstream: upstream.cpu_ns()?,
        })
    }
}

/// CPU time, in parts of the time that passed.
struct Share {
    server: f64,
    waited: f64,
    load: f64,
    upstream: f64,
}

impl Share {
    /// From the first to the last.
    fn between(usage: &[Usage]) -> Self {
        let (first, last) = (&usage[0], &usage[usage.len() - 1]);
        let passed = last.at.duration_since(first.at).as_nanos() as f64;
        let share = |of: fn(&Usage) -> u64| (of(last) - of(first)) as f64 / passed;
        Self {
            server: share(|it| it.server),
            waited: share(|it| it.waited),
            load: share(|it| it.load),
            upstream: share(|it| it.upstream),
        }
    }
}

fn print(times: u32, seen: &Seen, used: &Share) {
    let Seen {
        good,
        shed,
        told,
        late,
        failed,
        lag,
    } = seen;
    let seconds = MEASURED.as_secs_f64();
    println!(
        "  {times} times: {:.0} good a second (p50 {:.0}, p99 {:.0} ms), {:.0} shed (p50 {:.2}, p99 \
         {:.2} ms, told {:.0} ms), {:.0} too late, {:.0} failed; sent late by p50 {:.1}, p99 {:.1} ms",
        good.len() as f64 / seconds,
        median(good),
        quantile(good, 0.99),
        shed.len() as f64 / seconds,
        median(shed),
        quantile(shed, 0.99),
        median(told),
        f64::from(*late) / seconds,
        f64::from(*failed) / seconds,
        median(lag),
        quantile(lag, 0.99),
    );
    println!(
        "     CPU: server {:.0} % (waited {:.0} %), load {:.0} %, upstream {:.0} %",
        used.server * 100.0,
        used.waited * 100.0,
        used.load * 100.0,
        used.upstream * 100.0,
    );
}

/// Prints what it costs to refuse a request, beside one whose short answer is passed on.
async fn report_costs(binary: &Path) -> Result<(), Failure> {
    let this = std::env::current_exe()?;
    let upstream = Server::start(pinned(
        LOAD_CPU,
        &this,
        &["--upstream", Kind::Answers.name()],
    ))?;
    let lukhas = Lukhas::start(binary, &upstream, "")?;
    let question = Question::new(&lukhas.server, WHOLE);
    load::saturate(&question, COST_CLIENTS, Duration::from_secs(1)).await?;
    let before = lukhas.server.cpu_ns()?;
    let (good, _) = load::saturate(&question, COST_CLIENTS, MEASURED).await?;
    let served = micros_each(lukhas.server.cpu_ns()? - before, good, MEASURED);

    let full =
        "server: {max_in_flight: 1}\noverload: {max_queue: 0}\nengine: {token_delay_ms: 60000}\n";
    let lukhas = Lukhas::start(binary, &upstream, full)?;
    let question = Question::new(&lukhas.server, WHOLE);
    let endless = Question::new(&lukhas.server, ENDLESS);
    let refused = load::beside(&endless, async {
        // Until the other one has the only place.
        while load::saturate(&question, 1, Duration::from_millis(100))
            .await?
            .0
            > 0.0
        {}
        let before = lukhas.server.cpu_ns()?;
        let (_, shed) = load::saturate(&question, COST_CLIENTS, MEASURED).await?;
        Ok::<_, Failure>(micros_each(
            lukhas.server.cpu_ns()? - before,
            shed,
            MEASURED,
        ))
    });
    let refused = refused.await?;
    println!(
        "\nCPU time of a request: {served:.0} us when a short answer is passed on, {refused:.0} us when \
         it is refused ({:.0} %)",
        refused / served * 100.0
    );
    Ok(())
}

/// Of CPU time in nanoseconds, what each of so many a second had.
fn micros_each(nanos: u64, per_second: f64, time: Duration) -> f64 {
    nanos as f64 / 1e3 / (per_second * time.as_secs_f64())
}

/// `lukhas serve` before an upstream.
struct Lukhas {
    server: Server,
    /// What it is configured by; it looks at the file while it runs.
    _config: tempfile::NamedTempFile,
}

impl Lukhas {
    /// One that is configured by `more`, too.
    fn start(binary: &Path, upstream: &Server, more: &str) -> io::Result<Self> {
        // Half of what clients bear: it is all that shows that an upstream slows down.
        let config = format!(
            "upstreams: {{bench: {{base_url: \"http://{}/v1\", read_ms: 1000, total_ms: 1000}}}}\n\
             models: {{table: {{m: {{targets: [{{upstream: bench}}]}}}}}}\n\
             limits: []\n{more}",
            upstream.address
        );
        let file = tempfile::Builder::new().suffix(".yaml").tempfile()?;
        std::fs::write(file.path(), config)?;
        let mut command = pinned(SERVER_CPU, binary, &process::SERVE);
        command.arg("--config").arg(file.path());
        // What fails is counted here, and is a line each there.
        command.stderr(Stdio::null());
        Ok(Self {
            server: Server::start(command)?,
            _config: file,
        })
    }
}

/// CPU time of this process, in nanoseconds.
fn own_cpu_ns() -> io::Result<u64> {
    let stat = std::fs::read_to_string("/proc/self/schedstat")?;
    let on_cpu = stat.split_whitespace().next().unwrap_or_default();
    on_cpu.parse().map_err(io::Error::other)
}
