// SPDX-License-Identifier: Apache-2.0
//! How an attempt failed, in the words that decisions are made in.

use std::time::Duration;

/// What kind of failure ended an attempt. Callers map their own errors to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum FailureKind {
    /// No connection came about, so nothing was done.
    #[error("no connection came about")]
    Refused,
    /// The connection broke before the head of an answer came.
    #[error("the connection broke before an answer began")]
    ResetBeforeHead,
    /// No answer came in time.
    #[error("no answer came in time")]
    Timeout,
    /// The upstream has no room now (HTTP 503).
    #[error("the upstream is overloaded")]
    Overloaded,
    /// The caller asked too often (HTTP 429).
    #[error("the upstream takes no more requests for now")]
    RateLimited,
    /// The upstream, or one behind it, failed (HTTP 500, 502, 504).
    #[error("the upstream failed")]
    ServerError,
    /// The request itself is at fault (HTTP 400, 401, 403, 404, 422): never retried.
    #[error("the upstream rejects the request")]
    Rejected,
    /// The answer broke after its first byte, which somebody may have seen: never retried.
    #[error("the answer broke off")]
    Truncated,
}

/// A failed attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{kind}")]
pub struct Failure {
    /// What kind it was.
    pub kind: FailureKind,
    /// How long the upstream asked to be left alone (`Retry-After`, RFC 9110, section 10.2.3).
    pub retry_after: Option<Duration>,
}

/// An error that can say what kind of failure it is.
///
/// Implement it for what an attempt answers when it fails. It must answer the same each time, and
/// at once; it may be called more than once.
pub trait AsFailure {
    /// The failure behind this error.
    fn as_failure(&self) -> Failure;
}

/// How a call went, as far as the one who was called is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// It did its work, though perhaps it said no.
    Success,
    /// It is to blame for a failure.
    Failure,
}

impl FailureKind {
    /// Every kind.
    pub const ALL: [Self; 8] = [
        Self::Refused,
        Self::ResetBeforeHead,
        Self::Timeout,
        Self::Overloaded,
        Self::RateLimited,
        Self::ServerError,
        Self::Rejected,
        Self::Truncated,
    ];

    /// Whether another attempt could help and would repeat nothing that somebody has seen.
    #[must_use]
    pub fn is_retryable(self) -> bool {
        match self {
            Self::Refused
            | Self::ResetBeforeHead
            | Self::Timeout
            | Self::Overloaded
            | Self::RateLimited
            | Self::ServerError => true,
            Self::Rejected | Self::Truncated => false,
        }
    }

    /// How the call went for the upstream. A request that was refused for its own sake, or for
    /// coming too often, is no fault of the upstream: that would eject healthy ones.
    #[must_use]
    pub fn outcome(self) -> Outcome {
        match self {
            Self::Refused
            | Self::ResetBeforeHead
            | Self::Timeout
            | Self::Overloaded
            | Self::ServerError
            | Self::Truncated => Outcome::Failure,
            Self::RateLimited | Self::Rejected => Outcome::Success,
        }
    }
}

impl From<FailureKind> for Failure {
    fn from(kind: FailureKind) -> Self {
        Self {
            kind,
            retry_after: None,
        }
    }
}

impl AsFailure for Failure {
    fn as_failure(&self) -> Failure {
        *self
    }
}

impl AsFailure for FailureKind {
    fn as_failure(&self) -> Failure {
        (*self).into()
    }
}
