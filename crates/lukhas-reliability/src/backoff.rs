// SPDX-License-Identifier: Apache-2.0
//! How long to wait before the next attempt.

use std::time::Duration;

use rand::Rng;

use crate::SettingError;
use crate::error::{require, require_share};
use crate::random::fraction;

/// How a [`Backoff`] is set up.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BackoffConfig {
    /// Seconds before the first retry.
    pub base: f64,
    /// What each further retry multiplies that by, at least 1.
    pub factor: f64,
    /// Most seconds of a wait.
    pub max: f64,
    /// How chance changes the wait.
    pub jitter: Jitter,
}

/// How chance changes a wait, so that those who failed together do not come back together.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Jitter {
    /// Up to this share of the wait is left out, 0 to 1. 0 is no jitter, 1 is full jitter.
    Shorten(f64),
    /// The wait is drawn from the base to three times the wait before, and the factor has no say.
    Decorrelated,
}

/// An attempt at a piece of work, as its backoff sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// Its number, from 0.
    pub number: u32,
    /// What was waited before it; zero before the first.
    pub waited: Duration,
}

/// How long to wait before the next attempt: exponential, with jitter.
///
/// "Exponential Backoff And Jitter" (AWS Architecture Blog, 2015) compares the kinds of jitter.
///
/// ```
/// use std::time::Duration;
/// use lukhas_reliability::{Attempt, Backoff};
///
/// let backoff = Backoff::default(); // 0.1 s, 0.2 s, 0.4 s ... 30 s, each up to a tenth shorter
/// let mut rng = rand::rng();
/// let wait = backoff.delay(Attempt::FIRST, &mut rng);
/// assert!(wait > Duration::from_millis(89) && wait <= Duration::from_millis(100));
/// let second = Attempt::FIRST.next(wait);
/// assert!(backoff.delay(second, &mut rng) <= backoff.ceiling(1));
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Backoff {
    config: BackoffConfig,
}

impl Jitter {
    /// Full jitter: evenly from zero to the whole wait.
    pub const FULL: Self = Self::Shorten(1.0);
    /// No jitter: all who failed together come back together.
    pub const NONE: Self = Self::Shorten(0.0);
}

impl Attempt {
    /// The first.
    pub const FIRST: Self = Self {
        number: 0,
        waited: Duration::ZERO,
    };

    /// The one after it, once `waited` has passed.
    #[must_use]
    pub fn next(self, waited: Duration) -> Self {
        Self {
            number: self.number.saturating_add(1),
            waited,
        }
    }
}

impl Backoff {
    /// The backoff of `config`.
    ///
    /// # Errors
    /// [`SettingError`] names the field that is negative, not a number, or out of its range.
    pub fn new(config: BackoffConfig) -> Result<Self, SettingError> {
        let seconds = |value: f64| Duration::try_from_secs_f64(value).is_ok();
        require(seconds(config.base), "base", "a number of seconds from 0")?;
        let growing = config.factor.is_finite() && config.factor >= 1.0;
        require(growing, "factor", "a number from 1")?;
        let above = seconds(config.max) && config.max >= config.base;
        require(above, "max", "a number of seconds from `base`")?;
        match config.jitter {
            Jitter::Shorten(share) => require_share(share, "jitter")?,
            Jitter::Decorrelated => {}
        }
        Ok(Self { config })
    }

    /// What to wait after `attempt` has failed.
    pub fn delay(&self, attempt: Attempt, rng: &mut (impl Rng + ?Sized)) -> Duration {
        let BackoffConfig { base, max, .. } = self.config;
        let seconds = match self.config.jitter {
            Jitter::Shorten(share) => {
                self.ceiling_seconds(attempt.number) * (1.0 - share * fraction(rng))
            }
            Jitter::Decorrelated => {
                let before = attempt.waited.as_secs_f64().max(base);
                base + ((before * 3.0).min(max) - base) * fraction(rng)
            }
        };
        to_duration(seconds)
    }

    /// Most that is waited after the attempt of this number, from 0, unless the jitter is
    /// decorrelated.
    #[must_use]
    pub fn ceiling(&self, number: u32) -> Duration {
        to_duration(self.ceiling_seconds(number))
    }

    fn ceiling_seconds(&self, number: u32) -> f64 {
        let BackoffConfig {
            base, factor, max, ..
        } = self.config;
        // Finite, so that a base of zero stays zero.
        let growth = factor
            .powi(number.try_into().unwrap_or(i32::MAX))
            .min(f64::MAX);
        (base * growth).min(max)
    }
}

/// INVARIANT: `seconds` lies between 0 and a maximum that is a duration.
fn to_duration(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
}

impl Default for BackoffConfig {
    /// 0.1 s, doubled up to 30 s, with up to a tenth left out.
    fn default() -> Self {
        Self {
            base: 0.1,
            factor: 2.0,
            max: 30.0,
            jitter: Jitter::Shorten(0.1),
        }
    }
}

impl Default for Backoff {
    /// The backoff of [`BackoffConfig::default`].
    fn default() -> Self {
        Self {
            config: BackoffConfig::default(),
        }
    }
}

#[cfg(test)]
mod tests;
