// SPDX-License-Identifier: Apache-2.0
//! One answer: attempts until one begins, then that one to its end.

use futures_util::stream::unfold;
use lukhas_core::{OutputEvent, OutputStream, RunCx, RunEnd, RunError, RunErrorKind, RunRequest};
use lukhas_reliability::{
    AsFailure, Attempt, Deadline, Decision, Failure, FailureKind, Lease, Outcome,
};
use rand::SeedableRng;
use rand::rngs::SmallRng;
use tokio::time::sleep;

use super::{RoutedModel, Target};
use crate::error::Failed;
use crate::upstream::Answering;

/// One answer on its way.
pub(super) struct Run {
    model: RoutedModel,
    run_id: lukhas_core::Id,
    rng: SmallRng,
    stage: Stage,
}

enum Stage {
    Asking(Box<RunRequest>),
    Answering(Box<Answering>, Lease<Target>),
    Over,
}

impl Run {
    pub(super) fn new(model: RoutedModel, cx: &RunCx, request: RunRequest) -> Self {
        Self {
            model,
            run_id: cx.run_id,
            rng: rng(cx),
            stage: Stage::Asking(Box::new(request)),
        }
    }

    pub(super) fn stream(self) -> OutputStream {
        Box::pin(unfold(self, |mut run| async move {
            let event = run.next().await?;
            Some((event, run))
        }))
    }

    async fn next(&mut self) -> Option<OutputEvent> {
        if let Stage::Asking(request) = &self.stage {
            let asked = ask(&self.model, &**request, &mut self.rng).await;
            self.stage = match asked {
                Ok((answering, lease)) => Stage::Answering(Box::new(answering), lease),
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
        let (mut event, failure) = answering.next().await;
        if let Some(OutputEvent::Ended(end)) = &mut event
            && let Stage::Answering(_, lease) = std::mem::replace(&mut self.stage, Stage::Over)
        {
            end.usage = end.usage.map(|usage| lease.target().priced(usage));
            let failed = matches!(end.outcome, lukhas_core::Outcome::Failed(_));
            if failed {
                let upstream = lease.target().upstream.name();
                tracing::warn!(run_id = %self.run_id, upstream, ?failure, "an answer broke off");
            }
            lease.finish(match failed {
                true => Outcome::Failure,
                false => Outcome::Success,
            });
        }
        event
    }
}

/// Chance, for what is chosen on the way.
pub(super) fn rng(cx: &RunCx) -> SmallRng {
    let [high, low] = [cx.entropy.bits() >> 64, cx.entropy.bits()];
    let seed = u64::try_from((high ^ low) & u128::from(u64::MAX)).unwrap_or_default();
    SmallRng::seed_from_u64(seed)
}

/// What targets can be asked.
pub(super) trait Ask: Sync {
    /// What comes of it.
    type Answer: Send;

    /// One attempt. Nobody has seen anything of an answer that fails here.
    fn ask(
        &self,
        target: &Target,
        deadline: Deadline,
    ) -> impl Future<Output = Result<Self::Answer, Failed>> + Send;
}

impl Ask for RunRequest {
    type Answer = Answering;

    async fn ask(&self, target: &Target, deadline: Deadline) -> Result<Answering, Failed> {
        let name = target.model.as_deref().unwrap_or(&self.model);
        // A target may be given less time than the whole.
        let own = target.upstream.timeouts().total();
        let deadline = Deadline::after(deadline.limit(own));
        target.upstream.ask(name, self, deadline).await
    }
}

/// Asks until an answer begins, or nobody is left who could give one.
pub(super) async fn ask<A: Ask>(
    model: &RoutedModel,
    request: &A,
    rng: &mut SmallRng,
) -> Result<(A::Answer, Lease<Target>), Failed> {
    let shared = &model.0;
    let deadline = Deadline::after(shared.total);
    shared.policy.budget().record_request();
    let mut order = shared.pool.order(rng);
    let mut attempt = Attempt::FIRST;
    loop {
        let lease = order.next_lease();
        if !lease.cooling().is_zero() {
            return Err(cooling(&lease));
        }
        let target = lease.target();
        let failed = match request.ask(target, deadline).await {
            Ok(answering) => return Ok((answering, lease)),
            Err(failed) => failed,
        };
        let upstream = target.upstream.name();
        tracing::info!(upstream, attempt = attempt.number, error = %failed.error, "an attempt failed");
        lease.fail(&failed);
        // Another target need not wait for this one.
        let has_other = (attempt.number as usize) + 1 < shared.pool.size();
        let failure = Failure {
            retry_after: failed.error.retry_after.filter(|_| !has_other),
            ..failed.as_failure()
        };
        match shared.policy.decide(attempt, failure, deadline, rng) {
            Decision::GiveUp { .. } => return Err(failed),
            Decision::Retry { after } => {
                if !has_other {
                    sleep(after).await;
                }
                attempt = attempt.next(after);
            }
        }
    }
}

/// Every target has asked to be left alone; asking all the same would make it worse.
fn cooling(lease: &Lease<Target>) -> Failed {
    let message = "The upstream takes no more requests for now.";
    let error = RunError::new(RunErrorKind::RateLimited, message);
    Failed::new(
        FailureKind::RateLimited,
        error.with_retry_after(Some(lease.cooling())),
    )
}
