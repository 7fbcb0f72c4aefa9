// SPDX-License-Identifier: Apache-2.0
//! Requests of the Chat Completions API.

use lukhas_core::{Item, RunRequest, Sampling};
use serde_json::Value;

use super::content::{call, choice, format, message, output, role, tool};
use super::{list, number, text};

/// The request in core's terms.
pub(super) fn run(body: &Value) -> RunRequest {
    let tools: Vec<_> = list(body, "tools")
        .filter_map(|item| tool(item.get("function")?, "parameters"))
        .collect();
    let chosen = body.get("tool_choice");
    let name = body.pointer("/tool_choice/function/name");
    let tool_choice = choice(
        chosen.and_then(Value::as_str),
        name.and_then(Value::as_str),
        &tools,
    );
    RunRequest {
        model: text(body, "model").unwrap_or_default(),
        items: list(body, "messages").flat_map(items).collect(),
        tool_choice,
        tools,
        parallel_tool_calls: body.get("parallel_tool_calls") != Some(&Value::Bool(false)),
        format: format(
            body.pointer("/response_format/type")
                .and_then(Value::as_str),
            body.pointer("/response_format/json_schema"),
        ),
        sampling: Sampling {
            seed: body.get("seed").and_then(Value::as_i64),
            stop: stops(body.get("stop")),
            ..Sampling::default()
        },
        max_output_tokens: number(body, &["max_completion_tokens", "max_tokens"]),
        ..RunRequest::default()
    }
}

/// The items of one message: itself, and the calls it makes.
fn items(value: &Value) -> Vec<Item> {
    let name = value.get("role").and_then(Value::as_str);
    let content = value.get("content");
    if name == Some("tool") {
        return vec![output(text(value, "tool_call_id"), content)];
    }
    let said = content.filter(|content| !content.is_null());
    let said = said.map(|content| message(role(name), Some(content)));
    let calls = list(value, "tool_calls").map(|item| {
        let part = |path: &str| {
            item.pointer(path)
                .and_then(Value::as_str)
                .map(str::to_owned)
        };
        let arguments = part("/function/arguments").unwrap_or_default();
        call(text(item, "id"), part("/function/name"), arguments)
    });
    said.into_iter().chain(calls).collect()
}

/// One text, or several.
pub(super) fn stops(value: Option<&Value>) -> Vec<String> {
    match value {
        Some(Value::String(text)) => vec![text.clone()],
        Some(Value::Array(items)) => items
            .iter()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect(),
        Some(_) | None => Vec::new(),
    }
}
