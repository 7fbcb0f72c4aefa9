// SPDX-License-Identifier: Apache-2.0
//! The arithmetic of one bucket.

use std::time::Duration;

use super::{Quota, Standing};

/// How far one bucket is from full. The default is full.
///
/// It counts in [ticks](Quota::ticks), so nothing is ever rounded on the way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Level {
    /// When it is full again apart from what is held, in ticks since the epoch.
    full_at: u128,
    /// The same in nanoseconds, rounded up: what a sweep looks at.
    full_by: u64,
    /// Units that are held.
    held: u64,
}

impl Level {
    /// Whether there is nothing to remember of it.
    pub(super) fn is_full(&self, now: u64) -> bool {
        self.held == 0 && self.full_by <= now
    }

    /// When there is nothing to remember of it any more; `None` while units are held.
    pub(super) fn full_by(&self) -> Option<u64> {
        (self.held == 0).then_some(self.full_by)
    }

    /// How it stands.
    pub(super) fn standing(&self, quota: Quota, now: u64) -> Standing {
        quota.standing(self.missing(quota, now))
    }

    /// How long until a call of `cost` may be made, if nothing else comes; `None` for never.
    pub(super) fn wait(&self, quota: Quota, now: u64, cost: u64) -> Option<Duration> {
        quota.wait(self.missing(quota, now), cost)
    }

    /// Takes `cost` units out, whether or not they are there.
    pub(super) fn spend(&mut self, quota: Quota, now: u64, cost: u64) {
        let from = self.full_at.max(quota.ticks_in(now));
        self.set(quota, now, from.saturating_add(quota.ticks(cost)));
    }

    /// Holds `cost` units.
    pub(super) fn hold(&mut self, cost: u64) {
        self.held = self.held.saturating_add(cost);
    }

    /// Holds `cost` units less.
    pub(super) fn release(&mut self, cost: u64) {
        self.held = self.held.saturating_sub(cost);
    }

    /// Gives back `cost` units that were taken out at `at`.
    ///
    /// Of these as many as have come back since are left out: had they never been taken, the bucket
    /// might have been full in the meantime and gained nothing. Giving them back as well would admit
    /// more than the limit.
    pub(super) fn refund(&mut self, quota: Quota, at: u64, now: u64, cost: u64) {
        let gained = quota.ticks_in(now.saturating_sub(at));
        let back = quota.ticks(cost).saturating_sub(gained);
        self.set(quota, now, self.full_at.saturating_sub(back));
    }

    fn set(&mut self, quota: Quota, now: u64, full_at: u128) {
        self.full_at = full_at;
        let spent = full_at.saturating_sub(quota.ticks_in(now));
        self.full_by = now.saturating_add(quota.nanos(spent));
    }

    /// Ticks that it lacks.
    fn missing(&self, quota: Quota, now: u64) -> u128 {
        let spent = self.full_at.saturating_sub(quota.ticks_in(now));
        spent.saturating_add(quota.ticks(self.held))
    }
}
