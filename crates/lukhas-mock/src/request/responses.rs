// SPDX-License-Identifier: Apache-2.0
//! Requests of the Responses API.

use lukhas_core::{Item, Role, RunRequest, Sampling};
use serde_json::Value;

use super::content::{call, choice, format, message, output, role, tool};
use super::{list, number, text};

/// The request in core's terms.
pub(super) fn run(body: &Value) -> RunRequest {
    let is_function = |item: &&Value| text(item, "type").is_none_or(|kind| kind == "function");
    let functions = list(body, "tools").filter(is_function);
    let tools: Vec<_> = functions
        .filter_map(|item| tool(item, "parameters"))
        .collect();
    let chosen = body.get("tool_choice").and_then(Value::as_str);
    let name = body.pointer("/tool_choice/name").and_then(Value::as_str);
    let items = match body.get("input") {
        Some(text @ Value::String(_)) => vec![message(Role::User, Some(text))],
        Some(_) | None => list(body, "input").map(item).collect(),
    };
    RunRequest {
        model: text(body, "model").unwrap_or_default(),
        instructions: text(body, "instructions"),
        items,
        tool_choice: choice(chosen, name, &tools),
        tools,
        parallel_tool_calls: body.get("parallel_tool_calls") != Some(&Value::Bool(false)),
        format: format(
            body.pointer("/text/format/type").and_then(Value::as_str),
            body.pointer("/text/format"),
        ),
        sampling: Sampling {
            seed: body.get("seed").and_then(Value::as_i64),
            ..Sampling::default()
        },
        max_output_tokens: number(body, &["max_output_tokens"]),
        ..RunRequest::default()
    }
}

fn item(value: &Value) -> Item {
    match value.get("type").and_then(Value::as_str) {
        Some("message") | None => {
            let name = value.get("role").and_then(Value::as_str);
            message(role(name), value.get("content"))
        }
        Some("function_call") => {
            let arguments = text(value, "arguments").unwrap_or_default();
            call(text(value, "call_id"), text(value, "name"), arguments)
        }
        Some("function_call_output") => output(text(value, "call_id"), value.get("output")),
        Some(_) => Item::Opaque(value.clone()),
    }
}
