// SPDX-License-Identifier: Apache-2.0
//! Amounts as scripts count them, whose numbers are exact to 2^53 alone.

use lukhas_reliability::Quota;

/// Longest time that an amount stands for, in microseconds: 142 years, more than any bucket takes to
/// fill, which is a hundred. Until 2150 no sum of those and the time is more than 2^53.
const LONGEST: u128 = 1 << 52;

/// What a microsecond is divided into for one bucket: as many parts as ticks come back in it, which is
/// at most 10^15. So ticks are microseconds and parts of one, and nothing is rounded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Scale(u64);

/// An amount of one bucket, in ticks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Amount {
    pub(super) scale: Scale,
    pub(super) ticks: u128,
}

impl Scale {
    /// Of limits on calls at a time: a call is as good as a microsecond.
    pub(super) const SLOTS: Self = Self(1);

    /// Of budgets, whose units are many and count for themselves.
    pub(super) const BUDGET: Self = Self(1_000_000_000);

    pub(super) fn of(quota: Quota) -> Self {
        // INVARIANT: an amount is at most 10^12.
        Self(u64::try_from(quota.ticks_in(1_000)).unwrap_or(u64::MAX))
    }

    pub(super) fn parts(self) -> u64 {
        self.0
    }

    /// Microseconds, and parts of one.
    pub(super) fn split(self, ticks: u128) -> [u64; 2] {
        let parts = u128::from(self.0);
        let (whole, rest) = (ticks / parts, ticks % parts);
        match (u64::try_from(whole), u64::try_from(rest)) {
            (Ok(whole), Ok(rest)) if u128::from(whole) < LONGEST => [whole, rest],
            _ => [1 << 52, 0],
        }
    }

    /// The ticks of microseconds and parts of one.
    pub(super) fn join(self, [whole, rest]: [u64; 2]) -> u128 {
        u128::from(whole) * u128::from(self.0) + u128::from(rest)
    }
}

impl Amount {
    /// A call, among those at a time.
    pub(super) const SLOT: Self = Self {
        scale: Scale::SLOTS,
        ticks: 1,
    };

    /// So many units under `quota`.
    pub(super) fn of(quota: Quota, units: u64) -> Self {
        Self {
            scale: Scale::of(quota),
            ticks: quota.ticks(units),
        }
    }

    /// The same scale, and nothing.
    pub(super) fn nothing(self) -> Self {
        Self { ticks: 0, ..self }
    }

    /// Microseconds, and parts of one.
    pub(super) fn split(self) -> [u64; 2] {
        self.scale.split(self.ticks)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use lukhas_reliability::QuotaConfig;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_amount_of_every_quota_is_whole_and_small_enough_for_a_script(
            amount in 1..=1_000_000_000_000_u64,
            period in 1..=31_622_400_000_000_000_u64,
            burst in 1..=1_000_000_000_000_u64,
            units in 0..=1_000_000_000_000_u64,
        ) {
            let period = Duration::from_nanos(period);
            let config = QuotaConfig { amount, period, burst };
            if let Ok(quota) = Quota::new(config) {
                is_exact(quota, units % (burst + 1));
            }
        }
    }

    /// Asserts that a script loses nothing of so many units, at any moment until 2150.
    #[track_caller]
    fn is_exact(quota: Quota, units: u64) {
        let scale = Scale::of(quota);
        let [whole, rest] = scale.split(quota.ticks(units));
        assert_eq!(scale.join([whole, rest]), quota.ticks(units));
        let now = 180 * 366 * 86_400 * 1_000_000_u64;
        assert!(now + whole < 1 << 53, "{whole}");
        assert!(rest < scale.parts() && 2 * scale.parts() < 1 << 53);
    }

    #[test]
    fn what_takes_longest_to_come_back_is_exact_too() {
        let config = QuotaConfig {
            amount: 1,
            period: Duration::from_secs(366 * 86_400),
            burst: 99,
        };
        is_exact(Quota::new(config).unwrap(), 99);
        let config = QuotaConfig {
            amount: 10_u64.pow(12) - 1,
            period: Duration::from_secs(86_400),
            burst: 10_u64.pow(12),
        };
        is_exact(Quota::new(config).unwrap(), 10_u64.pow(12) - 7);
    }

    #[test]
    fn an_amount_beyond_all_measure_is_the_largest() {
        let [whole, rest] = Scale::SLOTS.split(u128::MAX);
        assert_eq!((u128::from(whole), rest), (LONGEST, 0));
    }
}
