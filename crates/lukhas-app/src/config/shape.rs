// SPDX-License-Identifier: Apache-2.0
//! What may be written where, taken from the JSON Schema of [`Config`] and its like.

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::Value;

use crate::config::Config;

/// What a value may be.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Shape {
    /// Settings, each with its name.
    Section(Vec<(String, Self)>),
    /// Any keys, each with such a value. A layer's map replaces the one below it whole.
    Map(Box<Self>),
    /// Values in order. A layer's list replaces the one below it whole.
    List(Box<Self>),
    /// A whole number, bounds included.
    Integer {
        /// Smallest.
        min: i128,
        /// Largest.
        max: i128,
    },
    /// A number, bounds included.
    Number {
        /// Smallest.
        min: f64,
        /// Largest.
        max: f64,
    },
    /// Text.
    Text,
    /// One of these texts.
    Choice(Vec<String>),
    /// The same, or nothing.
    Optional(Box<Self>),
}

/// The schema uses a keyword that the reader does not enforce.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the schema of the configuration uses a form that is not enforced: {0}")]
pub struct UnsupportedSchema(String);

impl Shape {
    /// The shape of a whole configuration.
    ///
    /// # Errors
    /// [`UnsupportedSchema`] is a defect of this crate; a test shows that it does not happen.
    pub(crate) fn of_config() -> Result<Self, UnsupportedSchema> {
        Self::of::<Config>()
    }

    /// The shape of a `T`.
    ///
    /// # Errors
    /// As [`Self::of_config`].
    pub(crate) fn of<T: JsonSchema>() -> Result<Self, UnsupportedSchema> {
        let settings = SchemaSettings::draft2020_12().with(|s| s.inline_subschemas = true);
        let schema = settings.into_generator().into_root_schema_for::<T>();
        Self::of_schema(schema.as_value())
    }

    /// Of a whole configuration, what the file named by `reliability` may set.
    pub(crate) fn of_reliability(config: &Self) -> Self {
        let server = config.field("server").map(Self::fields).unwrap_or_default();
        let limits = server.iter().filter(|(name, _)| name != "listen");
        let mut fields = vec![(
            "server".to_owned(),
            Self::Section(limits.cloned().collect()),
        )];
        for name in ["timeouts", "retry", "limits", "budgets", "overload"] {
            fields.extend(
                config
                    .field(name)
                    .map(|shape| (name.to_owned(), shape.clone())),
            );
        }
        Self::Section(fields)
    }

    /// Of a whole configuration, what the file named by `slo_budgets` may set.
    pub(crate) fn of_slo_budgets(config: &Self) -> Self {
        let slo = config.field("objectives").cloned();
        Self::Section(
            slo.map(|slo| ("objectives".to_owned(), slo))
                .into_iter()
                .collect(),
        )
    }

    /// The settings of a section.
    pub(crate) fn fields(&self) -> &[(String, Self)] {
        match self {
            Self::Section(fields) => fields,
            Self::Optional(inner) => inner.fields(),
            Self::Map(_)
            | Self::List(_)
            | Self::Integer { .. }
            | Self::Number { .. }
            | Self::Text
            | Self::Choice(_) => &[],
        }
    }

    /// The setting `name` of a section.
    pub(crate) fn field(&self, name: &str) -> Option<&Self> {
        let mut fields = self.fields().iter();
        fields
            .find(|(field, _)| field == name)
            .map(|(_, shape)| shape)
    }

    /// The setting at `path`.
    pub(crate) fn at(&self, path: &[String]) -> Option<&Self> {
        path.iter().try_fold(self, |shape, name| shape.field(name))
    }

    /// Every setting that is no section, as its path.
    pub(crate) fn leaves(&self) -> Vec<(Vec<String>, &Self)> {
        let mut leaves = Vec::new();
        self.collect(&mut Vec::new(), &mut leaves);
        leaves
    }

    fn collect<'s>(&'s self, path: &mut Vec<String>, leaves: &mut Vec<(Vec<String>, &'s Self)>) {
        if self.fields().is_empty() {
            leaves.push((path.clone(), self));
        }
        for (name, shape) in self.fields() {
            path.push(name.clone());
            shape.collect(path, leaves);
            path.pop();
        }
    }

    fn of_schema(schema: &Value) -> Result<Self, UnsupportedSchema> {
        if let Some(options) = schema.get("anyOf").and_then(Value::as_array) {
            return Self::of_optional(options, schema);
        }
        if let Some(choices) = choices(schema) {
            return Ok(Self::Choice(choices));
        }
        match schema.get("type") {
            Some(Value::Array(types)) => {
                let options: Vec<_> = types.iter().map(|t| with_type(schema, t)).collect();
                Self::of_optional(&options, schema)
            }
            Some(Value::String(name)) => Self::of_type(name, schema),
            _ => Err(unsupported(schema)),
        }
    }

    fn of_optional(options: &[Value], schema: &Value) -> Result<Self, UnsupportedSchema> {
        let is_null = |option: &Value| option.get("type").and_then(Value::as_str) == Some("null");
        match options {
            [some, null] if is_null(null) => Ok(Self::Optional(Box::new(Self::of_schema(some)?))),
            _ => Err(unsupported(schema)),
        }
    }

    fn of_type(name: &str, schema: &Value) -> Result<Self, UnsupportedSchema> {
        match name {
            "string" => Ok(Self::Text),
            "integer" => Self::of_integer(schema),
            "number" => Self::of_number(schema),
            "array" => {
                let items = schema.get("items").ok_or_else(|| unsupported(schema))?;
                Ok(Self::List(Box::new(Self::of_schema(items)?)))
            }
            "object" => match (schema.get("properties"), schema.get("additionalProperties")) {
                (Some(Value::Object(properties)), Some(Value::Bool(false))) => properties
                    .iter()
                    .map(|(name, schema)| Ok((name.clone(), Self::of_schema(schema)?)))
                    .collect::<Result<_, _>>()
                    .map(Self::Section),
                (None, Some(values @ Value::Object(_))) => {
                    Ok(Self::Map(Box::new(Self::of_schema(values)?)))
                }
                _ => Err(unsupported(schema)),
            },
            _ => Err(unsupported(schema)),
        }
    }

    fn of_integer(schema: &Value) -> Result<Self, UnsupportedSchema> {
        let bound = |name| match schema.get(name) {
            Some(Value::Number(number)) => number.as_i128(),
            _ => None,
        };
        let (min, max) = bound("minimum")
            .zip(bound("maximum"))
            .ok_or_else(|| unsupported(schema))?;
        Ok(Self::Integer { min, max })
    }

    fn of_number(schema: &Value) -> Result<Self, UnsupportedSchema> {
        let bound = |name| schema.get(name).and_then(Value::as_f64);
        let (min, max) = bound("minimum")
            .zip(bound("maximum"))
            .ok_or_else(|| unsupported(schema))?;
        Ok(Self::Number { min, max })
    }
}

/// The texts of an enumeration: `enum`, or `oneOf` with a documented `const` each.
fn choices(schema: &Value) -> Option<Vec<String>> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    if let Some(values) = schema.get("enum").and_then(Value::as_array) {
        return values.iter().map(text).collect();
    }
    let variants = schema.get("oneOf").and_then(Value::as_array)?;
    let constant = |variant: &Value| variant.get("const").and_then(text);
    variants.iter().map(constant).collect()
}

fn with_type(schema: &Value, name: &Value) -> Value {
    let mut schema = schema.clone();
    if let Some(object) = schema.as_object_mut() {
        object.insert("type".to_owned(), name.clone());
    }
    schema
}

fn unsupported(schema: &Value) -> UnsupportedSchema {
    UnsupportedSchema(schema.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_of_the_configuration_has_a_shape() {
        let shape = Shape::of_config().unwrap();
        let leaves = shape.leaves();
        let keys: Vec<_> = leaves.iter().map(|(path, _)| path.join(".")).collect();
        insta::assert_snapshot!(keys.join("\n"));
        for (path, shape) in leaves {
            if let Shape::Integer { min, max } = shape {
                assert!(min < max, "{path:?}");
            }
        }
    }

    #[test]
    fn the_reliability_file_sets_limits_and_nothing_else() {
        let config = Shape::of_config().unwrap();
        let reliability = Shape::of_reliability(&config);
        assert!(reliability.field("log").is_none());
        let server = reliability.field("server").unwrap();
        assert!(server.field("listen").is_none());
        assert_eq!(
            server.fields().len() + 1,
            config.field("server").unwrap().fields().len()
        );
    }

    #[test]
    fn a_schema_that_is_not_enforced_is_refused() {
        for schema in [
            serde_json::json!({ "type": "number" }),
            serde_json::json!({ "type": "integer" }),
            serde_json::json!({ "type": "object", "properties": {} }),
            serde_json::json!({ "anyOf": [{ "type": "string" }, { "type": "integer" }] }),
        ] {
            assert!(Shape::of_schema(&schema).is_err(), "{schema}");
        }
    }
}
