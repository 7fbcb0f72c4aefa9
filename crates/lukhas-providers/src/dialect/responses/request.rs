// SPDX-License-Identifier: Apache-2.0
//! A request in the words of Responses.

use lukhas_core::{
    Item, Media, MediaSource, OutputFormat, Part, Role, RunError, RunRequest, ToolChoice, ToolMode,
    ToolSpec, Truncation,
};
use serde_json::{Map, Value, json};

use super::super::{add_tools, is_penalty, no_place, refuse};

/// The body of a request for `model`.
///
/// The upstream is asked to keep nothing: conversations are kept here, and sent whole.
///
/// # Errors
/// When the request holds what Responses have no place for.
pub(crate) fn request(model: &str, request: &RunRequest) -> Result<Value, RunError> {
    let sampling = &request.sampling;
    refuse(&[
        ("stop", !sampling.stop.is_empty()),
        ("seed", sampling.seed.is_some()),
        ("presence_penalty", is_penalty(sampling.presence_penalty)),
        ("frequency_penalty", is_penalty(sampling.frequency_penalty)),
    ])?;
    let mut body = Map::new();
    body.insert("model".into(), model.into());
    if let Some(instructions) = &request.instructions {
        body.insert("instructions".into(), instructions.clone().into());
    }
    body.insert("input".into(), input(&request.items)?.into());
    body.insert("store".into(), false.into());
    add_tools(&mut body, request, tool, tool_choice);
    add_settings(&mut body, request);
    if !request.whole {
        body.insert("stream".into(), true.into());
    }
    Ok(Value::Object(body))
}

/// A tool. Unlike elsewhere, one that says nothing of `strict` is strict, so null says that it is
/// left to the upstream.
fn tool(spec: &ToolSpec) -> Value {
    let mut tool = json!({"type": "function", "name": spec.name});
    if let Some(description) = &spec.description {
        tool["description"] = description.clone().into();
    }
    tool["parameters"] = spec.parameters.clone().unwrap_or_else(
        || json!({"type": "object", "properties": {}, "additionalProperties": false}),
    );
    tool["strict"] = spec.strict.into();
    tool
}

fn tool_choice(choice: &ToolChoice) -> Value {
    let function = |name: &String| json!({"type": "function", "name": name});
    match choice {
        ToolChoice::None => "none".into(),
        ToolChoice::Auto => "auto".into(),
        ToolChoice::Required => "required".into(),
        ToolChoice::Function(name) => function(name),
        ToolChoice::Allowed { mode, names } => {
            let mode = match mode {
                ToolMode::Auto => "auto",
                ToolMode::Required => "required",
            };
            let tools: Vec<_> = names.iter().map(function).collect();
            json!({"type": "allowed_tools", "mode": mode, "tools": tools})
        }
    }
}

fn add_settings(body: &mut Map<String, Value>, request: &RunRequest) {
    let hints = &request.hints;
    let text = object([
        ("format", format(&request.format)),
        ("verbosity", hints.verbosity.map(Value::from)),
    ]);
    let reasoning = object([
        ("effort", hints.effort.map(Value::from)),
        ("summary", hints.summary.map(Value::from)),
    ]);
    let truncation = match request.truncation {
        Truncation::Auto => Some("auto".into()),
        Truncation::Disabled => None,
    };
    for (key, value) in [
        ("text", text),
        ("reasoning", reasoning),
        ("truncation", truncation),
        (
            "max_output_tokens",
            request.max_output_tokens.map(Value::from),
        ),
        ("temperature", request.sampling.temperature.map(Value::from)),
        ("top_p", request.sampling.top_p.map(Value::from)),
        ("safety_identifier", hints.end_user.clone().map(Value::from)),
        ("prompt_cache_key", hints.cache_key.clone().map(Value::from)),
    ] {
        if let Some(value) = value {
            body.insert(key.into(), value);
        }
    }
}

/// The members that are there; `None` when none is.
fn object<const N: usize>(members: [(&str, Option<Value>); N]) -> Option<Value> {
    let members = members.into_iter();
    let members = members.filter_map(|(key, value)| Some((key.to_owned(), value?)));
    let object: Map<_, _> = members.collect();
    (!object.is_empty()).then_some(Value::Object(object))
}

fn format(format: &OutputFormat) -> Option<Value> {
    match format {
        OutputFormat::Text => None,
        OutputFormat::JsonObject => Some(json!({"type": "json_object"})),
        OutputFormat::JsonSchema {
            name,
            schema,
            strict,
        } => {
            Some(json!({"type": "json_schema", "name": name, "schema": **schema, "strict": strict}))
        }
    }
}

/// The items, without the identifiers they have here: the upstream knows none of them.
fn input(items: &[Item]) -> Result<Vec<Value>, RunError> {
    let mut input = Vec::with_capacity(items.len());
    for item in items {
        input.push(match item {
            Item::Message(message) => json!({
                "type": "message",
                "role": role(message.role),
                "content": content(&message.parts, message.role)?,
            }),
            Item::FunctionCall(call) => json!({
                "type": "function_call",
                "call_id": call.call_id,
                "name": call.name,
                "arguments": call.arguments,
            }),
            Item::FunctionOutput(output) => json!({
                "type": "function_call_output",
                "call_id": output.call_id,
                "output": content(&output.parts, Role::User)?,
            }),
            Item::Opaque(value) if is_readable(value) => value.clone(),
            Item::Opaque(_) => continue,
        });
    }
    Ok(input)
}

/// Whether an item says something by itself. Reasoning that has a summary alone is a name for what
/// the upstream was asked not to keep, and would be refused.
fn is_readable(item: &Value) -> bool {
    let text = item["encrypted_content"].as_str().unwrap_or_default();
    let content = item["content"].as_array();
    item["type"] != "reasoning" || !text.is_empty() || content.is_some_and(|c| !c.is_empty())
}

fn role(role: Role) -> &'static str {
    match role {
        Role::System => "system",
        Role::Developer => "developer",
        Role::User => "user",
        Role::Assistant => "assistant",
    }
}

/// A text alone is a string; the rest are parts.
fn content(parts: &[Part], role: Role) -> Result<Value, RunError> {
    match parts {
        [] => Ok("".into()),
        [Part::Text(text)] => Ok(text.clone().into()),
        parts => parts.iter().map(|p| part(p, role)).collect(),
    }
}

fn part(part: &Part, role: Role) -> Result<Value, RunError> {
    Ok(match (part, role) {
        (Part::Text(text), Role::Assistant) => json!({"type": "output_text", "text": text}),
        (Part::Refusal(text), Role::Assistant) => json!({"type": "refusal", "refusal": text}),
        (Part::Text(text) | Part::Refusal(text), _) => json!({"type": "input_text", "text": text}),
        (Part::Image(media), _) => image(media)?,
        (Part::File(media), _) => file(media)?,
        (Part::Audio(_), _) => return Err(no_place("audio")),
    })
}

fn image(media: &Media) -> Result<Value, RunError> {
    let MediaSource::Url(url) = &media.source else {
        return Err(no_place("an image that is not a URL"));
    };
    let detail = media.hint.as_deref().unwrap_or("auto");
    Ok(json!({"type": "input_image", "image_url": url, "detail": detail}))
}

fn file(media: &Media) -> Result<Value, RunError> {
    let (key, value) = match &media.source {
        MediaSource::Inline(data) => ("file_data", data),
        MediaSource::Url(url) if url.starts_with("data:") => ("file_data", url),
        MediaSource::Url(url) => ("file_url", url),
        // It would be one of this server's own account, whoever asks.
        MediaSource::FileId(_) => return Err(no_place("an uploaded file")),
    };
    let mut file = json!({"type": "input_file"});
    if let Some(name) = &media.hint {
        file["filename"] = name.clone().into();
    }
    file[key] = value.clone().into();
    Ok(file)
}
