// SPDX-License-Identifier: Apache-2.0
//! How many in the last second.

use std::time::Duration;

use tokio::time::Instant;

const SECOND: Duration = Duration::from_secs(1);

/// Counts by the second.
#[derive(Debug)]
pub(super) struct Rate {
    since: Instant,
    now: f64,
    before: f64,
}

impl Rate {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            since: now,
            now: 0.0,
            before: 0.0,
        }
    }

    pub(super) fn count(&mut self, now: Instant) {
        self.tick(now);
        self.now += 1.0;
    }

    /// In the second that ends `now`: all of this one, and of the one before what it overlaps.
    pub(super) fn per_second(&mut self, now: Instant) -> f64 {
        self.tick(now);
        let passed = now.duration_since(self.since).as_secs_f64();
        self.now + self.before * (1.0 - passed)
    }

    fn tick(&mut self, now: Instant) {
        let passed = now.duration_since(self.since);
        if passed < SECOND {
            return;
        }
        let is_next = passed < 2 * SECOND;
        self.before = if is_next { self.now } else { 0.0 };
        self.now = 0.0;
        self.since = if is_next { self.since + SECOND } else { now };
    }
}
