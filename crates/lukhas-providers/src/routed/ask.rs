// SPDX-License-Identifier: Apache-2.0
//! Attempts, until an answer begins.

use std::time::Duration;

use lukhas_core::{RunCx, RunError, RunErrorKind, RunRequest, TraceContext};
use lukhas_reliability::{
    AsFailure, Attempt, Deadline, Decision, Failure, FailureKind, Lease, Order, hedge,
};
use rand::SeedableRng;
use rand::rngs::SmallRng;
use tokio::time::sleep;

use super::call::Call;
use super::{Shared, Target};
use crate::UpstreamEvent;
use crate::error::Failed;
use crate::upstream::{Answering, Asking};

/// What targets can be asked.
pub(super) trait Ask: Sync {
    /// What comes of it.
    type Answer: Send;

    /// Whether an answer shows that it has begun before it is there.
    fn shows_beginning(&self) -> bool;

    /// One attempt. Nobody has seen anything of an answer that fails here.
    fn ask(
        &self,
        target: &Target,
        asking: Asking<'_>,
    ) -> impl Future<Output = Result<Self::Answer, Failed>> + Send;
}

impl Ask for RunRequest {
    type Answer = Answering;

    fn shows_beginning(&self) -> bool {
        !self.whole
    }

    async fn ask(&self, target: &Target, asking: Asking<'_>) -> Result<Answering, Failed> {
        let name = target.model.as_deref().unwrap_or(&self.model);
        target.upstream.ask(name, self, asking).await
    }
}

/// The attempts at one answer.
pub(super) struct Attempts {
    deadline: Deadline,
    /// Where in a distributed trace they are.
    trace: Option<TraceContext>,
    order: Order<Target>,
    next: Attempt,
    /// Whether a second attempt has been made beside a slow one.
    has_hedged: bool,
    rng: SmallRng,
}

impl Attempts {
    /// The attempts at an answer that is asked for now.
    pub(super) fn new(shared: &Shared, cx: &RunCx) -> Self {
        let [high, low] = [cx.entropy.bits() >> 64, cx.entropy.bits()];
        let seed = u64::try_from((high ^ low) & u128::from(u64::MAX)).unwrap_or_default();
        let mut rng = SmallRng::seed_from_u64(seed);
        shared.policy.budget().record_request();
        Self {
            deadline: Deadline::after(shared.total),
            trace: cx.trace.clone(),
            order: shared.pool.order(&mut rng),
            next: Attempt::FIRST,
            has_hedged: false,
            rng,
        }
    }

    /// Asks until an answer begins, or nobody is left who could give one.
    pub(super) async fn ask<A: Ask>(
        &mut self,
        shared: &Shared,
        request: &A,
    ) -> Result<(A::Answer, Call), Failed> {
        let mut before = None;
        loop {
            let lease = self.order.next_lease();
            if !lease.cooling().is_zero() {
                return Err(cooling(&lease));
            }
            if let Some(kind) = before {
                lease.target().upstream.observe(match lease.is_repeated() {
                    true => UpstreamEvent::Retry(kind),
                    false => UpstreamEvent::Fallback(kind),
                });
            }
            let failed = match self.attempt(shared, lease, request).await {
                Ok(begun) => return Ok(begun),
                Err(failed) => failed,
            };
            before = Some(failed.kind);
            // Another target need not wait for this one.
            let has_other = (self.next.number as usize) + 1 < shared.pool.size();
            let failure = Failure {
                retry_after: failed.error.retry_after.filter(|_| !has_other),
                ..failed.as_failure()
            };
            let decision = (shared.policy).decide(self.next, failure, self.deadline, &mut self.rng);
            match decision {
                Decision::GiveUp { .. } => return Err(failed),
                Decision::Retry { after } => {
                    if !has_other {
                        sleep(after).await;
                    }
                    self.next = self.next.next(after);
                }
            }
        }
    }

    /// Whether one more attempt may be made after an answer broke off; it is paid for then.
    pub(super) fn pay_one_more(&mut self, shared: &Shared) -> bool {
        let policy = &shared.policy;
        let may = self.next.number + 1 < policy.max_attempts().get()
            && !self.deadline.expired()
            && policy.budget().try_spend();
        if may {
            self.next = self.next.next(Duration::ZERO);
        }
        may
    }

    /// One attempt, and another one beside it when it is slow to begin.
    async fn attempt<A: Ask>(
        &mut self,
        shared: &Shared,
        lease: Lease<Target>,
        request: &A,
    ) -> Result<(A::Answer, Call), Failed> {
        match self.hedge_delay(shared, request) {
            None => {
                let asking = Asking {
                    deadline: self.deadline,
                    trace: self.trace.as_ref(),
                };
                ask(lease, request, asking).await
            }
            // Rare, and much larger: it lives elsewhere.
            Some(delay) => Box::pin(self.hedged(delay, shared, lease, request)).await,
        }
    }

    /// One attempt, and after `delay` another one: whichever begins first is the answer, and the
    /// other is dropped, which closes its connection.
    async fn hedged<A: Ask>(
        &mut self,
        delay: Duration,
        shared: &Shared,
        lease: Lease<Target>,
        request: &A,
    ) -> Result<(A::Answer, Call), Failed> {
        let trace = self.trace.clone();
        let asking = Asking {
            deadline: self.deadline,
            trace: trace.as_ref(),
        };
        let first = ask(lease, request, asking);
        let second = || {
            let lease = self.order.next_lease();
            if !lease.cooling().is_zero() || !shared.policy.budget().try_spend() {
                return None;
            }
            self.has_hedged = true;
            self.next = self.next.next(Duration::ZERO);
            lease.target().upstream.observe(UpstreamEvent::Hedge);
            Some(ask(lease, request, asking))
        };
        hedge(delay, first, second).await
    }

    /// After how long another attempt may be made beside the next one; `None` for never. A whole
    /// answer shows nothing until it is there, so that none is slow to begin; and an answer that
    /// would have less time than the one before it has had is not worth asking for.
    fn hedge_delay(&self, shared: &Shared, request: &impl Ask) -> Option<Duration> {
        let delay = shared.hedge_after.filter(|_| request.shows_beginning())?;
        let has_time = self.deadline.remaining() >= delay.saturating_mul(2);
        let has_attempts = self.next.number + 1 < shared.policy.max_attempts().get();
        (has_time && has_attempts && !self.has_hedged).then_some(delay)
    }
}

/// One attempt.
async fn ask<A: Ask>(
    lease: Lease<Target>,
    request: &A,
    mut asking: Asking<'_>,
) -> Result<(A::Answer, Call), Failed> {
    let call = Call::new(lease);
    let upstream = &call.target().upstream;
    // A target may be given less time than the whole.
    asking.deadline = asking.deadline.within(upstream.timeouts().total());
    match request.ask(call.target(), asking).await {
        Ok(answer) => Ok((answer, call)),
        Err(failed) => {
            tracing::info!(upstream = upstream.name(), error = %failed.error, "an attempt failed");
            call.fail(&failed);
            Err(failed)
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
