// SPDX-License-Identifier: Apache-2.0
//! Decides between the ways in which a value can satisfy a schema.

use serde_json::{Map, Value};

use crate::source::Source;

use super::generate::{Generator, Made, Refusal, Slot};
use super::shape::{Choice, Shape};

/// Choices that may depend on each other: each takes stack.
const MOST_CHOICES: usize = 400;
/// Branches whose marks are looked for in the text.
const MOST_SUITED: usize = 64;

impl<'s> Generator<'_, 's> {
    /// Decides the choices that are open, then makes the value.
    pub(super) fn choose(
        &mut self,
        mut shape: Shape<'s>,
        schemas: &[&'s Value],
        slot: Slot<'_>,
    ) -> Made {
        self.checker.spend(shape.weight())?;
        if shape.impossible || self.choosing >= MOST_CHOICES {
            return Err(Refusal::Impossible);
        }
        let Some(choice) = shape.choices.pop_front() else {
            return self.settle(&shape, schemas, slot);
        };
        if let Choice::Either(branches) = choice {
            let count = u32::try_from(branches.len()).unwrap_or(u32::MAX);
            self.checker.spend(count / 4)?;
        }
        self.choosing += 1;
        let made = self.first_of(self.branches(choice, &shape), schemas, slot);
        self.choosing -= 1;
        made
    }

    /// The value of the first branch that has one.
    fn first_of(
        &mut self,
        branches: Vec<Shape<'s>>,
        schemas: &[&'s Value],
        slot: Slot<'_>,
    ) -> Made {
        let (room, taken) = (self.room, self.source.map(Source::taken));
        for branch in branches {
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
    fn branches(&self, choice: Choice<'s>, shape: &Shape<'s>) -> Vec<Shape<'s>> {
        let mut branches = match choice {
            Choice::Either(schemas) => self.either(schemas, shape),
            Choice::If(map) => self.conditional(map, shape),
            Choice::With(name, schema) => {
                let mut without = shape.clone();
                without.forbidden.push(name);
                without.impossible |= shape.requires(name);
                let mut branches = vec![without, self.with(shape, [schema])];
                branches.rotate_left(usize::from(self.complete));
                branches
            }
        };
        // What leads back to a value around this one comes last, or recursion would not end.
        branches.sort_by_key(|branch| {
            let mut new = branch.maps.iter().skip(shape.maps.len());
            new.any(|map| self.path.contains(&std::ptr::from_ref(*map)))
        });
        branches
    }

    /// The schemas whose marks the text mentions come first.
    fn either(&self, schemas: &'s [Value], shape: &Shape<'s>) -> Vec<Shape<'s>> {
        let mut order: Vec<_> = schemas.iter().collect();
        let looked_at = order.len().min(MOST_SUITED);
        order[..looked_at].sort_by_cached_key(|schema| std::cmp::Reverse(self.suits(schema)));
        order
            .into_iter()
            .map(|schema| self.with(shape, [schema]))
            .collect()
    }

    /// The first condition is met if it can be; later ones mostly exclude it.
    fn conditional(&self, map: &'s Map<String, Value>, shape: &Shape<'s>) -> Vec<Shape<'s>> {
        let condition = map.get("if");
        let mut met = self.with(shape, condition.into_iter().chain(map.get("then")));
        let mut unmet = self.with(shape, map.get("else"));
        condition
            .into_iter()
            .for_each(|condition| unmet.refuse(condition));
        let decided = std::mem::replace(&mut met.met, true);
        if decided {
            vec![unmet, met]
        } else {
            vec![met, unmet]
        }
    }

    fn with(&self, shape: &Shape<'s>, schemas: impl IntoIterator<Item = &'s Value>) -> Shape<'s> {
        let mut shape = shape.clone();
        for schema in schemas {
            shape.absorb(self.document, schema);
        }
        shape
    }

    /// How many of the values that mark a branch (`"kind": {"const": "circle"}`) the text mentions.
    fn suits(&self, schema: &'s Value) -> usize {
        let Some(source) = self.source else {
            return 0;
        };
        let shape = Shape::of(self.document, schema);
        let properties = shape
            .all("properties")
            .filter_map(Value::as_object)
            .flat_map(Map::values);
        properties
            .filter_map(|property| property.get("const").and_then(Value::as_str))
            .filter(|mark| source.mentions(mark).is_some())
            .count()
    }

    /// Whether the value would lie in one that is made for the same schema.
    pub(super) fn leads_back(&mut self, shape: &Shape<'s>) -> Made<bool> {
        self.checker.spend(shape.weight())?;
        let on_path = |map: &&Map<String, Value>| self.path.contains(&std::ptr::from_ref(*map));
        if shape.maps.iter().any(on_path) {
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
}
