// SPDX-License-Identifier: Apache-2.0
//! Values as they were written, each with its place.

use std::fmt;

use crate::config::Origin;

/// A value and where it was written.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Node {
    /// Where.
    pub(crate) origin: Origin,
    /// What.
    pub(crate) value: Value,
}

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    /// Nothing.
    Null,
    /// True or false.
    Bool(bool),
    /// A whole number.
    Integer(i128),
    /// A number that is not whole, as it was written.
    Fraction(String),
    /// Text.
    Text(String),
    /// Values in order.
    List(Vec<Node>),
    /// Keys with values in order; keys may repeat.
    Map(Vec<Entry>),
}

/// A key and its value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Entry {
    /// The key.
    pub(crate) key: String,
    /// Where the key was written.
    pub(crate) origin: Origin,
    /// The value.
    pub(crate) node: Node,
}

impl Node {
    /// A value at `origin`.
    pub(crate) fn new(origin: Origin, value: Value) -> Self {
        Self { origin, value }
    }

    /// A map without entries.
    pub(crate) fn empty(origin: Origin) -> Self {
        Self::new(origin, Value::Map(Vec::new()))
    }

    /// The value below `path`; a list's values are named by their numbers, from 0.
    pub(crate) fn get(&self, path: &[&str]) -> Option<&Self> {
        let Some((first, rest)) = path.split_first() else {
            return Some(self);
        };
        match &self.value {
            Value::Map(entries) => {
                let entry = entries.iter().find(|entry| entry.key == *first)?;
                entry.node.get(rest)
            }
            Value::List(items) => items.get(first.parse::<usize>().ok()?)?.get(rest),
            Value::Null
            | Value::Bool(_)
            | Value::Integer(_)
            | Value::Fraction(_)
            | Value::Text(_) => None,
        }
    }

    /// Puts `node` below `path`, making the maps on the way.
    pub(crate) fn insert(&mut self, path: &[String], node: Self) {
        let (Some((first, rest)), Value::Map(entries)) = (path.split_first(), &mut self.value)
        else {
            *self = node;
            return;
        };
        let place = entries.iter().position(|entry| entry.key == *first);
        let place = place.unwrap_or_else(|| {
            entries.push(Entry {
                key: first.clone(),
                origin: node.origin.clone(),
                node: Self::empty(node.origin.clone()),
            });
            entries.len() - 1
        });
        entries[place].node.insert(rest, node);
    }

    /// Takes the value below `path` away.
    pub(crate) fn remove(&mut self, path: &[String]) {
        let (Some((first, rest)), Value::Map(entries)) = (path.split_first(), &mut self.value)
        else {
            return;
        };
        if rest.is_empty() {
            entries.retain(|entry| entry.key != *first);
        } else if let Some(entry) = entries.iter_mut().find(|entry| entry.key == *first) {
            entry.node.remove(rest);
        }
    }

    /// The same value, all of it at `origin`.
    pub(crate) fn moved_to(self, origin: &Origin) -> Self {
        let value = match self.value {
            Value::List(items) => Value::List(
                items
                    .into_iter()
                    .map(|item| item.moved_to(origin))
                    .collect(),
            ),
            Value::Map(entries) => Value::Map(
                entries
                    .into_iter()
                    .map(|entry| Entry {
                        key: entry.key,
                        origin: origin.clone(),
                        node: entry.node.moved_to(origin),
                    })
                    .collect(),
            ),
            scalar => scalar,
        };
        Self::new(origin.clone(), value)
    }

    /// The value of a JSON document, all of it at `origin`.
    pub(crate) fn from_json(value: &serde_json::Value, origin: &Origin) -> Self {
        use serde_json::Value as Json;
        let value = match value {
            Json::Null => Value::Null,
            Json::Bool(bool) => Value::Bool(*bool),
            Json::Number(number) => match number.as_i128() {
                Some(integer) => Value::Integer(integer),
                None => Value::Fraction(number.to_string()),
            },
            Json::String(text) => Value::Text(text.clone()),
            Json::Array(items) => Value::List(
                items
                    .iter()
                    .map(|item| Self::from_json(item, origin))
                    .collect(),
            ),
            Json::Object(entries) => Value::Map(
                entries
                    .iter()
                    .map(|(key, value)| Entry {
                        key: key.clone(),
                        origin: origin.clone(),
                        node: Self::from_json(value, origin),
                    })
                    .collect(),
            ),
        };
        Self::new(origin.clone(), value)
    }
}

/// What a value is, for messages: short, on one line, without control characters.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("nothing"),
            Self::Bool(value) => write!(f, "`{value}`"),
            Self::Integer(value) => write!(f, "the number `{value}`"),
            Self::Fraction(text) => write!(f, "the number `{}`", excerpt(text)),
            Self::Text(text) => write!(f, "the text `{}`", excerpt(text)),
            Self::List(_) => f.write_str("a list"),
            Self::Map(_) => f.write_str("a mapping"),
        }
    }
}

/// The start of `text`, on one line, without control characters.
pub(crate) fn excerpt(text: &str) -> String {
    const MOST: usize = 80;
    let mut short = String::new();
    for c in text.chars().take(MOST) {
        if c.is_control() {
            short.extend(c.escape_default());
        } else {
            short.push(c);
        }
    }
    if text.chars().nth(MOST).is_some() {
        short.push('…');
    }
    short
}
