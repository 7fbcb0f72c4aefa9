// SPDX-License-Identifier: Apache-2.0
//! A second attempt beside a slow first one.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use tokio::time;

/// Runs `first`, and beside it the attempt that `second` gives when `first` has not answered
/// within `delay`. The first success is the answer; whatever still runs is dropped.
///
/// Only for work that may be done twice. `second` decides when it is asked, and pays from a
/// [`RetryBudget`](crate::RetryBudget) as a retry does; without a second attempt `first` goes on
/// alone. A failure of `first` within the delay is the answer: whether to retry is another
/// question. Dropping the future drops both. ("The Tail at Scale", Dean and Barroso, 2013.)
///
/// ```
/// use std::time::Duration;
/// use lukhas_reliability::{RetryBudget, RetryBudgetConfig, hedge};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let budget = RetryBudget::new(RetryBudgetConfig { ratio: 1.0, saved: 10 })?;
/// budget.record_request();
/// let slow = std::future::pending();
/// let second = || budget.try_spend().then_some(async { Ok::<_, ()>("second") });
/// assert_eq!(hedge(Duration::from_millis(5), slow, second).await, Ok("second"));
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// The failure that came last, when there is no success.
pub async fn hedge<T, E, F: Future<Output = Result<T, E>>>(
    delay: Duration,
    first: impl Future<Output = Result<T, E>>,
    second: impl FnOnce() -> Option<F>,
) -> Result<T, E> {
    let mut first = pin!(first);
    if let Ok(answer) = time::timeout(delay, first.as_mut()).await {
        return answer;
    }
    let Some(second) = second() else {
        return first.await;
    };
    let mut second = pin!(second);
    let ended = poll_fn(|cx| match first.as_mut().poll(cx) {
        Poll::Ready(answer) => Poll::Ready(Ended::First(answer)),
        Poll::Pending => second.as_mut().poll(cx).map(Ended::Second),
    });
    match ended.await {
        Ended::First(Ok(answer)) | Ended::Second(Ok(answer)) => Ok(answer),
        Ended::First(Err(_)) => second.await,
        Ended::Second(Err(_)) => first.await,
    }
}

/// Which attempt came to its end.
enum Ended<T> {
    First(T),
    Second(T),
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use tokio::time::Instant;

    use super::*;
    use crate::{RetryBudget, RetryBudgetConfig};

    /// Ends after `seconds`, and counts in `ended` whether it was let.
    async fn attempt(
        seconds: u64,
        answer: Result<u32, u32>,
        ended: Arc<AtomicU32>,
    ) -> Result<u32, u32> {
        time::sleep(Duration::from_secs(seconds)).await;
        ended.fetch_add(1, Ordering::Relaxed);
        answer
    }

    /// Hedges after 5 s, with credit for `credit` attempts: checks the answer, its second, how
    /// many attempts came to their end, and the credit that is left.
    async fn check(
        credit: u64,
        first: (u64, Result<u32, u32>),
        second: (u64, Result<u32, u32>),
        expected: (Result<u32, u32>, u64, u32, u64),
    ) {
        let config = RetryBudgetConfig {
            ratio: 1.0,
            saved: 10,
        };
        let budget = RetryBudget::new(config).unwrap();
        (0..credit).for_each(|_| budget.record_request());
        let start = Instant::now();
        let ended = Arc::new(AtomicU32::new(0));
        let begin = |(seconds, answer)| attempt(seconds, answer, Arc::clone(&ended));
        let delay = Duration::from_secs(5);
        let paid = || budget.try_spend().then(|| begin(second));
        let answer = hedge(delay, begin(first), paid).await;
        let seconds = start.elapsed().as_secs();
        let all_ended = ended.load(Ordering::Relaxed);
        let found = (answer, seconds, all_ended, budget.available());
        assert_eq!(found, expected, "{first:?}, {second:?}");
        assert_eq!(Arc::strong_count(&ended), 1, "both are dropped");
    }

    #[tokio::test(start_paused = true)]
    async fn a_fast_first_attempt_stays_alone() {
        check(1, (4, Ok(1)), (0, Ok(2)), (Ok(1), 4, 1, 1)).await;
        check(1, (4, Err(1)), (0, Ok(2)), (Err(1), 4, 1, 1)).await;
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_success_wins_and_the_other_is_dropped() {
        check(1, (60, Ok(1)), (2, Ok(2)), (Ok(2), 7, 1, 0)).await;
        check(1, (6, Ok(1)), (2, Ok(2)), (Ok(1), 6, 1, 0)).await;
        check(3, (6, Err(1)), (2, Ok(2)), (Ok(2), 7, 2, 2)).await;
        check(3, (60, Ok(1)), (2, Err(2)), (Ok(1), 60, 2, 2)).await;
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_success_the_last_failure_is_the_answer() {
        check(1, (6, Err(1)), (2, Err(2)), (Err(2), 7, 2, 0)).await;
        check(1, (8, Err(1)), (2, Err(2)), (Err(1), 8, 2, 0)).await;
    }

    #[tokio::test(start_paused = true)]
    async fn without_credit_there_is_no_second_attempt() {
        check(0, (60, Ok(1)), (2, Ok(2)), (Ok(1), 60, 1, 0)).await;
    }
}
