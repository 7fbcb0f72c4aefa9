// SPDX-License-Identifier: Apache-2.0
//! Taking out endpoints that do worse than the others.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::EjectionConfig;
use super::member::Member;
use crate::Outcome;
use crate::clock::Epoch;
use crate::deadline::later;
use crate::window::{Tally, Window};

/// Standard errors by which a failure rate must differ to be more than chance.
const SIGNIFICANT: f64 = 3.0;

/// Decides who is taken out.
#[derive(Debug)]
pub(super) struct Ejector {
    config: EjectionConfig,
    /// Most endpoints that may be out at a time.
    most: usize,
    /// Held while an endpoint is taken out, so that counting those and taking out another is one.
    gate: Mutex<()>,
}

/// How one endpoint did of late.
#[derive(Debug)]
pub(super) struct Health {
    epoch: Epoch,
    /// Nanoseconds since the epoch; 0 before the first ejection.
    ejected_until: AtomicU64,
    ejections: AtomicU64,
    /// Calls that must succeed in a row before it is called like the others, once it is back.
    probation: u32,
    /// How many of them are missing; 0 when it is not on probation.
    missing: AtomicU32,
    /// How many of them are under way.
    probes: AtomicU32,
    record: Mutex<Record>,
}

#[derive(Debug)]
struct Record {
    window: Window,
    /// Failures since the last success.
    in_a_row: u32,
    /// Ejections that are not forgotten.
    repetitions: u32,
    last_time: Duration,
}

impl Ejector {
    /// For a pool of `members`.
    pub(super) fn new(config: EjectionConfig, members: usize) -> Self {
        // The share may come out a little below a whole number.
        let share = (members as f64 * config.max_ejected + 1e-9) as usize;
        Self {
            config,
            most: share.min(members.saturating_sub(1)),
            gate: Mutex::new(()),
        }
    }

    /// Counts how a call of the member at `index` ended, and takes it out if that was one failure
    /// too many; whether it was. `ejections` is their number when the call began: what began before
    /// the last ejection says nothing new.
    pub(super) fn record<T>(
        &self,
        members: &[Member<T>],
        index: usize,
        ejections: u64,
        outcome: Outcome,
    ) -> bool {
        let health = &members[index].health;
        let now = Instant::now();
        if health.ejections() != ejections || !health.ejected_for(now).is_zero() {
            return false;
        }
        let mut record = health.lock();
        record.window.record(outcome, now);
        let suspicious = match outcome {
            Outcome::Success => {
                record.in_a_row = 0;
                health.count_probe();
                return false;
            }
            Outcome::Failure => {
                record.in_a_row = record.in_a_row.saturating_add(1);
                record.in_a_row >= self.config.consecutive_failures || health.is_on_probation()
            }
        };
        let own = record.window.tally(now);
        drop(record);
        (suspicious || self.is_outlier(members, index, own, now)) && self.eject(members, index, now)
    }

    /// Whether `own` is clearly worse than all others together.
    fn is_outlier<T>(&self, members: &[Member<T>], index: usize, own: Tally, now: Instant) -> bool {
        let minimum = u64::from(self.config.minimum_calls);
        if own.calls < minimum {
            return false;
        }
        let others = members.iter().enumerate().filter(|(at, _)| *at != index);
        let others = others.map(|(_, member)| member.health.lock().window.tally(now));
        let others = others.fold(Tally::default(), Tally::plus);
        let difference = own.failure_ratio() - others.failure_ratio();
        others.calls >= minimum
            && difference >= self.config.failure_margin
            && difference > SIGNIFICANT * standard_error(own, others)
    }

    /// Takes a member out, unless it is out already or too many are; whether it did.
    fn eject<T>(&self, members: &[Member<T>], index: usize, now: Instant) -> bool {
        let _one_at_a_time = self.gate.lock().unwrap_or_else(PoisonError::into_inner);
        let is_out = |member: &&Member<T>| !member.health.ejected_for(now).is_zero();
        let health = &members[index].health;
        // INVARIANT: ejections begin nowhere else.
        if is_out(&&members[index]) || members.iter().filter(is_out).count() >= self.most {
            return false;
        }
        let time = health
            .lock()
            .start_ejection(health.back_for(now), &self.config);
        let until = health.epoch.nanos(later(now, time));
        health.missing.store(health.probation, Relaxed);
        health.ejected_until.store(until, Relaxed);
        health.ejections.fetch_add(1, Relaxed);
        true
    }
}

impl Health {
    /// Nothing is known yet.
    pub(super) fn new(config: &EjectionConfig) -> Self {
        Self {
            epoch: Epoch::now(),
            ejected_until: AtomicU64::new(0),
            ejections: AtomicU64::new(0),
            probation: config.probation_calls,
            missing: AtomicU32::new(0),
            probes: AtomicU32::new(0),
            record: Mutex::new(Record {
                window: Window::new(config.window),
                in_a_row: 0,
                repetitions: 0,
                last_time: Duration::ZERO,
            }),
        }
    }

    /// How much longer it is out; zero when it is not.
    pub(super) fn ejected_for(&self, now: Instant) -> Duration {
        match self.ejected_until.load(Relaxed) {
            0 => Duration::ZERO,
            until => self.epoch.until(until, now),
        }
    }

    /// How often it was taken out.
    pub(super) fn ejections(&self) -> u64 {
        self.ejections.load(Relaxed)
    }

    /// Whether it is on probation and has as many calls under way as it may have then: one, and
    /// another for each that has succeeded.
    pub(super) fn is_fully_probed(&self) -> bool {
        self.is_on_probation() && self.probes.load(Relaxed) >= self.most_probes()
    }

    /// Begins a call. Whether it is a probe, which is then to be ended with
    /// [`end_probe`](Self::end_probe); none when it may not be made.
    pub(super) fn begin_call(&self) -> Option<bool> {
        if !self.is_on_probation() {
            return Some(false);
        }
        let most = self.most_probes();
        let add = |probes| (probes < most).then_some(probes + 1);
        let added = self.probes.fetch_update(Relaxed, Relaxed, add);
        added.is_ok().then_some(true)
    }

    /// A probe is over, whatever came of it.
    pub(super) fn end_probe(&self) {
        self.probes.fetch_sub(1, Relaxed);
    }

    /// A call succeeded.
    fn count_probe(&self) {
        let less = |missing: u32| missing.checked_sub(1);
        // It fails when it is not on probation.
        let _ = self.missing.fetch_update(Relaxed, Relaxed, less);
    }

    fn most_probes(&self) -> u32 {
        let succeeded = self.probation.saturating_sub(self.missing.load(Relaxed));
        succeeded.saturating_add(1)
    }

    fn is_on_probation(&self) -> bool {
        self.missing.load(Relaxed) > 0
    }

    /// For how long it has been in service.
    fn back_for(&self, now: Instant) -> Duration {
        let back = self.ejected_until.load(Relaxed);
        Duration::from_nanos(self.epoch.nanos(now).saturating_sub(back))
    }

    /// Nothing under the lock panics.
    fn lock(&self) -> MutexGuard<'_, Record> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Record {
    /// How long it will be out now, after it was in service for `back_for`.
    fn start_ejection(&mut self, back_for: Duration, config: &EjectionConfig) -> Duration {
        let forgotten = match self.last_time.as_nanos() {
            0 => 0,
            last_time => back_for.as_nanos() / last_time,
        };
        let kept = u128::from(self.repetitions).saturating_sub(forgotten) as u32;
        let growth = 1_u32.checked_shl(kept).unwrap_or(u32::MAX);
        let time = config.ejection_time.saturating_mul(growth);
        self.repetitions = kept.saturating_add(1);
        self.last_time = time.min(config.max_ejection_time);
        self.window.clear();
        self.in_a_row = 0;
        self.last_time
    }
}

/// The standard error of the difference of two failure rates, if both were really the same.
fn standard_error(one: Tally, other: Tally) -> f64 {
    let pooled = one.plus(other).failure_ratio();
    let weights = 1.0 / one.calls.max(1) as f64 + 1.0 / other.calls.max(1) as f64;
    (pooled * (1.0 - pooled) * weights).sqrt()
}
