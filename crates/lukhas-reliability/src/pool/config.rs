// SPDX-License-Identifier: Apache-2.0
//! How a pool is set up.

use std::time::Duration;

use crate::error::{require, require_share, require_some};
use crate::{BreakerConfig, SettingError};

/// How a [`Pool`](crate::Pool) is set up.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PoolConfig {
    /// Who is called among those that can be.
    pub balance: Balance,
    /// When an endpoint is taken out.
    pub ejection: EjectionConfig,
    /// Most time that an endpoint can ask to be left alone.
    pub max_cooldown: Duration,
    /// The circuit breaker that each endpoint gets, if any.
    pub breaker: Option<BreakerConfig>,
}

/// Who is called among those that can be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Balance {
    /// Any, by chance and weight.
    WeightedRandom,
    /// Who has the fewest calls under way for its weight; chance and weight decide between equals.
    #[default]
    LeastLoaded,
}

/// When an endpoint of a [`Pool`](crate::Pool) is taken out, and for how long.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EjectionConfig {
    /// So many failures in a row.
    pub consecutive_failures: u32,
    /// Or a failure rate so much above that of all others together, 0 to 1. It must also be more
    /// than chance explains: three standard errors of a two-proportion z-test.
    pub failure_margin: f64,
    /// Fewest calls, of the endpoint and of all others together, for rates to be compared.
    pub minimum_calls: u32,
    /// How long a call counts for the rates.
    pub window: Duration,
    /// For how long the first time. Each repetition doubles it.
    pub ejection_time: Duration,
    /// For how long at most.
    pub max_ejection_time: Duration,
    /// Calls in a row that must succeed, when it is back, before it is called like the others. The
    /// first is made alone, and each success lets one more be under way; a failure takes it out
    /// again.
    pub probation_calls: u32,
    /// Most of the endpoints that may be out at a time, 0 to 1, rounded down. One always stays.
    pub max_ejected: f64,
}

impl EjectionConfig {
    /// Names the field that is out of its range.
    pub(super) fn check(&self) -> Result<(), SettingError> {
        let failures = self.consecutive_failures;
        require(failures > 0, "consecutive_failures", "at least 1")?;
        require_share(self.failure_margin, "failure_margin")?;
        require(self.minimum_calls > 0, "minimum_calls", "at least 1")?;
        require_some(self.window, "window")?;
        require_some(self.ejection_time, "ejection_time")?;
        let growing = self.max_ejection_time >= self.ejection_time;
        require(growing, "max_ejection_time", "at least `ejection_time`")?;
        require(self.probation_calls > 0, "probation_calls", "at least 1")?;
        require_share(self.max_ejected, "max_ejected")
    }
}

impl Default for PoolConfig {
    /// The least loaded; at most 60 s of cooling down; no circuit breaker, as ejection does the
    /// same with regard to the others.
    fn default() -> Self {
        Self {
            balance: Balance::default(),
            ejection: EjectionConfig::default(),
            max_cooldown: Duration::from_secs(60),
            breaker: None,
        }
    }
}

impl Default for EjectionConfig {
    /// 5 failures in a row, or a rate 0.05 above the others' within 10 s and 10 calls; for 10 s,
    /// and up to 300 s; 5 calls of probation; at most half of them.
    fn default() -> Self {
        Self {
            consecutive_failures: 5,
            failure_margin: 0.05,
            minimum_calls: 10,
            window: Duration::from_secs(10),
            ejection_time: Duration::from_secs(10),
            max_ejection_time: Duration::from_secs(300),
            probation_calls: 5,
            max_ejected: 0.5,
        }
    }
}
