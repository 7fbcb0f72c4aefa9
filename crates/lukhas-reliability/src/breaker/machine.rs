// SPDX-License-Identifier: Apache-2.0
//! The states of a circuit breaker and what leads from one to another.

use std::time::Duration;

use tokio::time::Instant;

use super::{BreakerConfig, BreakerOpen, BreakerState};
use crate::Outcome;
use crate::deadline::later;
use crate::window::Window;

/// The states of a circuit breaker. Time is passed in.
#[derive(Debug)]
pub(super) struct Machine {
    config: BreakerConfig,
    phase: Phase,
    /// Counts the changes of state. A call belongs to the period it was begun in.
    period: u64,
    window: Window,
    /// How often it opened without having closed.
    openings: u32,
}

#[derive(Clone, Copy, Debug)]
enum Phase {
    Closed,
    Open { until: Instant },
    HalfOpen { running: u32, succeeded: u32 },
}

impl Machine {
    /// A closed one.
    pub(super) fn new(config: BreakerConfig) -> Self {
        Self {
            config,
            phase: Phase::Closed,
            period: 0,
            window: Window::new(config.window),
            openings: 0,
        }
    }

    /// The period it is in.
    pub(super) fn period(&self) -> u64 {
        self.period
    }

    /// Where it stands.
    pub(super) fn state(&self) -> BreakerState {
        match self.phase {
            Phase::Closed => BreakerState::Closed,
            Phase::Open { .. } => BreakerState::Open,
            Phase::HalfOpen { .. } => BreakerState::HalfOpen,
        }
    }

    /// How long no call would go through; zero when one would.
    pub(super) fn blocked_for(&self, now: Instant) -> Duration {
        match self.phase {
            Phase::Closed => Duration::ZERO,
            Phase::Open { until } => until.saturating_duration_since(now),
            Phase::HalfOpen { running, succeeded } if running + succeeded < self.config.probes => {
                Duration::ZERO
            }
            Phase::HalfOpen { .. } => self.config.open_time,
        }
    }

    /// Begins a call: its period.
    pub(super) fn begin(&mut self, now: Instant) -> Result<u64, BreakerOpen> {
        let retry_after = self.blocked_for(now);
        if !retry_after.is_zero() {
            return Err(BreakerOpen { retry_after });
        }
        match &mut self.phase {
            Phase::Closed => {}
            Phase::Open { .. } => self.enter(Phase::HalfOpen {
                running: 1,
                succeeded: 0,
            }),
            Phase::HalfOpen { running, .. } => *running += 1,
        }
        Ok(self.period)
    }

    /// Takes back a call begun in `period` that came to no end.
    pub(super) fn give_back(&mut self, period: u64) {
        if let Phase::HalfOpen { running, .. } = &mut self.phase
            && period == self.period
        {
            *running = running.saturating_sub(1);
        }
    }

    /// Ends a call begun in `period`.
    pub(super) fn end(&mut self, period: u64, outcome: Outcome, now: Instant) {
        if period != self.period {
            return;
        }
        match (self.phase, outcome) {
            (Phase::Closed, outcome) => {
                self.window.record(outcome, now);
                if outcome == Outcome::Failure && self.too_many_failed(now) {
                    self.open(now);
                }
            }
            (Phase::HalfOpen { running, succeeded }, Outcome::Success) => {
                let (running, succeeded) = (running.saturating_sub(1), succeeded + 1);
                if succeeded < self.config.probes {
                    self.phase = Phase::HalfOpen { running, succeeded };
                } else {
                    self.openings = 0;
                    self.window.clear();
                    self.enter(Phase::Closed);
                }
            }
            (Phase::HalfOpen { .. }, Outcome::Failure) => self.open(now),
            // INVARIANT: no call belongs to a period in which it is open.
            (Phase::Open { .. }, Outcome::Success | Outcome::Failure) => {}
        }
    }

    fn too_many_failed(&self, now: Instant) -> bool {
        let tally = self.window.tally(now);
        tally.calls >= u64::from(self.config.minimum_calls)
            && tally.failure_ratio() >= self.config.failure_ratio
    }

    fn open(&mut self, now: Instant) {
        let BreakerConfig {
            open_time,
            max_open_time,
            ..
        } = self.config;
        let growth = 1_u32.checked_shl(self.openings).unwrap_or(u32::MAX);
        let time = open_time.saturating_mul(growth).min(max_open_time);
        self.openings += 1;
        let until = later(now, time);
        self.enter(Phase::Open { until });
    }

    fn enter(&mut self, phase: Phase) {
        self.phase = phase;
        self.period += 1;
    }
}
