// SPDX-License-Identifier: Apache-2.0
//! Action: runs the provider and holds it to the intent.

mod guard;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::task::{Context, Poll, ready};

use lukhas_core::{
    BoxFuture, Outcome, OutputEvent, OutputStream, Provider, RunCx, RunEnd, RunError, RunErrorKind,
    RunRequest, Usage, Validator,
};

use super::intent::Intent;
use crate::matriz::Parts;

use self::guard::{Breach, Claim, Guard};

/// A provider at work. Dropping it drops the provider's stream.
pub(crate) struct Action {
    stream: OutputStream,
    guard: Guard,
    validator: Arc<dyn Validator>,
    /// What the end of an item waits for.
    verdict: Option<Verdict>,
}

/// Whether an item is what its schema wants.
type Verdict = BoxFuture<'static, Result<(), Breach>>;

/// What comes of a provider at work.
pub(crate) enum Act {
    /// The answer grew.
    Output(OutputEvent),
    /// The end; the action is not to be polled again.
    Ended(RunEnd),
}

impl Action {
    pub(crate) fn start(
        provider: &dyn Provider,
        parts: &Parts,
        cx: &RunCx,
        request: RunRequest,
        intent: Intent,
    ) -> Self {
        let may_be_verbatim = request.original.is_some();
        Self {
            stream: provider.run(cx, request),
            guard: Guard::new(intent, may_be_verbatim),
            validator: Arc::clone(&parts.validator),
            verdict: None,
        }
    }

    /// The next event that keeps the invariant of [`OutputEvent`] and the intent; the first one
    /// that does not becomes a failed end.
    pub(crate) fn poll(&mut self, cx: &RunCx, task: &mut Context<'_>) -> Poll<Act> {
        let mut verdict = match self.verdict.take() {
            Some(verdict) => verdict,
            None => {
                let Some(event) = ready!(self.stream.as_mut().poll_next(task)) else {
                    return Poll::Ready(Act::Ended(RunEnd::failed(truncated())));
                };
                if let OutputEvent::Ended(end) = event {
                    return Poll::Ready(Act::Ended(self.end(cx, end, task)));
                }
                match self.guard.admit(&event) {
                    Ok(None) => return Poll::Ready(Act::Output(event)),
                    Ok(Some(claim)) => self.judge(claim),
                    Err(breach) => return Poll::Ready(Act::Ended(failed(cx, breach, None))),
                }
            }
        };
        match verdict.as_mut().poll(task) {
            // INVARIANT: claims are made where an item ends.
            Poll::Ready(Ok(())) => Poll::Ready(Act::Output(OutputEvent::ItemDone)),
            Poll::Ready(Err(breach)) => Poll::Ready(Act::Ended(failed(cx, breach, None))),
            Poll::Pending => {
                self.verdict = Some(verdict);
                Poll::Pending
            }
        }
    }

    fn judge(&self, claim: Claim) -> Verdict {
        let Claim { schema, json, of } = claim;
        let validated = self.validator.validate(schema, json);
        Box::pin(async move { validated.await.map_err(|error| Breach::of(of, error)) })
    }

    /// The end as the provider gave it, or as its breach makes it. What was used stays.
    fn end(&mut self, cx: &RunCx, end: RunEnd, task: &mut Context<'_>) -> RunEnd {
        let checked = self.guard.admit_end(&end.outcome);
        match checked.and_then(|()| self.check_silent(&end.outcome, task)) {
            Ok(()) => end,
            Err(breach) => failed(cx, breach, end.usage),
        }
    }

    /// Asks once more after the end: a provider that goes on must not pass for a good one, and one
    /// whose connection is at its end can give it back. A failure needs no second one.
    fn check_silent(&mut self, outcome: &Outcome, task: &mut Context<'_>) -> Result<(), Breach> {
        match outcome {
            Outcome::Failed(_) => return Ok(()),
            Outcome::Completed | Outcome::Incomplete(_) => {}
        }
        match self.stream.as_mut().poll_next(task) {
            Poll::Ready(Some(_)) => Err(Breach::AfterEnd),
            Poll::Ready(None) | Poll::Pending => Ok(()),
        }
    }
}

fn truncated() -> RunError {
    let message = "The model's answer broke off before its end.";
    RunError::new(RunErrorKind::UpstreamTruncated, message)
}

fn failed(cx: &RunCx, breach: Breach, usage: Option<Usage>) -> RunEnd {
    tracing::warn!(run_id = %cx.run_id, ?breach, "stopped a provider");
    RunEnd {
        usage,
        ..RunEnd::failed(breach.into())
    }
}
