// SPDX-License-Identifier: Apache-2.0
//! Answers, written in each dialect and read again.

use std::sync::Arc;

use bytes::BytesMut;
use lukhas_core::{Entropy, Usage, UsageSource};
use lukhas_openai::{
    ChatCompletion, ChatFold, ChatHead, ChatStream, CreateResponse, ResponseCall, ResponseError,
    ResponseFold, ResponseObject, ResponseStream, ServiceTier, SseDecoder,
};
use serde_json::json;

use super::*;

/// An item, in pieces that are not empty.
type Item = (ItemKind, Vec<OutputEvent>);

fn pieces(
    event: fn(String) -> OutputEvent,
    count: std::ops::Range<usize>,
) -> impl Strategy<Value = Vec<OutputEvent>> {
    prop::collection::vec("[a-z\"\\\\\n é😀]{1,6}".prop_map(event), count)
}

fn texts() -> impl Strategy<Value = Item> {
    pieces(OutputEvent::TextDelta, 1..4).prop_map(|pieces| (ItemKind::Message, pieces))
}

fn reasoning() -> impl Strategy<Value = Item> {
    pieces(OutputEvent::ReasoningDelta, 1..4).prop_map(|pieces| (ItemKind::Reasoning, pieces))
}

/// A call whose arguments are JSON, written as shortly as can be.
fn call() -> impl Strategy<Value = Item> {
    let arguments = select(vec![
        "{}",
        "{\"a\":1}",
        "{\"a\":[1,null],\"b\":{\"é\":\"\\n😀\"}}",
    ]);
    (arguments, "[a-z]{1,6}", any::<u32>(), 1..8_usize).prop_map(|(json, name, id, length)| {
        let characters: Vec<char> = json.chars().collect();
        let pieces = characters
            .chunks(length)
            .map(|piece| piece.iter().collect());
        let call_id = format!("call_{id}");
        let kind = ItemKind::FunctionCall { call_id, name };
        (kind, pieces.map(OutputEvent::ArgumentsDelta).collect())
    })
}

fn ends() -> impl Strategy<Value = RunEnd> {
    let outcome = select(vec![
        Outcome::Completed,
        Outcome::Incomplete(IncompleteReason::MaxOutputTokens),
        Outcome::Incomplete(IncompleteReason::ContentFilter),
    ]);
    (outcome, 0..100_u64, 0..100_u64, 0..100_u64).prop_map(|(outcome, more, cached, output)| {
        let usage = Usage {
            input_tokens: cached + more,
            cached_tokens: cached,
            output_tokens: output,
            reasoning_tokens: output / 2,
            source: UsageSource::Provider,
            cost: None,
        };
        RunEnd {
            outcome,
            usage: Some(usage),
        }
    })
}

/// The events of `items`. The last one of an answer that is not whole stays open.
fn events(items: &[Item], end: &RunEnd) -> Vec<OutputEvent> {
    let mut events = Vec::new();
    for (index, (kind, pieces)) in (0..).zip(items) {
        events.push(OutputEvent::ItemAdded {
            index,
            kind: kind.clone(),
            id: None,
        });
        events.extend(pieces.iter().cloned());
        events.push(OutputEvent::ItemDone);
    }
    let answers = items.iter().any(|(kind, _)| *kind != ItemKind::Reasoning);
    match end.outcome {
        Outcome::Completed if !answers => {
            let index = u32::try_from(items.len()).unwrap();
            events.push(OutputEvent::ItemAdded {
                index,
                kind: ItemKind::Message,
                id: None,
            });
            events.push(OutputEvent::ItemDone);
        }
        Outcome::Completed | Outcome::Failed(_) => {}
        Outcome::Incomplete(_) => drop(events.pop()),
    }
    events.push(OutputEvent::Ended(end.clone()));
    events
}

fn check(
    dialect: Dialect,
    meant: &[OutputEvent],
    body: &Value,
    stream: &[String],
) -> Result<(), TestCaseError> {
    let meant = merged(meant);
    prop_assert_eq!(&merged(&read_whole(dialect, body)), &meant, "whole");
    let streamed = read_stream(dialect, stream.iter().map(String::as_str));
    prop_assert_eq!(&merged(&streamed), &meant, "streamed");
    if dialect.api().is_some() {
        prop_assert_eq!(passed_on::check_whole(dialect, body), Ok(()), "passed on");
        prop_assert_eq!(
            passed_on::check_stream(dialect, stream),
            Ok(()),
            "passed on"
        );
    }
    Ok(())
}

fn data(frames: &[u8]) -> Vec<String> {
    let events = SseDecoder::new(1 << 20).push(frames).expect("well formed");
    events.into_iter().map(|event| event.data).collect()
}

fn chat(events: &[OutputEvent]) -> (Value, Vec<String>) {
    let head = ChatHead {
        id: "chatcmpl-1".into(),
        created: 1,
        model: "m".into(),
        service_tier: ServiceTier::Default,
        system_fingerprint: None,
    };
    let mut fold = ChatFold::new();
    let mut stream = ChatStream::new(head.clone(), 1, true);
    let mut out = BytesMut::new();
    for event in events {
        fold.apply(event);
        stream.output(0, event, &mut out).expect("it writes");
    }
    stream.finish(&mut out).expect("it writes");
    out.extend_from_slice(lukhas_openai::DONE);
    let whole = ChatCompletion::new(head, vec![fold]).expect("a whole answer");
    (serde_json::to_value(whole).unwrap(), data(&out))
}

struct Zero;

impl Entropy for Zero {
    fn bits(&self) -> u128 {
        0
    }
}

fn responses(events: &[OutputEvent]) -> (Value, Vec<String>) {
    let fold = || {
        let request = CreateResponse::parse(br#"{"model":"m","input":"x"}"#).unwrap();
        let options = ResponseCall::try_from(request).unwrap().options;
        let object = ResponseObject::new("resp_1".into(), 1, *options);
        let describe = |error: &RunError| ResponseError {
            code: "server_error",
            message: error.message.clone(),
        };
        ResponseFold::new(object, Arc::new(Zero), || 2, describe)
    };
    let mut whole = fold();
    let mut stream = ResponseStream::new(fold(), false);
    let mut out = BytesMut::new();
    stream.begin(None, &mut out).expect("it writes");
    for event in events {
        whole.apply(event);
        stream.output(event, &mut out).expect("it writes");
    }
    (serde_json::to_value(whole.object()).unwrap(), data(&out))
}

fn messages(items: &[Item], end: &RunEnd) -> (Value, Vec<String>) {
    let usage = end.usage.unwrap_or_default();
    let usage = json!({
        "input_tokens": usage.input_tokens - usage.cached_tokens,
        "cache_read_input_tokens": usage.cached_tokens,
        "output_tokens": usage.output_tokens,
        "output_tokens_details": {"thinking_tokens": usage.reasoning_tokens},
    });
    let calls = items
        .iter()
        .any(|(kind, _)| matches!(kind, ItemKind::FunctionCall { .. }));
    let reason = match end.outcome {
        Outcome::Completed if calls => "tool_use",
        Outcome::Completed | Outcome::Failed(_) => "end_turn",
        Outcome::Incomplete(IncompleteReason::MaxOutputTokens) => "max_tokens",
        Outcome::Incomplete(IncompleteReason::ContentFilter) => "refusal",
    };
    let mut content = Vec::new();
    let mut stream = vec![json!({"type": "message_start", "message": {"content": []}})];
    for (index, (kind, pieces)) in items.iter().enumerate() {
        let (mut block, member) = match kind {
            ItemKind::Message => (json!({"type": "text"}), "text"),
            ItemKind::Reasoning => (json!({"type": "thinking"}), "thinking"),
            ItemKind::FunctionCall { call_id, name } => (
                json!({"type": "tool_use", "id": call_id, "name": name}),
                "input",
            ),
        };
        let start = json!({"type": "content_block_start", "index": index, "content_block": block});
        stream.push(start);
        let mut text = String::new();
        for piece in pieces {
            let (delta, more) = match piece {
                OutputEvent::TextDelta(more) => (json!({"type": "text_delta", "text": more}), more),
                OutputEvent::ReasoningDelta(more) => {
                    (json!({"type": "thinking_delta", "thinking": more}), more)
                }
                OutputEvent::ArgumentsDelta(more) => (
                    json!({"type": "input_json_delta", "partial_json": more}),
                    more,
                ),
                event => panic!("{event:?} is no piece"),
            };
            text.push_str(more);
            stream.push(json!({"type": "content_block_delta", "index": index, "delta": delta}));
        }
        stream.push(json!({"type": "content_block_stop", "index": index}));
        block[member] = match kind {
            ItemKind::FunctionCall { .. } => serde_json::from_str(&text).unwrap(),
            ItemKind::Message | ItemKind::Reasoning => text.into(),
        };
        content.push(block);
    }
    stream.push(json!({
        "type": "message_delta",
        "delta": {"stop_reason": reason},
        "usage": usage,
    }));
    stream.push(json!({"type": "message_stop"}));
    let whole = json!({"content": content, "stop_reason": reason, "usage": usage});
    (whole, stream.iter().map(Value::to_string).collect())
}

/// Reasoning, then one message, then calls: what Chat Completions can tell apart.
fn chat_items() -> impl Strategy<Value = Vec<Item>> {
    let said = (
        pieces(OutputEvent::TextDelta, 0..4),
        pieces(OutputEvent::RefusalDelta, 0..3),
    );
    let message =
        said.prop_map(|(texts, refusals)| (ItemKind::Message, [texts, refusals].concat()));
    let message = message.prop_filter("it says something", |(_, pieces)| !pieces.is_empty());
    let rest = (
        prop::option::of(message),
        prop::collection::vec(call(), 0..3),
    );
    (prop::option::of(reasoning()), rest).prop_map(|(reasoning, (message, calls))| {
        reasoning.into_iter().chain(message).chain(calls).collect()
    })
}

proptest! {
    #[test]
    fn chat_completions_are_read_as_they_were_meant(items in chat_items(), end in ends()) {
        prop_assume!(!items.is_empty() || end.outcome == Outcome::Completed);
        let events = events(&items, &end);
        let (whole, stream) = chat(&events);
        check(Dialect::Chat, &events, &whole, &stream)?;
    }

    #[test]
    fn responses_are_read_as_they_were_meant(
        items in prop::collection::vec(prop_oneof![texts(), call(), reasoning()], 1..5),
        refusals in pieces(OutputEvent::RefusalDelta, 0..3),
        end in ends(),
    ) {
        let mut items = items;
        if let Some((ItemKind::Message, pieces)) = items.last_mut() {
            pieces.extend(refusals);
        }
        let events = events(&items, &end);
        let (whole, stream) = responses(&events);
        check(Dialect::Responses, &events, &whole, &stream)?;
    }

    #[test]
    fn messages_are_read_as_they_were_meant(
        mut items in prop::collection::vec(prop_oneof![texts(), call(), reasoning()], 1..5),
        end in ends(),
    ) {
        // Texts in a row are one.
        items.dedup_by(|(a, _), (b, _)| *a == ItemKind::Message && *b == ItemKind::Message);
        let (whole, stream) = messages(&items, &end);
        check(Dialect::Messages, &events(&items, &end), &whole, &stream)?;
    }
}
