// SPDX-License-Identifier: Apache-2.0
//! Objects.

use std::collections::HashSet;

use serde_json::{Map, Value};

use super::generate::{Generator, Made, Refusal, Slot};
use super::pattern::witness;
use super::shape::{Shape, list};

/// Times that a name is made anew.
const TRIES: u32 = 16;

impl<'s> Generator<'_, 's> {
    /// An object: its required properties and those that are wanted, in the schema's order.
    pub(super) fn object(&mut self, shape: &Shape<'s>, slot: Slot<'_>) -> Made {
        let (least, most) = (shape.least("minProperties"), shape.most("maxProperties"));
        let required = required(shape);
        if least > most || required.len() > most {
            return Err(Refusal::Impossible);
        }
        if required.iter().any(|name| shape.forbidden.contains(name)) {
            return Err(Refusal::Impossible);
        }
        // A property takes a name, a value and four signs at least.
        self.occupy(least.saturating_mul(6))?;
        self.room += least.saturating_mul(6);
        self.occupy(2)?;
        let mut object = Map::new();
        let names = self.names(shape, &required, least, most)?;
        for name in names {
            let needed = required.contains(&name);
            match self.property(shape, name, slot) {
                Ok(value) => _ = object.insert(name.to_owned(), value),
                Err(Refusal::Impossible) if !needed => {}
                Err(refusal) => return Err(refusal),
            }
        }
        while object.len() < least {
            let (name, value) = self.extra(shape, &object, slot)?;
            object.insert(name, value);
        }
        Ok(Value::Object(object))
    }

    fn property(&mut self, shape: &Shape<'s>, name: &str, slot: Slot<'_>) -> Made {
        let schemas = self.property_schemas(shape, name)?;
        let room = self.room;
        let slot = Slot {
            name: Some(name),
            variant: slot.variant,
            given: None,
            object: false,
        };
        let made = self
            .occupy(name.len() + 4)
            .and_then(|()| self.value(&schemas, slot));
        if made.is_err() {
            self.room = room;
        }
        made
    }

    /// The names of the properties to make, in the schema's order, required ones that it does not
    /// describe last.
    fn names(
        &mut self,
        shape: &Shape<'s>,
        required: &[&'s str],
        least: usize,
        most: usize,
    ) -> Made<Vec<&'s str>> {
        let declared = declared(shape, required);
        let count = u32::try_from(declared.len()).unwrap_or(u32::MAX);
        self.checker.spend(count / 8)?;
        let required: HashSet<&str> = required.iter().copied().collect();
        let mut left = most - required.len();
        let mut short = least.saturating_sub(required.len());
        let mut names = Vec::new();
        for name in declared {
            let needed = required.contains(name);
            let wanted = needed || left > 0 && (self.wants(shape, name)? || short > 0);
            if wanted && !needed {
                left -= 1;
                short = short.saturating_sub(1);
            }
            names.extend(wanted.then_some(name));
        }
        Ok(names)
    }

    /// Whether an optional property is made.
    fn wants(&mut self, shape: &Shape<'s>, name: &'s str) -> Made<bool> {
        let schemas = self.property_schemas(shape, name)?;
        let inner: Vec<_> = schemas
            .iter()
            .map(|schema| Shape::of(self.document, schema))
            .collect();
        for inner in &inner {
            if inner.impossible || self.leads_back(inner)? {
                return Ok(false);
            }
        }
        let offered = self.source.is_some_and(|source| source.offers(name));
        let mentioned = |inner: &Shape<'s>| {
            let candidates = inner.candidates().unwrap_or_default();
            !self.mentioned(&candidates).is_empty()
        };
        Ok(self.complete || offered || inner.iter().any(mentioned))
    }

    /// What the value of the property must satisfy.
    fn property_schemas(&mut self, shape: &Shape<'s>, name: &str) -> Made<Vec<&'s Value>> {
        self.checker.spend(shape.weight())?;
        let mut schemas = Vec::new();
        for map in &shape.maps {
            let before = schemas.len();
            let property = map
                .get("properties")
                .and_then(|properties| properties.get(name));
            schemas.extend(property);
            let patterns = map.get("patternProperties").and_then(Value::as_object);
            for (pattern, schema) in patterns.into_iter().flatten() {
                if self.checker.matches(pattern, name)? {
                    schemas.push(schema);
                }
            }
            if schemas.len() == before {
                schemas.extend(map.get("additionalProperties"));
            }
        }
        if schemas.is_empty() {
            schemas.extend(shape.all("unevaluatedProperties"));
        }
        Ok(schemas)
    }

    /// A property that no schema names, for objects that need more of them.
    fn extra(
        &mut self,
        shape: &Shape<'s>,
        object: &Map<String, Value>,
        slot: Slot<'_>,
    ) -> Made<(String, Value)> {
        let rules: Vec<&Value> = shape.all("propertyNames").collect();
        for attempt in 0..TRIES {
            let count = u32::try_from(object.len()).unwrap_or(u32::MAX);
            let slot = Slot {
                variant: count.wrapping_add(attempt),
                ..slot
            };
            let Some(name) = self.extra_name(shape, object, attempt, slot)? else {
                continue;
            };
            let known = object.contains_key(&name) || shape.forbidden.contains(&name.as_str());
            if known || !self.accepts(&rules, &Value::from(name.as_str()))? {
                continue;
            }
            match self.property(shape, &name, slot) {
                Err(Refusal::Impossible) => {}
                made => return made.map(|value| (name, value)),
            }
        }
        Err(Refusal::Impossible)
    }

    /// A name from a pattern, from what names must satisfy, or a plain one, in turns.
    fn extra_name(
        &mut self,
        shape: &Shape<'s>,
        object: &Map<String, Value>,
        attempt: u32,
        slot: Slot<'_>,
    ) -> Made<Option<String>> {
        let patterns = shape.all("patternProperties").filter_map(Value::as_object);
        let patterns: Vec<&String> = patterns.flat_map(Map::keys).collect();
        let way = attempt as usize % (patterns.len() + 2);
        if let Some(pattern) = patterns.get(way) {
            let mut name = witness(pattern, 0, false, &mut self.random);
            // A pattern that does not say how a name ends leaves room for a number.
            if let Some(name) = name.as_mut().filter(|name| object.contains_key(*name)) {
                name.push_str(&slot.variant.to_string());
            }
            return Ok(name);
        }
        let rules: Vec<&Value> = shape.all("propertyNames").collect();
        if way > patterns.len() || rules.is_empty() {
            return Ok(Some(format!("property_{}", slot.variant.wrapping_add(1))));
        }
        let room = self.room;
        let name = self.value(&rules, slot.element(0, None));
        self.room = room;
        match name {
            Ok(Value::String(name)) => Ok(Some(name)),
            Ok(_) | Err(Refusal::Impossible) => Ok(None),
            Err(refusal) => Err(refusal),
        }
    }
}

/// The names that schemas describe, in order, and the `required` ones that they do not.
fn declared<'s>(shape: &Shape<'s>, required: &[&'s str]) -> Vec<&'s str> {
    let maps = shape.all("properties").filter_map(Value::as_object);
    let names = maps.flat_map(Map::keys).map(String::as_str);
    let mut seen: HashSet<&str> = shape.forbidden.iter().copied().collect();
    names
        .chain(required.iter().copied())
        .filter(|name| seen.insert(name))
        .collect()
}

/// The names that an object must have, in order, those that follow from others included.
fn required<'s>(shape: &Shape<'s>) -> Vec<&'s str> {
    let mut names: Vec<&str> = Vec::new();
    let mut seen = HashSet::new();
    let mut add = |names: &mut Vec<&'s str>, list: &'s [Value]| {
        names.extend(
            list.iter()
                .filter_map(Value::as_str)
                .filter(|name| seen.insert(*name)),
        );
    };
    for map in &shape.maps {
        add(&mut names, list(map, "required"));
    }
    let mut at = 0;
    while let Some(name) = names.get(at).copied() {
        for keyword in ["dependentRequired", "dependencies"] {
            for dependents in shape.all(keyword).filter_map(|map| map.get(name)) {
                add(&mut names, dependents.as_array().map_or(&[], Vec::as_slice));
            }
        }
        at += 1;
    }
    names
}
