// SPDX-License-Identifier: Apache-2.0
//! Decimal numbers that carry their range.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A number from `MIN` to `MAX` thousandths, both included, with at most three digits behind the
/// point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decimal<const MIN: u32, const MAX: u32>(u32);

impl<const MIN: u32, const MAX: u32> Decimal<MIN, MAX> {
    /// The constant of `N` thousandths; outside the range it does not compile.
    #[must_use]
    pub const fn of<const N: u32>() -> Self {
        const { assert!(MIN <= N && N <= MAX, "out of range") };
        Self(N)
    }

    /// The number.
    #[must_use]
    pub fn get(self) -> f64 {
        f64::from(self.0) / 1e3
    }

    /// The number, in thousandths.
    #[must_use]
    pub const fn thousandths(self) -> u32 {
        self.0
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a whole number in the range of the type"
    )]
    fn new(number: f64) -> Option<Self> {
        let thousandths = (number * 1e3).round();
        let is_exact = (number * 1e3 - thousandths).abs() < 1e-6;
        let is_within = (f64::from(MIN)..=f64::from(MAX)).contains(&thousandths);
        (is_exact && is_within).then_some(Self(thousandths as u32))
    }
}

impl<const MIN: u32, const MAX: u32> Serialize for Decimal<MIN, MAX> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.get().serialize(serializer)
    }
}

impl<'de, const MIN: u32, const MAX: u32> Deserialize<'de> for Decimal<MIN, MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = f64::deserialize(deserializer)?;
        Self::new(number).ok_or_else(|| {
            let [min, max] = [MIN, MAX].map(|bound| f64::from(bound) / 1e3);
            serde::de::Error::custom(format!(
                "`{number}` is out of range: a number from {min} to {max} in steps of 0.001"
            ))
        })
    }
}

impl<const MIN: u32, const MAX: u32> JsonSchema for Decimal<MIN, MAX> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("Decimal{MIN}To{MAX}").into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let [min, max] = [MIN, MAX].map(|bound| f64::from(bound) / 1e3);
        json_schema!({ "type": "number", "minimum": min, "maximum": max, "multipleOf": 0.001 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Result<f64, &str>) {
        let got = serde_json::from_str::<Decimal<100, 2_000>>(text);
        match expected {
            Ok(number) => assert_eq!(got.unwrap().get(), number),
            Err(message) => assert!(got.unwrap_err().to_string().starts_with(message)),
        }
    }

    #[test]
    fn only_the_range_is_read() {
        check("0.1", Ok(0.1));
        check("2", Ok(2.0));
        check("1.999", Ok(1.999));
        for outside in ["0.099", "2.001", "1e300", "-1", "0.1001"] {
            check(outside, Err(""));
        }
        check(
            "0",
            Err("`0` is out of range: a number from 0.1 to 2 in steps of 0.001"),
        );
    }
}
