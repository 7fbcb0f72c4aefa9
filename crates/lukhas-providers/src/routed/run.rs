// SPDX-License-Identifier: Apache-2.0
//! One answer: attempts until one begins, then that one to its end.

use futures_util::stream::unfold;
use lukhas_core::{
    Id, Outcome, OutputEvent, OutputStream, RunCx, RunEnd, RunError, RunRequest, UsageSink,
};
use rand::SeedableRng;
use rand::rngs::SmallRng;

use super::RoutedModel;
use super::ask::Attempts;
use super::call::{Call, broken_off};
use super::tokens::Output;
use crate::upstream::Answering;

/// One answer on its way.
pub(super) struct Run {
    model: RoutedModel,
    run_id: Id,
    request: Box<RunRequest>,
    attempts: Attempts,
    output: Output,
    abandoned: Option<UsageSink>,
    stage: Stage,
}

enum Stage {
    Asking,
    Answering(Box<Answering>, Call),
    Over,
}

impl Run {
    pub(super) fn new(model: RoutedModel, cx: &RunCx, request: RunRequest) -> Self {
        let [high, low] = [cx.entropy.bits() >> 64, cx.entropy.bits()];
        let seed = u64::try_from((high ^ low) & u128::from(u64::MAX)).unwrap_or_default();
        Self {
            attempts: Attempts::new(&model.0, SmallRng::seed_from_u64(seed)),
            model,
            run_id: cx.run_id,
            request: Box::new(request),
            output: Output::default(),
            abandoned: cx.abandoned.clone(),
            stage: Stage::Asking,
        }
    }

    pub(super) fn stream(self) -> OutputStream {
        Box::pin(unfold(self, |mut run| async move {
            let event = run.next().await?;
            Some((event, run))
        }))
    }

    async fn next(&mut self) -> Option<OutputEvent> {
        if let Stage::Asking = self.stage {
            let asked = self.attempts.ask(&self.model.0, &self.request).await;
            self.stage = match asked {
                Ok((answering, call)) => Stage::Answering(Box::new(answering), call),
                Err(failed) => {
                    self.stage = Stage::Over;
                    tracing::warn!(run_id = %self.run_id, error = %failed.error, "no upstream answered");
                    return Some(OutputEvent::Ended(RunEnd::failed(failed.error)));
                }
            };
        }
        let Stage::Answering(answering, _) = &mut self.stage else {
            return None;
        };
        let mut event = answering.next().await?;
        self.output.note(&event);
        if let OutputEvent::Ended(end) = &mut event
            && let Stage::Answering(_, call) = std::mem::replace(&mut self.stage, Stage::Over)
        {
            (self.output).complete(end, &*self.model.0.tokenizer, &self.request);
            match &end.outcome {
                Outcome::Completed | Outcome::Incomplete(_) => call.succeed(),
                Outcome::Failed(error) => self.break_off(call, error),
            }
        }
        Some(event)
    }

    /// The call failed after its answer had begun.
    fn break_off(&self, call: Call, error: &RunError) {
        let kind = broken_off(error);
        let upstream = call.target().upstream.name();
        tracing::warn!(run_id = %self.run_id, upstream, ?kind, "an answer broke off");
        call.fail(&kind);
    }
}

impl Drop for Run {
    /// Tells what was used of an answer that nobody heard to its end.
    fn drop(&mut self) {
        let Stage::Answering(answering, _) = &self.stage else {
            return;
        };
        if let Some(abandoned) = &self.abandoned {
            let tokenizer = &*self.model.0.tokenizer;
            abandoned((self.output).partial(tokenizer, &self.request, answering.usage()));
        }
    }
}
