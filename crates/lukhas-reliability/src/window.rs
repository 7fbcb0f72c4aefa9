// SPDX-License-Identifier: Apache-2.0
//! Outcomes of late.

use std::time::Duration;

use tokio::time::Instant;

use crate::Outcome;
use crate::clock::Epoch;

/// Parts of a window. Outcomes are forgotten part by part.
const PARTS: u64 = 10;

/// Outcomes of late: at least nine tenths of the time given, and at most all of it.
#[derive(Debug)]
pub(crate) struct Window {
    epoch: Epoch,
    /// Nanoseconds of a part.
    length: u64,
    parts: [Part; PARTS as usize],
}

/// How many calls there were.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// All.
    pub(crate) calls: u64,
    /// Those that failed.
    pub(crate) failures: u64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Part {
    /// Which part of all time it is, from 0.
    number: u64,
    tally: Tally,
}

impl Window {
    /// An empty window of `time`.
    pub(crate) fn new(time: Duration) -> Self {
        let nanos = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        Self {
            epoch: Epoch::now(),
            length: (nanos / PARTS).max(1),
            parts: [Part::default(); PARTS as usize],
        }
    }

    /// Counts `outcome`.
    pub(crate) fn record(&mut self, outcome: Outcome, now: Instant) {
        let number = self.number(now);
        let part = &mut self.parts[(number % PARTS) as usize];
        // A clock read a little earlier by another thread counts for the newer part.
        if part.number < number {
            *part = Part {
                number,
                tally: Tally::default(),
            };
        }
        part.tally.calls += 1;
        part.tally.failures += match outcome {
            Outcome::Success => 0,
            Outcome::Failure => 1,
        };
    }

    /// How many calls it holds.
    pub(crate) fn tally(&self, now: Instant) -> Tally {
        let number = self.number(now);
        let fresh = |part: &&Part| part.number + PARTS > number;
        let tallies = self.parts.iter().filter(fresh).map(|part| part.tally);
        tallies.fold(Tally::default(), Tally::plus)
    }

    /// Forgets everything.
    pub(crate) fn clear(&mut self) {
        for part in &mut self.parts {
            part.tally = Tally::default();
        }
    }

    fn number(&self, now: Instant) -> u64 {
        self.epoch.nanos(now) / self.length
    }
}

impl Tally {
    /// Both together.
    pub(crate) fn plus(self, other: Self) -> Self {
        Self {
            calls: self.calls + other.calls,
            failures: self.failures + other.failures,
        }
    }

    /// The share of failures, 0 to 1; 0 without calls.
    pub(crate) fn failure_ratio(self) -> f64 {
        self.failures as f64 / self.calls.max(1) as f64
    }
}

#[cfg(test)]
mod tests {
    use tokio::time;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn outcomes_are_forgotten_after_the_window() {
        let mut window = Window::new(Duration::from_secs(10));
        for (advance, record, calls, failures) in [
            (0.0, Some(Outcome::Failure), 1, 1),
            (0.5, Some(Outcome::Success), 2, 1),
            (0.6, Some(Outcome::Failure), 3, 2),
            (8.8, None, 3, 2),
            (0.2, None, 1, 1),
            (0.9, None, 0, 0),
            (100.0, Some(Outcome::Success), 1, 0),
        ] {
            time::advance(Duration::from_secs_f64(advance)).await;
            let now = Instant::now();
            if let Some(outcome) = record {
                window.record(outcome, now);
            }
            assert_eq!(window.tally(now), Tally { calls, failures });
        }
        window.clear();
        assert_eq!(window.tally(Instant::now()), Tally::default());
    }
}
