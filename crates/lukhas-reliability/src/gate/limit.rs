// SPDX-License-Identifier: Apache-2.0
//! A limit that is found: additive increase, multiplicative decrease.

use std::time::Duration;

use tokio::time::Instant;

/// How often it may be raised.
const RAISE_EVERY: Duration = Duration::from_secs(1);
/// How often it may be lowered: what was begun before it was lowered may report for a while.
const LOWER_EVERY: Duration = Duration::from_millis(100);
/// What is left of it when it is lowered.
const LOWERED: f64 = 0.9;
/// The share that is added when it is raised, one at least.
const RAISED: f64 = 1.0 / 16.0;
/// Reports in a window that are forgiven: a service may be busy for a moment.
const FORGIVEN: u32 = 3;

/// How many at a time.
#[derive(Debug)]
pub(super) struct AdaptiveLimit {
    min: f64,
    max: f64,
    limit: f64,
    /// When the window began in which it may be raised once.
    since: Instant,
    was_reached: bool,
    reports: u32,
    lowered: Option<Instant>,
}

impl AdaptiveLimit {
    pub(super) fn new(min: usize, max: usize, now: Instant) -> Self {
        Self {
            min: min as f64,
            max: max as f64,
            limit: max as f64,
            since: now,
            was_reached: false,
            reports: 0,
            lowered: None,
        }
    }

    pub(super) fn get(&self) -> usize {
        self.limit as usize
    }

    /// Somebody had to wait for it.
    pub(super) fn reached(&mut self) {
        self.was_reached = true;
    }

    /// Time passes.
    pub(super) fn tick(&mut self, now: Instant) {
        if now.duration_since(self.since) < RAISE_EVERY {
            return;
        }
        // A limit that nobody reaches says nothing of what would happen beyond it.
        if self.was_reached && self.reports == 0 {
            let more = (self.limit * RAISED).max(1.0);
            self.limit = (self.limit + more).min(self.max);
        }
        self.since = now;
        self.was_reached = false;
        self.reports = 0;
    }

    /// `running` at a time were too many.
    pub(super) fn congested(&mut self, running: usize, now: Instant) {
        self.tick(now);
        self.reports += 1;
        let is_soon = |lowered: Instant| now.duration_since(lowered) < LOWER_EVERY;
        if self.reports <= FORGIVEN || self.lowered.is_some_and(is_soon) {
            return;
        }
        self.lowered = Some(now);
        let running = self.limit.min(running as f64);
        self.limit = (running * LOWERED).max(self.min);
    }
}
