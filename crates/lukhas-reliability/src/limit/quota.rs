// SPDX-License-Identifier: Apache-2.0
//! How much, in which time.

use std::time::Duration;

use super::Standing;
use crate::SettingError;
use crate::error::require;

/// Most units of an amount or a burst. With it no level of a bucket can overflow: 2^40 units in
/// periods of 2^55 nanoseconds, at moments of 2^64, stay below 2^128.
const MOST: u64 = 1_000_000_000_000;

const DAY: Duration = Duration::from_secs(86_400);

/// How a [`Quota`] is set up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QuotaConfig {
    /// Units that come back in each period, at an even pace.
    pub amount: u64,
    /// The period.
    pub period: Duration,
    /// Units of a full bucket: most that a call, or several at the same moment, can take.
    pub burst: u64,
}

/// How many units a bucket holds, and how fast they come back.
///
/// Levels of buckets are counted in ticks, of which a unit has as many as the period has nanoseconds,
/// and `amount` come back in each nanosecond: both are whole numbers for every quota, so nothing is
/// ever rounded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Quota {
    pub(super) amount: u64,
    /// Nanoseconds.
    pub(super) period: u64,
    pub(super) burst: u64,
}

impl Quota {
    /// The quota of `config`.
    ///
    /// # Errors
    /// [`SettingError`] when `amount` or `burst` is not from 1 to 10^12, `period` is not from a
    /// nanosecond to 366 days, or an empty bucket would take more than a hundred years to fill.
    pub fn new(config: QuotaConfig) -> Result<Self, SettingError> {
        let QuotaConfig {
            amount,
            period,
            burst,
        } = config;
        let possible = |units: u64| (1..=MOST).contains(&units);
        require(possible(amount), "amount", "from 1 to 10^12")?;
        let passes = !period.is_zero() && period <= 366 * DAY;
        require(passes, "period", "longer than zero and at most 366 days")?;
        require(possible(burst), "burst", "from 1 to 10^12")?;
        let filled = u128::from(burst) * period.as_nanos() / u128::from(amount);
        let century = (36_525 * DAY).as_nanos();
        require(filled <= century, "burst", "filled within a hundred years")?;
        Ok(Self {
            amount,
            // INVARIANT: at most 366 days.
            period: u64::try_from(period.as_nanos()).unwrap_or(u64::MAX),
            burst,
        })
    }

    /// Units that come back in each period.
    #[must_use]
    pub fn amount(&self) -> u64 {
        self.amount
    }

    /// The period.
    #[must_use]
    pub fn period(&self) -> Duration {
        Duration::from_nanos(self.period)
    }

    /// Units of a full bucket.
    #[must_use]
    pub fn burst(&self) -> u64 {
        self.burst
    }

    /// The ticks of `units`.
    #[must_use]
    pub fn ticks(self, units: u64) -> u128 {
        u128::from(units) * u128::from(self.period)
    }

    /// The ticks that come back in `nanos` nanoseconds.
    #[must_use]
    pub fn ticks_in(self, nanos: u64) -> u128 {
        u128::from(nanos) * u128::from(self.amount)
    }

    /// How a bucket stands that lacks `missing` ticks.
    #[must_use]
    pub fn standing(self, missing: u128) -> Standing {
        let there = self.ticks(self.burst).saturating_sub(missing);
        Standing {
            limit: self.burst,
            remaining: divide(there, self.period),
            reset: Duration::from_nanos(self.nanos(missing)),
        }
    }

    /// How long until a call of `cost` units may be made of a bucket that lacks `missing` ticks, if
    /// nothing else comes; `None` for never.
    #[must_use]
    pub fn wait(self, missing: u128, cost: u64) -> Option<Duration> {
        if cost > self.burst {
            return None;
        }
        let after = missing.saturating_add(self.ticks(cost));
        match after.saturating_sub(self.ticks(self.burst)) {
            0 => Some(Duration::ZERO),
            over => Some(Duration::from_nanos(self.nanos(over))),
        }
    }

    /// The nanoseconds in which `ticks` come back, rounded up.
    pub(super) fn nanos(self, ticks: u128) -> u64 {
        divide(
            ticks.saturating_add(u128::from(self.amount - 1)),
            self.amount,
        )
    }
}

/// A quotient, rounded down. Nearly all are of numbers that take a tenth of the time.
fn divide(number: u128, by: u64) -> u64 {
    match u64::try_from(number) {
        Ok(number) => number / by,
        Err(_) => u64::try_from(number / u128::from(by)).unwrap_or(u64::MAX),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: QuotaConfig = QuotaConfig {
        amount: 20,
        period: Duration::from_secs(1),
        burst: 20,
    };

    #[track_caller]
    fn check(config: QuotaConfig, expected: Option<&str>) {
        let error = Quota::new(config).err();
        assert_eq!(error.map(|error| error.field), expected, "{config:?}");
    }

    #[test]
    fn impossible_settings_are_named() {
        check(GOOD, None);
        for amount in [0, MOST + 1, u64::MAX] {
            check(QuotaConfig { amount, ..GOOD }, Some("amount"));
        }
        for period in [Duration::ZERO, 367 * DAY, Duration::MAX] {
            check(QuotaConfig { period, ..GOOD }, Some("period"));
        }
        for burst in [0, MOST + 1, u64::MAX, MOST] {
            let amount = 1;
            let config = QuotaConfig {
                amount,
                burst,
                ..GOOD
            };
            check(config, Some("burst"));
        }
        let slow = QuotaConfig {
            amount: 1,
            period: DAY,
            burst: 36_525,
        };
        check(slow, None);
        check(
            QuotaConfig {
                burst: 36_526,
                ..slow
            },
            Some("burst"),
        );
    }
}
