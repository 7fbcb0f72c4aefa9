// SPDX-License-Identifier: Apache-2.0
//! What rate limits are defined by, for the tests of those that enforce them.

use super::Quota;

/// What was admitted under one quota, and when: the definition that a limiter must equal. Slow, and
/// remembers everything. Times are nanoseconds and do not go backwards.
#[derive(Clone, Debug)]
pub struct AdmissionLog {
    quota: Quota,
    spent: Vec<(u64, u64)>,
    held: u64,
}

impl AdmissionLog {
    /// Nothing admitted.
    #[must_use]
    pub fn new(quota: Quota) -> Self {
        Self {
            quota,
            spent: Vec::new(),
            held: 0,
        }
    }

    /// Whether `cost` more at `now` keeps every window that ends there within burst + rate x T.
    #[must_use]
    pub fn allows(&self, now: u64, cost: u64) -> bool {
        let period = u128::from(self.quota.period);
        let mut total = u128::from(cost) + u128::from(self.held);
        let starts = self.spent.iter().rev();
        let within = |from: u64, total: u128| {
            let gained = u128::from(now - from) * u128::from(self.quota.amount);
            total * period <= u128::from(self.quota.burst) * period + gained
        };
        within(now, total)
            && starts.fold(true, |good, (at, units)| {
                total += u128::from(*units);
                good && within(*at, total)
            })
    }

    /// Most that could be admitted now.
    #[must_use]
    pub fn remaining(&self, now: u64) -> u64 {
        let mut most = 0;
        while most < self.quota.burst && self.allows(now, most + 1) {
            most += 1;
        }
        most
    }

    /// Takes note of `units` spent at `now`.
    pub fn spend(&mut self, now: u64, units: u64) {
        self.spent.push((now, units));
    }

    /// Takes note of `units` that are held from now on.
    pub fn hold(&mut self, units: u64) {
        self.held += units;
    }

    /// Takes note of `units` that are held no more.
    pub fn release(&mut self, units: u64) {
        self.held -= units;
    }

    /// Makes as if `units` had never been spent at `at`.
    pub fn forget(&mut self, at: u64, units: u64) {
        if let Some(entry) = self.spent.iter().position(|it| *it == (at, units)) {
            self.spent.remove(entry);
        }
    }
}
