// SPDX-License-Identifier: Apache-2.0
//! A delay that does not go away.

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::clock::Epoch;

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
    epoch: Epoch,
    /// When the next delay is to be measured, in nanoseconds.
    due: AtomicU64,
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
            epoch: Epoch::now(),
            due: AtomicU64::new(0),
            seen: Mutex::default(),
        }
    }

    /// Whether it is time to measure a delay: some ten times in a window, if anything happens. Who is
    /// told so is to do it.
    #[must_use]
    pub fn is_due(&self) -> bool {
        let now = self.epoch.nanos(Instant::now());
        let due = self.due.load(Relaxed);
        let next = self.window.as_nanos() / 10;
        let next = now.saturating_add(u64::try_from(next).unwrap_or(u64::MAX));
        // Of several who come at the same time one measures.
        now >= due && (self.due.compare_exchange(due, next, Relaxed, Relaxed)).is_ok()
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
            assert!(!delay.observe(Duration::from_secs(1)));
            advance(Duration::from_millis(100)).await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn ten_delays_of_a_window_are_measured() {
        let delay = StandingDelay::new(Duration::from_millis(5), Duration::from_millis(100));
        let mut measured = 0;
        for _ in 0..1_000 {
            measured += usize::from(delay.is_due());
            assert!(!delay.is_due());
            advance(Duration::from_millis(1)).await;
        }
        assert_eq!(measured, 100);
    }
}
