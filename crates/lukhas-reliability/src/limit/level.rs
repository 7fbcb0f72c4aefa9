// SPDX-License-Identifier: Apache-2.0
//! The arithmetic of one bucket.

use std::time::Duration;

use super::{Quota, Standing};

/// How far one bucket is from full. The default is full.
///
/// It counts in ticks, of which a unit has as many as the period has nanoseconds, and `amount` come
/// back in each nanosecond: both are whole numbers for every quota, so nothing is ever rounded on the
/// way.
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
        let missing = self.missing(quota, now);
        let there = ticks(quota, quota.burst).saturating_sub(missing);
        Standing {
            limit: quota.burst,
            remaining: divide(there, quota.period),
            reset: time(quota, missing),
        }
    }

    /// How long until a call of `cost` may be made, if nothing else comes; `None` for never.
    pub(super) fn wait(&self, quota: Quota, now: u64, cost: u64) -> Option<Duration> {
        if cost > quota.burst {
            return None;
        }
        let after = self.missing(quota, now).saturating_add(ticks(quota, cost));
        match after.saturating_sub(ticks(quota, quota.burst)) {
            0 => Some(Duration::ZERO),
            over => Some(time(quota, over)),
        }
    }

    /// Takes `cost` units out, whether or not they are there.
    pub(super) fn spend(&mut self, quota: Quota, now: u64, cost: u64) {
        let from = self.full_at.max(moment(quota, now));
        self.set(quota, now, from.saturating_add(ticks(quota, cost)));
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
        let gained = moment(quota, now.saturating_sub(at));
        let back = ticks(quota, cost).saturating_sub(gained);
        self.set(quota, now, self.full_at.saturating_sub(back));
    }

    fn set(&mut self, quota: Quota, now: u64, full_at: u128) {
        self.full_at = full_at;
        let spent = full_at.saturating_sub(moment(quota, now));
        self.full_by = now.saturating_add(nanos(quota, spent));
    }

    /// Ticks that it lacks.
    fn missing(&self, quota: Quota, now: u64) -> u128 {
        let spent = self.full_at.saturating_sub(moment(quota, now));
        spent.saturating_add(ticks(quota, self.held))
    }
}

/// The ticks of `units`.
fn ticks(quota: Quota, units: u64) -> u128 {
    u128::from(units) * u128::from(quota.period)
}

/// The ticks that come back in `nanos`.
fn moment(quota: Quota, nanos: u64) -> u128 {
    u128::from(nanos) * u128::from(quota.amount)
}

/// The time in which `ticks` come back.
fn time(quota: Quota, ticks: u128) -> Duration {
    Duration::from_nanos(nanos(quota, ticks))
}

/// The nanoseconds in which `ticks` come back, rounded up.
fn nanos(quota: Quota, ticks: u128) -> u64 {
    divide(
        ticks.saturating_add(u128::from(quota.amount - 1)),
        quota.amount,
    )
}

/// A quotient, rounded down. Nearly all are of numbers that take a tenth of the time.
fn divide(number: u128, by: u64) -> u64 {
    match u64::try_from(number) {
        Ok(number) => number / by,
        Err(_) => u64::try_from(number / u128::from(by)).unwrap_or(u64::MAX),
    }
}
