// SPDX-License-Identifier: Apache-2.0
//! Requests of Anthropic's Messages API.

use lukhas_core::{Item, Part, Role, RunRequest, Sampling};
use serde_json::Value;

use super::chat::stops;
use super::content::{call, choice, message, output, parts, role, tool};
use super::{list, number, text};

/// The request in core's terms.
pub(super) fn run(body: &Value) -> RunRequest {
    let tools: Vec<_> = list(body, "tools")
        .filter_map(|item| tool(item, "input_schema"))
        .collect();
    let part = |path: &str| body.pointer(path).and_then(Value::as_str);
    let serial = body.pointer("/tool_choice/disable_parallel_tool_use");
    RunRequest {
        model: text(body, "model").unwrap_or_default(),
        instructions: instructions(body),
        items: list(body, "messages").flat_map(items).collect(),
        tool_choice: choice(part("/tool_choice/type"), part("/tool_choice/name"), &tools),
        tools,
        parallel_tool_calls: serial != Some(&Value::Bool(true)),
        sampling: Sampling {
            stop: stops(body.get("stop_sequences")),
            ..Sampling::default()
        },
        max_output_tokens: number(body, &["max_tokens"]),
        ..RunRequest::default()
    }
}

fn instructions(body: &Value) -> Option<String> {
    let parts = parts(body.get("system"));
    let texts: Vec<_> = parts.iter().filter_map(Part::as_text).collect();
    (!texts.is_empty()).then(|| texts.join("\n"))
}

/// The items of one message: calls and their outputs are blocks of it, and items of their own.
fn items(value: &Value) -> Vec<Item> {
    let role = role(value.get("role").and_then(Value::as_str));
    let Some(Value::Array(blocks)) = value.get("content") else {
        return vec![message(role, value.get("content"))];
    };
    let mut said = Vec::new();
    let mut items = Vec::new();
    for block in blocks {
        match block.get("type").and_then(Value::as_str) {
            Some("tool_use") => {
                let arguments = block.get("input").map(Value::to_string);
                let arguments = arguments.unwrap_or_default();
                items.push(call(text(block, "id"), text(block, "name"), arguments));
            }
            Some("tool_result") => {
                items.push(output(text(block, "tool_use_id"), block.get("content")));
            }
            Some("thinking" | "redacted_thinking") => {}
            Some(_) | None => said.push(block.clone()),
        }
    }
    if !said.is_empty() {
        place(&mut items, role, said);
    }
    items
}

/// Puts what is said where it belongs: an assistant speaks before it calls, and a user after the
/// outputs.
fn place(items: &mut Vec<Item>, role: Role, said: Vec<Value>) {
    let message = message(role, Some(&Value::Array(said)));
    if role == Role::Assistant {
        items.insert(0, message);
    } else {
        items.push(message);
    }
}
