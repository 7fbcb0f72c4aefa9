// SPDX-License-Identifier: Apache-2.0
//! Strict, bounded JSON: the first thing that happens to a body.

use std::cell::{Cell, RefCell};
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::map::Entry;
use serde_json::{Map, Number, Value};

use crate::WireError;

/// Deepest nesting of arrays and objects.
pub const MAX_DEPTH: usize = 64;
/// Most values in one body, names not counted.
pub const MAX_NODES: usize = 100_000;

/// Reads one JSON document (RFC 8259) into a value.
///
/// # Errors
/// [`crate::WireErrorKind::InvalidJson`] with line and column when the text is not JSON or not UTF-8, holds a
/// lone surrogate, names a key twice in one object, nests deeper than [`MAX_DEPTH`], or holds
/// more than [`MAX_NODES`] values.
pub fn parse_json(body: &[u8]) -> Result<Value, WireError> {
    let budget = Budget::default();
    read_json(body, &budget, budget.value(0))
}

/// Reads one JSON document into whatever `seed` makes of it, with the messages of [`parse_json`].
pub(crate) fn read_json<'de, S: DeserializeSeed<'de>>(
    body: &'de [u8],
    budget: &Budget,
    seed: S,
) -> Result<S::Value, WireError> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Err(WireError::json(
            "The request body is empty. Send a JSON object with `Content-Type: application/json`.",
        ));
    }
    let mut reader = serde_json::Deserializer::from_slice(body);
    seed.deserialize(&mut reader)
        .and_then(|value| reader.end().map(|()| value))
        .map_err(|error| WireError::json(describe(&error, budget)))
}

fn describe(error: &serde_json::Error, budget: &Budget) -> String {
    let (line, column) = (error.line(), error.column());
    match budget.broken.borrow().as_deref() {
        Some(rule) => format!("The request body {rule} (line {line}, column {column})."),
        None => format!("The request body is not valid JSON: {error}."),
    }
}

/// What is left of the bounds, and the one that broke.
#[derive(Default)]
pub(crate) struct Budget {
    nodes: Cell<usize>,
    broken: RefCell<Option<String>>,
}

impl Budget {
    /// Reads any value that stands `depth` levels deep.
    pub(crate) fn value(&self, depth: usize) -> Strict<'_> {
        Strict {
            budget: self,
            depth,
        }
    }

    /// Refuses a key that its object has already.
    pub(crate) fn repeated<E: Error>(&self, key: &str) -> E {
        let key = crate::path::shorten(key);
        self.fail(format!("names the key `{key}` twice in one object"))
    }

    fn take<E: Error>(&self) -> Result<(), E> {
        self.nodes.set(self.nodes.get() + 1);
        if self.nodes.get() > MAX_NODES {
            return Err(self.fail(format!("holds more than {MAX_NODES} values")));
        }
        Ok(())
    }

    fn fail<E: Error>(&self, rule: String) -> E {
        *self.broken.borrow_mut() = Some(rule);
        E::custom("beyond the bounds")
    }
}

/// Builds a value while it counts.
#[derive(Clone, Copy)]
pub(crate) struct Strict<'b> {
    budget: &'b Budget,
    depth: usize,
}

impl Strict<'_> {
    fn nested<E: Error>(self) -> Result<Self, E> {
        if self.depth == MAX_DEPTH {
            return Err(self
                .budget
                .fail(format!("nests deeper than {MAX_DEPTH} levels")));
        }
        Ok(Self {
            depth: self.depth + 1,
            ..self
        })
    }
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        self.budget.take()?;
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value)
            .map(Value::Number)
            .ok_or_else(|| self.budget.fail("holds a number out of range".to_owned()))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E: Error>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let inner = self.nested()?;
        let mut values = Vec::new();
        while let Some(value) = seq.next_element_seed(inner)? {
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let inner = self.nested()?;
        let mut object = Map::new();
        while let Some(key) = map.next_key::<String>()? {
            match object.entry(key) {
                Entry::Vacant(vacant) => vacant.insert(map.next_value_seed(inner)?),
                Entry::Occupied(taken) => return Err(self.budget.repeated(taken.key())),
            };
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests;
