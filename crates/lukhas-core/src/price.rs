// SPDX-License-Identifier: Apache-2.0
//! What tokens cost.

use crate::Usage;

/// An amount of money: millionths of a millionth of a US dollar. A price of up to six decimals for
/// a million tokens is a whole number of them for one token, so that no cent is ever rounded away.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Picodollars(pub u64);

/// What one token costs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Price {
    /// Of the input, unless it was read from a cache.
    pub input: Picodollars,
    /// Of the input, read from a cache.
    pub cached_input: Picodollars,
    /// Generated, reasoning included.
    pub output: Picodollars,
}

impl Price {
    /// What `usage` costs; the largest amount where that is more than it.
    #[must_use]
    pub fn of(&self, usage: &Usage) -> Picodollars {
        let cached = usage.cached_tokens.min(usage.input_tokens);
        let parts = [
            (usage.input_tokens - cached, self.input),
            (cached, self.cached_input),
            (usage.output_tokens, self.output),
        ];
        let parts = parts.map(|(tokens, price)| tokens.saturating_mul(price.0));
        Picodollars(parts.into_iter().fold(0, u64::saturating_add))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2.5, 1.25 and 10 dollars for a million tokens.
    const PRICE: Price = Price {
        input: Picodollars(2_500_000),
        cached_input: Picodollars(1_250_000),
        output: Picodollars(10_000_000),
    };

    #[track_caller]
    fn check(input_tokens: u64, cached_tokens: u64, output_tokens: u64, expected: u64) {
        let usage = Usage {
            input_tokens,
            cached_tokens,
            output_tokens,
            reasoning_tokens: output_tokens,
            ..Usage::default()
        };
        assert_eq!(PRICE.of(&usage), Picodollars(expected));
    }

    #[test]
    fn every_token_is_paid_for_once_by_its_kind() {
        check(0, 0, 0, 0);
        check(1, 0, 0, 2_500_000);
        check(1, 1, 0, 1_250_000);
        check(0, 0, 1, 10_000_000);
        check(1_000_000, 400_000, 200_000, 4_000_000_000_000);
        // More from the cache than there is input: an upstream cannot count.
        check(1, 5, 0, 1_250_000);
        check(u64::MAX, 0, u64::MAX, u64::MAX);
    }
}
