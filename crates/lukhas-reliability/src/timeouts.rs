// SPDX-License-Identifier: Apache-2.0
//! How long each part of a call may take.

use std::time::Duration;

use crate::error::{require, require_some};
use crate::{Deadline, SettingError};

/// How [`Timeouts`] are set up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeoutsConfig {
    /// Until there is a connection.
    pub connect: Duration,
    /// From the sent request to the first byte of the answer: a model's first token.
    pub first_byte: Duration,
    /// Between two pieces of the answer.
    pub idle: Duration,
    /// For the whole call, retries included.
    pub total: Duration,
}

/// How long each part of a call may take.
///
/// ```
/// use std::time::Duration;
/// use lukhas_reliability::{Timeouts, TimeoutsConfig};
///
/// let timeouts = Timeouts::default();
/// let deadline = timeouts.deadline(); // for the whole call, from now
/// assert_eq!(deadline.limit(timeouts.connect()), Duration::from_secs(1));
///
/// let idle = Duration::from_secs(700);
/// let error = Timeouts::new(TimeoutsConfig { idle, ..TimeoutsConfig::default() }).unwrap_err();
/// assert_eq!(error.to_string(), "`idle` must be longer than zero and at most `total`");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timeouts {
    config: TimeoutsConfig,
}

impl Timeouts {
    /// The timeouts of `config`.
    ///
    /// # Errors
    /// [`SettingError`] names the field that is zero, or so long that `total` always ends first.
    pub fn new(config: TimeoutsConfig) -> Result<Self, SettingError> {
        let TimeoutsConfig {
            connect,
            first_byte,
            idle,
            total,
        } = config;
        require_some(total, "total")?;
        for (part, field) in [
            (connect, "connect"),
            (first_byte, "first_byte"),
            (idle, "idle"),
        ] {
            let possible = !part.is_zero() && part <= total;
            require(possible, field, "longer than zero and at most `total`")?;
        }
        Ok(Self { config })
    }

    /// Until there is a connection.
    #[must_use]
    pub fn connect(&self) -> Duration {
        self.config.connect
    }

    /// From the sent request to the first byte of the answer: a model's first token.
    #[must_use]
    pub fn first_byte(&self) -> Duration {
        self.config.first_byte
    }

    /// Between two pieces of the answer.
    #[must_use]
    pub fn idle(&self) -> Duration {
        self.config.idle
    }

    /// For the whole call, retries included.
    #[must_use]
    pub fn total(&self) -> Duration {
        self.config.total
    }

    /// The deadline of a call that begins now.
    #[must_use]
    pub fn deadline(&self) -> Deadline {
        Deadline::after(self.config.total)
    }
}

impl Default for TimeoutsConfig {
    /// 1 s, 10 s, 10 s, and 600 s.
    fn default() -> Self {
        Self {
            connect: Duration::from_millis(1_000),
            first_byte: Duration::from_millis(10_000),
            idle: Duration::from_millis(10_000),
            total: Duration::from_secs(600),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEFAULT: TimeoutsConfig = TimeoutsConfig {
        connect: Duration::from_secs(1),
        first_byte: Duration::from_secs(10),
        idle: Duration::from_secs(10),
        total: Duration::from_secs(600),
    };

    #[track_caller]
    fn check(config: TimeoutsConfig, expected: Option<&str>) {
        let error = Timeouts::new(config).err();
        assert_eq!(error.map(|error| error.field), expected, "{config:?}");
    }

    #[test]
    fn impossible_settings_are_named() {
        assert_eq!(Timeouts::new(DEFAULT), Ok(Timeouts::default()));
        let (zero, long) = (Duration::ZERO, Duration::from_secs(601));
        for time in [zero, long] {
            let connect = time;
            check(TimeoutsConfig { connect, ..DEFAULT }, Some("connect"));
            let first_byte = time;
            check(
                TimeoutsConfig {
                    first_byte,
                    ..DEFAULT
                },
                Some("first_byte"),
            );
            let idle = time;
            check(TimeoutsConfig { idle, ..DEFAULT }, Some("idle"));
        }
        let total = zero;
        check(TimeoutsConfig { total, ..DEFAULT }, Some("total"));
        let all = Duration::from_nanos(1);
        check(
            TimeoutsConfig {
                connect: all,
                first_byte: all,
                idle: all,
                total: all,
            },
            None,
        );
    }
}
