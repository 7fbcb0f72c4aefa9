// SPDX-License-Identifier: Apache-2.0
//! Strict, bounded JSON: the first thing that happens to a body.

mod tree;

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::collections::HashSet;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::de::Read;
use serde_json::{Number, Value};

use crate::WireError;

pub(crate) use tree::{Json, Object};

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
    parse_tree(body).map(Json::into_value)
}

/// What [`parse_json`] does, into a value that borrows from the body.
pub(crate) fn parse_tree(body: &[u8]) -> Result<Json<'_>, WireError> {
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
    // To look at all of it once is less work than to look at every text in it.
    let read = match std::str::from_utf8(body) {
        Ok(text) => read(serde_json::Deserializer::from_str(text), seed),
        Err(_) => read(serde_json::Deserializer::from_slice(body), seed),
    };
    read.map_err(|error| WireError::json(describe(&error, budget)))
}

fn read<'de, R: Read<'de>, S: DeserializeSeed<'de>>(
    mut reader: serde_json::Deserializer<R>,
    seed: S,
) -> Result<S::Value, serde_json::Error> {
    let value = seed.deserialize(&mut reader)?;
    reader.end()?;
    Ok(value)
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
    type Value = Json<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Json<'de>, D::Error> {
        self.budget.take()?;
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Json<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<Json<'de>, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Json<'de>, E> {
        Ok(Json::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Json<'de>, E> {
        Ok(Json::Number(value.into()))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Json<'de>, E> {
        Ok(Json::Number(value.into()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Json<'de>, E> {
        Number::from_f64(value)
            .map(Json::Number)
            .ok_or_else(|| self.budget.fail("holds a number out of range".to_owned()))
    }

    fn visit_borrowed_str<E: Error>(self, value: &'de str) -> Result<Json<'de>, E> {
        Ok(Json::String(Cow::Borrowed(value)))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Json<'de>, E> {
        Ok(Json::String(Cow::Owned(value.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Json<'de>, A::Error> {
        let inner = self.nested()?;
        let mut values = Vec::new();
        while let Some(value) = seq.next_element_seed(inner)? {
            values.push(value);
        }
        Ok(Json::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Json<'de>, A::Error> {
        let inner = self.nested()?;
        let mut keys = Keys::default();
        let mut object = Object::new();
        while let Some(key) = map.next_key_seed(Key)? {
            if !keys.add(&object, &key) {
                return Err(self.budget.repeated(&key));
            }
            let value = map.next_value_seed(inner)?;
            object.push((key, value));
        }
        Ok(Json::Object(object))
    }
}

/// Reads a key, without a copy where it has no escapes.
struct Key;

impl<'de> DeserializeSeed<'de> for Key {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Key {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_borrowed_str<E: Error>(self, key: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(key))
    }

    fn visit_str<E: Error>(self, key: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(key.to_owned()))
    }
}

/// The keys of an object that has too many to be looked at one by one.
#[derive(Default)]
struct Keys<'b>(HashSet<Cow<'b, str>>);

impl<'b> Keys<'b> {
    /// Keys that are looked at one by one: fewer than it takes for a hash to pay.
    const FEW: usize = 32;

    /// Whether `key` is new to `object`, which holds all keys before it.
    #[expect(clippy::ptr_arg, reason = "a key of the body is kept without a copy")]
    fn add(&mut self, object: &Object<'b>, key: &Cow<'b, str>) -> bool {
        if object.len() < Self::FEW {
            return object.iter().all(|(known, _)| known != key);
        }
        if self.0.is_empty() {
            self.0.extend(object.iter().map(|(known, _)| known.clone()));
        }
        self.0.insert(key.clone())
    }
}

#[cfg(test)]
mod tests;
