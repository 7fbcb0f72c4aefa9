// SPDX-License-Identifier: Apache-2.0
//! Real clients against a real `lukhas serve` process.
//!
//! The suites live in `tests/clients`. Their programs are installed under `target/clients` once,
//! and again when their lists change. Each run gets a server of its own on a free port, which it
//! finds in `LUKHAS_BASE_URL`, `OPENAI_BASE_URL` and `OPENAI_API_KEY`. `LUKHAS_BACKEND` says what
//! answers behind that server, `LUKHAS_MODEL` under which name, and `LUKHAS_BACKEND_LACKS` what it
//! lacks of what tests may need.

mod backend;
mod banner;
mod environment;
mod server;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use clap::ValueEnum;

pub(crate) use self::backend::Backend;
use self::backend::Stack;
use self::environment::{Node, Python};
use crate::ci::Step;
use crate::error::TaskError;
use crate::tally::Tally;
use crate::{debian, process, say};

/// Most time for one program of a suite.
const LIMIT: Duration = Duration::from_secs(600);

/// Most time for a cold build.
const BUILD_LIMIT: Duration = Duration::from_secs(3600);

/// Most address space of the fuzzer, in KiB.
const FUZZER_MEMORY: u64 = 4 * 1024 * 1024;

/// The committed API document, from the top of the tree.
const DOCUMENT: &str = "docs/openapi/lukhas-openai.yaml";

/// One kind of client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Suite {
    /// The official Python SDK.
    Python,
    /// The official JavaScript SDK.
    Js,
    /// A validator of OpenAPI documents, and a fuzzer that reads ours.
    Schema,
    /// A linter of OpenAPI documents.
    Spectral,
    /// The official Python SDK, before a model that really runs.
    Llama,
}

/// One suite before one backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Run {
    pub(crate) suite: Suite,
    pub(crate) backend: Backend,
}

/// How the `lukhas` binary is built.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Profile {
    /// Quick to build.
    Debug,
    /// What users run.
    Release,
}

/// Where things are.
struct Places {
    /// Top of the tree.
    root: PathBuf,
    /// What is committed.
    suites: PathBuf,
    /// What is installed and written.
    target: PathBuf,
}

/// The steps of `suites` before `backends`; of all of them when none is named.
pub(crate) fn steps(suites: &[Suite], backends: &[Backend]) -> Vec<Step> {
    Suite::ALL
        .into_iter()
        .flat_map(Suite::runs)
        .filter(|run| suites.is_empty() || suites.contains(&run.suite))
        .filter(|run| backends.is_empty() || backends.contains(&run.backend))
        .map(Step::Clients)
        .collect()
}

/// Runs one suite before one backend.
///
/// # Errors
/// When it fails, when what it needs cannot be installed or built, or when a server does not start
/// and stop as it should.
pub(crate) fn run(
    root: &Path,
    run: Run,
    profile: Profile,
    tally: &mut Tally,
) -> Result<(), TaskError> {
    let places = Places {
        root: root.to_path_buf(),
        suites: root.join("tests/clients"),
        target: root.join("target/clients"),
    };
    let programs = match run.suite {
        Suite::Python => {
            // The README's examples are part of the suite.
            debian::ensure("curl", "curl")?;
            vec![pytest(&places, &Python::install(&places)?, "sdk")]
        }
        Suite::Js => vec![node_tests(&Node::install(&places)?)],
        Suite::Schema => {
            let python = Python::install(&places)?;
            vec![pytest(&places, &python, "schema"), fuzzer(&places, &python)]
        }
        Suite::Spectral => {
            let mut linter = spectral(&places, &Node::install(&places)?);
            return process::run(&mut linter, LIMIT, tally);
        }
        Suite::Llama => vec![pytest(&places, &Python::install(&places)?, "llama")],
    };
    let binary = build(&places, profile)?;
    let stack = run.backend.start(&places, &binary)?;
    let result = run_all(programs, &binary, run.backend, &stack, tally);
    if let Some(peak) = stack.front.peak_memory() {
        say(format_args!("the server used {peak} of memory at most"));
    }
    match (result, stack.stop()) {
        (Ok(()), stopped) => stopped,
        (Err(error), stopped) => {
            // Why the server ended is often why its clients failed.
            stopped.err().iter().for_each(say);
            Err(error)
        }
    }
}

/// Builds the server.
fn build(places: &Places, profile: Profile) -> Result<PathBuf, TaskError> {
    let mut build = process::cargo(&places.root, profile.build_arguments());
    process::run(&mut build, BUILD_LIMIT, &mut Tally::default())?;
    Ok(places.root.join(profile.binary()))
}

/// Runs `programs` in order against `stack`, up to the first that fails.
fn run_all(
    programs: Vec<Command>,
    binary: &Path,
    backend: Backend,
    stack: &Stack,
    tally: &mut Tally,
) -> Result<(), TaskError> {
    let server = &stack.front;
    for mut program in programs {
        program
            .env("LUKHAS_BINARY", binary)
            .env("LUKHAS_BACKEND", backend.name())
            .env("LUKHAS_BACKEND_LACKS", backend.lacks())
            .env("LUKHAS_MODEL", backend.model())
            .env("LUKHAS_BASE_URL", server.url())
            .env("OPENAI_BASE_URL", format!("{}/v1", server.url()))
            .env("OPENAI_API_KEY", server.key())
            .env("NO_PROXY", "127.0.0.1")
            .env("no_proxy", "127.0.0.1");
        process::run(&mut program, LIMIT, tally)?;
    }
    Ok(())
}

/// The tests of `folder`.
fn pytest(places: &Places, python: &Python, folder: &str) -> Command {
    let mut command = python.command();
    command
        .current_dir(places.suites.join("python"))
        .args(["-m", "pytest", "-p", "no:cacheprovider", folder])
        .env("LUKHAS_DOCUMENT", places.root.join(DOCUMENT));
    command
}

/// The fuzzer, with its memory capped. What it does is in its configuration file.
fn fuzzer(places: &Places, python: &Python) -> Command {
    let document = "\"$LUKHAS_BASE_URL/openapi.json\"";
    let capped = format!("ulimit -v {FUZZER_MEMORY} && exec \"$0\" \"$@\" {document}");
    let mut command = Command::new("sh");
    command
        .current_dir(places.target.as_path())
        .env(
            "SCHEMATHESIS_HOOKS",
            places.suites.join("python/schemathesis_hooks.py"),
        )
        .args(["-c", &capped])
        .arg(python.program("schemathesis"))
        .arg("--config-file")
        .arg(places.suites.join("python/schemathesis.toml"))
        .arg("run");
    command
}

fn node_tests(node: &Node) -> Command {
    let mut command = Command::new("node");
    command
        .current_dir(node.folder())
        .args(["--test", "--test-reporter=spec"])
        .args(node.test_files());
    command
}

fn spectral(places: &Places, node: &Node) -> Command {
    let mut command = Command::new("node");
    command
        .current_dir(node.folder())
        .arg("node_modules/@stoplight/spectral-cli/dist/index.js")
        .args(["lint", "--fail-severity", "hint"])
        .args(["--ruleset", ".spectral.yaml"])
        .arg(places.root.join(DOCUMENT));
    command
}

impl Suite {
    /// Every suite, in the order to run them.
    const ALL: [Self; 5] = [
        Self::Python,
        Self::Js,
        Self::Schema,
        Self::Spectral,
        Self::Llama,
    ];

    /// Itself before each backend that it is for.
    fn runs(self) -> impl Iterator<Item = Run> {
        let backends: &[_] = match self {
            Self::Python | Self::Js => &[
                Backend::Engine,
                Backend::Chat,
                Backend::Responses,
                Backend::Lukhas,
            ],
            Self::Schema | Self::Spectral => &[Backend::Engine],
            Self::Llama => &[Backend::Llama],
        };
        let run = move |&backend| Run {
            suite: self,
            backend,
        };
        backends.iter().map(run)
    }

    /// Its name on the command line.
    fn name(self) -> &'static str {
        match self {
            Self::Python => "python",
            Self::Js => "js",
            Self::Schema => "schema",
            Self::Spectral => "spectral",
            Self::Llama => "llama",
        }
    }
}

impl Run {
    /// What to type after `cargo xtask` for this run alone.
    pub(crate) fn command(self) -> String {
        let Self { suite, backend } = self;
        let command = format!("clients {}", suite.name());
        match suite {
            Suite::Python | Suite::Js => format!("{command} --backend {}", backend.name()),
            Suite::Schema | Suite::Spectral | Suite::Llama => command,
        }
    }

    /// What holds when it passes.
    pub(crate) fn promise(self) -> String {
        let Self { suite, backend } = self;
        match suite {
            Suite::Python => format!("the Python SDK works against {}", backend.place()),
            Suite::Js => format!("the JavaScript SDK works against {}", backend.place()),
            Suite::Schema => "the API document is valid, and a running server keeps to it".into(),
            Suite::Spectral => "the API document passes the linter".into(),
            Suite::Llama => format!("the Python SDK works against {}", backend.place()),
        }
    }
}

impl Profile {
    /// Arguments of `cargo` that build the binary.
    pub(crate) fn build_arguments(self) -> &'static str {
        match self {
            Self::Debug => "build --bin lukhas",
            Self::Release => "build --release --bin lukhas",
        }
    }

    /// The binary, from the top of the tree.
    fn binary(self) -> &'static str {
        match self {
            Self::Debug => "target/debug/lukhas",
            Self::Release => "target/release/lukhas",
        }
    }
}
