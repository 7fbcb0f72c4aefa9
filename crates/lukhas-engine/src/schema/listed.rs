// SPDX-License-Identifier: Apache-2.0
//! Values that there are only so many of: those that a schema lists, and booleans.

use serde_json::Value;

use super::generate::{Generator, Made, Refusal, Slot};
use super::shape::Shape;

/// Listed values that are tried, or looked for in the text.
const MOST_CANDIDATES: usize = 64;

impl<'s> Generator<'_, 's> {
    /// One of the values that the schema lists.
    pub(super) fn listed(
        &mut self,
        shape: &Shape<'s>,
        schemas: &[&'s Value],
        candidates: &[&'s Value],
        slot: Slot<'_>,
    ) -> Made {
        let mentioned = self.mentioned(candidates);
        let variant = slot.variant as usize;
        let default = shape.all("default").next().filter(|_| variant == 0);
        let default =
            default.and_then(|default| candidates.iter().position(|value| *value == default));
        // The variants are neighbours: together they are all there are.
        let start = match mentioned.get(variant).copied().or(default) {
            Some(start) => start,
            None => {
                self.random.below(candidates.len()) + if mentioned.is_empty() { variant } else { 0 }
            }
        };
        for next in 0..candidates.len().min(MOST_CANDIDATES) {
            let value = candidates[(start + next) % candidates.len()];
            if shape.lists_only() || self.accepts(schemas, value)? {
                return Ok(value.clone());
            }
        }
        Err(Refusal::Impossible)
    }

    /// Which candidates the text mentions, in the order of the text.
    pub(super) fn mentioned(&self, candidates: &[&'s Value]) -> Vec<usize> {
        let Some(source) = self.source else {
            return Vec::new();
        };
        let mention = |value: &Value| match value {
            Value::String(text) => source.mentions(text),
            Value::Number(number) => source.mentions(&number.to_string()),
            _ => None,
        };
        let looked_at = candidates.iter().take(MOST_CANDIDATES).enumerate();
        let mut found: Vec<_> = looked_at
            .filter_map(|(at, value)| Some((mention(value)?, at)))
            .collect();
        found.sort_unstable();
        found.into_iter().map(|(_, at)| at).collect()
    }

    pub(super) fn boolean(&mut self, shape: &Shape<'s>, slot: Slot<'_>) -> Value {
        let said = slot
            .name
            .zip(self.source)
            .and_then(|(name, source)| source.truth(name));
        let default = shape.all("default").find_map(Value::as_bool);
        let value = match said.or(default).filter(|_| slot.variant == 0) {
            Some(value) => value,
            None => (self.random.next() ^ u64::from(slot.variant)) & 1 == 1,
        };
        Value::Bool(value)
    }
}
