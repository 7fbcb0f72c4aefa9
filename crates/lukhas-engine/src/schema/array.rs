// SPDX-License-Identifier: Apache-2.0
//! Arrays.

use serde_json::{Map, Value};

use super::generate::{Generator, Made, Refusal, Slot};
use super::shape::{Shape, Types, list};

/// Times that an element is made anew to differ from the others.
const TRIES: u32 = 64;

impl<'s> Generator<'_, 's> {
    /// An array: as long as the request has values for it, else as short as is allowed.
    pub(super) fn array(&mut self, shape: &Shape<'s>, slot: Slot<'_>) -> Made {
        let contained = contained(shape);
        let given = self.given(shape, slot);
        let least = shape.least("minItems").max(contained.len());
        let count = self.length(shape, least, given.len(), slot)?;
        // An element and its comma take two bytes at least.
        self.occupy(least.saturating_mul(2))?;
        self.room += least.saturating_mul(2);
        let start = prefix_len(shape).min(count.saturating_sub(contained.len()));
        let unique = shape.all("uniqueItems").any(|unique| unique == true);
        self.occupy(2)?;
        let mut elements = Vec::new();
        for at in 0..count {
            let also = at.checked_sub(start).and_then(|at| contained.get(at));
            let schemas = element_schemas(shape, at, also.copied());
            let slot = slot.element(at, given.get(at).map(String::as_str));
            let others = if unique { elements.as_slice() } else { &[] };
            match self.distinct(&schemas, slot, others) {
                Ok(element) => elements.push(element),
                Err(Refusal::Impossible) if at >= least => break,
                Err(refusal) => return Err(refusal),
            }
            self.occupy(1)?;
        }
        Ok(Value::Array(elements))
    }

    /// An element that is none of `others`.
    fn distinct(&mut self, schemas: &[&'s Value], slot: Slot<'_>, others: &[Value]) -> Made {
        let room = self.room;
        for again in 0..TRIES {
            self.room = room;
            let given = slot.given.filter(|_| again == 0);
            let slot = slot.varied(again);
            let element = self.value(schemas, Slot { given, ..slot })?;
            let weight = u32::try_from(others.len()).unwrap_or(u32::MAX);
            self.checker.spend(1 + weight / 16)?;
            if !others.contains(&element) {
                return Ok(element);
            }
        }
        Err(Refusal::Impossible)
    }

    /// The texts that the request lists for the elements.
    fn given(&self, shape: &Shape<'s>, slot: Slot<'_>) -> Vec<String> {
        let name_and_source = slot.name.zip(self.source);
        let plain = element_schemas(shape, prefix_len(shape), None)
            .iter()
            .all(|schema| {
                let element = Shape::of(self.document, schema);
                element.types.has(Types::STRING.with(Types::NUMBER))
                    && element.candidates().is_none()
            });
        match name_and_source {
            Some((name, source)) if plain => source.list(name),
            _ => Vec::new(),
        }
    }

    fn length(
        &mut self,
        shape: &Shape<'s>,
        least: usize,
        given: usize,
        slot: Slot<'_>,
    ) -> Made<usize> {
        let prefix = prefix_len(shape);
        let mut most = shape.most("maxItems");
        let after_prefix = element_schemas(shape, prefix, shape.all("contains").next());
        if after_prefix
            .iter()
            .any(|schema| **schema == Value::Bool(false))
        {
            most = most.min(prefix);
        }
        if least > most {
            return Err(Refusal::Impossible);
        }
        let mut wanted = prefix
            .max(given)
            .max(self.offered(shape, prefix, slot))
            .max(1);
        // Elements that lead back to this array's own schema are left out where that is allowed.
        for schema in (0..=prefix).flat_map(|at| element_schemas(shape, at, None)) {
            let element = Shape::of(self.document, schema);
            if element.impossible || self.leads_back(&element)? {
                wanted = 0;
            }
        }
        Ok(wanted.clamp(least, most))
    }

    /// How many elements the request offers without listing them.
    fn offered(&self, shape: &Shape<'s>, prefix: usize, slot: Slot<'_>) -> usize {
        let schemas = element_schemas(shape, prefix, None);
        let (Some(source), [schema]) = (self.source, schemas.as_slice()) else {
            return 0;
        };
        let element = Shape::of(self.document, schema);
        if let Some(candidates) = element.candidates() {
            self.mentioned(&candidates).len()
        } else if element.types == Types::STRING {
            source.free_count(slot.name, true)
        } else if !element.types.has(Types::STRING) && element.types.has(Types::NUMBER) {
            source.free_count(slot.name, false)
        } else {
            0
        }
    }
}

/// The schemas that elements must be instances of for `contains`, one each.
fn contained<'s>(shape: &Shape<'s>) -> Vec<&'s Value> {
    const MOST: usize = 10_000;
    let mut schemas = Vec::new();
    for map in &shape.maps {
        let Some(schema) = map.get("contains") else {
            continue;
        };
        let times = map.get("minContains").and_then(Value::as_u64).unwrap_or(1);
        let times = usize::try_from(times).unwrap_or(MOST).min(MOST);
        schemas.extend(std::iter::repeat_n(schema, times));
    }
    schemas
}

/// The list of schemas for the first elements, which older drafts call `items`.
fn prefix(map: &Map<String, Value>) -> &[Value] {
    match list(map, "prefixItems") {
        [] => list(map, "items"),
        prefix => prefix,
    }
}

fn prefix_len(shape: &Shape<'_>) -> usize {
    shape
        .maps
        .iter()
        .map(|map| prefix(map).len())
        .max()
        .unwrap_or(0)
}

/// What the element at `at` must satisfy, being one that `contains` asks for or not.
fn element_schemas<'s>(
    shape: &Shape<'s>,
    at: usize,
    contained: Option<&'s Value>,
) -> Vec<&'s Value> {
    let mut schemas = Vec::from_iter(contained);
    for map in &shape.maps {
        let rest = if map.get("items").is_some_and(Value::is_array) {
            "additionalItems"
        } else {
            "items"
        };
        schemas.extend(prefix(map).get(at).or_else(|| map.get(rest)));
    }
    if schemas.is_empty() {
        schemas.extend(shape.all("unevaluatedItems"));
    }
    schemas
}
