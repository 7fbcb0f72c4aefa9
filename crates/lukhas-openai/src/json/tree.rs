// SPDX-License-Identifier: Apache-2.0
//! A JSON value as it stands in a body.

use std::borrow::Cow;

use serde_json::{Number, Value};

/// A JSON value that borrows from the body it was read from: only texts with escapes are copies.
///
/// [`Value`] copies every text and hashes every key; of a request, most are looked at once.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Json<'b> {
    Null,
    Bool(bool),
    Number(Number),
    String(Cow<'b, str>),
    Array(Vec<Self>),
    Object(Object<'b>),
}

/// The members of an object, in their order.
///
/// INVARIANT: no key comes twice.
pub(crate) type Object<'b> = Vec<(Cow<'b, str>, Json<'b>)>;

impl Json<'_> {
    pub(crate) fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    pub(crate) fn is_string(&self) -> bool {
        matches!(self, Self::String(_))
    }

    pub(crate) fn is_object(&self) -> bool {
        matches!(self, Self::Object(_))
    }

    /// Whether it is an object that has `key`.
    pub(crate) fn has(&self, key: &str) -> bool {
        match self {
            Self::Object(members) => members.iter().any(|(name, _)| name == key),
            Self::Null | Self::Bool(_) | Self::Number(_) | Self::String(_) | Self::Array(_) => {
                false
            }
        }
    }

    pub(crate) fn as_number(&self) -> Option<&Number> {
        match self {
            Self::Number(number) => Some(number),
            Self::Null | Self::Bool(_) | Self::String(_) | Self::Array(_) | Self::Object(_) => None,
        }
    }

    /// The same, independent of the body.
    pub(crate) fn into_value(self) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Bool(value) => Value::Bool(value),
            Self::Number(value) => Value::Number(value),
            Self::String(value) => Value::String(value.into_owned()),
            Self::Array(values) => values.into_iter().map(Json::into_value).collect(),
            Self::Object(members) => members
                .into_iter()
                .map(|(key, value)| (key.into_owned(), value.into_value()))
                .collect(),
        }
    }
}
