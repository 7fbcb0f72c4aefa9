// SPDX-License-Identifier: Apache-2.0
//! Makes an instance of a schema by trying the choices that it leaves, in order.

use serde_json::{Map, Value, json};

use crate::random::Random;
use crate::source::Source;

use super::check::{Checker, Exhausted};
use super::document::Document;
use super::shape::{Shape, Types};

/// Arrays and objects nest at most this deep.
const DEEPEST: usize = 40;
/// Times that a value is made anew when it turns out not to be an instance.
const TRIES: u32 = 4;

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
    pub(super) path: Vec<*const Map<String, Value>>,
    depth: usize,
    /// Choices that are being decided.
    pub(super) choosing: usize,
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

impl<'n> Slot<'n> {
    /// The slot of the array's element at `at`.
    pub(super) fn element(self, at: usize, given: Option<&'n str>) -> Self {
        let slot = self.varied(u32::try_from(at).unwrap_or(0));
        Self {
            given,
            object: false,
            ..slot
        }
    }

    /// The slot, `variants` further.
    pub(super) fn varied(self, variants: u32) -> Self {
        Self {
            variant: self.variant.wrapping_add(variants),
            ..self
        }
    }
}

impl<'g, 's> Generator<'g, 's> {
    pub(super) fn new(document: &'g Document<'s>, checker: Checker<'g, 's>, seed: u64) -> Self {
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
            choosing: 0,
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
        let mut shape = Shape::new();
        for schema in schemas {
            shape.absorb(self.document, schema);
        }
        self.depth += 1;
        let made = self.choose(shape, schemas, slot);
        self.depth -= 1;
        made
    }

    /// Makes the value, anew when it is not an instance.
    pub(super) fn settle(
        &mut self,
        shape: &Shape<'s>,
        schemas: &[&'s Value],
        slot: Slot<'_>,
    ) -> Made {
        let tries = if shape.delicate { TRIES } else { 1 };
        let (source, room, random) = (self.source, self.room, self.random.clone());
        let mut made = Err(Refusal::Impossible);
        for variant in 0..tries {
            // What the text offers did not help.
            self.source = source.filter(|_| variant < 2);
            self.room = room;
            // The variants are neighbours only when they start alike.
            self.random = random.clone();
            made = self.make(shape, schemas, slot.varied(variant));
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
        self.path
            .extend(shape.maps.iter().map(|map| std::ptr::from_ref(*map)));
        let mut made = Err(Refusal::Impossible);
        for kind in shape.order(slot.object, revisits) {
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
