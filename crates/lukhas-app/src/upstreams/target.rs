// SPDX-License-Identifier: Apache-2.0
//! One target of a model: its upstream, its share, its time and its price.

use std::num::NonZeroU32;

use lukhas_core::{Picodollars, Price};
use lukhas_providers::Target;

use super::Builder;
use crate::config::{Bounded, PriceConfig, TargetConfig, UpstreamConfig, excerpt};

/// Most digits of a price before the point, and behind it.
const DIGITS: usize = 6;

impl Builder<'_> {
    /// The target that is written at `at`, without its place among the others.
    pub(super) fn target(&mut self, at: &str, config: &TargetConfig) -> Option<Target> {
        let price = config.price.as_ref();
        let price = price.map(|price| self.price(&format!("{at}.price"), price));
        let mut upstream = self.named(&format!("{at}.upstream"), &config.upstream)?;
        if config.read_ms.is_some() || config.total_ms.is_some() {
            let shared = self.config.upstreams.get(&config.upstream);
            let shared = shared.cloned().unwrap_or_default();
            let timeouts = UpstreamConfig {
                read_ms: config.read_ms.or(shared.read_ms),
                total_ms: config.total_ms.or(shared.total_ms),
                ..shared
            };
            upstream = upstream.with_timeouts(self.timeouts(at, &timeouts)?);
        }
        let weight = config.weight.map(Bounded::get);
        let weight = weight.and_then(|weight| u32::try_from(weight).ok());
        Some(Target {
            weight: weight.and_then(NonZeroU32::new).unwrap_or(NonZeroU32::MIN),
            price: price.flatten(),
            ..Target::new(upstream)
        })
    }

    /// The price that is written at `at`.
    pub(super) fn price(&mut self, at: &str, config: &PriceConfig) -> Option<Price> {
        let input = self.amount(at, "input", &config.input);
        let cached_input = match &config.cached_input {
            Some(cached) => self.amount(at, "cached_input", cached),
            None => input,
        };
        let output = self.amount(at, "output", &config.output);
        Some(Price {
            input: input?,
            cached_input: cached_input?,
            output: output?,
        })
    }

    fn amount(&mut self, at: &str, name: &str, text: &str) -> Option<Picodollars> {
        let amount = of_a_token(text);
        if amount.is_none() {
            let message = match text {
                "" => format!("a price needs `{name}`"),
                text => format!("`{}` is not a price", excerpt(text)),
            };
            let help = "write dollars for a million tokens in quotes, as in \"2.50\" or \"0\"";
            self.problem(&format!("{at}.{name}"), message, Some(help));
        }
        amount
    }
}

/// What one token costs where a million cost `text` dollars. A dollar has as many picodollars as a
/// million has millions, so that is `text` in millionths.
fn of_a_token(text: &str) -> Option<Picodollars> {
    millionths(text).map(Picodollars)
}

/// `text` in millionths: a decimal number of at most six digits before and behind the point.
pub(crate) fn millionths(text: &str) -> Option<u64> {
    let (whole, fraction) = match text.split_once('.') {
        Some((whole, fraction)) => (whole, fraction),
        None => (text, "0"),
    };
    let digits = |part: &str| {
        (1..=DIGITS).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit())
    };
    if !digits(whole) || !digits(fraction) {
        return None;
    }
    format!("{whole}{fraction:0<DIGITS$}").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_are_exact() {
        for (text, expected) in [
            ("0", 0),
            ("1", 1_000_000),
            ("2.50", 2_500_000),
            ("0.075", 75_000),
            ("0.000001", 1),
            ("999999.999999", 999_999_999_999),
        ] {
            assert_eq!(of_a_token(text), Some(Picodollars(expected)), "{text}");
        }
        for wrong in [
            "",
            ".",
            "1.",
            ".5",
            "-1",
            "+1",
            "1e3",
            "1,5",
            " 1",
            "1000000",
            "0.0000001",
            "1.2.3",
            "٣",
            "inf",
        ] {
            assert_eq!(of_a_token(wrong), None, "{wrong}");
        }
    }
}
