// SPDX-License-Identifier: Apache-2.0
//! A limit that is found.

use std::time::Duration;

use tokio::time::Instant;

/// What is left of the limit when some calls fail, and when all do.
const LOWERED: f64 = 0.9;
const HALVED: f64 = 0.5;
/// The share of calls that fail now and then, however few there are.
const FORGIVEN: f64 = 0.05;
/// Of calls that all fail, the share of those that run after which no success is waited for.
const HOPELESS: f64 = 0.5;
/// Fewest failures that say anything.
const FEW: usize = 3;
/// The limit is back where it was after so many times what the calls took that failed, so that finding
/// out whether there is more room wastes little; and the least and the most of that.
const PERIODS: u32 = 20;
const PERIOD: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(120));

/// How many at a time.
///
/// It is lowered when calls fail for congestion, and then grows as CUBIC does (RFC 9438, section
/// 4.2): fast at first, slowly where it was too much before, and ever faster beyond that.
#[derive(Debug)]
pub(super) struct AdaptiveLimit {
    min: f64,
    max: f64,
    /// INVARIANT: `low` is less than `high`, so that it always grows.
    /// It was lowered from `high` to `low`, `since` then, and is back at `high` after `period`.
    high: f64,
    low: f64,
    since: Instant,
    period: Duration,
    /// Whether any call has succeeded since.
    has_succeeded: bool,
    round: Round,
}

/// About as many calls, one after the other, as run at a time.
#[derive(Clone, Copy, Debug, Default)]
struct Round {
    /// How many had ended when it began, modulo 2^32.
    began: u32,
    /// How many of its calls have failed.
    failures: u32,
}

/// Calls as they stand.
#[derive(Clone, Copy, Debug)]
pub(super) struct Calls {
    /// How many have ended, modulo 2^32.
    pub(super) ended: u32,
    /// How many run.
    pub(super) running: usize,
}

impl AdaptiveLimit {
    pub(super) fn new(min: usize, max: usize, now: Instant) -> Self {
        let max = max as f64;
        Self {
            min: max.min(min as f64),
            max,
            high: max + 1.0,
            low: max,
            since: now,
            period: PERIOD.0,
            has_succeeded: false,
            round: Round::default(),
        }
    }

    /// What it is `now`.
    pub(super) fn at(&self, now: Instant) -> usize {
        let passed = now.duration_since(self.since).as_secs_f64() / self.period.as_secs_f64();
        let limit = self.high + (self.high - self.low) * (passed - 1.0).powi(3);
        limit.clamp(self.min, self.max) as usize
    }

    /// A call that `entered` then has failed for congestion; `calls` have ended with it.
    pub(super) fn failed(&mut self, entered: Instant, calls: Calls, now: Instant) {
        if entered < self.since {
            // It says nothing of the limit as it is now. Nor is it a success.
            self.round.began = self.round.began.wrapping_add(1);
            return;
        }
        let size = calls.running.max(FEW);
        if self.round.calls(calls.ended) > size {
            // What was before it is another round's.
            self.has_succeeded |= self.round.successes(calls.ended) > 1;
            self.round = Round::after(calls.ended.wrapping_sub(1));
        }
        self.round.failures += 1;
        self.has_succeeded |= self.round.successes(calls.ended) > 0;
        let share = match self.has_succeeded {
            true => FORGIVEN,
            false => HOPELESS,
        };
        let failures = self.round.failures as usize;
        if failures < FEW || failures as f64 <= size as f64 * share {
            return;
        }
        let period = now.duration_since(entered) * PERIODS;
        let limit = self.at(now) as f64;
        if self.has_succeeded {
            self.lower(period, calls, now);
        } else if limit > self.min {
            self.set(limit, limit * HALVED, period, calls, now);
        } else {
            // Where the fewest fail as well, it is not because of how many they are.
            self.set(self.max, self.min, period, calls, now);
        }
    }

    /// As many as run are a few too many. The limit may be back where it is after `period`.
    pub(super) fn lower(&mut self, period: Duration, calls: Calls, now: Instant) {
        let limit = self.at(now) as f64;
        // Calls that do not run are not to blame; but where few run, that says little of the limit.
        let running = limit.min(calls.running as f64) * LOWERED;
        self.set(limit, running.max(limit * HALVED), period, calls, now);
    }

    fn set(&mut self, high: f64, low: f64, period: Duration, calls: Calls, now: Instant) {
        self.low = low.max(self.min);
        self.high = high.max(self.low + 1.0);
        self.since = now;
        self.period = period.clamp(PERIOD.0, PERIOD.1);
        self.has_succeeded = false;
        self.round = Round::after(calls.ended);
    }
}

impl Round {
    fn after(ended: u32) -> Self {
        Self {
            began: ended,
            failures: 0,
        }
    }

    /// How many of its calls have ended.
    fn calls(self, ended: u32) -> usize {
        // One whose failure does not count may have been counted by another thread already.
        let calls = ended.wrapping_sub(self.began).cast_signed();
        usize::try_from(calls).unwrap_or(0)
    }

    fn successes(self, ended: u32) -> usize {
        self.calls(ended).saturating_sub(self.failures as usize)
    }
}

#[cfg(test)]
mod tests;
