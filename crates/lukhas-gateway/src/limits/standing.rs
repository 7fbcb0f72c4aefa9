// SPDX-License-Identifier: Apache-2.0
//! How a caller's limits stand, as `x-ratelimit-*` headers say it.

use std::fmt;
use std::time::Duration;

use axum::response::Response;
use http::HeaderMap;
use http::header::{HeaderName, HeaderValue};
use lukhas_reliability::Standing;

use super::Unit;

/// How the tightest limits of a request stand, by what they count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Standings {
    requests: Option<Standing>,
    tokens: Option<Standing>,
}

/// A time as Go writes it: `12ms`, `1.5s`, `6m0s`.
struct GoDuration(Duration);

const REQUESTS: [HeaderName; 3] = [
    HeaderName::from_static("x-ratelimit-limit-requests"),
    HeaderName::from_static("x-ratelimit-remaining-requests"),
    HeaderName::from_static("x-ratelimit-reset-requests"),
];
const TOKENS: [HeaderName; 3] = [
    HeaderName::from_static("x-ratelimit-limit-tokens"),
    HeaderName::from_static("x-ratelimit-remaining-tokens"),
    HeaderName::from_static("x-ratelimit-reset-tokens"),
];

impl Standings {
    /// Takes note of a limit. The one that leaves least is told; of two that leave as much, the one
    /// that takes longer to be full.
    pub(super) fn note(&mut self, unit: Unit, standing: Standing) {
        let told = match unit {
            Unit::Requests => &mut self.requests,
            Unit::InputTokens | Unit::OutputTokens | Unit::Tokens => &mut self.tokens,
            Unit::Concurrency => return,
        };
        let is_tighter = told.is_none_or(|told| {
            standing.remaining < told.remaining
                || (standing.remaining == told.remaining && standing.reset > told.reset)
        });
        if is_tighter {
            *told = Some(standing);
        }
    }

    /// Says that a limit denies, whichever is the tightest.
    pub(super) fn deny(&mut self, unit: Unit, standing: Standing) {
        match unit {
            Unit::Requests => self.requests = Some(standing),
            Unit::InputTokens | Unit::OutputTokens | Unit::Tokens => self.tokens = Some(standing),
            Unit::Concurrency => {}
        }
    }

    /// Says it in the headers of an answer.
    pub(crate) fn put_on(&self, headers: &mut HeaderMap) {
        for (names, standing) in [(&REQUESTS, self.requests), (&TOKENS, self.tokens)] {
            let Some(standing) = standing else { continue };
            let [limit, remaining, reset] = names;
            headers.insert(limit, HeaderValue::from(standing.limit));
            headers.insert(remaining, HeaderValue::from(standing.remaining));
            // Digits and letters.
            if let Ok(value) = HeaderValue::try_from(GoDuration(standing.reset).to_string()) {
                headers.insert(reset, value);
            }
        }
    }
}

/// The answer, with what the front has to say of limits that were known only later.
pub(crate) fn with_standings(mut response: Response, standings: Option<Standings>) -> Response {
    if let Some(standings) = standings {
        response.extensions_mut().insert(standings);
    }
    response
}

/// In whole milliseconds, rounded up, so that nobody comes back too early.
impl fmt::Display for GoDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = self.0.as_nanos().div_ceil(1_000_000);
        let (seconds, ms) = (ms / 1_000, ms % 1_000);
        match (seconds, ms) {
            (0, 0) => return f.write_str("0s"),
            (0, ms) => return write!(f, "{ms}ms"),
            (3_600.., _) => write!(f, "{}h{}m", seconds / 3_600, seconds / 60 % 60)?,
            (60.., _) => write!(f, "{}m", seconds / 60)?,
            (_, _) => {}
        }
        write!(f, "{}", seconds % 60)?;
        if ms > 0 {
            let fraction = format!("{ms:03}");
            write!(f, ".{}", fraction.trim_end_matches('0'))?;
        }
        f.write_str("s")
    }
}

/// A time for people, as the headers write it.
pub(super) fn written(time: Duration) -> impl fmt::Display {
    GoDuration(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_go_writes_them() {
        for (micros, expected) in [
            (0, "0s"),
            (1, "1ms"),
            (12_000, "12ms"),
            (999_001, "1s"),
            (1_500_000, "1.5s"),
            (1_050_000, "1.05s"),
            (60_000_000, "1m0s"),
            (360_000_000, "6m0s"),
            (61_001_000, "1m1.001s"),
            (3_600_000_000, "1h0m0s"),
            (90_061_000_000, "25h1m1s"),
        ] {
            let time = Duration::from_micros(micros);
            assert_eq!(written(time).to_string(), expected);
        }
    }

    #[test]
    fn the_tightest_limit_is_told() {
        let standing = |remaining, reset| Standing {
            limit: 100,
            remaining,
            reset: Duration::from_secs(reset),
        };
        let mut standings = Standings::default();
        for (remaining, reset) in [(50, 5), (20, 1), (20, 3), (20, 2), (30, 9)] {
            standings.note(Unit::Requests, standing(remaining, reset));
        }
        standings.note(Unit::Concurrency, standing(0, 0));
        assert_eq!(standings.requests, Some(standing(20, 3)));
        assert_eq!(standings.tokens, None);
        standings.deny(Unit::Requests, standing(40, 1));
        assert_eq!(standings.requests, Some(standing(40, 1)));
    }
}
