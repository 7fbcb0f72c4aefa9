// SPDX-License-Identifier: Apache-2.0
//! The effective configuration, each value with its origin.

use std::collections::BTreeMap;

use serde_json::{Value, json as json_value};

use crate::config::{Config, Origins};

/// As YAML, the origin of each value in a comment behind it.
pub(crate) fn yaml(config: &Config, origins: &Origins) -> Result<String, serde_json::Error> {
    let mut out = String::new();
    section(&mut out, &serde_json::to_value(config)?, "", 0, origins);
    Ok(out)
}

/// As one JSON object: the configuration, and the origin of each key.
pub(crate) fn json(config: &Config, origins: &Origins) -> Result<Value, serde_json::Error> {
    let origins: BTreeMap<_, _> = origins
        .iter()
        .map(|(key, origin)| (key, origin.to_string()))
        .collect();
    Ok(json_value!({ "config": serde_json::to_value(config)?, "origins": origins }))
}

fn section(out: &mut String, value: &Value, path: &str, depth: usize, origins: &Origins) {
    let Value::Object(entries) = value else {
        return;
    };
    for (key, value) in entries {
        let dotted = if path.is_empty() {
            key.clone()
        } else {
            format!("{path}.{key}")
        };
        let indent = "  ".repeat(depth);
        let name = scalar(key);
        match value {
            Value::Object(inner) if !inner.is_empty() => {
                out.push_str(&format!("{indent}{name}:\n"));
                section(out, value, &dotted, depth + 1, origins);
            }
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Array(_)
            | Value::Object(_) => {
                let origin = origins.get(&dotted).to_string().replace(['\n', '\r'], " ");
                out.push_str(&format!("{indent}{name}: {}  # {origin}\n", flow(value)));
            }
        }
    }
}

/// `value` on one line.
fn flow(value: &Value) -> String {
    match value {
        Value::String(text) => scalar(text),
        // JSON is YAML.
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            value.to_string()
        }
    }
}

/// `text` plain where YAML reads it back as the same text, else quoted.
fn scalar(text: &str) -> String {
    let simple = |c: char| c.is_ascii_alphanumeric() || "_-./:=,".contains(c);
    let plain = text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '/')
        && text.chars().all(simple)
        && !text.ends_with(':')
        && matches!(
            serde_saphyr::from_str::<Value>(text),
            Ok(Value::String(read)) if read == text
        );
    if plain {
        text.to_owned()
    } else {
        Value::String(text.to_owned()).to_string()
    }
}
