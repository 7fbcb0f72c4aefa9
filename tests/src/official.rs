// SPDX-License-Identifier: Apache-2.0
//! The official OpenAI document, as an independent reader of what we send.

use std::collections::HashMap;
use std::sync::{Mutex, OnceLock};

use jsonschema::Validator;
use serde_json::{Value, json};

const DOCUMENT: &str = include_str!("../fixtures/openai/openapi.json");

/// Keys whose null the API's clients accept, whatever the document says.
const NULLABLE: &[&str] = &["user", "usage", "finish_reason", "logprobs", "refusal"];

/// Fails when `value` is not valid under the official schema of that name.
///
/// # Panics
/// With the value and what is wrong with it.
#[track_caller]
pub fn assert_valid(schema: &str, value: &Value) {
    let faults = faults(schema, value);
    assert!(
        faults.is_empty(),
        "not a valid {schema}: {faults:#?}\n{value:#}"
    );
}

/// Fails when an event of a streamed response is not valid, or not of the official set.
///
/// # Panics
/// With the event and what is wrong with it.
#[track_caller]
pub fn assert_valid_event(event: &Value) {
    let kind = event["type"].as_str().expect("an event has a type");
    let schema = event_schemas().get(kind);
    let schema = schema.unwrap_or_else(|| panic!("`{kind}` is no official event"));
    assert_valid(schema, event);
}

/// What is wrong with `value` under the official schema of that name.
pub fn faults(schema: &str, value: &Value) -> Vec<String> {
    static VALIDATORS: Mutex<Option<HashMap<String, &'static Validator>>> = Mutex::new(None);
    let mut validators = VALIDATORS.lock().expect("no test panics here");
    let validator = *validators
        .get_or_insert_default()
        .entry(schema.to_owned())
        .or_insert_with(|| Box::leak(Box::new(compile(schema))));
    validator
        .iter_errors(value)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect()
}

fn compile(schema: &str) -> Validator {
    let components = &document()["components"];
    assert!(
        components["schemas"][schema].is_object(),
        "the document has no `{schema}`"
    );
    let root = json!({"$ref": format!("#/components/schemas/{schema}"), "components": components});
    jsonschema::draft202012::options()
        .build(&root)
        .expect("the document's schemas are schemas")
}

/// Names of the events' schemas, by the events' types.
fn event_schemas() -> &'static HashMap<String, String> {
    static SCHEMAS: OnceLock<HashMap<String, String>> = OnceLock::new();
    SCHEMAS.get_or_init(|| {
        let schemas = document()["components"]["schemas"]
            .as_object()
            .expect("schemas");
        let of_event = |(name, schema): (&String, &Value)| {
            let kind = schema["properties"]["type"]["enum"][0].as_str()?;
            let is_event = name.ends_with("Event");
            is_event.then(|| (kind.to_owned(), name.clone()))
        };
        schemas.iter().filter_map(of_event).collect()
    })
}

fn document() -> &'static Value {
    static LOADED: OnceLock<Value> = OnceLock::new();
    LOADED.get_or_init(|| {
        let mut document = serde_json::from_str(DOCUMENT).expect("the document is JSON");
        relax(&mut document);
        document
    })
}

/// Reads `oneOf` as `anyOf`, and lets [`NULLABLE`] properties be null.
fn relax(schema: &mut Value) {
    match schema {
        Value::Object(map) => {
            if let Some(options) = map.shift_remove("oneOf") {
                map.insert("anyOf".to_owned(), options);
            }
            if let Some(Value::Object(properties)) = map.get_mut("properties") {
                for (name, property) in properties {
                    if NULLABLE.contains(&name.as_str()) {
                        *property = json!({"anyOf": [property.take(), {"type": "null"}]});
                    }
                }
            }
            map.values_mut().for_each(relax);
        }
        Value::Array(values) => values.iter_mut().for_each(relax),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
