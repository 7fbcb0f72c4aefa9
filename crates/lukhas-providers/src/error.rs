// SPDX-License-Identifier: Apache-2.0
//! What can be wrong with an upstream: its settings, and its answers.

use std::time::Duration;

use lukhas_core::{RunError, RunErrorKind};
use lukhas_reliability::{AsFailure, Failure, FailureKind};

/// Why an upstream cannot be used as it is configured.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct UpstreamError {
    /// The setting at fault: `base_url`, `key`, `ca` or `targets`.
    pub field: &'static str,
    /// What is wrong with it, and what to write instead.
    pub message: String,
}

impl UpstreamError {
    pub(crate) fn new(field: &'static str, message: impl Into<String>) -> Self {
        Self {
            field,
            message: message.into(),
        }
    }
}

/// What of an answer could not be understood: the end of a sentence that begins "The upstream's
/// answer could not be read: ". Nothing the upstream wrote is in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unreadable(String);

impl Unreadable {
    pub(crate) fn new(what: impl Into<String>) -> Self {
        Self(what.into())
    }
}

impl From<Unreadable> for RunError {
    fn from(unreadable: Unreadable) -> Self {
        let message = format!("The upstream's answer could not be read: {}.", unreadable.0);
        Self::new(RunErrorKind::Upstream, message)
    }
}

/// A failed attempt: what the client is told if it was the last, and what kind it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failed {
    pub(crate) error: RunError,
    pub(crate) kind: FailureKind,
}

impl Failed {
    pub(crate) fn new(kind: FailureKind, error: RunError) -> Self {
        Self { error, kind }
    }

    /// The upstream did something wrong, in the words of `message`.
    pub(crate) fn upstream(kind: FailureKind, message: impl Into<String>) -> Self {
        Self::new(kind, RunError::new(RunErrorKind::Upstream, message))
    }

    /// The upstream took longer than `limit` for `what`.
    pub(crate) fn timeout(what: &str, limit: Duration) -> Self {
        let message = format!("The upstream {what} within {} s.", limit.as_secs_f64());
        Self::new(
            FailureKind::Timeout,
            RunError::new(RunErrorKind::UpstreamTimeout, message),
        )
    }

    /// The upstream stopped without its terminal marker.
    pub(crate) fn truncated() -> Self {
        let message = "The upstream stopped before the end of its answer.";
        Self::new(
            FailureKind::ServerError,
            RunError::new(RunErrorKind::UpstreamTruncated, message),
        )
    }
}

impl From<Unreadable> for Failed {
    fn from(unreadable: Unreadable) -> Self {
        Self::new(FailureKind::ServerError, unreadable.into())
    }
}

impl AsFailure for Failed {
    fn as_failure(&self) -> Failure {
        Failure {
            kind: self.kind,
            retry_after: self.error.retry_after,
        }
    }
}
