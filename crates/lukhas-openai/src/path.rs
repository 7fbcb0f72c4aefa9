// SPDX-License-Identifier: Apache-2.0
//! A place in a JSON document, and reading what stands there.

use std::borrow::Cow;
use std::fmt;

use crate::json::{Json, Object};
use crate::{WireError, WireErrorKind};

/// Longest user value repeated in a message, in characters.
const SHOWN: usize = 64;

/// A place in a JSON document, displayed as a dotted path such as `input[0].content[1].text`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Path<'a> {
    parent: Option<&'a Self>,
    segment: Segment<'a>,
}

#[derive(Clone, Copy, Debug)]
enum Segment<'a> {
    Root,
    Key(&'a str),
    Index(usize),
}

impl<'a> Path<'a> {
    pub(crate) const ROOT: Path<'static> = Path {
        parent: None,
        segment: Segment::Root,
    };

    pub(crate) fn key<'b>(&'b self, key: &'b str) -> Path<'b> {
        Path {
            parent: Some(self),
            segment: Segment::Key(key),
        }
    }

    pub(crate) fn index(&'a self, index: usize) -> Self {
        Self {
            parent: Some(self),
            segment: Segment::Index(index),
        }
    }

    pub(crate) fn error(&self, kind: WireErrorKind, message: impl Into<String>) -> WireError {
        let param = match self.segment {
            Segment::Root => None,
            Segment::Key(_) | Segment::Index(_) => Some(self.to_string()),
        };
        WireError {
            kind,
            message: message.into(),
            param,
        }
    }

    /// The key that leads here; empty for the root or an index.
    pub(crate) fn last_key(&self) -> String {
        match self.segment {
            Segment::Key(key) => key.to_owned(),
            Segment::Root | Segment::Index(_) => String::new(),
        }
    }

    /// This place holds a value of another type.
    pub(crate) fn wrong_type(&self, expected: &str, value: &Json<'_>) -> WireError {
        let got = type_name(value);
        let message = match self.segment {
            Segment::Root => format!("The request body must be {expected}, but it is {got}."),
            Segment::Key(_) | Segment::Index(_) => {
                format!("Invalid type for `{self}`: expected {expected}, but got {got} instead.")
            }
        };
        self.error(WireErrorKind::InvalidType, message)
    }

    /// This place holds a value that is not one of its set.
    pub(crate) fn not_one_of(&self, value: &str, options: &[&str]) -> WireError {
        let value = shorten(value);
        let options = options
            .iter()
            .map(|o| format!("`{o}`"))
            .collect::<Vec<_>>()
            .join(", ");
        let message =
            format!("Invalid value for `{self}`: `{value}`. Supported values are: {options}.");
        self.error(WireErrorKind::InvalidValue, message)
    }

    /// This place holds a value that breaks `rule` ("must be between 0 and 2").
    pub(crate) fn invalid(&self, rule: impl fmt::Display) -> WireError {
        self.error(
            WireErrorKind::InvalidValue,
            format!("Invalid value for `{self}`: {rule}."),
        )
    }

    /// `key` is required here.
    pub(crate) fn missing(&self, key: &str) -> WireError {
        let at = self.key(key);
        at.error(
            WireErrorKind::Missing,
            format!("Missing required parameter: `{at}`."),
        )
    }

    /// This place does not exist.
    pub(crate) fn unknown(&self) -> WireError {
        self.error(
            WireErrorKind::Unknown,
            format!("Unknown parameter: `{self}`."),
        )
    }

    /// This place exists in the API, but not in this server; `why` is a full sentence.
    pub(crate) fn unsupported(&self, why: &str) -> WireError {
        self.error(
            WireErrorKind::Unsupported,
            format!("Unsupported parameter: `{self}`. {why}"),
        )
    }

    /// The members of the object that `value` has to be.
    pub(crate) fn object<'b>(&self, value: Json<'b>) -> Result<Object<'b>, WireError> {
        match value {
            Json::Object(members) => Ok(members),
            Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) | Json::Array(_) => {
                Err(self.wrong_type("an object", &value))
            }
        }
    }

    /// The text that `value` has to be.
    pub(crate) fn text<'b>(&self, value: Json<'b>) -> Result<Cow<'b, str>, WireError> {
        match value {
            Json::String(text) => Ok(text),
            Json::Null | Json::Bool(_) | Json::Number(_) | Json::Array(_) | Json::Object(_) => {
                Err(self.wrong_type("a string", &value))
            }
        }
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(parent) = self.parent {
            fmt::Display::fmt(parent, f)?;
        }
        match (self.segment, self.parent.map(|p| p.segment)) {
            (Segment::Root, _) => Ok(()),
            (Segment::Key(key), None | Some(Segment::Root)) => f.write_str(&shorten(key)),
            (Segment::Key(key), Some(_)) => write!(f, ".{}", shorten(key)),
            (Segment::Index(index), _) => write!(f, "[{index}]"),
        }
    }
}

/// `text`, cut to what a message may repeat, control characters replaced.
pub(crate) fn shorten(text: &str) -> String {
    let mut short: String = text
        .chars()
        .take(SHOWN)
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .collect();
    if text.chars().nth(SHOWN).is_some() {
        short.push('…');
    }
    short
}

fn type_name(value: &Json<'_>) -> &'static str {
    match value {
        Json::Null => "null",
        Json::Bool(_) => "a boolean",
        Json::Number(number) if number.is_f64() => "a decimal number",
        Json::Number(_) => "an integer",
        Json::String(_) => "a string",
        Json::Array(_) => "an array",
        Json::Object(_) => "an object",
    }
}
