// SPDX-License-Identifier: Apache-2.0
//! Why a body was not understood.

/// Why a body was not understood, and which field is at fault.
///
/// The message is one sentence for the client; user values are in backticks and cut short.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct WireError {
    /// What callers branch on.
    pub kind: WireErrorKind,
    /// One sentence for people.
    pub message: String,
    /// Dotted path of the field (`messages[0].role`); `None` for the body as a whole.
    pub param: Option<String>,
}

/// The kinds of [`WireError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WireErrorKind {
    /// The body is not JSON, or is JSON beyond the bounds.
    InvalidJson,
    /// A field has a value of another type than it takes.
    InvalidType,
    /// A field has a value out of its range or set.
    InvalidValue,
    /// A required field is absent.
    Missing,
    /// A field that does not exist.
    Unknown,
    /// A field or value of the API that this server does not offer.
    Unsupported,
}

impl WireError {
    pub(crate) fn json(message: impl Into<String>) -> Self {
        Self {
            kind: WireErrorKind::InvalidJson,
            message: message.into(),
            param: None,
        }
    }
}
