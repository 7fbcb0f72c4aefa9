// SPDX-License-Identifier: Apache-2.0
//! What is wrong with a Redis.

/// A Redis that is there cannot be used as it is: waiting does not help.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct RedisError {
    message: String,
    help: &'static str,
}

/// Why there is no session with a Redis.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// It will not do, however long one waits.
    Unfit(RedisError),
    /// It may do later, and why it does not now.
    Down(String),
}

impl RedisError {
    pub(super) fn new(message: impl Into<String>, help: &'static str) -> Self {
        Self {
            message: message.into(),
            help,
        }
    }

    /// How to mend it.
    #[must_use]
    pub fn help(&self) -> &'static str {
        self.help
    }
}

impl Failure {
    pub(super) fn unfit(message: impl Into<String>, help: &'static str) -> Self {
        Self::Unfit(RedisError::new(message, help))
    }

    pub(super) fn down(reason: impl Into<String>) -> Self {
        Self::Down(reason.into())
    }

    /// What operators read of it.
    pub(super) fn reason(&self) -> &str {
        match self {
            Self::Unfit(error) => &error.message,
            Self::Down(reason) => reason,
        }
    }
}
