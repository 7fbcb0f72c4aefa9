// SPDX-License-Identifier: Apache-2.0
//! Why a task failed.

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::Duration;

/// Why a task failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TaskError {
    /// A program that is not there, or that this machine will not run.
    #[error("`{program}` could not be started: {source}")]
    Start {
        program: String,
        #[source]
        source: io::Error,
    },
    /// A program that found something wrong.
    #[error("`{program}` ended with {status}")]
    Ended { program: String, status: ExitStatus },
    /// A program that took too long and was killed.
    #[error("`{program}` was still running after {} s and was killed", limit.as_secs())]
    TimedOut { program: String, limit: Duration },
    /// A file that cannot be read or written.
    #[error("`{}`: {source}", path.display())]
    File {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    /// What `cargo metadata` printed is not what this program knows.
    #[error("cannot read the output of `cargo metadata`: {0}")]
    Metadata(#[from] serde_json::Error),
    /// A bench that is not there.
    #[error("there is no bench `{name}`; there are: {known}")]
    UnknownBench { name: String, known: String },
    /// A target of the fuzzer that is not there.
    #[error("there is no target `{name}`; there are: {known}")]
    UnknownTarget { name: String, known: String },
    /// Rules of the tree that do not hold.
    #[error("broken rules: {0}")]
    Untidy(usize),
    /// A server that did not do its part.
    #[error("the {name} {what}; the end of its log:\n{log}")]
    Server {
        name: &'static str,
        what: String,
        log: String,
    },
}

impl TaskError {
    /// A failure to read or write `path`.
    pub(crate) fn file(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_path_buf();
        move |source| Self::File { path, source }
    }
}
