// SPDX-License-Identifier: Apache-2.0
//! A request in the words of Chat Completions.

use lukhas_core::{
    FunctionCall, Item, Media, MediaSource, Message, OutputFormat, Part, Role, RunError,
    RunRequest, ToolChoice, ToolMode, ToolSpec,
};
use serde_json::{Map, Value, json};

use super::super::{add_tools, no_place};

/// The body of a request for `model`.
///
/// # Errors
/// When the request holds what Chat Completions have no place for.
pub(crate) fn request(model: &str, request: &RunRequest) -> Result<Value, RunError> {
    let mut body = Map::new();
    body.insert("model".into(), model.into());
    body.insert("messages".into(), messages(request)?.into());
    add_tools(&mut body, request, tool, tool_choice);
    add_format(&mut body, &request.format);
    add_sampling(&mut body, request);
    if !request.whole {
        body.insert("stream".into(), true.into());
        body.insert("stream_options".into(), json!({"include_usage": true}));
    }
    Ok(Value::Object(body))
}

fn tool(spec: &ToolSpec) -> Value {
    let mut function = Map::new();
    function.insert("name".into(), spec.name.clone().into());
    let mut add = |key: &str, value: Option<Value>| {
        if let Some(value) = value {
            function.insert(key.into(), value);
        }
    };
    add("description", spec.description.clone().map(Value::from));
    add("parameters", spec.parameters.clone());
    add("strict", spec.strict.map(Value::from));
    json!({"type": "function", "function": function})
}

fn tool_choice(choice: &ToolChoice) -> Value {
    let function = |name: &String| json!({"type": "function", "function": {"name": name}});
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
            json!({"type": "allowed_tools", "allowed_tools": {"mode": mode, "tools": tools}})
        }
    }
}

fn add_format(body: &mut Map<String, Value>, format: &OutputFormat) {
    let format = match format {
        OutputFormat::Text => return,
        OutputFormat::JsonObject => json!({"type": "json_object"}),
        OutputFormat::JsonSchema {
            name,
            schema,
            strict,
        } => json!({
            "type": "json_schema",
            "json_schema": {"name": name, "schema": **schema, "strict": strict},
        }),
    };
    body.insert("response_format".into(), format);
}

fn add_sampling(body: &mut Map<String, Value>, request: &RunRequest) {
    let sampling = &request.sampling;
    let hints = &request.hints;
    let stop = (!sampling.stop.is_empty()).then(|| sampling.stop.clone().into());
    for (key, value) in [
        (
            "max_completion_tokens",
            request.max_output_tokens.map(Value::from),
        ),
        ("temperature", sampling.temperature.map(Value::from)),
        ("top_p", sampling.top_p.map(Value::from)),
        (
            "presence_penalty",
            sampling.presence_penalty.map(Value::from),
        ),
        (
            "frequency_penalty",
            sampling.frequency_penalty.map(Value::from),
        ),
        ("seed", sampling.seed.map(Value::from)),
        ("stop", stop),
        ("reasoning_effort", hints.effort.map(Value::from)),
        ("verbosity", hints.verbosity.map(Value::from)),
        ("user", hints.end_user.clone().map(Value::from)),
        ("prompt_cache_key", hints.cache_key.clone().map(Value::from)),
    ] {
        if let Some(value) = value {
            body.insert(key.into(), value);
        }
    }
}

/// The messages: calls join the assistant message they follow, as the API wants it.
fn messages(request: &RunRequest) -> Result<Vec<Value>, RunError> {
    let mut messages = Vec::with_capacity(request.items.len() + 1);
    if let Some(instructions) = &request.instructions {
        messages.push(json!({"role": "system", "content": instructions}));
    }
    for item in &request.items {
        match item {
            Item::Message(said) => messages.push(message(said)?),
            Item::FunctionCall(call) => add_call(&mut messages, call),
            Item::FunctionOutput(output) => messages.push(json!({
                "role": "tool",
                "tool_call_id": output.call_id,
                "content": content(&output.parts, Role::User)?,
            })),
            Item::Opaque(_) => {}
        }
    }
    Ok(messages)
}

fn message(message: &Message) -> Result<Value, RunError> {
    let role = match message.role {
        Role::System => "system",
        Role::Developer => "developer",
        Role::User => "user",
        Role::Assistant => "assistant",
    };
    let mut said = json!({"role": role, "content": content(&message.parts, message.role)?});
    if let Some(name) = &message.name {
        said["name"] = name.as_str().into();
    }
    Ok(said)
}

fn add_call(messages: &mut Vec<Value>, call: &FunctionCall) {
    let call = json!({
        "id": call.call_id,
        "type": "function",
        "function": {"name": call.name, "arguments": call.arguments},
    });
    if let Some(Value::Object(last)) = messages.last_mut()
        && last.get("role").is_some_and(|role| role == "assistant")
    {
        match last.get_mut("tool_calls") {
            Some(Value::Array(calls)) => calls.push(call),
            Some(_) | None => {
                last.insert("tool_calls".into(), json!([call]));
            }
        }
        return;
    }
    messages.push(json!({"role": "assistant", "content": null, "tool_calls": [call]}));
}

/// A text alone is a string, which every server understands; the rest are parts.
fn content(parts: &[Part], role: Role) -> Result<Value, RunError> {
    match parts {
        [] => Ok("".into()),
        [Part::Text(text)] => Ok(text.clone().into()),
        parts => parts.iter().map(|p| part(p, role)).collect(),
    }
}

fn part(part: &Part, role: Role) -> Result<Value, RunError> {
    Ok(match part {
        Part::Text(text) => json!({"type": "text", "text": text}),
        Part::Refusal(text) if role == Role::Assistant => {
            json!({"type": "refusal", "refusal": text})
        }
        Part::Refusal(text) => json!({"type": "text", "text": text}),
        Part::Image(media) => image(media)?,
        Part::File(media) => file(media)?,
        Part::Audio(media) => audio(media)?,
    })
}

fn image(media: &Media) -> Result<Value, RunError> {
    let MediaSource::Url(url) = &media.source else {
        return Err(no_place("an image that is not a URL"));
    };
    let mut image = json!({"url": url});
    if let Some(detail) = &media.hint {
        image["detail"] = detail.clone().into();
    }
    Ok(json!({"type": "image_url", "image_url": image}))
}

fn file(media: &Media) -> Result<Value, RunError> {
    let data = match &media.source {
        MediaSource::Inline(data) => data,
        MediaSource::Url(url) if url.starts_with("data:") => url,
        MediaSource::Url(_) => return Err(no_place("a file that is at a URL")),
        MediaSource::FileId(_) => return Err(no_place("an uploaded file")),
    };
    let mut file = json!({"file_data": data});
    if let Some(name) = &media.hint {
        file["filename"] = name.clone().into();
    }
    Ok(json!({"type": "file", "file": file}))
}

fn audio(media: &Media) -> Result<Value, RunError> {
    let MediaSource::Inline(data) = &media.source else {
        return Err(no_place("audio that is not sent with the request"));
    };
    let format = media.hint.as_deref().unwrap_or("wav");
    Ok(json!({"type": "input_audio", "input_audio": {"data": data, "format": format}}))
}
