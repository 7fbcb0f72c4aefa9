// SPDX-License-Identifier: Apache-2.0
//! What a caller is told that is over a limit.

use std::time::Duration;

use lukhas_reliability::Quota;

use super::standing::written;
use super::{Bound, Limit, Standings, Unit};
use crate::{ApiError, ErrorCode};

/// When to come back to a limit on requests at a time: when one of them ends is not known.
const LATER: Duration = Duration::from_secs(1);

impl Limit {
    /// The 429 of a request that takes `cost`, of which a retry is admitted after `wait`; `None` for
    /// never.
    pub(super) fn denial(
        &self,
        cost: u64,
        wait: Option<Duration>,
        standings: Standings,
    ) -> ApiError {
        self.metrics.denied();
        let message = match (self.bound, wait) {
            (Bound::AtATime(limit), _) => format!(
                "Rate limit `{}` reached: {limit} requests at a time. Retry when one of them has \
                 ended.",
                self.rule.name
            ),
            (Bound::Rate(quota), None) => format!(
                "This request takes up to {cost} {}, more than rate limit `{}` ever admits at once: \
                 {}. Send less, or ask for fewer tokens.",
                self.unit.name(),
                self.rule.name,
                allowance(quota, self.unit)
            ),
            (Bound::Rate(quota), Some(wait)) => format!(
                "Rate limit `{}` reached: {}. Retry in {}.",
                self.rule.name,
                allowance(quota, self.unit),
                written(wait)
            ),
        };
        let wait = match self.bound {
            Bound::AtATime(_) => Some(LATER),
            Bound::Rate(_) => wait,
        };
        ApiError::new(ErrorCode::RateLimitExceeded, message).with_limits(wait, standings)
    }
}

impl Unit {
    /// Its name for people.
    fn name(self) -> &'static str {
        match self {
            Self::Requests | Self::Concurrency => "requests",
            Self::InputTokens => "input tokens",
            Self::OutputTokens => "output tokens",
            Self::Tokens => "tokens",
        }
    }
}

/// What a quota allows, for people.
fn allowance(quota: Quota, unit: Unit) -> String {
    let (amount, unit) = (quota.amount(), unit.name());
    let period = match quota.period().as_secs() {
        1 => "second".to_owned(),
        60 => "minute".to_owned(),
        3_600 => "hour".to_owned(),
        86_400 => "day".to_owned(),
        _ => written(quota.period()).to_string(),
    };
    match quota.burst() {
        burst if burst == amount => format!("{amount} {unit} per {period}"),
        burst => format!("{amount} {unit} per {period}, {burst} at once"),
    }
}
