// SPDX-License-Identifier: Apache-2.0
use lukhas_core::{OutputFormat, Role, ToolChoice};
use serde_json::json;

use super::*;

fn read(dialect: Dialect, body: &Value) -> Asked {
    Asked::read(dialect, body.to_string().as_bytes()).unwrap()
}

/// The conversation, an item a line.
fn lines(asked: &Asked) -> Vec<String> {
    let line = |item: &Item| {
        let texts: Vec<_> = item.texts().collect();
        let kind = match item {
            Item::Message(message) => format!("{:?}", message.role),
            Item::FunctionCall(call) => format!("call {}", call.call_id),
            Item::FunctionOutput(output) => format!("output {}", output.call_id),
            Item::Opaque(_) => "opaque".to_owned(),
        };
        format!("{kind}: {}", texts.join(" | "))
    };
    asked.run.items.iter().map(line).collect()
}

const CONVERSATION: [&str; 5] = [
    "User: Weather?",
    "Assistant: Let me see.",
    "call c1: get_weather | {\"city\":\"Paris\"}",
    "output c1: 22 degrees",
    "User: And now?",
];

#[test]
fn chat_is_read() {
    let function = json!({"name": "get_weather", "arguments": "{\"city\":\"Paris\"}"});
    let asked = read(
        Dialect::Chat,
        &json!({
            "model": "m", "n": 3, "stream": true, "stream_options": {"include_usage": true},
            "max_tokens": 9, "seed": 4, "stop": "x", "surprise": {"anything": []},
            "response_format": {"type": "json_schema", "json_schema": {"name": "s", "schema": {}}},
            "messages": [
                {"role": "user", "content": "Weather?"},
                {"role": "assistant", "content": "Let me see.",
                 "tool_calls": [{"id": "c1", "type": "function", "function": function}]},
                {"role": "tool", "tool_call_id": "c1", "content": "22 degrees"},
                {"role": "user", "content": [{"type": "text", "text": "And now?"}]},
            ],
        }),
    );
    assert_eq!(lines(&asked), CONVERSATION);
    assert_eq!(
        (asked.choices, asked.stream, asked.include_usage),
        (3, true, true)
    );
    assert_eq!(asked.run.max_output_tokens, Some(9));
    assert_eq!(
        (asked.run.sampling.seed, &asked.run.sampling.stop[..]),
        (Some(4), &["x".to_owned()][..])
    );
    assert!(matches!(asked.run.format, OutputFormat::JsonSchema { .. }));
    assert_eq!(asked.newest, ["And now?"]);
}

#[test]
fn responses_are_read() {
    let asked = read(
        Dialect::Responses,
        &json!({
            "model": "m", "instructions": "Be brief.", "max_output_tokens": 9,
            "text": {"format": {"type": "json_object"}},
            "input": [
                {"role": "user", "content": "Weather?"},
                {"type": "message", "role": "assistant",
                 "content": [{"type": "output_text", "text": "Let me see."}]},
                {"type": "function_call", "call_id": "c1", "name": "get_weather",
                 "arguments": "{\"city\":\"Paris\"}"},
                {"type": "function_call_output", "call_id": "c1", "output": "22 degrees"},
                {"role": "user", "content": [{"type": "input_text", "text": "And now?"}]},
            ],
        }),
    );
    assert_eq!(lines(&asked), CONVERSATION);
    assert_eq!(asked.run.instructions.as_deref(), Some("Be brief."));
    assert_eq!(asked.run.format, OutputFormat::JsonObject);
    assert_eq!((asked.choices, asked.stream), (1, false));
}

#[test]
fn messages_are_read() {
    let asked = read(
        Dialect::Messages,
        &json!({
            "model": "m", "max_tokens": 9, "stop_sequences": ["x", "y"],
            "system": [{"type": "text", "text": "Be"}, {"type": "text", "text": "brief."}],
            "messages": [
                {"role": "user", "content": "Weather?"},
                {"role": "assistant", "content": [
                    {"type": "thinking", "thinking": "Hm."},
                    {"type": "tool_use", "id": "c1", "name": "get_weather",
                     "input": {"city": "Paris"}},
                    {"type": "text", "text": "Let me see."},
                ]},
                {"role": "user", "content": [
                    {"type": "text", "text": "And now?"},
                    {"type": "tool_result", "tool_use_id": "c1",
                     "content": [{"type": "text", "text": "22 degrees"}]},
                ]},
            ],
        }),
    );
    assert_eq!(lines(&asked), CONVERSATION);
    assert_eq!(asked.run.instructions.as_deref(), Some("Be\nbrief."));
    assert_eq!(asked.run.sampling.stop, ["x", "y"]);
    assert_eq!(asked.run.max_output_tokens, Some(9));
}

#[track_caller]
fn chooses(dialect: Dialect, choice: Value, expected: &ToolChoice) {
    let mut body = json!({"tool_choice": choice});
    body["tools"] = match dialect {
        Dialect::Chat => json!([{"type": "function", "function": {"name": "f"}}]),
        Dialect::Responses => json!([{"type": "function", "name": "f"}, {"type": "web_search"}]),
        _ => json!([{"name": "f", "input_schema": {"type": "object"}}]),
    };
    let asked = read(dialect, &body);
    assert_eq!(asked.run.tools.len(), 1);
    assert_eq!(&asked.run.tool_choice, expected);
}

#[test]
fn tools_are_chosen_as_the_dialect_says_it() {
    use Dialect::{Chat, Messages, Responses};
    let f = ToolChoice::Function("f".to_owned());
    for dialect in [Chat, Responses] {
        chooses(dialect, json!("none"), &ToolChoice::None);
        chooses(dialect, json!("required"), &ToolChoice::Required);
        chooses(dialect, json!("strange"), &ToolChoice::Auto);
    }
    chooses(
        Chat,
        json!({"type": "function", "function": {"name": "f"}}),
        &f,
    );
    chooses(Responses, json!({"type": "function", "name": "f"}), &f);
    chooses(
        Responses,
        json!({"type": "function", "name": "g"}),
        &ToolChoice::Auto,
    );
    chooses(Messages, json!({"type": "tool", "name": "f"}), &f);
    chooses(Messages, json!({"type": "any"}), &ToolChoice::Required);
    chooses(Messages, json!({"type": "none"}), &ToolChoice::None);
    chooses(Messages, json!({"type": "auto"}), &ToolChoice::Auto);
}

#[test]
fn what_cannot_be_understood_is_passed_over() {
    let strange = [
        json!(null),
        json!(7),
        json!([7]),
        json!("x"),
        json!({"type": 7}),
        json!([[]]),
    ];
    for dialect in [
        Dialect::Chat,
        Dialect::Responses,
        Dialect::Messages,
        Dialect::Embeddings,
    ] {
        for value in &strange {
            for field in [
                "model",
                "messages",
                "input",
                "tools",
                "tool_choice",
                "stream",
                "n",
            ] {
                read(dialect, &json!({ field: value }));
            }
        }
    }
    let asked = read(
        Dialect::Chat,
        &json!({"messages": [{"role": "owl", "content": "Hoo"}]}),
    );
    assert_eq!(lines(&asked), ["User: Hoo"]);
    let Item::Message(message) = &asked.run.items[0] else {
        panic!("{asked:?}");
    };
    assert_eq!(message.role, Role::User);
}
