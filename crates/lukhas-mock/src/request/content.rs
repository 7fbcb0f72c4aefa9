// SPDX-License-Identifier: Apache-2.0
//! What the three languages say alike, or nearly.

use std::sync::Arc;

use lukhas_core::{
    FunctionCall, FunctionOutput, Item, Media, MediaSource, Message, OutputFormat, Part, Role,
    ToolChoice, ToolSpec,
};
use serde_json::Value;

use super::text;

/// A message of `role` with that content: a text, or parts.
pub(super) fn message(role: Role, content: Option<&Value>) -> Item {
    Item::Message(Message {
        id: None,
        name: None,
        role,
        parts: parts(content),
    })
}

/// The parts of a content: a text, or a list of typed parts.
pub(super) fn parts(content: Option<&Value>) -> Vec<Part> {
    match content {
        Some(Value::String(text)) => vec![Part::Text(text.clone())],
        Some(Value::Array(items)) => items.iter().filter_map(part).collect(),
        Some(_) | None => Vec::new(),
    }
}

fn part(value: &Value) -> Option<Part> {
    if let Some(text) = value.as_str() {
        return Some(Part::Text(text.to_owned()));
    }
    let unseen = || Media {
        source: MediaSource::Inline(String::new()),
        hint: None,
    };
    let kind = value.get("type").and_then(Value::as_str).unwrap_or("text");
    match kind {
        "image" | "image_url" | "input_image" => Some(Part::Image(unseen())),
        "file" | "input_file" | "document" => Some(Part::File(unseen())),
        "input_audio" => Some(Part::Audio(unseen())),
        "refusal" => text(value, "refusal").map(Part::Refusal),
        _ => text(value, "text").map(Part::Text),
    }
}

/// The speaker of that name; strangers are the user.
pub(super) fn role(name: Option<&str>) -> Role {
    match name {
        Some("system") => Role::System,
        Some("developer") => Role::Developer,
        Some("assistant") => Role::Assistant,
        Some(_) | None => Role::User,
    }
}

/// A call that the model made.
pub(super) fn call(id: Option<String>, name: Option<String>, arguments: String) -> Item {
    Item::FunctionCall(FunctionCall {
        id: None,
        call_id: id.unwrap_or_default(),
        name: name.unwrap_or_default(),
        arguments,
    })
}

/// What a call gave.
pub(super) fn output(call_id: Option<String>, content: Option<&Value>) -> Item {
    Item::FunctionOutput(FunctionOutput {
        id: None,
        call_id: call_id.unwrap_or_default(),
        parts: parts(content),
    })
}

/// A function, with its parameters at `parameters`; `None` without a name.
pub(super) fn tool(value: &Value, parameters: &str) -> Option<Arc<ToolSpec>> {
    Some(Arc::new(ToolSpec {
        name: text(value, "name")?,
        description: text(value, "description"),
        parameters: value.get(parameters).filter(|it| it.is_object()).cloned(),
        strict: value.get("strict").and_then(Value::as_bool),
    }))
}

/// The choice of that name, or of the function of that name if it is among `tools`.
pub(super) fn choice(
    mode: Option<&str>,
    name: Option<&str>,
    tools: &[Arc<ToolSpec>],
) -> ToolChoice {
    let named = name.filter(|name| tools.iter().any(|tool| tool.name == *name));
    match (mode, named) {
        (Some("none"), _) => ToolChoice::None,
        (_, Some(name)) => ToolChoice::Function(name.to_owned()),
        (Some("required" | "any"), None) if !tools.is_empty() => ToolChoice::Required,
        (_, None) => ToolChoice::Auto,
    }
}

/// The format of that type, whose schema stands in `schema`.
pub(super) fn format(kind: Option<&str>, schema: Option<&Value>) -> OutputFormat {
    match (kind, schema) {
        (Some("json_object"), _) => OutputFormat::JsonObject,
        (Some("json_schema"), Some(schema)) => OutputFormat::JsonSchema {
            name: text(schema, "name").unwrap_or_default(),
            schema: Arc::new(schema.get("schema").cloned().unwrap_or_default()),
            strict: schema.get("strict") == Some(&Value::Bool(true)),
        },
        (_, _) => OutputFormat::Text,
    }
}
