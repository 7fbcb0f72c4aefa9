// SPDX-License-Identifier: Apache-2.0
//! A delay that does not go away.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Fewest delays in a window that say anything.
const FEW: u32 = 3;

/// Tells a queue that stands from one that a burst made: as `CoDel` does (RFC 8289), by the shortest
/// delay of a window. A burst is worked off within it, so that some delay is short.
///
/// ```
/// use std::time::Duration;
/// use lukhas_reliability::StandingDelay;
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build()?.block_on(async {
/// let delay = StandingDelay::new(Duration::from_millis(5), Duration::from_millis(100));
/// for _ in 0..10 {
///     assert!(!delay.observe(Duration::from_millis(80)));
///     tokio::time::advance(Duration::from_millis(10)).await;
/// }
/// assert!(delay.observe(Duration::from_millis(80)), "for a whole window");
/// # });
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct StandingDelay {
    target: Duration,
    window: Duration,
    seen: Mutex<Option<Seen>>,
}

/// The delays of the window under way.
#[derive(Clone, Copy, Debug)]
struct Seen {
    since: Instant,
    last: Instant,
    shortest: Duration,
    count: u32,
}

impl StandingDelay {
    /// One that is long beyond `target`, for a `window`.
    #[must_use]
    pub fn new(target: Duration, window: Duration) -> Self {
        Self {
            target,
            window,
            seen: Mutex::default(),
        }
    }

    /// Whether it is time to measure a delay: some ten times in a window, if anything happens.
    #[must_use]
    pub fn is_due(&self) -> bool {
        let seen = *self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.is_none_or(|seen| seen.last.elapsed() >= self.window / 10)
    }

    /// Takes note of a delay that was measured now. Whether every one was longer than the target, for
    /// a whole window, which then begins anew.
    pub fn observe(&self, delay: Duration) -> bool {
        let now = Instant::now();
        let mut slot = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let seen = match *slot {
            // After a pause nobody knows how long the delay was meanwhile.
            Some(seen) if now.duration_since(seen.last) < self.window => Seen {
                last: now,
                shortest: seen.shortest.min(delay),
                count: seen.count + 1,
                ..seen
            },
            Some(_) | None => Seen {
                since: now,
                last: now,
                shortest: delay,
                count: 1,
            },
        };
        let is_over = seen.count >= FEW && now.duration_since(seen.since) >= self.window;
        let next = Seen {
            since: now,
            last: now,
            shortest: Duration::MAX,
            count: 0,
        };
        *slot = Some(if is_over { next } else { seen });
        is_over && seen.shortest > self.target
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    /// How often of `delays`, one each 10 ms, a standing delay was seen.
    async fn seen(delays: impl IntoIterator<Item = u64>) -> usize {
        let delay = StandingDelay::new(Duration::from_millis(5), Duration::from_millis(100));
        let mut seen = 0;
        for millis in delays {
            seen += usize::from(delay.observe(Duration::from_millis(millis)));
            advance(Duration::from_millis(10)).await;
        }
        seen
    }

    #[tokio::test(start_paused = true)]
    async fn a_burst_that_is_worked_off_is_no_standing_delay() {
        assert_eq!(seen([6; 111]).await, 11);
        assert_eq!(seen([5; 111]).await, 0);
        assert_eq!(
            seen((0..111).map(|at| if at % 9 == 0 { 1 } else { 500 })).await,
            0
        );
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_before_a_pause_counts_for_nothing() {
        let delay = StandingDelay::new(Duration::from_millis(5), Duration::from_millis(100));
        for _ in 0..10 {
            assert!(delay.is_due());
            assert!(!delay.observe(Duration::from_secs(1)));
            assert!(!delay.is_due());
            advance(Duration::from_millis(100)).await;
        }
    }
}
