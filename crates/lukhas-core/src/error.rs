// SPDX-License-Identifier: Apache-2.0
//! Why a run failed.

use std::time::Duration;

/// Why a run failed, in terms a caller can act on.
///
/// The message is for people and reaches the client: it never holds a secret, another
/// tenant's data, or a path of this machine.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct RunError {
    /// What callers branch on.
    pub kind: RunErrorKind,
    /// One sentence, user values in backticks.
    pub message: String,
    /// The request field at fault, as a dotted path (`tools[0].parameters`).
    pub param: Option<String>,
    /// After how long the same request may succeed, where somebody knows.
    pub retry_after: Option<Duration>,
}

/// The kinds of [`RunError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RunErrorKind {
    /// The request asks for something impossible; `param` names the field.
    InvalidRequest,
    /// The request asks for something this model cannot do; `param` names the field.
    Unsupported,
    /// No model of that name.
    ModelNotFound,
    /// No stored response of that identifier, for this principal.
    PreviousResponseNotFound,
    /// The conversation is longer than the model's context window.
    ContextLength,
    /// This process has no room for the run now.
    Overloaded,
    /// The upstream takes no more requests for now.
    RateLimited,
    /// The upstream answered with an error or with something unreadable.
    Upstream,
    /// The upstream stopped without its terminal marker.
    UpstreamTruncated,
    /// The upstream took too long.
    UpstreamTimeout,
    /// The server is stopping.
    ShuttingDown,
    /// A defect of ours.
    Internal,
}

impl RunError {
    /// An error that names no field.
    #[must_use]
    pub fn new(kind: RunErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            param: None,
            retry_after: None,
        }
    }

    /// The same error, with the time after which a retry may succeed.
    #[must_use]
    pub fn with_retry_after(mut self, retry_after: Option<Duration>) -> Self {
        self.retry_after = retry_after;
        self
    }

    /// The same error, blaming `param`.
    #[must_use]
    pub fn with_param(mut self, param: impl Into<String>) -> Self {
        self.param = Some(param.into());
        self
    }

    /// An invalid request, blaming `param`.
    #[must_use]
    pub fn invalid(param: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(RunErrorKind::InvalidRequest, message).with_param(param)
    }

    /// Something this model cannot do, blaming `param`.
    #[must_use]
    pub fn unsupported(param: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(RunErrorKind::Unsupported, message).with_param(param)
    }

    /// No model of that name.
    #[must_use]
    pub fn model_not_found(model: &str) -> Self {
        let message = format!(
            "The model `{model}` does not exist or you do not have access to it. \
             GET /v1/models lists the models of this server."
        );
        Self::new(RunErrorKind::ModelNotFound, message).with_param("model")
    }
}
