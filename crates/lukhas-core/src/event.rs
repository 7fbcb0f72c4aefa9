// SPDX-License-Identifier: Apache-2.0
//! What happens in a run, in order.

use std::time::Duration;

use bytes::Bytes;

use crate::{ItemKind, Picodollars, RunError};

/// One thing that happened in a run.
#[derive(Clone, Debug, PartialEq)]
pub enum RunEvent {
    /// A node of the pipeline began or ended. Never part of the answer.
    Step(StepEvent),
    /// The answer grew, or ended.
    Output(OutputEvent),
}

/// One thing that happened to the answer.
///
/// INVARIANT: items are numbered from 0 without gaps and do not overlap: `ItemAdded`,
/// deltas, `ItemDone`, then the next item. `Ended` comes exactly once, last. An item still open at
/// an `Ended` that is not `Completed` stays incomplete. `Continued` comes only while a message is
/// open.
///
/// INVARIANT: an answer that begins with `Verbatim` says all it says in both ways, and one that does
/// not has no `Verbatim` at all. Only a request with an [`Original`](crate::Original) has such an
/// answer.
#[derive(Clone, Debug, PartialEq)]
pub enum OutputEvent {
    /// Item `index` begins.
    ItemAdded {
        /// Its place in the output.
        index: u32,
        /// What it is.
        kind: ItemKind,
        /// The identifier that a `Verbatim` answer has for it; nobody else gives one.
        id: Option<String>,
    },
    /// Text for the open message.
    TextDelta(String),
    /// Refusal text for the open message.
    RefusalDelta(String),
    /// JSON text for the arguments of the open function call.
    ArgumentsDelta(String),
    /// Text for the open reasoning.
    ReasoningDelta(String),
    /// Whoever wrote the open message broke off, and another attempt goes on with its text: what
    /// comes before and what follows are of two answers. Whoever shows the answer shows this, too.
    Continued,
    /// The open item is whole.
    ItemDone,
    /// What the events since the last `Verbatim` say, in the words of the request's original.
    Verbatim(Verbatim),
    /// The end.
    Ended(RunEnd),
}

/// A piece of an answer in the words of the API that the request came by.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verbatim {
    /// The body of a whole answer; whole server-sent events of a streamed one, but for a last
    /// `[DONE]`.
    pub bytes: Bytes,
    /// Number of server-sent events in it.
    pub events: u32,
    /// Whether it says how the answer ends. It is not to be shown before an `Ended` agrees. An
    /// answer that ends without it ends in its reader's own words.
    pub ends: bool,
}

/// How a run ended, and what it used.
#[derive(Clone, Debug, PartialEq)]
pub struct RunEnd {
    /// How.
    pub outcome: Outcome,
    /// What was used so far; `None` when nobody counted, as of a run that failed before it began.
    pub usage: Option<Usage>,
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// The model came to its own end.
    Completed,
    /// It was stopped early for a named reason; what there is may be used.
    Incomplete(IncompleteReason),
    /// It failed.
    Failed(RunError),
}

/// Why a run is incomplete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IncompleteReason {
    /// The limit on output tokens was reached.
    MaxOutputTokens,
    /// A content filter stopped it.
    ContentFilter,
}

/// Tokens used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Tokens of the input, cached ones included.
    pub input_tokens: u64,
    /// Of those, read from a cache.
    pub cached_tokens: u64,
    /// Tokens generated, reasoning included.
    pub output_tokens: u64,
    /// Of those, spent on reasoning.
    pub reasoning_tokens: u64,
    /// Who counted.
    pub source: UsageSource,
    /// What it cost; `None` where nobody knows a price.
    pub cost: Option<Picodollars>,
}

/// Who counted a [`Usage`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UsageSource {
    /// The provider said so.
    #[default]
    Provider,
    /// Counted here with a tokenizer that may not be the model's.
    Estimated,
    /// The run was cut short; counted up to there.
    Partial,
}

/// A node of the pipeline began or ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StepEvent {
    /// Number of the step in its run, from 0.
    pub step: u32,
    /// Which node.
    pub node: Node,
    /// Began or ended.
    pub phase: StepPhase,
}

/// The nodes of the MATRIZ pipeline, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Node {
    /// Recalls the conversation so far.
    Memory,
    /// Finds what this turn is about and makes it fit the context window.
    Attention,
    /// Chooses the provider that will answer.
    Thought,
    /// Refuses what must not run.
    Risk,
    /// Decides whether this turn answers or calls.
    Intent,
    /// Runs the provider and holds it to the intent.
    Action,
}

/// Whether a step began or ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepPhase {
    /// It began.
    Started,
    /// It ended, after this long.
    Completed(Duration),
}

impl Node {
    /// Its name in events and logs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Attention => "attention",
            Self::Thought => "thought",
            Self::Risk => "risk",
            Self::Intent => "intent",
            Self::Action => "action",
        }
    }
}

impl Usage {
    /// Input and output together.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.input_tokens.saturating_add(self.output_tokens)
    }
}

impl RunEnd {
    /// A failed end without usage.
    #[must_use]
    pub fn failed(error: RunError) -> Self {
        Self {
            outcome: Outcome::Failed(error),
            usage: None,
        }
    }
}
