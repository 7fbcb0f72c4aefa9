// SPDX-License-Identifier: Apache-2.0
//! One answer: attempts until one begins, then that one to its end, or as far as it comes.

use std::collections::VecDeque;
use std::mem;

use futures_util::stream::unfold;
use lukhas_core::{
    Id, Outcome, OutputEvent, OutputStream, Picodollars, RunCx, RunEnd, RunError, RunErrorKind,
    RunRequest, Usage, UsageSink, UsageSource,
};

use super::RoutedModel;
use super::ask::Attempts;
use super::call::{Call, broken_off};
use super::continuation::{Anew, Draft, Joint};
use super::tokens::Output;
use crate::UpstreamEvent;
use crate::upstream::Answering;

/// One answer on its way.
pub(super) struct Run {
    model: RoutedModel,
    run_id: Id,
    request: Box<RunRequest>,
    attempts: Attempts,
    stage: Stage,
    /// What the attempt under way has said.
    output: Output,
    /// What the attempts before it have used, of which the answer holds a part.
    used: Option<Usage>,
    abandoned: Option<UsageSink>,
    /// What is kept to go on with an answer that breaks off.
    draft: Option<Draft>,
    /// What is ready to be given out.
    ready: VecDeque<OutputEvent>,
}

enum Stage {
    Asking,
    Answering(Box<Part>),
    Over,
}

/// The answer of one target, or a part of it.
struct Part {
    answering: Answering,
    call: Call,
    /// Where it goes on with another.
    joint: Option<Joint>,
}

impl Run {
    pub(super) fn new(model: RoutedModel, cx: &RunCx, mut request: RunRequest) -> Self {
        let draft = Draft::new(&request, model.0.continuations);
        if draft.is_some() {
            // Of two answers nobody has the words.
            request.original = None;
        }
        Self {
            attempts: Attempts::new(&model.0, cx),
            draft,
            model,
            run_id: cx.run_id,
            request: Box::new(request),
            stage: Stage::Asking,
            output: Output::default(),
            used: None,
            abandoned: cx.abandoned.clone(),
            ready: VecDeque::new(),
        }
    }

    pub(super) fn stream(self) -> OutputStream {
        // Each event moves the state, which is therefore small.
        Box::pin(unfold(Box::new(self), |mut run| async move {
            let event = run.next().await?;
            Some((event, run))
        }))
    }

    async fn next(&mut self) -> Option<OutputEvent> {
        loop {
            let event = match self.ready.pop_front() {
                Some(event) => event,
                None => match &mut self.stage {
                    Stage::Over => return None,
                    Stage::Asking => {
                        if let Err(error) = self.begin(None).await {
                            self.stage = Stage::Over;
                            tracing::warn!(run_id = %self.run_id, %error, "no upstream answered");
                            return Some(OutputEvent::Ended(RunEnd::failed(error)));
                        }
                        continue;
                    }
                    Stage::Answering(part) => {
                        let event = part.answering.next().await?;
                        self.output.note(&event);
                        match &mut part.joint {
                            None => event,
                            Some(joint) => {
                                if let Err(Anew) = joint.fit(event, &mut self.ready) {
                                    self.draft = None;
                                    self.ready.push_back(anew());
                                }
                                continue;
                            }
                        }
                    }
                },
            };
            if let Some(draft) = &mut self.draft
                && !matches!(event, OutputEvent::Ended(_))
            {
                draft.note(&event);
            }
            return Some(match event {
                OutputEvent::Ended(end) => self.end(end).await,
                event => event,
            });
        }
    }

    /// Asks until an answer, or what follows `joint` in one, begins.
    async fn begin(&mut self, joint: Option<Joint>) -> Result<(), RunError> {
        let asked = self.attempts.ask(&self.model.0, &*self.request).await;
        let (answering, call) = asked.map_err(|failed| failed.error)?;
        self.output = Output::default();
        self.stage = Stage::Answering(Box::new(Part {
            answering,
            call,
            joint,
        }));
        Ok(())
    }

    /// The end of a part: of the whole answer, unless another attempt goes on with it.
    async fn end(&mut self, mut end: RunEnd) -> OutputEvent {
        self.ready.clear();
        let Stage::Answering(part) = mem::replace(&mut self.stage, Stage::Asking) else {
            return OutputEvent::Ended(end);
        };
        (self.output).complete(&mut end, &*self.model.0.tokenizer, &self.request);
        end.usage = end.usage.map(|usage| part.call.target().priced(usage));
        match &end.outcome {
            Outcome::Completed | Outcome::Incomplete(_) => part.call.succeed(),
            Outcome::Failed(error) => {
                self.break_off(part.call, error);
                if Box::pin(self.go_on(error, end.usage)).await {
                    return OutputEvent::Continued;
                }
            }
        }
        self.stage = Stage::Over;
        end.usage = sum(self.used, end.usage, &end.outcome);
        OutputEvent::Ended(end)
    }

    /// The call failed after its answer had begun.
    fn break_off(&self, call: Call, error: &RunError) {
        let kind = broken_off(error);
        let upstream = call.target().upstream.name();
        tracing::warn!(run_id = %self.run_id, upstream, ?kind, "an answer broke off");
        call.fail(&kind);
    }

    /// Asks for the rest of an answer that broke off in `error` having used `usage`. Whether there
    /// is one.
    async fn go_on(&mut self, error: &RunError, usage: Option<Usage>) -> bool {
        let Some(draft) = &mut self.draft else {
            return false;
        };
        if !draft.can_go_on(error) || !self.attempts.pay_one_more(&self.model.0) {
            return false;
        }
        let output = usage.map_or(0, |usage| usage.output_tokens);
        draft.ask_for_rest(&mut self.request, output);
        let joint = draft.joint();
        let used = self.used;
        self.used = sum(used, usage, &Outcome::Completed);
        if let Err(error) = self.begin(Some(joint)).await {
            tracing::warn!(run_id = %self.run_id, %error, "no upstream went on with an answer");
            self.used = used;
            return false;
        }
        if let Stage::Answering(part) = &self.stage {
            let upstream = &part.call.target().upstream;
            tracing::info!(run_id = %self.run_id, upstream = upstream.name(), "goes on with an answer");
            upstream.observe(UpstreamEvent::Continuation);
        }
        true
    }
}

/// What parts of an answer used together.
fn sum(before: Option<Usage>, last: Option<Usage>, outcome: &Outcome) -> Option<Usage> {
    let (Some(before), Some(last)) = (before, last) else {
        return before.or(last);
    };
    Some(Usage {
        input_tokens: before.input_tokens.saturating_add(last.input_tokens),
        cached_tokens: before.cached_tokens.saturating_add(last.cached_tokens),
        output_tokens: before.output_tokens.saturating_add(last.output_tokens),
        reasoning_tokens: before
            .reasoning_tokens
            .saturating_add(last.reasoning_tokens),
        source: match outcome {
            Outcome::Completed | Outcome::Incomplete(_) => UsageSource::Estimated,
            Outcome::Failed(_) => UsageSource::Partial,
        },
        cost: match (before.cost, last.cost) {
            (Some(Picodollars(before)), Some(Picodollars(last))) => {
                Some(Picodollars(before.saturating_add(last)))
            }
            (before, last) => before.or(last),
        },
    })
}

/// The end of an answer that was begun anew where it should have been gone on with.
fn anew() -> OutputEvent {
    let message = "The upstream stopped before the end of its answer, and began anew.";
    let error = RunError::new(RunErrorKind::UpstreamTruncated, message);
    OutputEvent::Ended(RunEnd::failed(error))
}

impl Drop for Run {
    /// Tells what was used of an answer that nobody heard to its end.
    fn drop(&mut self) {
        let tokenizer = &*self.model.0.tokenizer;
        let last = match &self.stage {
            Stage::Answering(part) => {
                let told = part.answering.usage();
                let used = (self.output).partial(tokenizer, &self.request, told);
                Some(part.call.target().priced(used))
            }
            Stage::Asking => None,
            Stage::Over => return,
        };
        if let (Some(abandoned), Some(mut usage)) =
            (&self.abandoned, sum(self.used, last, &Outcome::Completed))
        {
            usage.source = UsageSource::Partial;
            abandoned(usage);
        }
    }
}
