// SPDX-License-Identifier: Apache-2.0
//! Numbers that are exact as long as they can be.

use std::fmt;

/// Why a calculation has no result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Undefined {
    DivisionByZero,
    /// A root of a negative number, or beyond what a float holds.
    NotANumber,
}

/// A rational number, or a float where that would be too large.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Number {
    /// INVARIANT: lowest terms, the denominator positive.
    Exact {
        numerator: i128,
        denominator: i128,
    },
    Near(f64),
}

type Result = std::result::Result<Number, Undefined>;

/// Powers beyond this are floats: nobody reads the digits.
const LARGEST_POWER: i128 = 1024;
/// Digits after the point of an exact decimal.
const MOST_DECIMALS: u32 = 20;

impl Number {
    pub(crate) const fn whole(value: i128) -> Self {
        Self::Exact {
            numerator: value,
            denominator: 1,
        }
    }

    /// The number that `digits` (`12`, `1,234.5`) stands for.
    pub(super) fn parse(digits: &str) -> Option<Self> {
        let digits = digits.replace(',', "");
        let (whole, fraction) = digits.split_once('.').unwrap_or((&digits, ""));
        let scale = u32::try_from(fraction.len()).ok();
        let exact = || {
            let numerator = format!("{whole}{fraction}").parse().ok()?;
            let denominator = 10_i128.checked_pow(scale?)?;
            Self::ratio(numerator, denominator).ok()
        };
        exact().or_else(|| digits.parse().ok().map(Self::Near))
    }

    fn ratio(numerator: i128, denominator: i128) -> Result {
        if denominator == 0 {
            return Err(Undefined::DivisionByZero);
        }
        let divisor = gcd(numerator.unsigned_abs(), denominator.unsigned_abs());
        let divisor = i128::try_from(divisor).map_err(|_| Undefined::NotANumber)?;
        let sign = denominator.signum();
        Ok(Self::Exact {
            numerator: numerator / divisor * sign,
            denominator: denominator / divisor * sign,
        })
    }

    fn float(self) -> f64 {
        match self {
            Self::Exact {
                numerator,
                denominator,
            } => numerator as f64 / denominator as f64,
            Self::Near(value) => value,
        }
    }

    /// The exact result of `exact` on both fractions, or else the float's.
    fn combine(
        self,
        other: Self,
        exact: impl FnOnce((i128, i128), (i128, i128)) -> Option<(i128, i128)>,
        float: impl FnOnce(f64, f64) -> f64,
    ) -> Result {
        if let (
            Self::Exact { numerator: a, denominator: b },
            Self::Exact { numerator: c, denominator: d },
        ) = (self, other)
            && let Some((numerator, denominator)) = exact((a, b), (c, d))
            // The smallest integer has no opposite.
            && numerator != i128::MIN
            && denominator != i128::MIN
        {
            return Self::ratio(numerator, denominator);
        }
        let value = float(self.float(), other.float());
        if value.is_finite() {
            Ok(Self::Near(value))
        } else {
            Err(Undefined::NotANumber)
        }
    }

    pub(super) fn add(self, other: Self) -> Result {
        let exact = |(a, b): (i128, i128), (c, d): (i128, i128)| {
            let sum = a.checked_mul(d)?.checked_add(c.checked_mul(b)?)?;
            Some((sum, b.checked_mul(d)?))
        };
        self.combine(other, exact, |a, b| a + b)
    }

    pub(super) fn negate(self) -> Result {
        self.multiply(Self::whole(-1))
    }

    pub(super) fn multiply(self, other: Self) -> Result {
        let exact = |(a, b): (i128, i128), (c, d): (i128, i128)| {
            Some((a.checked_mul(c)?, b.checked_mul(d)?))
        };
        self.combine(other, exact, |a, b| a * b)
    }

    pub(super) fn divide(self, other: Self) -> Result {
        if other.is_zero() {
            return Err(Undefined::DivisionByZero);
        }
        let exact = |(a, b): (i128, i128), (c, d): (i128, i128)| {
            Some((a.checked_mul(d)?, b.checked_mul(c)?))
        };
        self.combine(other, exact, |a, b| a / b)
    }

    /// What is left of `self` after taking whole `other`s away; it has the sign of `self`.
    pub(super) fn remainder(self, other: Self) -> Result {
        if other.is_zero() {
            return Err(Undefined::DivisionByZero);
        }
        let exact = |(a, b): (i128, i128), (c, d): (i128, i128)| {
            let left = a.checked_mul(d)?.checked_rem(c.checked_mul(b)?)?;
            Some((left, b.checked_mul(d)?))
        };
        self.combine(other, exact, |a, b| a % b)
    }

    pub(super) fn power(self, exponent: Self) -> Result {
        let Self::Exact {
            numerator: times,
            denominator: 1,
        } = exponent
        else {
            return self.combine(exponent, |_, _| None, f64::powf);
        };
        if times < 0 {
            let inverse = Self::whole(1).divide(self)?;
            return inverse.power(exponent.negate()?);
        }
        if times > LARGEST_POWER {
            return self.combine(exponent, |_, _| None, f64::powf);
        }
        let mut product = Self::whole(1);
        for _ in 0..times {
            product = product.multiply(self)?;
        }
        Ok(product)
    }

    fn is_zero(self) -> bool {
        matches!(self, Self::Exact { numerator: 0, .. }) || self == Self::Near(0.0)
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Exact {
                numerator,
                denominator: 1,
            } => write!(f, "{numerator}"),
            Self::Exact {
                numerator,
                denominator,
            } => match decimal(numerator, denominator) {
                Some(decimal) => f.write_str(&decimal),
                None => write!(f, "{numerator}/{denominator}, about {:.12}", self.float()),
            },
            Self::Near(value) => write!(f, "about {value:.12e}"),
        }
    }
}

/// The fraction as a decimal, when that ends.
fn decimal(numerator: i128, denominator: i128) -> Option<String> {
    let scale = (1..=MOST_DECIMALS).find(|scale| 10_i128.pow(*scale) % denominator == 0)?;
    let units = numerator.checked_mul(10_i128.pow(scale) / denominator)?;
    let sign = if units < 0 { "-" } else { "" };
    let one = 10_u128.pow(scale);
    let (whole, rest) = (units.unsigned_abs() / one, units.unsigned_abs() % one);
    Some(format!(
        "{sign}{whole}.{rest:0width$}",
        width = scale as usize
    ))
}

fn gcd(a: u128, b: u128) -> u128 {
    let (mut a, mut b) = (a, b);
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}
