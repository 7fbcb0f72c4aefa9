// SPDX-License-Identifier: Apache-2.0
//! Instances of JSON Schemas.
//!
//! A schema is read into a [`document::Document`] that bounds it, a [`generate::Generator`] makes a
//! value, trying the schema's choices in order, and a [`check::Checker`] has the last word: what is
//! returned is valid under the `jsonschema` crate, or it is an error.

mod array;
mod check;
mod choose;
mod decimal;
mod document;
mod error;
mod format;
mod generate;
mod keywords;
mod listed;
mod number;
mod object;
mod order;
mod pattern;
mod shape;
mod string;

#[cfg(test)]
mod tests;

use serde_json::Value;

use crate::source::Source;

use check::Checker;
use document::Document;
pub(crate) use error::SchemaError;
use generate::{Generator, Slot};

/// Bytes that an instance may take as JSON text.
const MOST_BYTES: usize = 256 << 10;

/// What an instance should be like, apart from valid.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wishes<'w> {
    /// The text that values are drawn from.
    pub(crate) text: &'w str,
    /// Decides between values that are equally good.
    pub(crate) seed: u64,
    /// Whether objects have their optional properties too, as strict mode has it.
    pub(crate) complete: bool,
    /// Whether it is best an object, where the schema leaves that open.
    pub(crate) object: bool,
}

/// Where in `schema` the first rule stands that `value` breaks, as a JSON pointer; `None` when it is
/// an instance.
pub(crate) fn broken_rule(schema: &Value, value: &Value) -> Result<Option<String>, SchemaError> {
    check::broken_rule(&Document::new(schema)?, value)
}

/// An instance of `schema`.
pub(crate) fn instance(schema: &Value, wishes: Wishes<'_>) -> Result<Value, SchemaError> {
    let document = Document::new(schema)?;
    let source = Source::new(wishes.text, document.names.iter().copied());
    let mut error = SchemaError::NoInstance;
    // Newer drafts leave it open whether formats bind; they do unless nothing else is possible.
    for asserts_formats in [true, false] {
        let checker = Checker::new(&document, asserts_formats)?;
        let mut generator = Generator::new(&document, checker, wishes.seed);
        // Drawn from the text at first, then made up, at last with the other set of properties.
        for (source, complete) in [
            (Some(&source), wishes.complete),
            (None, wishes.complete),
            (None, !wishes.complete),
        ] {
            generator.start(source, complete);
            let slot = Slot {
                object: wishes.object,
                ..Slot::default()
            };
            match generator.value(&[schema], slot) {
                Ok(value) if generator.checker.is_instance(&value) => return Ok(value),
                Ok(_) | Err(_) => {}
            }
        }
        if generator.too_large {
            error = SchemaError::LongInstance(MOST_BYTES);
        }
        if !document.has_formats {
            break;
        }
    }
    Err(error)
}

/// Bytes of `value` as JSON text, but for escapes.
fn text_len(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len() + 2,
        Value::Null | Value::Bool(_) => 5,
        Value::Number(_) | Value::Array(_) | Value::Object(_) => value.to_string().len(),
    }
}
