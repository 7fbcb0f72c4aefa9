// SPDX-License-Identifier: Apache-2.0
//! Whether to try again, and when.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use rand::Rng;

use crate::{Attempt, Backoff, Deadline, Failure, RetryBudget};

/// Whether to try again, and when.
///
/// A retry is granted when the failure allows one, attempts are left, the wait fits in the
/// deadline, and the budget pays. Nothing is taken out of the budget for a retry that is not
/// granted.
///
/// ```
/// use std::num::NonZeroU32;
/// use std::time::Duration;
/// use lukhas_reliability::{
///     Attempt, Backoff, Deadline, Decision, FailureKind, GiveUp, RetryBudget, RetryPolicy,
/// };
///
/// let attempts = NonZeroU32::new(3).ok_or("no attempts")?;
/// let policy = RetryPolicy::new(attempts, Backoff::default(), RetryBudget::default().into());
/// let deadline = Deadline::after(Duration::from_secs(5));
/// let mut rng = rand::rng();
///
/// policy.budget().record_request();
/// let decision = policy.decide(Attempt::FIRST, FailureKind::Rejected.into(), deadline, &mut rng);
/// assert_eq!(decision, Decision::GiveUp { reason: GiveUp::NotRetryable });
/// let decision = policy.decide(Attempt::FIRST, FailureKind::Timeout.into(), deadline, &mut rng);
/// assert_eq!(decision, Decision::GiveUp { reason: GiveUp::NoBudget }); // a tenth is no retry yet
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct RetryPolicy {
    max_attempts: NonZeroU32,
    backoff: Backoff,
    budget: Arc<RetryBudget>,
}

/// What to do after a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Decision {
    /// Try again.
    Retry {
        /// What to wait first.
        after: Duration,
    },
    /// Answer with the failure.
    GiveUp {
        /// Why there is no other attempt.
        reason: GiveUp,
    },
}

/// Why there is no other attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum GiveUp {
    /// The failure would repeat itself, or somebody has already seen a part of the answer.
    #[error("another attempt would not help")]
    NotRetryable,
    /// All attempts are used up.
    #[error("all attempts are used up")]
    NoAttempts,
    /// The wait, which may be the upstream's `Retry-After`, would not end before the deadline.
    #[error("there is no time for another attempt")]
    NoTime,
    /// Too many of the latest requests were retried already.
    #[error("too many requests are being retried")]
    NoBudget,
}

impl RetryPolicy {
    /// A policy of at most `max_attempts`, the first among them.
    #[must_use]
    pub fn new(max_attempts: NonZeroU32, backoff: Backoff, budget: Arc<RetryBudget>) -> Self {
        Self {
            max_attempts,
            backoff,
            budget,
        }
    }

    /// Most attempts, the first among them.
    #[must_use]
    pub fn max_attempts(&self) -> NonZeroU32 {
        self.max_attempts
    }

    /// What pays for retries. Whoever calls [`decide`](Self::decide) records requests there.
    #[must_use]
    pub fn budget(&self) -> &Arc<RetryBudget> {
        &self.budget
    }

    /// What to do now that `attempt` has ended in `failure`.
    ///
    /// A `Retry-After` is waited exactly and without jitter, and never less; when it does not fit
    /// in the deadline, the answer is to give up at once. Without one, the backoff decides.
    pub fn decide(
        &self,
        attempt: Attempt,
        failure: Failure,
        deadline: Deadline,
        rng: &mut (impl Rng + ?Sized),
    ) -> Decision {
        let give_up = |reason| Decision::GiveUp { reason };
        if !failure.kind.is_retryable() {
            return give_up(GiveUp::NotRetryable);
        }
        if attempt.number >= self.max_attempts.get() - 1 {
            return give_up(GiveUp::NoAttempts);
        }
        let after = match failure.retry_after {
            Some(asked) => asked,
            None => self.backoff.delay(attempt, rng),
        };
        if after >= deadline.remaining() {
            return give_up(GiveUp::NoTime);
        }
        if !self.budget.try_spend() {
            return give_up(GiveUp::NoBudget);
        }
        Decision::Retry { after }
    }
}

#[cfg(test)]
mod tests;
