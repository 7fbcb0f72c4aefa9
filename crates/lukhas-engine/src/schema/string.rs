// SPDX-License-Identifier: Apache-2.0
//! Strings.

use std::cell::RefCell;

use serde_json::Value;

use crate::words::identifier_words;

use super::format::sample;
use super::generate::{Generator, Made, Refusal, Slot};
use super::pattern::witness;
use super::shape::Shape;

/// Ways to make a string for a pattern before giving up.
const TRIES: u32 = 6;

/// How many characters a string may have.
#[derive(Clone, Copy, Debug)]
struct Length {
    min: usize,
    max: usize,
}

impl Length {
    fn allows(self, text: &str) -> bool {
        let count = text.chars().count();
        (self.min..=self.max).contains(&count)
    }
}

impl<'s> Generator<'_, 's> {
    /// A string: from the request, else the schema's default or example, else made up.
    pub(super) fn string(
        &mut self,
        shape: &Shape<'s>,
        schemas: &[&'s Value],
        slot: Slot<'_>,
    ) -> Made {
        let length = Length {
            min: shape.least("minLength"),
            max: shape.most("maxLength"),
        };
        if length.min > length.max {
            return Err(Refusal::Impossible);
        }
        self.occupy(length.min)?;
        self.room += length.min;
        let format = shape.all("format").find_map(Value::as_str);
        if let Some(text) = self.drawn(format, length, shape, schemas, slot) {
            return Ok(Value::from(text));
        }
        if let Some(value) = self.suggested(shape, schemas, slot)? {
            return Ok(value);
        }
        let patterns: Vec<_> = shape.all("pattern").filter_map(Value::as_str).collect();
        for attempt in 0..TRIES {
            let text = self.made_up(format, &patterns, length, attempt, slot);
            let text = Value::from(text.unwrap_or_default());
            let fits = text.as_str().is_some_and(|text| length.allows(text));
            if fits && (!shape.delicate || self.accepts(schemas, &text)?) {
                return Ok(text);
            }
        }
        Err(Refusal::Impossible)
    }

    /// A text of the request that fits.
    fn drawn(
        &mut self,
        format: Option<&str>,
        length: Length,
        shape: &Shape<'s>,
        schemas: &[&'s Value],
        slot: Slot<'_>,
    ) -> Option<String> {
        let source = self.source;
        let fits = RefCell::new(|text: &str| {
            length.allows(text)
                && (!shape.delicate || self.accepts(schemas, &Value::from(text)) == Ok(true))
        });
        let fits = |text: &str| (fits.borrow_mut())(text);
        match slot.given.filter(|given| fits(given)) {
            Some(given) => Some(given.to_owned()),
            None => source?.string(slot.name, format, fits),
        }
    }

    /// The schema's own default, or one of its examples.
    pub(super) fn suggested(
        &mut self,
        shape: &Shape<'s>,
        schemas: &[&'s Value],
        slot: Slot<'_>,
    ) -> Made<Option<Value>> {
        let default = shape.all("default").next().filter(|_| slot.variant == 0);
        let examples: Vec<&Value> = shape
            .all("examples")
            .filter_map(Value::as_array)
            .flatten()
            .collect();
        let example = match examples.len() {
            0 => None,
            count => examples.get(self.random.below(count)),
        };
        for value in default.into_iter().chain(example.copied()) {
            // A value of another type would not be what was asked for here.
            let alike = value.is_string() || value.is_number();
            if alike && self.accepts(schemas, value)? {
                return Ok(Some(value.clone()));
            }
        }
        Ok(None)
    }

    fn made_up(
        &mut self,
        format: Option<&str>,
        patterns: &[&'s str],
        length: Length,
        attempt: u32,
        slot: Slot<'_>,
    ) -> Option<String> {
        let choice = slot.variant.wrapping_add(attempt) as usize;
        // A name can tell what its schema does not.
        let implied = || slot.name.and_then(implied_format).filter(|_| attempt == 0);
        match (format, patterns) {
            (Some(format), _) if attempt < 2 => {
                match sample(format, length.min, &mut self.random) {
                    Some(text) => Some(text),
                    None => Some(self.plain(length, slot)),
                }
            }
            (_, []) => match implied() {
                Some(format) => sample(format, length.min, &mut self.random),
                None => Some(self.plain(length, slot)),
            },
            (_, patterns) => {
                let mixed = attempt % 4 >= 2;
                // Patterns that ask for a start and for an end are met by a text made of both.
                let wanted = match attempt {
                    0..4 => &patterns[choice % patterns.len()..][..1],
                    _ => patterns,
                };
                let mut texts = Vec::new();
                for pattern in wanted {
                    texts.push(witness(pattern, length.min, mixed, &mut self.random)?);
                }
                Some(padded(texts.concat(), length.min, attempt))
            }
        }
    }

    /// A short text that shows which property it is for and that it was made up.
    fn plain(&mut self, length: Length, slot: Slot<'_>) -> String {
        let mut text = slot
            .name
            .map(identifier_words)
            .unwrap_or_default()
            .join(" ");
        if text.is_empty() {
            "text".clone_into(&mut text);
        }
        let number = self.random.below(900) + 100;
        let number = number.wrapping_add(slot.variant as usize);
        let text = format!("{text} {number}");
        let count = text.chars().count();
        if count > length.max {
            // The end varies; the start may not.
            text.chars().skip(count - length.max).collect()
        } else {
            text.chars().cycle().take(count.max(length.min)).collect()
        }
    }
}

/// The format that strings of this name mostly have.
fn implied_format(name: &str) -> Option<&'static str> {
    let words = identifier_words(name);
    Some(match words.last()?.as_str() {
        "email" => "email",
        "url" | "uri" | "link" | "website" => "uri",
        "date" | "birthday" | "deadline" => "date",
        "phone" => "phone",
        "uuid" | "guid" => "uuid",
        _ => return None,
    })
}

/// Lengthens a text that may go on at its end, or else at its start.
fn padded(text: String, min: usize, attempt: u32) -> String {
    let missing = min.saturating_sub(text.chars().count());
    let padding = "a".repeat(missing);
    if attempt.is_multiple_of(2) {
        text + &padding
    } else {
        padding + &text
    }
}
