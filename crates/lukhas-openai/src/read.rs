// SPDX-License-Identifier: Apache-2.0
//! One declaration for a wire type, its parser and its schema.
//!
//! serde's derived readers lose the path of a fault inside unions and cannot tell a missing field
//! from a wrong one except by its message. [`wire_object!`] and [`wire_union!`] generate readers that blame the exact
//! place, beside serde's writers and schemars' schemas, from one declaration.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::{Map, Number, Value};

use crate::WireError;
use crate::json::Json;
use crate::path::Path;

/// Reads itself from JSON, blaming the exact place on failure.
pub(crate) trait FromJson: Sized {
    /// The value at `at`.
    fn from_json(at: &Path<'_>, value: Json<'_>) -> Result<Self, WireError>;

    /// What an absent field means; `None` when it is required.
    fn absent() -> Option<Self> {
        None
    }
}

/// A text, or several parts.
#[derive(Clone, Debug, PartialEq, serde::Serialize, schemars::JsonSchema)]
#[serde(untagged)]
#[schemars(rename = "TextOr{T}")]
pub enum TextOr<T> {
    /// A text.
    Text(String),
    /// Several parts.
    Many(Vec<T>),
}

impl<T: FromJson> FromJson for TextOr<T> {
    fn from_json(at: &Path<'_>, value: Json<'_>) -> Result<Self, WireError> {
        match value {
            Json::String(text) => Ok(Self::Text(text.into_owned())),
            Json::Array(_) => Vec::from_json(at, value).map(Self::Many),
            Json::Null | Json::Bool(_) | Json::Number(_) | Json::Object(_) => {
                Err(at.wrong_type("a string or an array", &value))
            }
        }
    }
}

impl<T: FromJson> FromJson for Option<T> {
    fn from_json(at: &Path<'_>, value: Json<'_>) -> Result<Self, WireError> {
        if value.is_null() {
            Ok(None)
        } else {
            T::from_json(at, value).map(Some)
        }
    }

    fn absent() -> Option<Self> {
        Some(None)
    }
}

impl<T: FromJson> FromJson for Box<T> {
    fn from_json(at: &Path<'_>, value: Json<'_>) -> Result<Self, WireError> {
        T::from_json(at, value).map(Self::new)
    }
}

impl<T: FromJson> FromJson for Vec<T> {
    fn from_json(at: &Path<'_>, value: Json<'_>) -> Result<Self, WireError> {
        let Json::Array(values) = value else {
            return Err(at.wrong_type("an array", &value));
        };
        values
            .into_iter()
            .enumerate()
            .map(|(i, v)| T::from_json(&at.index(i), v))
            .collect()
    }
}

impl FromJson for Value {
    fn from_json(_: &Path<'_>, value: Json<'_>) -> Result<Self, WireError> {
        Ok(value.into_value())
    }
}

impl FromJson for Map<String, Value> {
    fn from_json(at: &Path<'_>, value: Json<'_>) -> Result<Self, WireError> {
        let members = at.object(value)?.into_iter();
        let member =
            |(key, value): (Cow<'_, str>, Json<'_>)| (key.into_owned(), value.into_value());
        Ok(members.map(member).collect())
    }
}

impl<T: FromJson> FromJson for BTreeMap<String, T> {
    fn from_json(at: &Path<'_>, value: Json<'_>) -> Result<Self, WireError> {
        at.object(value)?
            .into_iter()
            .map(|(key, value)| {
                let value = T::from_json(&at.key(&key), value)?;
                Ok((key.into_owned(), value))
            })
            .collect()
    }
}

impl FromJson for String {
    fn from_json(at: &Path<'_>, value: Json<'_>) -> Result<Self, WireError> {
        at.text(value).map(Cow::into_owned)
    }
}

impl FromJson for bool {
    fn from_json(at: &Path<'_>, value: Json<'_>) -> Result<Self, WireError> {
        match value {
            Json::Bool(value) => Ok(value),
            _ => Err(at.wrong_type("a boolean", &value)),
        }
    }
}

impl FromJson for f64 {
    fn from_json(at: &Path<'_>, value: Json<'_>) -> Result<Self, WireError> {
        let number = value.as_number().and_then(Number::as_f64);
        number.ok_or_else(|| at.wrong_type("a number", &value))
    }
}

impl FromJson for i64 {
    fn from_json(at: &Path<'_>, value: Json<'_>) -> Result<Self, WireError> {
        let number = value.as_number();
        if let Some(large) = number.and_then(Number::as_u64)
            && Self::try_from(large).is_err()
        {
            return Err(at.invalid(format!("must be at most {}", Self::MAX)));
        }
        // To JSON Schema, 1.0 is an integer.
        let integer = |number: &Number| number.as_i64().or_else(|| integral(number.as_f64()?));
        number
            .and_then(integer)
            .ok_or_else(|| at.wrong_type("an integer", &value))
    }
}

/// The integer that a number without a fraction stands for, as far as it is exact.
#[expect(
    clippy::cast_possible_truncation,
    reason = "a whole number below 2^53 is exact"
)]
pub(crate) fn integral(number: f64) -> Option<i64> {
    let exact = number.fract() == 0.0 && number.abs() < 9_007_199_254_740_992.0;
    exact.then_some(number as i64)
}

impl FromJson for u32 {
    fn from_json(at: &Path<'_>, value: Json<'_>) -> Result<Self, WireError> {
        let number = i64::from_json(at, value)?;
        Self::try_from(number).map_err(|_| {
            at.invalid(format!(
                "must be between 0 and {}, but got {number}",
                Self::MAX
            ))
        })
    }
}

/// Declares an object: its type, its reader, its writer and its schema.
///
/// `deny` refuses unknown keys. `keep` keeps them in `extra` and writes them back, for objects
/// that clients echo from other servers or newer versions.
macro_rules! wire_object {
    (
        deny
        $(#[$meta:meta])*
        pub struct $name:ident { $($(#[$attr:meta])* pub $field:ident : $ty:ty,)* }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, serde::Serialize, schemars::JsonSchema)]
        #[schemars(deny_unknown_fields)]
        pub struct $name { $($(#[$attr])* pub $field: $ty,)* }
        $crate::read::wire_object!(@read $name { $($field: $ty,)* } unknown(at, _value, _extra) {
            return Err(at.unknown());
        } {});
    };
    (
        keep
        $(#[$meta:meta])*
        pub struct $name:ident { $($(#[$attr:meta])* pub $field:ident : $ty:ty,)* }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, serde::Serialize, schemars::JsonSchema)]
        pub struct $name {
            $($(#[$attr])* pub $field: $ty,)*
            /// Keys this build does not know, kept as they came.
            #[serde(flatten)]
            pub extra: serde_json::Map<String, serde_json::Value>,
        }
        $crate::read::wire_object!(@read $name { $($field: $ty,)* } unknown(at, value, extra) {
            extra.insert(at.last_key(), value.into_value());
        } { extra });
    };
    (@read $name:ident { $($field:ident : $ty:ty,)* }
        unknown($at:ident, $value:ident, $extra:ident) $unknown:block { $($kept:ident)? }
    ) => {
        impl $crate::read::FromJson for $name {
            fn from_json(
                at: &$crate::path::Path<'_>,
                value: $crate::json::Json<'_>,
            ) -> Result<Self, $crate::WireError> {
                $(let mut $field: Option<$ty> = None;)*
                let mut $extra = serde_json::Map::new();
                for (key, $value) in at.object(value)? {
                    let $at = at.key(&key);
                    $(if key == stringify!($field) {
                        $field = Some($crate::read::FromJson::from_json(&$at, $value)?);
                        continue;
                    })*
                    $unknown
                }
                Ok(Self {
                    $($field: $field
                        .or_else(<$ty as $crate::read::FromJson>::absent)
                        .ok_or_else(|| at.missing(stringify!($field)))?,)*
                    $($kept: $extra,)?
                })
            }
        }
    };
}

/// Declares a union told apart by `type`: its type, its reader, its writer and its schema.
///
/// `by "role"` tells it apart by that key instead. `default "x"` is the variant of an object
/// without the key. Values that exist in the API but not in this server are listed after
/// `unsupported`.
macro_rules! wire_union {
    ($(#[$meta:meta])* pub $($declaration:tt)*) => {
        $crate::read::wire_union!(by "type" $(#[$meta])* pub $($declaration)*);
    };
    (
        by $key:literal
        $(#[$meta:meta])*
        pub enum $name:ident {
            $($(#[$attr:meta])* $tag:literal => $variant:ident($ty:ty),)*
        }
        $(default $default:literal)?
        $(unsupported [$($absent:literal),* $(,)?] $why:literal)?
    ) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, serde::Serialize, schemars::JsonSchema)]
        #[serde(tag = $key)]
        #[schemars(transform = $name::allow_default)]
        pub enum $name { $($(#[$attr])* #[serde(rename = $tag)] $variant($ty),)* }
        impl $name {
            /// The variant of an object without the key, if there is one.
            const DEFAULT: &[&str] = &[$($default)?];

            fn allow_default(schema: &mut schemars::Schema) {
                if let Some(default) = Self::DEFAULT.first() {
                    $crate::read::default_tag(schema, $key, default);
                }
            }
        }
        impl $crate::read::FromJson for $name {
            fn from_json(
                at: &$crate::path::Path<'_>,
                value: $crate::json::Json<'_>,
            ) -> Result<Self, $crate::WireError> {
                let mut object = at.object(value)?;
                let tag = object.iter().position(|(key, _)| key == $key);
                let tag = match (tag, Self::DEFAULT.first()) {
                    (None, Some(default)) => std::borrow::Cow::Borrowed(*default),
                    (Some(tag), _) => at.key($key).text(object.remove(tag).1)?,
                    (None, None) => return Err(at.missing($key)),
                };
                let value = $crate::json::Json::Object(object);
                match &*tag {
                    $($tag => $crate::read::FromJson::from_json(at, value).map(Self::$variant),)*
                    $($($absent => Err(at.key($key).unsupported(
                        &format!("`{}` is not offered by this server: {}", $absent, $why))),)*)?
                    _ => Err(at.key($key).not_one_of(&tag, &[$($tag),*])),
                }
            }
        }
    };
}

/// Says in the schema of a union that `key` may be left out of the variant `default`.
pub(crate) fn default_tag(schema: &mut schemars::Schema, key: &str, default: &str) {
    let Some(Value::Array(variants)) = schema.get_mut("oneOf") else {
        return;
    };
    for variant in variants {
        if variant["properties"][key]["const"] != default {
            continue;
        }
        if let Some(required) = variant["required"].as_array_mut() {
            required.retain(|name| name != key);
        }
    }
}

/// Declares a set of names.
macro_rules! wire_enum {
    (
        $(#[$meta:meta])*
        pub enum $name:ident { $($(#[$attr:meta])* $text:literal => $variant:ident,)* }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
        pub enum $name { $($(#[$attr])* #[serde(rename = $text)] $variant,)* }
        impl $name {
            /// Its name on the wire.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }
        }
        impl $crate::read::FromJson for $name {
            fn from_json(
                at: &$crate::path::Path<'_>,
                value: $crate::json::Json<'_>,
            ) -> Result<Self, $crate::WireError> {
                let text = at.text(value)?;
                match &*text {
                    $($text => Ok(Self::$variant),)*
                    _ => Err(at.not_one_of(&text, &[$($text),*])),
                }
            }
        }
    };
}

pub(crate) use {wire_enum, wire_object, wire_union};
