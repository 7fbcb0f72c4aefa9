// SPDX-License-Identifier: Apache-2.0
//! How many attempts there may be beside the first ones.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::SettingError;
use crate::error::require;

/// What one retry costs; a request brings in its ratio of this.
const RETRY: u64 = 1_000;

/// How a [`RetryBudget`] is set up.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RetryBudgetConfig {
    /// Retries for each request, 0 to 1 in steps of 0.001.
    pub ratio: f64,
    /// Most retries that unused credit is kept for.
    pub saved: u32,
}

/// How many attempts there may be beside the first ones: a share of all requests.
///
/// Each request brings in `ratio` of a retry, each retry takes out a whole one, and it starts
/// empty, so in any run
///
/// > retries granted <= ratio x requests recorded
///
/// exactly: thousandths are counted in integers. There is no floor of retries a second, which in a
/// total outage would add up to a second wave of traffic. Credit that is not used is kept for at
/// most `saved` retries, so a long quiet time does not pay for a storm. Lock-free; share it with an
/// `Arc` between all who call the same upstream.
///
/// ```
/// use lukhas_reliability::RetryBudget;
///
/// let budget = RetryBudget::default(); // one retry for ten requests
/// assert!(!budget.try_spend(), "nothing is there before the first request");
/// for _ in 0..10 {
///     budget.record_request();
/// }
/// assert!(budget.try_spend());
/// assert!(!budget.try_spend());
/// ```
#[derive(Debug)]
pub struct RetryBudget {
    /// Thousandths of a retry.
    credit: AtomicU64,
    /// What a request brings in.
    income: u64,
    /// Most that `credit` can be.
    most: u64,
}

impl RetryBudget {
    /// An empty budget.
    ///
    /// # Errors
    /// [`SettingError`] when `ratio` is not one of 0, 0.001, ... 1, or `saved` is 0 although there
    /// is a ratio: nothing could ever be granted.
    pub fn new(config: RetryBudgetConfig) -> Result<Self, SettingError> {
        let RetryBudgetConfig { ratio, saved } = config;
        let thousandths = (ratio * RETRY as f64).round();
        let exact = (ratio * RETRY as f64 - thousandths).abs() < 1e-6;
        let good = (0.0..=1.0).contains(&ratio) && exact;
        require(good, "ratio", "between 0 and 1, in steps of 0.001")?;
        require(saved > 0 || ratio == 0.0, "saved", "at least 1")?;
        Ok(Self {
            credit: AtomicU64::new(0),
            income: thousandths as u64,
            most: u64::from(saved) * RETRY,
        })
    }

    /// Counts a request, once, before its first attempt.
    pub fn record_request(&self) {
        let add = |credit: u64| {
            let next = (credit + self.income).min(self.most);
            (next != credit).then_some(next)
        };
        // It fails when nothing changes, which is as good.
        let _ = self.credit.fetch_update(Relaxed, Relaxed, add);
    }

    /// Takes out one retry. Whether there was one to take; only then may it be made.
    #[must_use]
    pub fn try_spend(&self) -> bool {
        let take = |credit: u64| credit.checked_sub(RETRY);
        self.credit.fetch_update(Relaxed, Relaxed, take).is_ok()
    }

    /// Retries that could be taken out now.
    #[must_use]
    pub fn available(&self) -> u64 {
        self.credit.load(Relaxed) / RETRY
    }
}

impl Default for RetryBudgetConfig {
    /// A ratio of 0.1, and 100 retries saved.
    fn default() -> Self {
        Self {
            ratio: 0.1,
            saved: 100,
        }
    }
}

impl Default for RetryBudget {
    /// The budget of [`RetryBudgetConfig::default`].
    fn default() -> Self {
        Self {
            credit: AtomicU64::new(0),
            income: RETRY / 10,
            most: 100 * RETRY,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use proptest::prelude::*;

    use super::*;

    fn budget(ratio: f64, saved: u32) -> RetryBudget {
        RetryBudget::new(RetryBudgetConfig { ratio, saved }).unwrap()
    }

    #[track_caller]
    fn check(ratio: f64, saved: u32, expected: Option<&str>) {
        let error = RetryBudget::new(RetryBudgetConfig { ratio, saved }).err();
        assert_eq!(error.map(|error| error.field), expected, "{ratio} {saved}");
    }

    #[test]
    fn impossible_settings_are_named() {
        for good in [0.0, 0.001, 0.1, 0.29, 0.057, 0.999, 1.0] {
            check(good, 1, None);
        }
        for bad in [-0.1, 1.001, 0.0004, 0.12345, f64::NAN, f64::INFINITY] {
            check(bad, 1, Some("ratio"));
        }
        check(0.1, 0, Some("saved"));
        check(0.0, 0, None);
        check(0.1, u32::MAX, None);
    }

    #[test]
    fn the_default_is_what_its_config_says() {
        let (made, default) = (
            RetryBudget::new(RetryBudgetConfig::default()).unwrap(),
            RetryBudget::default(),
        );
        assert_eq!((made.income, made.most), (default.income, default.most));
    }

    #[test]
    fn unused_credit_is_bounded() {
        let budget = budget(0.5, 3);
        (0..1_000).for_each(|_| budget.record_request());
        assert_eq!(budget.available(), 3);
        let granted = (0..10).filter(|_| budget.try_spend()).count();
        assert_eq!(granted, 3);
    }

    #[test]
    fn threads_together_get_no_more_than_the_ratio() {
        let budget = budget(0.1, u32::MAX);
        let work = || {
            let mut granted = 0;
            for _ in 0..10_000 {
                budget.record_request();
                granted += u32::from(budget.try_spend());
            }
            granted
        };
        let granted: u32 = thread::scope(|scope| {
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(work)).collect();
            threads.into_iter().map(|it| it.join().unwrap()).sum()
        });
        assert!(granted <= 4_000, "{granted}");
        assert_eq!(u64::from(granted) + budget.available(), 4_000);
    }

    proptest! {
        #[test]
        fn retries_stay_within_the_ratio_at_every_moment(
            thousandths in 0_u64..=1_000,
            saved in 1_u32..50,
            requests in prop::collection::vec(any::<bool>(), 0..2_000),
        ) {
            let budget = budget(thousandths as f64 / 1_000.0, saved);
            let (mut recorded, mut granted) = (0, 0);
            for is_request in requests {
                if is_request {
                    budget.record_request();
                    recorded += 1;
                } else {
                    granted += u64::from(budget.try_spend());
                }
                prop_assert!(granted * RETRY <= thousandths * recorded);
                prop_assert!(budget.available() <= u64::from(saved));
            }
        }
    }
}
