// SPDX-License-Identifier: Apache-2.0
use serde_json::{Value, json};

use super::*;
use crate::{ChatCall, CreateChatCompletion, WireErrorKind};

mod refusals;

fn read(messages: Value) -> Result<Vec<Item>, WireError> {
    let body = json!({ "model": "m", "messages": messages });
    let call =
        CreateChatCompletion::parse(body.to_string().as_bytes()).and_then(ChatCall::try_from)?;
    Ok(call.run.items)
}

#[track_caller]
fn check(messages: Value, items: &[Item]) {
    assert_eq!(read(messages).expect("accepted"), items);
}

#[track_caller]
fn refuse(messages: Value, kind: WireErrorKind, param: &str) -> String {
    let error = read(messages).expect_err("refused");
    assert_eq!(
        (error.kind, error.param.as_deref()),
        (kind, Some(param)),
        "{error}"
    );
    error.message
}

fn message(role: Role, parts: Vec<Part>) -> Item {
    Item::Message(Message {
        id: None,
        name: None,
        role,
        parts,
    })
}

fn named(name: &str, role: Role, said: &str) -> Item {
    Item::Message(Message {
        id: None,
        name: Some(name.to_owned()),
        role,
        parts: vec![text(said)],
    })
}

fn text(text: &str) -> Part {
    Part::Text(text.to_owned())
}

fn call(call_id: &str, name: &str, arguments: &str) -> Item {
    Item::FunctionCall(FunctionCall {
        id: None,
        call_id: call_id.to_owned(),
        name: name.to_owned(),
        arguments: arguments.to_owned(),
    })
}

fn output(call_id: &str, parts: Vec<Part>) -> Item {
    Item::FunctionOutput(FunctionOutput {
        id: None,
        call_id: call_id.to_owned(),
        parts,
    })
}

fn media(source: MediaSource, hint: Option<&str>) -> Media {
    Media {
        source,
        hint: hint.map(str::to_owned),
    }
}

#[test]
fn each_role_is_its_own_item() {
    check(
        json!([
            { "role": "system", "content": "s", "name": "ops" },
            { "role": "developer", "content": [{ "type": "text", "text": "d" }] },
            { "role": "user", "content": "u", "name": "ann" },
            { "role": "assistant", "content": "a", "name": "bot" },
        ]),
        &[
            named("ops", Role::System, "s"),
            Item::text(Role::Developer, "d"),
            named("ann", Role::User, "u"),
            named("bot", Role::Assistant, "a"),
        ],
    );
}

#[test]
fn each_kind_of_part_keeps_its_place() {
    let parts = json!([
        { "type": "text", "text": "look", "prompt_cache_breakpoint": { "mode": "explicit" } },
        { "type": "image_url", "image_url": { "url": "HTTPS://x.test/a.png", "detail": "low" } },
        { "type": "image_url", "image_url": { "url": "data:image/png;base64,AA==" } },
        { "type": "input_audio", "input_audio": { "data": "AA==", "format": "mp3" } },
        { "type": "file", "file": { "filename": "a.pdf", "file_data": "data:application/pdf;base64,AA==" } },
        { "type": "file", "file": { "file_data": "AA==", "file_id": null } },
    ]);
    let url = |url: &str| MediaSource::Url(url.to_owned());
    let inline = || MediaSource::Inline("AA==".to_owned());
    let pdf = url("data:application/pdf;base64,AA==");
    check(
        json!([{ "role": "user", "content": parts }]),
        &[message(
            Role::User,
            vec![
                text("look"),
                Part::Image(media(url("HTTPS://x.test/a.png"), Some("low"))),
                Part::Image(media(url("data:image/png;base64,AA=="), None)),
                Part::Audio(media(inline(), Some("mp3"))),
                Part::File(media(pdf, Some("a.pdf"))),
                Part::File(media(inline(), None)),
            ],
        )],
    );
}

#[test]
fn answers_are_read_as_clients_give_them_back() {
    let refusal = Part::Refusal("no".to_owned());
    check(
        json!([
            { "role": "user", "content": "" },
            {
                "role": "assistant", "content": null, "refusal": "no", "annotations": [],
                "audio": null, "function_call": null, "tool_calls": null, "parsed": { "a": 1 },
            },
            {
                "role": "assistant",
                "content": [{ "type": "text", "text": "a" }, { "type": "refusal", "refusal": "no" }],
            },
            { "role": "assistant", "content": "", "tool_calls": [] },
        ]),
        &[
            Item::text(Role::User, ""),
            message(Role::Assistant, vec![refusal.clone()]),
            message(Role::Assistant, vec![text("a"), refusal]),
            Item::text(Role::Assistant, ""),
        ],
    );
}

#[test]
fn calls_and_their_outputs_become_items() {
    let function =
        json!({ "name": "add", "arguments": "{\"a\":1}", "parsed_arguments": { "a": 1 } });
    check(
        json!([
            { "role": "user", "content": "u" },
            { "role": "assistant", "content": "", "tool_calls": [
                { "index": 0, "id": "call_1", "type": "function", "function": function },
                { "id": "call_2", "function": { "name": "sub", "arguments": "" } },
            ] },
            { "role": "tool", "tool_call_id": "call_2", "content": "2", "name": "sub" },
            { "role": "tool", "tool_call_id": "call_1", "content": [{ "type": "text", "text": "1" }] },
            { "role": "assistant", "content": "first", "tool_calls": [
                { "id": "call_1", "type": "function", "function": { "name": "add", "arguments": "{}" } },
            ] },
            { "role": "tool", "tool_call_id": "call_1", "content": "3" },
        ]),
        &[
            Item::text(Role::User, "u"),
            call("call_1", "add", "{\"a\":1}"),
            call("call_2", "sub", ""),
            output("call_2", vec![text("2")]),
            output("call_1", vec![text("1")]),
            Item::text(Role::Assistant, "first"),
            call("call_1", "add", "{}"),
            output("call_1", vec![text("3")]),
        ],
    );
}

#[test]
fn deprecated_function_messages_become_calls_and_outputs() {
    check(
        json!([
            { "role": "assistant", "function_call": { "name": "f", "arguments": "{}" } },
            { "role": "function", "name": "f", "content": null },
            { "role": "assistant", "content": null, "function_call": { "name": "f", "arguments": "[]" } },
            { "role": "function", "name": "f", "content": "2" },
        ]),
        &[
            call("call_function_0", "f", "{}"),
            output("call_function_0", vec![text("")]),
            call("call_function_2", "f", "[]"),
            output("call_function_2", vec![text("2")]),
        ],
    );
    let twice = json!([
        { "role": "assistant", "function_call": { "name": "f", "arguments": "{}" } },
        { "role": "function", "name": "f", "content": "1" },
        { "role": "function", "name": "f", "content": "1" },
    ]);
    refuse(twice, WireErrorKind::InvalidValue, "messages[2].name");
    let other = json!([
        { "role": "assistant", "function_call": { "name": "f", "arguments": "{}" } },
        { "role": "function", "name": "g", "content": "1" },
    ]);
    refuse(other, WireErrorKind::InvalidValue, "messages[1].name");
}
