// SPDX-License-Identifier: Apache-2.0
//! How many a second, of late.

use std::time::Duration;

use tokio::time::Instant;

/// What of late means: calls may take seconds, so that few of them end in one.
const WINDOW: Duration = Duration::from_secs(5);
/// So many say something before a window has passed, if it is longer than a moment.
const SOME: u32 = 10;
const MOMENT: Duration = Duration::from_millis(1);

/// The pace of something that is counted elsewhere, as far as somebody looks at it.
#[derive(Debug)]
pub(super) struct Rate {
    /// When the window under way began, and the count then.
    since: Instant,
    at: u32,
    /// What it was in the window before, if somebody looked.
    before: Option<f64>,
}

impl Rate {
    /// None of which anything is known, of `count` so far.
    pub(super) fn new(count: u32, now: Instant) -> Self {
        Self {
            since: now,
            at: count,
            before: None,
        }
    }

    /// How many a second there were in the window that ends `now`, when there have been `count` of them
    /// in all, modulo 2^32; `None` where nobody knows.
    pub(super) fn per_second(&mut self, count: u32, now: Instant) -> Option<f64> {
        let passed = now.duration_since(self.since);
        let counted = count.wrapping_sub(self.at);
        let rate = f64::from(counted) / passed.max(MOMENT).as_secs_f64();
        if passed >= WINDOW {
            // Nobody has looked for long: when it was that they came is not known.
            self.before = (passed < 2 * WINDOW).then_some(rate);
            self.since = now;
            self.at = count;
            return self.before;
        }
        let share = passed.as_secs_f64() / WINDOW.as_secs_f64();
        match self.before {
            // All of this window, and of the one before what the last five seconds overlap.
            Some(before) => Some(rate * share + before * (1.0 - share)),
            None => (counted >= SOME).then_some(rate),
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_is_known_after_a_few_and_as_long_as_somebody_looks() {
        let mut count = u32::MAX - 50;
        let mut rate = Rate::new(count, Instant::now());
        assert_eq!(rate.per_second(count, Instant::now()), None);
        advance(3 * WINDOW).await;
        assert_eq!(rate.per_second(count, Instant::now()), None);
        for step in 1..400 {
            advance(Duration::from_millis(50)).await;
            count = count.wrapping_add(5);
            let rate = rate.per_second(count, Instant::now());
            let expected = (step > 1).then_some(100.0);
            assert_eq!(rate.map(f64::round), expected, "{step}");
        }
        for _ in 0..100 {
            advance(WINDOW / 50).await;
            rate.per_second(count, Instant::now());
        }
        assert_eq!(rate.per_second(count, Instant::now()), Some(0.0));
    }
}
