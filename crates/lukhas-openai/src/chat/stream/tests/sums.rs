// SPDX-License-Identifier: Apache-2.0
//! What clients make of the chunks.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::SseDecoder;

/// The chunks of `frames`, read as a client does.
pub(super) fn chunks(frames: &str) -> Vec<Value> {
    let events = SseDecoder::new(1 << 20)
        .push(frames.as_bytes())
        .expect("well formed");
    events
        .iter()
        .filter(|event| event.data != "[DONE]")
        .map(|event| serde_json::from_str(&event.data).expect("JSON"))
        .collect()
}

/// Message and finish reason of one choice, as clients add chunks up: nulls change nothing, texts
/// grow, calls are found by their index.
pub(super) fn add_up(chunks: &[Value], choice: u64) -> (Value, Value) {
    let mut message = json!({ "content": null, "refusal": null, "annotations": [] });
    let mut finish_reason = Value::Null;
    let choices = chunks
        .iter()
        .flat_map(|chunk| chunk["choices"].as_array().expect("an array"));
    for part in choices.filter(|part| part["index"] == choice) {
        assert_eq!(
            finish_reason,
            Value::Null,
            "nothing follows the finish reason"
        );
        finish_reason = part["finish_reason"].clone();
        for (key, value) in part["delta"].as_object().expect("an object") {
            match value {
                Value::Array(calls) => calls.iter().for_each(|call| add_call(&mut message, call)),
                Value::String(text) if key != "role" => grow(&mut message[key], text),
                _ if !value.is_null() => message[key] = value.clone(),
                _ => {}
            }
        }
    }
    (message, finish_reason)
}

fn add_call(message: &mut Value, call: &Value) {
    if message.get("tool_calls").is_none() {
        message["tool_calls"] = json!([]);
    }
    let calls = message["tool_calls"].as_array_mut().expect("an array");
    let index = usize::try_from(call["index"].as_u64().expect("an index")).expect("small");
    if call.get("id").is_some() {
        assert_eq!(index, calls.len(), "calls begin in order");
        let mut call = call.clone();
        call.as_object_mut().expect("an object").remove("index");
        calls.push(call);
    } else {
        let piece = call["function"]["arguments"].as_str().expect("a text");
        grow(&mut calls[index]["function"]["arguments"], piece);
    }
}

fn grow(text: &mut Value, piece: &str) {
    *text = Value::String(text.as_str().unwrap_or_default().to_owned() + piece);
}

pub(super) fn message_of(completion: &ChatCompletion, choice: usize) -> (Value, Value) {
    let choice = serde_json::to_value(&completion.choices[choice]).expect("writes");
    (choice["message"].clone(), choice["finish_reason"].clone())
}

fn item() -> impl Strategy<Value = Vec<OutputEvent>> {
    let text = || "[a-z\"\\\\\n é😀]{0,6}";
    let said = prop_oneof![
        3 => text().prop_map(OutputEvent::TextDelta),
        1 => text().prop_map(OutputEvent::RefusalDelta),
        1 => Just(OutputEvent::Continued),
    ];
    prop_oneof![
        prop::collection::vec(said, 0..5)
            .prop_map(|said| { [vec![message(0)], said, vec![ItemDone]].concat() }),
        prop::collection::vec(text().prop_map(OutputEvent::ReasoningDelta), 0..5)
            .prop_map(|thoughts| { [vec![reasoning(0)], thoughts, vec![ItemDone]].concat() }),
        (
            "[a-z0-9]{4}",
            "[a-z_]{1,8}",
            prop::collection::vec(text(), 0..5)
        )
            .prop_map(|(id, name, pieces)| {
                let pieces = pieces
                    .into_iter()
                    .map(OutputEvent::ArgumentsDelta)
                    .collect();
                [
                    vec![call(0, &format!("call_{id}"), &name)],
                    pieces,
                    vec![ItemDone],
                ]
                .concat()
            }),
    ]
}

fn run() -> impl Strategy<Value = Vec<OutputEvent>> {
    let counted = prop::option::of((0..1000_u64, 0..1000_u64));
    let counted = counted.prop_map(|count| count.map(|(input, output)| usage(input, output)));
    let cut = prop::option::of(prop::sample::select(vec![
        IncompleteReason::MaxOutputTokens,
        IncompleteReason::ContentFilter,
    ]));
    (
        prop::collection::vec(item(), 0..5),
        cut,
        any::<bool>(),
        counted,
    )
        .prop_map(|(items, cut, open, usage)| {
            let mut events = items.concat();
            if cut.is_some() && open && events.last() == Some(&ItemDone) {
                events.pop();
            }
            let outcome = cut.map_or(Outcome::Completed, Outcome::Incomplete);
            events.push(ends(outcome, usage));
            events
        })
}

proptest! {
    /// Chunks add up to the whole answer, for every choice.
    #[test]
    fn streamed_is_whole(runs in prop::collection::vec(run(), 1..4), include_usage: bool) {
        let completion = whole(&runs).expect("a whole answer");
        let chunks = chunks(&streamed(&runs, include_usage).expect("a whole answer"));
        for index in 0..runs.len() {
            let (streamed, reason) = add_up(&chunks, index as u64);
            prop_assert_eq!((&streamed, &reason), (&message_of(&completion, index).0, &message_of(&completion, index).1));
        }
        for (index, choice) in completion.choices.iter().enumerate() {
            let marks = chunks.iter().filter_map(|chunk| chunk["choices"].get(0));
            let marks = marks.filter(|it| it["index"] == index);
            let marks = marks.filter_map(|it| it["lukhas_continuations"].as_u64());
            // One where it happens, counting up, and one in the last chunk.
            let times = u64::from(choice.lukhas_continuations);
            let last = (times > 0).then_some(times);
            prop_assert_eq!(marks.collect::<Vec<_>>(), (1..=times).chain(last).collect::<Vec<_>>());
        }
        let usage = chunks.iter().rev().find_map(|chunk| chunk.get("usage").filter(|u| !u.is_null()));
        let expected = completion.usage.filter(|_| include_usage);
        prop_assert_eq!(usage.cloned(), expected.map(|u| serde_json::to_value(u).expect("writes")));
    }
}
