// SPDX-License-Identifier: Apache-2.0
//! Why the program ends without success, and what it says then.

use std::error::Error;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use lukhas_app::AppError;
use lukhas_observability::NoObjectives;

/// Why the program ends without success.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// There is no application to run.
    App(#[from] AppError),
    /// The address cannot be listened on.
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The system refuses something the server cannot do without.
    System(#[source] io::Error),
    /// The output cannot be written.
    Output(#[source] io::Error),
    /// The input cannot be read.
    Input(#[source] io::Error),
    /// The text cannot be read.
    Text(#[source] io::Error),
    /// A line of the input is not what it should be.
    Line {
        /// Which, from 1.
        number: u64,
        /// What is wrong with it.
        reason: String,
    },
    /// The key that was checked is of no use, as has been said.
    Useless,
    /// The metrics of a server cannot be read.
    Metrics {
        /// From where.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Nobody has named metrics.
    NoMetrics,
    /// What was named says nothing of objectives.
    NoObjectives(#[source] NoObjectives),
    /// An objective is missed, as has been said.
    Missed,
    /// The output cannot be made.
    Document(#[source] serde_json::Error),
}

impl Failure {
    /// What the process ends with.
    pub(crate) fn exit_code(&self) -> ExitCode {
        match self {
            Self::App(AppError::Config(_)) | Self::NoMetrics => ExitCode::from(2),
            Self::App(_)
            | Self::Listen { .. }
            | Self::System(_)
            | Self::Output(_)
            | Self::Input(_)
            | Self::Text(_)
            | Self::Line { .. }
            | Self::Useless
            | Self::Metrics { .. }
            | Self::NoObjectives(_)
            | Self::Missed
            | Self::Document(_) => ExitCode::FAILURE,
        }
    }
}

const METRICS_HELP: &str =
    "put the answer of `/metrics` into a file and name it, or into this program by a pipe";

/// Whole lines for a terminal: each problem begins with `error: `.
impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::App(AppError::Config(problems)) => problems
                .iter()
                .try_for_each(|problem| writeln!(f, "error: {problem}")),
            Self::App(error) => chain(f, error),
            Self::Listen { address, source } => listen(f, *address, source),
            Self::System(source) => writeln!(f, "error: cannot start: {source}"),
            Self::Output(source) => writeln!(f, "error: cannot write the output: {source}"),
            Self::Input(source) => writeln!(f, "error: cannot read the key: {source}"),
            Self::Text(source) => writeln!(f, "error: cannot read standard input: {source}"),
            Self::Line { number, reason } => {
                writeln!(f, "error: standard input, line {number}: {reason}")?;
                writeln!(f, "  help: each line is `{{\"id\": …, \"text\": \"…\"}}`")
            }
            Self::Useless | Self::Missed => Ok(()),
            Self::Metrics { path, source } => {
                writeln!(f, "error: cannot read `{}`: {source}", path.display())
            }
            Self::NoMetrics => {
                writeln!(f, "error: standard input is a terminal")?;
                writeln!(f, "  help: {METRICS_HELP}")
            }
            Self::NoObjectives(source) => {
                writeln!(f, "error: these are no metrics of a server: {source}")?;
                writeln!(f, "  help: {METRICS_HELP}")
            }
            Self::Document(source) => writeln!(f, "error: cannot make the document: {source}"),
        }
    }
}

fn listen(f: &mut fmt::Formatter<'_>, address: SocketAddr, source: &io::Error) -> fmt::Result {
    let (reason, help) = match source.kind() {
        io::ErrorKind::AddrInUse => (
            "another program listens there".to_owned(),
            "stop it, or choose another port",
        ),
        io::ErrorKind::PermissionDenied => (
            "no permission".to_owned(),
            "ports below 1024 often need a privilege: choose another",
        ),
        io::ErrorKind::AddrNotAvailable => (
            "this machine does not have that address".to_owned(),
            "choose another",
        ),
        _ => (source.to_string(), "choose another address"),
    };
    let example = SocketAddr::new(address.ip(), 0);
    writeln!(f, "error: cannot listen on `{address}`: {reason}")?;
    writeln!(
        f,
        "  help: {help}, as in `--listen {example}` (0 takes a free port)"
    )
}

/// An error and its causes on one line.
fn chain(f: &mut fmt::Formatter<'_>, error: &dyn Error) -> fmt::Result {
    write!(f, "error: {error}")?;
    let mut source = error.source();
    while let Some(cause) = source {
        write!(f, ": {cause}")?;
        source = cause.source();
    }
    writeln!(f)
}
