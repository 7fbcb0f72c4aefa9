// SPDX-License-Identifier: Apache-2.0
//! Decimal numbers, exactly.

use serde_json::{Number, Value};

/// `units` tenths to the `scale`: 1.25 is 125 of scale 2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Decimal {
    pub(super) units: i128,
    pub(super) scale: u32,
}

/// Digits after the point that are told apart.
const MOST_DECIMALS: u32 = 18;
/// Digits that are told apart at all.
const MOST_DIGITS: usize = 30;

impl Decimal {
    /// The number that a JSON value is; `None` when it is none, or has too many digits.
    pub(super) fn of(value: &Value) -> Option<Self> {
        let number = value.as_number()?;
        if let Some(whole) = number.as_i128() {
            return Some(Self {
                units: whole,
                scale: 0,
            });
        }
        Self::parse(&number.as_f64()?.to_string())
    }

    /// The number that `text` (`-1.25`, `6e-3`) stands for.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (digits, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let exponent: i32 = exponent.parse().ok()?;
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let fraction = fraction.trim_end_matches('0');
        if whole.len() + fraction.len() > MOST_DIGITS || exponent.unsigned_abs() > 30 {
            return None;
        }
        let units: i128 = format!("{whole}{fraction}").parse().ok()?;
        let scale = i32::try_from(fraction.len()).ok()? - exponent;
        if scale < 0 {
            let units = units.checked_mul(10_i128.checked_pow(scale.unsigned_abs())?)?;
            return Some(Self { units, scale: 0 });
        }
        let scale = scale.unsigned_abs();
        (scale <= MOST_DECIMALS).then_some(Self { units, scale })
    }

    /// Its units at a scale that is not smaller than its own.
    pub(super) fn at(self, scale: u32) -> Option<i128> {
        let more = 10_i128.checked_pow(scale.checked_sub(self.scale)?)?;
        self.units.checked_mul(more)
    }

    /// The JSON number, written without a point when it is whole.
    pub(super) fn number(self) -> Option<Number> {
        let one = 10_i128.checked_pow(self.scale)?;
        if self.units % one == 0 {
            let whole = self.units / one;
            let small = i64::try_from(whole).map(Number::from);
            return small
                .or_else(|_| u64::try_from(whole).map(Number::from))
                .ok()
                .or_else(|| Number::from_f64(whole as f64));
        }
        let sign = if self.units < 0 { "-" } else { "" };
        let (units, one) = (self.units.unsigned_abs(), one.unsigned_abs());
        let width = self.scale as usize;
        let text = format!("{sign}{}.{:0width$}", units / one, units % one);
        Number::from_f64(text.parse().ok()?)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_keep_their_digits() {
        let check = |value: Value, units, scale| {
            assert_eq!(
                Decimal::of(&value),
                Some(Decimal { units, scale }),
                "{value}"
            );
        };
        check(json!(7), 7, 0);
        check(json!(-0.125), -125, 3);
        check(json!(0.1), 1, 1);
        check(json!(1e20), 10_i128.pow(20), 0);
        check(json!(u64::MAX), i128::from(u64::MAX), 0);
        check(json!(1e-7), 1, 7);
        assert_eq!(Decimal::of(&json!(1e300)), None);
        assert_eq!(Decimal::of(&json!("1")), None);
    }

    #[test]
    fn numbers_are_written_plainly() {
        let check = |text: &str, expected: &str| {
            let number = Decimal::parse(text).and_then(Decimal::number);
            assert_eq!(number.map(|n| n.to_string()).as_deref(), Some(expected));
        };
        check("2.50", "2.5");
        check("-0.05", "-0.05");
        check("3.0", "3");
        check("6e-3", "0.006");
        check("18446744073709551615", "18446744073709551615");
    }
}
