// SPDX-License-Identifier: Apache-2.0
//! Attempts, one after another, until one succeeds.

use rand::Rng;
use tokio::time;

use crate::{AsFailure, Attempt, Deadline, DeadlinePassed, Decision, GiveUp, RetryPolicy};

/// No attempt succeeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("gave up after {attempts} attempts: {reason}")]
pub struct RetryError<E> {
    /// Attempts that were begun.
    pub attempts: u32,
    /// Why there was no other.
    pub reason: GiveUp,
    /// How the last attempt that came to its end failed. There is none when the deadline passed
    /// before.
    #[source]
    pub last: Option<E>,
}

/// Makes attempts until one succeeds or `policy` gives up.
///
/// `attempt` gets the number of each, from 0. The request is recorded in the policy's budget, and
/// an attempt that still runs at the deadline is dropped, so the whole never takes longer (up to
/// the 1 ms of tokio's timers). Dropping the future drops the attempt under way.
///
/// ```
/// use std::num::NonZeroU32;
/// use std::time::Duration;
/// use lukhas_reliability::{
///     Backoff, Deadline, FailureKind, RetryBudget, RetryBudgetConfig, RetryPolicy, retry,
/// };
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let budget = RetryBudget::new(RetryBudgetConfig { ratio: 1.0, saved: 10 })?;
/// let attempts = NonZeroU32::new(3).ok_or("no attempts")?;
/// let policy = RetryPolicy::new(attempts, Backoff::default(), budget.into());
/// let deadline = Deadline::after(Duration::from_secs(5));
/// let mut rng = rand::rng();
/// let answer = retry(&policy, deadline, &mut rng, |attempt| async move {
///     if attempt == 0 { Err(FailureKind::Refused) } else { Ok("good day") }
/// });
/// assert_eq!(answer.await?, "good day");
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// [`RetryError`] with the failure of the last attempt.
pub async fn retry<T, E: AsFailure, F: Future<Output = Result<T, E>>>(
    policy: &RetryPolicy,
    deadline: Deadline,
    rng: &mut (impl Rng + ?Sized),
    mut attempt: impl FnMut(u32) -> F,
) -> Result<T, RetryError<E>> {
    let mut current = Attempt::FIRST;
    let mut attempts = 0;
    let mut last = None;
    let reason = loop {
        let work = async {
            if attempts == 0 {
                policy.budget().record_request();
            }
            attempts += 1;
            attempt(current.number).await
        };
        let error = match deadline.enforce(work).await {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(error)) => error,
            Err(DeadlinePassed) => break GiveUp::NoTime,
        };
        let decision = policy.decide(current, error.as_failure(), deadline, rng);
        last = Some(error);
        match decision {
            Decision::Retry { after } => {
                time::sleep(after).await;
                current = current.next(after);
            }
            Decision::GiveUp { reason } => break reason,
        }
    };
    Err(RetryError {
        attempts,
        reason,
        last,
    })
}

#[cfg(test)]
mod tests;
