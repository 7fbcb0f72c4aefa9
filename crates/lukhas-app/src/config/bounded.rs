// SPDX-License-Identifier: Apache-2.0
//! Whole numbers that carry their range.

use std::borrow::Cow;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize};

/// A whole number from `MIN` to `MAX`, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Bounded<const MIN: u64, const MAX: u64>(u64);

/// The number is not in the range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{value}` is out of range: a whole number from {min} to {max}")]
pub struct OutOfRange {
    value: u64,
    min: u64,
    max: u64,
}

impl<const MIN: u64, const MAX: u64> Bounded<MIN, MAX> {
    /// The constant `N`; outside the range it does not compile.
    #[must_use]
    pub const fn of<const N: u64>() -> Self {
        const { assert!(MIN <= N && N <= MAX, "out of range") };
        Self(N)
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The number as milliseconds.
    pub(crate) const fn millis(self) -> Duration {
        Duration::from_millis(self.0)
    }

    /// The number as a size; on machines where it does not fit, the largest size there is.
    pub(crate) fn size(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

impl<const MIN: u64, const MAX: u64> TryFrom<u64> for Bounded<MIN, MAX> {
    type Error = OutOfRange;

    fn try_from(value: u64) -> Result<Self, OutOfRange> {
        if (MIN..=MAX).contains(&value) {
            Ok(Self(value))
        } else {
            Err(OutOfRange {
                value,
                min: MIN,
                max: MAX,
            })
        }
    }
}

impl<'de, const MIN: u64, const MAX: u64> Deserialize<'de> for Bounded<MIN, MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::try_from(u64::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

impl<const MIN: u64, const MAX: u64> JsonSchema for Bounded<MIN, MAX> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("Integer{MIN}To{MAX}").into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "integer", "minimum": MIN, "maximum": MAX })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Result<u64, &str>) {
        let got = serde_json::from_str::<Bounded<10, 20>>(text);
        match expected {
            Ok(number) => assert_eq!(got.unwrap().get(), number),
            Err(message) => assert_eq!(got.unwrap_err().to_string(), message),
        }
    }

    #[test]
    fn only_the_range_is_read() {
        check("10", Ok(10));
        check("20", Ok(20));
        check(
            "9",
            Err("`9` is out of range: a whole number from 10 to 20"),
        );
        check(
            "21",
            Err("`21` is out of range: a whole number from 10 to 20"),
        );
    }

    #[test]
    fn the_schema_says_the_range() {
        let schema = schemars::schema_for!(Bounded<10, 20>);
        assert_eq!(schema.get("minimum"), Some(&10.into()));
        assert_eq!(schema.get("maximum"), Some(&20.into()));
    }
}
