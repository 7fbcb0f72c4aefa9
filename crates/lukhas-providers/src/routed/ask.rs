// SPDX-License-Identifier: Apache-2.0
//! Attempts, until an answer begins.

use lukhas_core::{RunError, RunErrorKind, RunRequest};
use lukhas_reliability::{
    AsFailure, Attempt, Deadline, Decision, Failure, FailureKind, Lease, Order,
};
use rand::rngs::SmallRng;
use tokio::time::sleep;

use super::call::Call;
use super::{Shared, Target};
use crate::UpstreamEvent;
use crate::error::Failed;
use crate::upstream::Answering;

/// The attempts at one answer.
pub(super) struct Attempts {
    deadline: Deadline,
    order: Order<Target>,
    next: Attempt,
    rng: SmallRng,
}

impl Attempts {
    /// The attempts at an answer that is asked for now.
    pub(super) fn new(shared: &Shared, mut rng: SmallRng) -> Self {
        shared.policy.budget().record_request();
        Self {
            deadline: Deadline::after(shared.total),
            order: shared.pool.order(&mut rng),
            next: Attempt::FIRST,
            rng,
        }
    }

    /// Asks until an answer begins, or nobody is left who could give one.
    pub(super) async fn ask(
        &mut self,
        shared: &Shared,
        request: &RunRequest,
    ) -> Result<(Answering, Call), Failed> {
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
            let failed = match ask(lease, request, self.deadline).await {
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
}

/// One attempt.
async fn ask(
    lease: Lease<Target>,
    request: &RunRequest,
    deadline: Deadline,
) -> Result<(Answering, Call), Failed> {
    let call = Call::new(lease);
    let Target {
        upstream, model, ..
    } = call.target();
    let name = model.as_deref().unwrap_or(&request.model);
    match upstream.ask(name, request, deadline).await {
        Ok(answering) => Ok((answering, call)),
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
