// SPDX-License-Identifier: Apache-2.0
//! Conversations that are refused, and where the fault is.

use serde_json::{Value, json};

use super::refuse;
use crate::WireErrorKind::{InvalidType, InvalidValue, Missing, Unknown, Unsupported};

fn calling(ids: &[&str]) -> Value {
    let function = json!({ "name": "f", "arguments": "{}" });
    let calls: Vec<_> = ids
        .iter()
        .map(|id| json!({ "id": id, "type": "function", "function": function }))
        .collect();
    json!({ "role": "assistant", "content": null, "tool_calls": calls })
}

fn tool(id: &str) -> Value {
    json!({ "role": "tool", "tool_call_id": id, "content": "o" })
}

#[test]
fn a_tool_message_must_answer_a_call_of_the_message_before() {
    let user = json!({ "role": "user", "content": "u" });
    refuse(
        json!([user, tool("a")]),
        InvalidValue,
        "messages[1].tool_call_id",
    );
    let wrong = json!([calling(&["a"]), tool("b")]);
    let message = refuse(wrong, InvalidValue, "messages[1].tool_call_id");
    assert_eq!(
        message,
        "Invalid value for `messages[1].tool_call_id`: a `tool` message must answer one of the \
         `tool_calls` of the assistant message before it, and `b` is none of them."
    );
    let late = json!([calling(&["a"]), tool("a"), user, tool("a")]);
    refuse(late, InvalidValue, "messages[3].tool_call_id");
}

#[test]
fn every_call_must_be_answered_before_anyone_else_speaks() {
    let user = json!({ "role": "user", "content": "u" });
    let message = refuse(
        json!([user, calling(&["a"])]),
        InvalidValue,
        "messages[1].tool_calls",
    );
    assert_eq!(
        message,
        "Invalid value for `messages[1].tool_calls`: no `tool` message that follows answers the \
         call `a`."
    );
    let half = json!([calling(&["a", "b"]), tool("a"), user]);
    let message = refuse(half, InvalidValue, "messages[0].tool_calls");
    assert!(message.contains("`b`"), "{message}");
    refuse(
        json!([calling(&["a"]), calling(&["b"])]),
        InvalidValue,
        "messages[0].tool_calls",
    );
}

#[test]
fn empty_and_misplaced_content_is_refused_where_it_stands() {
    refuse(json!([]), InvalidValue, "messages");
    refuse(json!([{ "role": "user" }]), Missing, "messages[0].content");
    refuse(
        json!([{ "role": "user", "content": null }]),
        InvalidType,
        "messages[0].content",
    );
    refuse(
        json!([{ "role": "user", "content": [] }]),
        InvalidValue,
        "messages[0].content",
    );
    refuse(json!([{ "content": "x" }]), Missing, "messages[0].role");
    refuse(
        json!([{ "role": "robot", "content": "x" }]),
        InvalidValue,
        "messages[0].role",
    );
    refuse(
        json!([{ "role": "user", "content": "x", "nme": "y" }]),
        Unknown,
        "messages[0].nme",
    );
    refuse(
        json!([{ "role": "assistant" }]),
        InvalidValue,
        "messages[0].content",
    );
    refuse(
        json!([{ "role": "assistant", "tool_calls": [] }]),
        InvalidValue,
        "messages[0].content",
    );
    refuse(
        json!([{ "role": "assistant", "content": [] }]),
        InvalidValue,
        "messages[0].content",
    );
    refuse(
        json!([{ "role": "tool", "content": "x" }]),
        Missing,
        "messages[0].tool_call_id",
    );
    let audio = json!([{ "role": "assistant", "audio": { "id": "a" } }]);
    refuse(audio, Unsupported, "messages[0].audio");
    let custom = json!([{ "role": "assistant", "tool_calls": [{ "id": "a", "type": "custom" }] }]);
    refuse(custom, Unsupported, "messages[0].tool_calls[0].type");
    let nameless = json!([{ "role": "assistant", "tool_calls": [
        { "id": "a", "type": "function", "function": { "name": "", "arguments": "" } },
    ] }]);
    refuse(
        nameless,
        InvalidValue,
        "messages[0].tool_calls[0].function.name",
    );
    let parsed = json!([{ "role": "assistant", "tool_calls": [
        { "id": "a", "type": "function", "function": { "name": "f", "arguments": {} } },
    ] }]);
    refuse(
        parsed,
        InvalidType,
        "messages[0].tool_calls[0].function.arguments",
    );
}

#[test]
fn bad_parts_are_refused_where_they_stand() {
    let user = |part: Value| json!([{ "role": "user", "content": [{ "type": "text", "text": "a" }, part] }]);
    let url = "messages[0].content[1].image_url.url";
    refuse(
        user(json!({ "type": "image_url", "image_url": { "url": 5 } })),
        InvalidType,
        url,
    );
    refuse(
        user(json!({ "type": "image_url", "image_url": { "url": "file:///x" } })),
        InvalidValue,
        url,
    );
    refuse(
        user(json!({ "type": "image_url", "image_url": {} })),
        Missing,
        url,
    );
    let image = "messages[0].content[1].image_url";
    refuse(
        user(json!({ "type": "image_url", "image_url": "http://x" })),
        InvalidType,
        image,
    );
    let detail = json!({ "type": "image_url", "image_url": { "url": "data:,", "detail": "max" } });
    refuse(
        user(detail),
        InvalidValue,
        "messages[0].content[1].image_url.detail",
    );
    let audio = json!({ "type": "input_audio", "input_audio": { "data": "", "format": "ogg" } });
    refuse(
        user(audio),
        InvalidValue,
        "messages[0].content[1].input_audio.format",
    );
    let file = json!({ "type": "file", "file": { "file_id": "file-1" } });
    refuse(
        user(file),
        Unsupported,
        "messages[0].content[1].file.file_id",
    );
    let file = json!({ "type": "file", "file": { "filename": "a" } });
    refuse(user(file), Missing, "messages[0].content[1].file.file_data");
    refuse(
        user(json!({ "type": "video" })),
        InvalidValue,
        "messages[0].content[1].type",
    );
    refuse(
        user(json!({ "type": "refusal", "refusal": "x" })),
        InvalidValue,
        "messages[0].content[1].type",
    );
    let system = json!([{ "role": "system", "content": [{ "type": "image_url", "image_url": { "url": "data:," } }] }]);
    refuse(system, Unsupported, "messages[0].content[0].type");
}
