// SPDX-License-Identifier: Apache-2.0
//! What happens to the calls of an upstream, for whoever counts it.

use lukhas_reliability::FailureKind;

/// Is told what happens to the calls of one upstream.
///
/// It is called on a request's way, from every serving thread, so it must be quick: handles are
/// made once, with the observer.
pub trait UpstreamObserver: Send + Sync {
    /// `event` happened just now.
    fn observe(&self, event: UpstreamEvent);
}

/// Something that happened to a call of an upstream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum UpstreamEvent {
    /// An attempt is over. Every attempt is told of exactly once, whatever became of it.
    Attempt(AttemptOutcome),
    /// It is asked once more, because it failed so.
    Retry(FailureKind),
    /// It is asked because another target failed so.
    Fallback(FailureKind),
    /// It is asked beside a target that is slow to begin.
    Hedge,
    /// It goes on with an answer that broke off.
    Continuation,
    /// It failed once too often, and is left out for a while.
    Ejected,
    /// It asked to be left alone for a while (`Retry-After`).
    CoolingDown,
}

/// How an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AttemptOutcome {
    /// The answer came to its end.
    Answered,
    /// It failed, before the answer began or on its way.
    Failed(FailureKind),
    /// Nobody waited for its end any more.
    Cancelled,
}
