// SPDX-License-Identifier: Apache-2.0
//! Numbers.

use serde_json::Value;

use super::decimal::Decimal;
use super::generate::{Generator, Made, Refusal, Slot};
use super::shape::{Shape, Types};

/// Made-up numbers lie within this many steps of a bound.
const SPREAD: i128 = 100;
/// Digits after the point that are added to find a number between two bounds.
const MORE_DECIMALS: u32 = 4;

/// What a number must satisfy.
#[derive(Clone, Debug)]
struct Range {
    whole: bool,
    /// The bound, and whether it is excluded.
    lower: Option<(Decimal, bool)>,
    upper: Option<(Decimal, bool)>,
    steps: Vec<Decimal>,
    /// A bound that has too many digits: the only number that is tried.
    extreme: Option<Value>,
}

impl<'s> Generator<'_, 's> {
    /// A number: from the request, else the schema's default or example, else made up.
    pub(super) fn number(
        &mut self,
        shape: &Shape<'s>,
        schemas: &[&'s Value],
        slot: Slot<'_>,
    ) -> Made {
        let range = Range::of(shape);
        if let Some(value) = range.extreme {
            return Ok(value);
        }
        let fits = |text: &str| Decimal::parse(text).is_some_and(|number| range.has(number));
        let drawn = match slot.given.filter(|given| fits(given)) {
            Some(given) => Some(given.to_owned()),
            None => self
                .source
                .and_then(|source| source.number(slot.name, fits)),
        };
        let drawn = drawn.and_then(|text| Decimal::parse(&text)?.number());
        if let Some(number) = drawn {
            return Ok(Value::Number(number));
        }
        match self.suggested(shape, schemas, slot)? {
            Some(value) => Ok(value),
            None => self.made_up_number(shape, &range, slot.variant),
        }
    }

    fn made_up_number(&mut self, shape: &Shape<'s>, range: &Range, variant: u32) -> Made {
        let choice = self.random.below(SPREAD as usize);
        let choice = i128::try_from(choice).unwrap_or(0) + i128::from(variant);
        // More values than are excluded cannot all be.
        (0..=shape.excluded.len().min(SPREAD as usize))
            .map_while(|step| range.pick(choice + step as i128)?.number())
            .map(Value::Number)
            .find(|number| !shape.excluded.contains(&number))
            .ok_or(Refusal::Impossible)
    }
}

impl Range {
    fn of(shape: &Shape<'_>) -> Self {
        let mut range = Self {
            whole: !shape.types.has(Types::FRACTION),
            lower: None,
            upper: None,
            steps: shape
                .all("multipleOf")
                .filter_map(Decimal::of)
                .filter(|step| step.units > 0)
                .collect(),
            extreme: None,
        };
        for map in &shape.maps {
            let flag = |keyword: &str| map.get(keyword).and_then(Value::as_bool) == Some(true);
            // Draft 4 says with a flag what later drafts say with a bound of its own.
            if let Some(bound) = map.get("minimum") {
                range.raise(bound, flag("exclusiveMinimum"));
            }
            if let Some(bound) = map.get("maximum") {
                range.sink(bound, flag("exclusiveMaximum"));
            }
            map.get("exclusiveMinimum")
                .into_iter()
                .for_each(|bound| range.raise(bound, true));
            map.get("exclusiveMaximum")
                .into_iter()
                .for_each(|bound| range.sink(bound, true));
        }
        range
    }

    fn raise(&mut self, bound: &Value, excluded: bool) {
        match Decimal::of(bound) {
            Some(new) => {
                let higher = |(old, _): &(Decimal, bool)| compare(new, *old).is_gt();
                let same = |(old, _): &(Decimal, bool)| compare(new, *old).is_eq();
                if self
                    .lower
                    .as_ref()
                    .is_none_or(|old| higher(old) || same(old) && excluded)
                {
                    self.lower = Some((new, excluded));
                }
            }
            None => self.extreme(bound, bound.as_f64().is_some_and(|bound| bound > 0.0)),
        }
    }

    fn sink(&mut self, bound: &Value, excluded: bool) {
        match Decimal::of(bound) {
            Some(new) => {
                let lower = |(old, _): &(Decimal, bool)| compare(new, *old).is_lt();
                let same = |(old, _): &(Decimal, bool)| compare(new, *old).is_eq();
                if self
                    .upper
                    .as_ref()
                    .is_none_or(|old| lower(old) || same(old) && excluded)
                {
                    self.upper = Some((new, excluded));
                }
            }
            None => self.extreme(bound, bound.as_f64().is_some_and(|bound| bound < 0.0)),
        }
    }

    /// A bound with too many digits is no bound at all, unless it is on the other side of zero or
    /// next to it.
    fn extreme(&mut self, bound: &Value, binds: bool) {
        let large = bound.as_f64().is_some_and(|bound| bound.abs() > 1.0);
        if binds && large {
            self.extreme = Some(bound.clone());
        } else if binds {
            // Tiny: one is far beyond it.
            self.extreme = Some(Value::from(if bound.as_f64() > Some(0.0) { 1 } else { -1 }));
        }
    }

    /// Whether the number is in the range and a multiple of all steps.
    fn has(&self, number: Decimal) -> bool {
        let above = self.lower.is_none_or(|(bound, excluded)| {
            let order = compare(number, bound);
            order.is_gt() || order.is_eq() && !excluded
        });
        let below = self.upper.is_none_or(|(bound, excluded)| {
            let order = compare(number, bound);
            order.is_lt() || order.is_eq() && !excluded
        });
        let multiple = |step: &Decimal| {
            let scale = number.scale.max(step.scale);
            let units = number.at(scale).zip(step.at(scale));
            units.is_some_and(|(units, step)| units % step == 0)
        };
        let one = Decimal { units: 1, scale: 0 };
        above && below && self.steps.iter().all(multiple) && (!self.whole || multiple(&one))
    }

    /// The number `choice` steps from a bound, as far as the range goes.
    fn pick(&self, choice: i128) -> Option<Decimal> {
        let bounds = [self.lower, self.upper]
            .into_iter()
            .flatten()
            .map(|(bound, _)| bound);
        let scale = bounds
            .chain(self.steps.iter().copied())
            .map(|number| number.scale)
            .max();
        let scale = scale.unwrap_or(0);
        let finest = if self.whole || !self.steps.is_empty() {
            0
        } else {
            MORE_DECIMALS
        };
        (0..=finest).find_map(|more| self.pick_at(scale + more, more, choice))
    }

    /// A number with at most `scale` digits after the point; whole ones when `more` is 0.
    fn pick_at(&self, scale: u32, more: u32, choice: i128) -> Option<Decimal> {
        let step = self.step(scale, more)?;
        let first = match self.lower {
            Some((bound, excluded)) => {
                let units = bound.at(scale)?.checked_add(i128::from(excluded))?;
                Some(units.checked_add(step - 1)?.div_euclid(step))
            }
            None => None,
        };
        let last = match self.upper {
            Some((bound, excluded)) => {
                let units = bound.at(scale)?.checked_sub(i128::from(excluded))?;
                Some(units.div_euclid(step))
            }
            None => None,
        };
        let index = match (first, last) {
            (Some(first), Some(last)) => {
                let count = last
                    .checked_sub(first)?
                    .checked_add(1)
                    .filter(|count| *count > 0)?;
                first + choice.rem_euclid(count)
            }
            (Some(first), None) => first.checked_add(choice)?,
            (None, Some(last)) => last.checked_sub(choice)?,
            (None, None) => choice,
        };
        Some(Decimal {
            units: index.checked_mul(step)?,
            scale,
        })
    }

    /// The distance between two numbers of the range, in units of `scale`.
    fn step(&self, scale: u32, more: u32) -> Option<i128> {
        let free = self.steps.is_empty();
        let start = match () {
            () if self.whole || free && more == 0 => 10_i128.checked_pow(scale)?,
            () if free => 1,
            () => 0,
        };
        self.steps.iter().try_fold(start, |step, multiple| {
            least_common_multiple(step, multiple.at(scale)?)
        })
    }
}

fn compare(one: Decimal, other: Decimal) -> std::cmp::Ordering {
    let scale = one.scale.max(other.scale);
    match (one.at(scale), other.at(scale)) {
        (Some(one), Some(other)) => one.cmp(&other),
        // Only a number of very many digits has no place at that scale.
        _ => (one.units.signum(), other.scale).cmp(&(other.units.signum(), one.scale)),
    }
}

/// The least number that both divide; 0 counts as no number.
fn least_common_multiple(one: i128, other: i128) -> Option<i128> {
    if one == 0 {
        return Some(other);
    }
    let (mut a, mut b) = (one, other);
    while b != 0 {
        (a, b) = (b, a % b);
    }
    (one / a).checked_mul(other)
}
