// SPDX-License-Identifier: Apache-2.0
//! Makes an instance of a schema by trying the choices that it leaves, in order.

use serde_json::{Map, Value, json};

use crate::random::Random;
use crate::source::Source;

use super::check::{Checker, Exhausted};
use super::document::Document;
use super::shape::{Choice, Shape, Types};

/// Arrays and objects nest at most this deep.
const DEEPEST: usize = 40;
/// Times that a value is made anew when it turns out not to be an instance.
const TRIES: u32 = 4;
/// Listed values that are tried.
const MOST_CANDIDATES: u32 = 64;

/// Why there is no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Not with the choices made so far.
    Impossible,
    /// The work has become too much.
    Exhausted,
}

impl From<Exhausted> for Refusal {
    fn from(_: Exhausted) -> Self {
        Self::Exhausted
    }
}

pub(super) type Made<T = Value> = Result<T, Refusal>;

/// Makes an instance of a schema.
#[derive(Debug)]
pub(super) struct Generator<'g, 's> {
    pub(super) document: &'g Document<'s>,
    pub(super) checker: Checker<'g, 's>,
    /// Where values are drawn from before they are made up.
    pub(super) source: Option<&'g Source<'g>>,
    pub(super) random: Random,
    /// Whether objects get their optional properties, too.
    pub(super) complete: bool,
    /// Bytes that the instance may still take.
    pub(super) room: usize,
    /// Whether an instance was given up because it would have been too large.
    pub(super) too_large: bool,
    /// The schemas that the values around the current one are made for.
    path: Vec<*const Map<String, Value>>,
    depth: usize,
}

/// The place that a value is made for.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Slot<'n> {
    /// The property's name, an array's elements included.
    pub(super) name: Option<&'n str>,
    /// Rotates through what there is to choose from.
    pub(super) variant: u32,
    /// A text that the value should be drawn from.
    pub(super) given: Option<&'n str>,
    /// Whether an object is best, whatever else the schema allows.
    pub(super) object: bool,
}

impl<'g, 's> Generator<'g, 's> {
    pub(super) fn new(
        document: &'g Document<'s>,
        checker: Checker<'g, 's>,
        seed: u64,
    ) -> Self {
        Self {
            document,
            checker,
            source: None,
            random: Random::new(seed),
            complete: false,
            room: super::MOST_BYTES,
            too_large: false,
            path: Vec::new(),
            depth: 0,
        }
    }

    /// Begins an instance.
    pub(super) fn start(&mut self, source: Option<&'g Source<'g>>, complete: bool) {
        self.source = source;
        self.complete = complete;
        self.room = super::MOST_BYTES;
    }

    /// A value that satisfies all of `schemas`.
    pub(super) fn value(&mut self, schemas: &[&'s Value], slot: Slot<'_>) -> Made {
        self.checker.spend(1)?;
        if self.depth >= DEEPEST {
            return Err(Refusal::Impossible);
        }
        let mut shape = Box::new(Shape::new());
        schemas.iter().for_each(|schema| shape.absorb(self.document, schema));
        self.depth += 1;
        let made = self.choose(shape, schemas, slot);
        self.depth -= 1;
        made
    }

    /// Decides the choices that are open, then makes the value.
    fn choose(&mut self, mut shape: Box<Shape<'s>>, schemas: &[&'s Value], slot: Slot<'_>) -> Made {
        self.checker.spend(shape.weight())?;
        if shape.impossible {
            return Err(Refusal::Impossible);
        }
        let Some(choice) = shape.choices.pop_front() else {
            return self.settle(&shape, schemas, slot);
        };
        let (room, taken) = (self.room, self.source.map(Source::taken));
        if let Choice::Either(branches) = choice {
            self.checker.spend(u32::try_from(branches.len()).unwrap_or(u32::MAX) / 4)?;
        }
        for branch in self.branches(choice, &shape) {
            match self.choose(branch, schemas, slot) {
                Err(Refusal::Impossible) => {}
                made => return made,
            }
            self.room = room;
            if let (Some(source), Some(taken)) = (self.source, &taken) {
                source.restore(taken);
            }
        }
        Err(Refusal::Impossible)
    }

    /// The ways to decide `choice`, best first.
    fn branches(&mut self, choice: Choice<'s>, shape: &Shape<'s>) -> Vec<Box<Shape<'s>>> {
        let with = |schemas: &[&'s Value]| {
            let mut branch = Box::new(shape.clone());
            schemas.iter().for_each(|schema| branch.absorb(self.document, schema));
            branch
        };
        let mut branches = match choice {
            Choice::Either(schemas) => {
                let mut order: Vec<_> = schemas.iter().collect();
                let looked_at = order.len().min(MOST_CANDIDATES as usize);
                order[..looked_at]
                    .sort_by_cached_key(|schema| std::cmp::Reverse(self.suits(schema)));
                order.into_iter().map(|schema| with(&[schema])).collect()
            }
            Choice::If(map) => {
                let part = |keyword| map.get(keyword);
                let met: Vec<_> = part("if").into_iter().chain(part("then")).collect();
                let mut unmet = with(&part("else").into_iter().collect::<Vec<_>>());
                part("if").into_iter().for_each(|condition| unmet.refuse(condition));
                let mut met = with(&met);
                // Conditions in a row mostly exclude each other.
                let decided = std::mem::replace(&mut met.met, true);
                if decided { vec![unmet, met] } else { vec![met, unmet] }
            }
            Choice::With(name, schema) => {
                let mut without = Box::new(shape.clone());
                without.forbidden.push(name);
                without.impossible |= shape.requires(name);
                if self.complete { vec![with(&[schema]), without] } else { vec![without, with(&[schema])] }
            }
        };
        // What leads back to a value around this one comes last, or recursion would not end.
        branches.sort_by_key(|branch| {
            let mut new = branch.maps.iter().skip(shape.maps.len());
            new.any(|map| self.path.contains(&std::ptr::from_ref(*map)))
        });
        branches
    }

    /// How many of the values that mark a branch (`"kind": {"const": "circle"}`) the text mentions.
    fn suits(&self, schema: &'s Value) -> usize {
        let Some(source) = self.source else {
            return 0;
        };
        let shape = Shape::of(self.document, schema);
        let properties = shape.all("properties").filter_map(Value::as_object).flat_map(Map::values);
        properties
            .filter_map(|property| property.get("const").and_then(Value::as_str))
            .filter(|mark| source.mentions(mark).is_some())
            .count()
    }

    /// Whether the value would lie in one that is made for the same schema.
    pub(super) fn leads_back(&mut self, shape: &Shape<'s>) -> Made<bool> {
        self.checker.spend(shape.weight())?;
        if shape.maps.iter().any(|map| self.path.contains(&std::ptr::from_ref(*map))) {
            return Ok(true);
        }
        for choice in &shape.choices {
            let Choice::Either(branches) = choice else {
                continue;
            };
            let mut all = true;
            for branch in *branches {
                all = all && self.leads_back(&Shape::of(self.document, branch))?;
            }
            if all {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Makes the value, anew when it is not an instance.
    fn settle(&mut self, shape: &Shape<'s>, schemas: &[&'s Value], slot: Slot<'_>) -> Made {
        let tries = if shape.delicate { TRIES } else { 1 };
        let (source, room, random) = (self.source, self.room, self.random.clone());
        let mut made = Err(Refusal::Impossible);
        for variant in 0..tries {
            // What the text offers did not help.
            self.source = source.filter(|_| variant < 2);
            self.room = room;
            // The variants are neighbours only when they start alike.
            self.random = random.clone();
            let slot = Slot { variant: slot.variant.wrapping_add(variant), ..slot };
            made = self.make(shape, schemas, slot);
            match &made {
                Ok(value) if shape.delicate && !self.accepts(schemas, value)? => {
                    made = Err(Refusal::Impossible);
                }
                Err(Refusal::Impossible) => {}
                Ok(_) | Err(Refusal::Exhausted) => break,
            }
        }
        self.source = source;
        match made {
            Err(Refusal::Impossible) if shape.delicate => self.sample(shape, schemas),
            made => made,
        }
    }

    /// A value of any kind: what `not` leaves is often plain.
    fn sample(&mut self, shape: &Shape<'s>, schemas: &[&'s Value]) -> Made {
        let samples = json!([
            {}, {"property_1": null}, {"property_1": "a", "property_2": 1}, [], [null], [1, 1],
            "a", "", "0", 1, 0, -1, 2, 1.5, true, false, null
        ]);
        for sample in samples.as_array().into_iter().flatten() {
            if shape.allows(sample) && self.accepts(schemas, sample)? {
                return Ok(sample.clone());
            }
        }
        Err(Refusal::Impossible)
    }

    fn make(&mut self, shape: &Shape<'s>, schemas: &[&'s Value], slot: Slot<'_>) -> Made {
        self.checker.spend(1)?;
        if let Some(candidates) = shape.candidates() {
            let value = self.listed(shape, schemas, &candidates, slot)?;
            self.occupy(super::text_len(&value))?;
            return Ok(value);
        }
        let revisits = self.leads_back(shape)?;
        let inside = self.path.len();
        self.path.extend(shape.maps.iter().map(|map| std::ptr::from_ref(*map)));
        let mut made = Err(Refusal::Impossible);
        for kind in order(shape, slot.object, revisits) {
            made = self.of_type(kind, shape, schemas, slot);
            if made != Err(Refusal::Impossible) {
                break;
            }
        }
        self.path.truncate(inside);
        made
    }

    fn of_type(
        &mut self,
        kind: Types,
        shape: &Shape<'s>,
        schemas: &[&'s Value],
        slot: Slot<'_>,
    ) -> Made {
        let value = match kind {
            Types::OBJECT => return self.object(shape, slot),
            Types::ARRAY => return self.array(shape, slot),
            Types::STRING => self.string(shape, schemas, slot)?,
            Types::NUMBER => self.number(shape, schemas, slot)?,
            Types::BOOLEAN => self.boolean(shape, slot),
            _ => Value::Null,
        };
        self.occupy(super::text_len(&value))?;
        Ok(value)
    }

    /// One of the values that the schema lists.
    fn listed(
        &mut self,
        shape: &Shape<'s>,
        schemas: &[&'s Value],
        candidates: &[&'s Value],
        slot: Slot<'_>,
    ) -> Made {
        let count = u32::try_from(candidates.len()).unwrap_or(u32::MAX);
        let mentioned = self.mentioned(candidates);
        let default = shape.all("default").next();
        let default = default.and_then(|default| candidates.iter().position(|value| *value == default));
        let start = match mentioned.get(slot.variant as usize) {
            Some(at) => *at,
            None => match default.filter(|_| slot.variant == 0) {
                Some(at) => at,
                None => self.random.below(candidates.len()),
            },
        };
        // After the first, each variant is the next value: together they are all there are.
        let rotation = if mentioned.is_empty() { slot.variant as usize } else { 0 };
        for next in 0..count.min(MOST_CANDIDATES) as usize {
            let value = candidates[(start + rotation + next) % candidates.len()];
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
        let looked_at = candidates.iter().take(MOST_CANDIDATES as usize).enumerate();
        let mut found: Vec<_> =
            looked_at.filter_map(|(at, value)| Some((mention(value)?, at))).collect();
        found.sort_unstable();
        found.into_iter().map(|(_, at)| at).collect()
    }

    fn boolean(&mut self, shape: &Shape<'s>, slot: Slot<'_>) -> Value {
        let said = slot.name.zip(self.source).and_then(|(name, source)| source.truth(name));
        let default = shape.all("default").find_map(Value::as_bool);
        let value = match said.or(default).filter(|_| slot.variant == 0) {
            Some(value) => value,
            None => (self.random.next() ^ u64::from(slot.variant)) & 1 == 1,
        };
        Value::Bool(value)
    }

    /// Whether `value` satisfies all of `schemas`.
    pub(super) fn accepts(&mut self, schemas: &[&'s Value], value: &Value) -> Made<bool> {
        for schema in schemas {
            if !self.checker.is_valid(schema, value)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Takes `bytes` of the room that is left.
    pub(super) fn occupy(&mut self, bytes: usize) -> Made<()> {
        match self.room.checked_sub(bytes) {
            Some(room) => self.room = room,
            None => {
                self.too_large = true;
                return Err(Refusal::Impossible);
            }
        }
        Ok(())
    }
}

/// The types to try, best first.
fn order(shape: &Shape<'_>, object: bool, revisits: bool) -> Vec<Types> {
    const OBJECT: &[&str] = &[
        "properties", "required", "additionalProperties", "patternProperties", "minProperties",
        "propertyNames", "dependentRequired",
    ];
    const ARRAY: &[&str] = &["items", "prefixItems", "minItems", "contains", "uniqueItems"];
    const NUMBER: &[&str] =
        &["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"];
    const STRING: &[&str] = &["minLength", "maxLength", "pattern", "format"];
    let hinted = |keywords: &[&str], kind| shape.mentions(keywords).then_some(kind);
    let mut order = Vec::with_capacity(8);
    order.extend((object || revisits).then_some(if revisits { Types::NULL } else { Types::OBJECT }));
    if shape.types == Types::ALL {
        order.extend(hinted(OBJECT, Types::OBJECT));
        order.extend(hinted(ARRAY, Types::ARRAY));
        order.extend(hinted(STRING, Types::STRING));
        order.extend(hinted(NUMBER, Types::NUMBER));
        order.push(Types::STRING);
    }
    let containers = [Types::OBJECT, Types::ARRAY];
    let plain = [Types::STRING, Types::NUMBER, Types::BOOLEAN];
    order.extend(containers.into_iter().filter(|_| !revisits));
    order.extend(plain);
    order.extend(containers.into_iter().filter(|_| revisits));
    order.push(Types::NULL);
    let mut tried = Types::NONE;
    order.retain(|kind| {
        let new = shape.types.has(*kind) && !tried.has(*kind);
        tried = tried.with(*kind);
        new
    });
    order
}
