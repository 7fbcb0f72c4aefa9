// SPDX-License-Identifier: Apache-2.0
//! An upstream that asked to be left alone.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use tokio::time::Instant;

use crate::clock::Epoch;
use crate::deadline::later;

/// The moment before which an upstream asked not to be called again, shared by all who call it.
///
/// Of several wishes the latest moment counts, and none lasts longer than the maximum: a slip of
/// the upstream does not shut it out for a day. Whether to wait or to go elsewhere is up to the
/// caller. Lock-free; without a wish, asking does not even read the clock.
///
/// ```
/// use std::time::Duration;
/// use lukhas_reliability::Cooldown;
///
/// let cooldown = Cooldown::new(Duration::from_secs(60));
/// assert!(cooldown.remaining().is_zero());
/// cooldown.extend(Duration::from_secs(2)); // from `Retry-After: 2`
/// cooldown.extend(Duration::from_secs(1)); // said to another caller, and over earlier
/// assert!(cooldown.remaining() > Duration::from_secs(1));
/// ```
#[derive(Debug)]
pub struct Cooldown {
    epoch: Epoch,
    /// Nanoseconds since the epoch; 0 is no wish.
    until: AtomicU64,
    max: Duration,
}

impl Cooldown {
    /// No wish yet; those to come last for at most `max`.
    #[must_use]
    pub fn new(max: Duration) -> Self {
        Self {
            epoch: Epoch::now(),
            until: AtomicU64::new(0),
            max,
        }
    }

    /// The upstream wants no call for `wait` from now.
    pub fn extend(&self, wait: Duration) {
        let until = later(Instant::now(), wait.min(self.max));
        self.until.fetch_max(self.epoch.nanos(until), Relaxed);
    }

    /// How long the upstream wants no call; zero when it may be called.
    #[must_use]
    pub fn remaining(&self) -> Duration {
        match self.until.load(Relaxed) {
            0 => Duration::ZERO,
            until => self.remaining_of(until, Instant::now()),
        }
    }

    /// [`remaining`](Self::remaining), for callers that have read the clock.
    pub(crate) fn remaining_at(&self, now: Instant) -> Duration {
        match self.until.load(Relaxed) {
            0 => Duration::ZERO,
            until => self.remaining_of(until, now),
        }
    }

    fn remaining_of(&self, until: u64, now: Instant) -> Duration {
        let remaining = self.epoch.until(until, now);
        if remaining.is_zero() {
            // Forgotten, so that the next to ask need not read the clock. When that fails there is
            // a new wish.
            let _ = self.until.compare_exchange(until, 0, Relaxed, Relaxed);
        }
        remaining
    }
}

#[cfg(test)]
mod tests {
    use tokio::time;

    use super::*;

    const fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[tokio::test(start_paused = true)]
    async fn the_latest_moment_counts_until_it_has_passed() {
        let cooldown = Cooldown::new(seconds(60));
        assert_eq!(cooldown.remaining(), seconds(0));
        for (advance, wish, expected) in [
            (0, 10, 10),
            (0, 5, 10),
            (4, 5, 6),
            (4, 5, 5),
            (5, 0, 0),
            (5, 3, 3),
        ] {
            time::advance(seconds(advance)).await;
            cooldown.extend(seconds(wish));
            assert_eq!(cooldown.remaining(), seconds(expected));
        }
        time::advance(seconds(3)).await;
        assert_eq!(cooldown.remaining(), seconds(0));
        assert_eq!(cooldown.until.load(Relaxed), 0, "forgotten");
    }

    #[tokio::test(start_paused = true)]
    async fn no_wish_lasts_longer_than_the_maximum() {
        let cooldown = Cooldown::new(seconds(60));
        for wish in [seconds(86_400), Duration::MAX] {
            cooldown.extend(wish);
            assert_eq!(cooldown.remaining(), seconds(60));
        }
    }
}
