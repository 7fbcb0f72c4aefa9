// SPDX-License-Identifier: Apache-2.0
//! What is told.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::content::Content;
use lukhas_core::{
    Id, IncompleteReason, Node, Outcome, RunEnd, RunErrorKind, StepPhase, TraceContext, Usage,
};

/// What a run does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Makes a response.
    Response,
    /// Makes a chat completion.
    Chat,
    /// Embeds.
    Embeddings,
}

/// What names a run, for those who are told of it.
#[derive(Clone, Debug)]
pub struct RunNames {
    /// What it does.
    pub operation: Operation,
    /// Its model, as the client names it.
    pub model: Arc<str>,
    /// Who answers for the model.
    pub provider: Arc<str>,
    /// The identifier of its answer.
    pub response_id: Option<Arc<str>>,
    /// What it is asked for.
    pub asked: Asked,
}

/// What a run is asked for.
#[derive(Clone, Copy, Debug, Default)]
pub struct Asked {
    /// 0 to 2.
    pub temperature: Option<f64>,
    /// 0 to 1.
    pub top_p: Option<f64>,
    /// Most tokens to generate.
    pub max_tokens: Option<u32>,
}

/// What is known of a run from its beginning.
#[derive(Debug)]
pub(crate) struct RunFacts {
    pub(crate) run_id: Id,
    /// Which of the request's runs it is, from 0.
    pub(crate) choice: usize,
    pub(crate) operation: Operation,
    /// As the client names it.
    pub(crate) model: Arc<str>,
    pub(crate) provider: Arc<str>,
    pub(crate) response_id: Option<Arc<str>>,
    pub(crate) asked: Asked,
    pub(crate) key_id: Option<Arc<str>>,
    /// Where in its trace its request is.
    pub(crate) trace: Option<TraceContext>,
}

/// Events of a run that are told together, in order.
#[derive(Debug)]
pub(crate) struct RunEvents {
    pub(crate) run: Arc<RunFacts>,
    pub(crate) events: Vec<(SystemTime, What)>,
}

/// What happened in it.
#[derive(Debug)]
pub(crate) enum What {
    Started,
    Step {
        number: u32,
        node: Node,
        phase: StepPhase,
    },
    Ended {
        end: Box<End>,
        took: Duration,
        /// What was said, if anybody is shown it.
        content: Option<Arc<Content>>,
    },
}

/// How a run ended.
#[derive(Clone, Debug)]
pub(crate) struct End {
    pub(crate) event_type: &'static str,
    pub(crate) usage: Option<Usage>,
    pub(crate) reason: Option<&'static str>,
    pub(crate) message: Option<String>,
}

impl Operation {
    /// Its name in events.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Response => "responses",
            Self::Chat => "chat_completions",
            Self::Embeddings => "embeddings",
        }
    }
}

impl What {
    pub(crate) fn event_type(&self) -> &'static str {
        match self {
            Self::Started => "run.started",
            Self::Step {
                phase: StepPhase::Started,
                ..
            } => "step.started",
            Self::Step {
                phase: StepPhase::Completed(_),
                ..
            } => "step.completed",
            Self::Ended { end, .. } => end.event_type,
        }
    }

    pub(crate) fn latency(&self) -> Option<Duration> {
        match self {
            Self::Started
            | Self::Step {
                phase: StepPhase::Started,
                ..
            } => None,
            Self::Step {
                phase: StepPhase::Completed(took),
                ..
            }
            | Self::Ended { took, .. } => Some(*took),
        }
    }
}

impl End {
    /// The client left before the end.
    pub(crate) fn cancelled(usage: Option<Usage>) -> Self {
        Self {
            event_type: "run.cancelled",
            usage,
            reason: None,
            message: None,
        }
    }
}

impl From<&RunEnd> for End {
    fn from(end: &RunEnd) -> Self {
        let (event_type, reason, message) = match &end.outcome {
            Outcome::Completed => ("run.completed", None, None),
            Outcome::Incomplete(reason) => ("run.incomplete", Some(name(*reason)), None),
            Outcome::Failed(error) => {
                let kind = Some(kind(error.kind));
                ("run.failed", kind, Some(error.message.clone()))
            }
        };
        Self {
            event_type,
            usage: end.usage,
            reason,
            message,
        }
    }
}

fn name(reason: IncompleteReason) -> &'static str {
    match reason {
        IncompleteReason::MaxOutputTokens => "max_output_tokens",
        IncompleteReason::ContentFilter => "content_filter",
    }
}

fn kind(kind: RunErrorKind) -> &'static str {
    match kind {
        RunErrorKind::InvalidRequest => "invalid_request",
        RunErrorKind::Unsupported => "unsupported",
        RunErrorKind::ModelNotFound => "model_not_found",
        RunErrorKind::PreviousResponseNotFound => "previous_response_not_found",
        RunErrorKind::ContextLength => "context_length",
        RunErrorKind::Overloaded => "overloaded",
        RunErrorKind::RateLimited => "rate_limited",
        RunErrorKind::Upstream => "upstream",
        RunErrorKind::UpstreamTruncated => "upstream_truncated",
        RunErrorKind::UpstreamTimeout => "upstream_timeout",
        RunErrorKind::ShuttingDown => "shutting_down",
        RunErrorKind::Internal => "internal",
    }
}
