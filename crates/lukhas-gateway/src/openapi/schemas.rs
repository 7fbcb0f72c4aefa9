// SPDX-License-Identifier: Apache-2.0
//! Schemas of requests and answers, in one name space.

use schemars::generate::{SchemaGenerator, SchemaSettings};
use serde_json::{Map, Value, json};

use crate::route::SchemaOf;

const PREFIX: &str = "#/components/schemas/";
/// Ends the name of a type that reads differently in answers than in requests.
const SUFFIX: &str = "Object";

/// Collects schemas. A type's requests may leave keys out that its answers always have, so the
/// two are made apart; where they differ under one name, the answer's gets another.
pub(super) struct Schemas {
    requests: SchemaGenerator,
    answers: SchemaGenerator,
}

impl Schemas {
    pub(super) fn new() -> Self {
        let settings = || {
            SchemaSettings::draft2020_12().with(|settings| {
                settings.definitions_path = "/components/schemas".into();
                settings.meta_schema = None;
            })
        };
        Self {
            requests: settings().for_deserialize().into_generator(),
            answers: settings().for_serialize().into_generator(),
        }
    }

    /// The schema of a request body.
    pub(super) fn request(&mut self, schema: SchemaOf) -> Value {
        schema(&mut self.requests).to_value()
    }

    /// The schema of an answer. Until [`Self::finish`], it may be renamed.
    pub(super) fn answer(&mut self, schema: SchemaOf) -> Value {
        schema(&mut self.answers).to_value()
    }

    /// Every named schema.
    pub(super) fn finish(mut self) -> Map<String, Value> {
        let mut all = self.requests.take_definitions(true);
        let answers = self.answers.take_definitions(true);
        let renamed: Vec<String> = differing(&all, &answers);
        for (name, mut schema) in answers {
            rename(&mut schema, &renamed);
            let name = if renamed.contains(&name) {
                format!("{name}{SUFFIX}")
            } else {
                name
            };
            all.insert(name, schema);
        }
        all.sort_keys();
        all.values_mut().for_each(separate);
        all
    }
}

/// Names under which requests and answers differ, directly or through what they refer to.
fn differing(requests: &Map<String, Value>, answers: &Map<String, Value>) -> Vec<String> {
    let mut names: Vec<String> = answers
        .iter()
        .filter(|(name, schema)| requests.get(*name).is_some_and(|other| other != *schema))
        .map(|(name, _)| name.clone())
        .collect();
    loop {
        let more: Vec<String> = answers
            .iter()
            .filter(|(name, schema)| {
                requests.contains_key(*name)
                    && !names.contains(name)
                    && names.iter().any(|name| refers(schema, name))
            })
            .map(|(name, _)| name.clone())
            .collect();
        if more.is_empty() {
            return names;
        }
        names.extend(more);
    }
}

/// Gives a reference with constraints beside it an `allOf`: readers of older versions of OpenAPI
/// pass over what stands beside a reference.
fn separate(schema: &mut Value) {
    match schema {
        Value::Object(map) => {
            map.values_mut().for_each(separate);
            let constrains = |key: &String| !["$ref", "description"].contains(&key.as_str());
            if map.keys().any(constrains)
                && let Some(reference) = map.shift_remove("$ref")
            {
                let beside = Value::Object(std::mem::take(map));
                map.insert("allOf".to_owned(), json!([{"$ref": reference}, beside]));
            }
        }
        Value::Array(values) => values.iter_mut().for_each(separate),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn refers(schema: &Value, name: &str) -> bool {
    match schema {
        Value::String(text) => text.strip_prefix(PREFIX) == Some(name),
        Value::Array(values) => values.iter().any(|value| refers(value, name)),
        Value::Object(map) => map.values().any(|value| refers(value, name)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

fn rename(schema: &mut Value, names: &[String]) {
    match schema {
        Value::String(text) => {
            let name = text.strip_prefix(PREFIX);
            if name.is_some_and(|name| names.iter().any(|other| other == name)) {
                text.push_str(SUFFIX);
            }
        }
        Value::Array(values) => values.iter_mut().for_each(|value| rename(value, names)),
        Value::Object(map) => map.values_mut().for_each(|value| rename(value, names)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
