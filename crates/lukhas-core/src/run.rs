// SPDX-License-Identifier: Apache-2.0
//! The seams a run passes through.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use futures_core::Stream;

use crate::{
    Entropy, Id, OutputEvent, Principal, RunError, RunEvent, RunRequest, TraceContext, Usage,
};

/// A future on the heap, as object-safe traits need it.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The events of a run. Dropping it cancels the run and everything under it.
pub type RunStream = Pin<Box<dyn Stream<Item = RunEvent> + Send>>;

/// The events of one provider's answer. Dropping it cancels the work.
pub type OutputStream = Pin<Box<dyn Stream<Item = OutputEvent> + Send>>;

/// Is told what was used.
pub type UsageSink = Arc<dyn Fn(Usage) + Send + Sync>;

/// What a run carries through every seam.
#[derive(Clone)]
pub struct RunCx {
    /// What logs name the run by: an identifier of its own, or that of the request it is for.
    pub run_id: Id,
    /// Who asks.
    pub principal: Arc<Principal>,
    /// Where identifiers made on the way come from.
    pub entropy: Arc<dyn Entropy>,
    /// Whether anybody wants the step events of the run. Without it none are made, and no clock is
    /// read for them.
    pub steps: bool,
    /// Where in a distributed trace it is, for those who are asked on its way; nowhere when absent.
    pub trace: Option<TraceContext>,
    /// Who is told what was used when an answer is dropped after it has begun and before its end;
    /// nobody when absent. It is called at most once, and must be quick.
    pub abandoned: Option<UsageSink>,
}

/// A model that can be asked for by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelInfo {
    /// Public name.
    pub id: String,
    /// Unix time in seconds at which it was made.
    pub created: u64,
    /// Who answers for it.
    pub owned_by: String,
    /// One line for people.
    pub description: String,
    /// Most tokens of a conversation, output included.
    pub context_window: u64,
}

/// Answers a request with a stream of events.
///
/// Callers fold the stream for a whole answer. Implementers uphold the invariant of
/// [`OutputEvent`]; an early failure is an `Ended` that comes before any other output. Step events
/// come only where [`RunCx::steps`] asks for them.
pub trait Orchestrator: Send + Sync {
    /// The models that can be asked for, in the order to list them.
    fn models(&self) -> &[ModelInfo];

    /// Whether a run of `model` may make use of [`RunRequest::original`]. If not, callers need not
    /// make one.
    fn uses_original(&self, _model: &str) -> bool {
        false
    }

    /// Runs `request`. A model that [`RunCx::principal`] may not use does not exist for it.
    fn run(&self, cx: RunCx, request: RunRequest) -> RunStream;

    /// Number of input tokens that `request` would use; models exist as they do for [`Self::run`].
    fn count_input(&self, cx: RunCx, request: RunRequest) -> BoxFuture<'_, Result<u64, RunError>>;
}

/// One source of answers: an engine in this process, or an upstream.
///
/// Callers pass a request whose tools and tool choice agree and whose items fit the context
/// window. Implementers uphold the invariant of [`OutputEvent`], and tell [`RunCx::abandoned`] what
/// was used of an answer that nobody heard to its end.
pub trait Provider: Send + Sync {
    /// Its models.
    fn models(&self) -> &[ModelInfo];

    /// Whether it may make use of [`RunRequest::original`].
    fn uses_original(&self) -> bool {
        false
    }

    /// Answers `request`.
    fn run(&self, cx: &RunCx, request: RunRequest) -> OutputStream;

    /// Number of input tokens that `request` would use.
    fn count_input<'a>(&'a self, request: &'a RunRequest) -> BoxFuture<'a, Result<u64, RunError>>;
}

impl fmt::Debug for RunCx {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunCx")
            .field("run_id", &self.run_id)
            .field("principal", &self.principal)
            .finish_non_exhaustive()
    }
}
