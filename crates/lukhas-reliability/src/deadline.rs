// SPDX-License-Identifier: Apache-2.0
//! The moment after which nobody waits any more.

use std::time::Duration;

use tokio::time::{self, Instant};

/// The moment after which nobody waits for a piece of work any more, on tokio's clock.
///
/// It is set once, where the work comes in, and handed down: each step takes what is left.
///
/// ```
/// use std::time::Duration;
/// use lukhas_reliability::Deadline;
///
/// let deadline = Deadline::after(Duration::from_secs(5));
/// assert!(!deadline.expired());
/// // One step may take a minute, but not longer than is left for the whole.
/// assert!(deadline.limit(Duration::from_secs(60)) <= Duration::from_secs(5));
/// assert_eq!(deadline.limit(Duration::from_millis(20)), Duration::from_millis(20));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Deadline(Instant);

/// The deadline passed before the work was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the deadline passed")]
pub struct DeadlinePassed;

/// What stands for forever: 30 years fit into every clock.
const FOREVER: Duration = Duration::from_secs(30 * 365 * 24 * 60 * 60);

impl Deadline {
    /// The deadline at `moment`.
    #[must_use]
    pub fn at(moment: Instant) -> Self {
        Self(moment)
    }

    /// The deadline `time` from now. More than 30 years are 30 years.
    #[must_use]
    pub fn after(time: Duration) -> Self {
        Self(later(Instant::now(), time))
    }

    /// The deadline `time` from now, or this one when it is earlier.
    #[must_use]
    pub fn within(self, time: Duration) -> Self {
        self.min(Self::after(time))
    }

    /// The moment itself.
    #[must_use]
    pub fn moment(self) -> Instant {
        self.0
    }

    /// What is left; zero once it has passed.
    #[must_use]
    pub fn remaining(self) -> Duration {
        self.0.saturating_duration_since(Instant::now())
    }

    /// `time`, or what is left when that is less.
    #[must_use]
    pub fn limit(self, time: Duration) -> Duration {
        time.min(self.remaining())
    }

    /// Whether nothing is left.
    #[must_use]
    pub fn expired(self) -> bool {
        self.remaining().is_zero()
    }

    /// Runs `work` until the deadline. An expired deadline starts no work.
    ///
    /// Timers tick in milliseconds, so the end may come up to 1 ms late. Dropping the future drops
    /// the work.
    ///
    /// # Errors
    /// [`DeadlinePassed`]; the work has been dropped.
    pub async fn enforce<F: Future>(self, work: F) -> Result<F::Output, DeadlinePassed> {
        if self.expired() {
            return Err(DeadlinePassed);
        }
        let done = time::timeout_at(self.0, work).await;
        done.map_err(|_| DeadlinePassed)
    }
}

/// The moment `time` after `start`, at most 30 years.
pub(crate) fn later(start: Instant, time: Duration) -> Instant {
    start + time.min(FOREVER)
}

#[cfg(test)]
mod tests {
    use std::future;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_is_left_shrinks_to_zero() {
        let deadline = Deadline::after(Duration::from_secs(10));
        for (step, left) in [(0, 10), (4, 6), (6, 0), (5, 0)] {
            time::advance(Duration::from_secs(step)).await;
            assert_eq!(deadline.remaining(), Duration::from_secs(left));
            assert_eq!(deadline.expired(), left == 0);
            assert_eq!(
                deadline.limit(Duration::from_secs(7)).as_secs(),
                left.min(7)
            );
        }
    }

    #[tokio::test(start_paused = true)]
    async fn forever_fits() {
        assert_eq!(Deadline::after(Duration::MAX).remaining(), FOREVER);
    }

    #[tokio::test(start_paused = true)]
    async fn work_ends_at_the_deadline() {
        let start = Instant::now();
        let deadline = Deadline::after(Duration::from_secs(1));
        assert_eq!(deadline.enforce(async { 1 }).await, Ok(1));
        let never = deadline.enforce(future::pending::<()>()).await;
        assert_eq!(never, Err(DeadlinePassed));
        assert_eq!(start.elapsed(), Duration::from_secs(1));
        assert_eq!(deadline.enforce(async { 1 }).await, Err(DeadlinePassed));
    }
}
