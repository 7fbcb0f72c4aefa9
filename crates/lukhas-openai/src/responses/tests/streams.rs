// SPDX-License-Identifier: Apache-2.0
//! Answers, whole and streamed.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::BytesMut;
use lukhas_core::{
    Entropy, IncompleteReason, Item, ItemKind, Node, Outcome, OutputEvent, RunEnd, RunError,
    RunErrorKind, StepEvent, StepPhase, Usage,
};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::SseDecoder;
use crate::responses::{
    CreateResponse, ResponseCall, ResponseError, ResponseFold, ResponseObject, ResponseStream,
};

struct Counter(AtomicU64);

impl Entropy for Counter {
    fn bits(&self) -> u128 {
        self.0.fetch_add(1, Ordering::Relaxed).into()
    }
}

fn fold() -> ResponseFold {
    let body = json!({"model": "m", "input": "x"});
    let request = CreateResponse::parse(body.to_string().as_bytes()).expect("a good request");
    let options = ResponseCall::try_from(request)
        .expect("a good request")
        .options;
    let object = ResponseObject::new("resp_1".to_owned(), 1, *options);
    let describe = |error: &RunError| ResponseError {
        code: "server_error",
        message: error.message.clone(),
    };
    ResponseFold::new(object, Arc::new(Counter(AtomicU64::new(0))), || 2, describe)
}

/// The whole object, and the data of each event of the stream.
fn answer(events: &[OutputEvent]) -> (Value, Vec<Value>) {
    let mut whole = fold();
    let mut stream = ResponseStream::new(fold(), false);
    let mut out = BytesMut::new();
    stream.begin(None, &mut out).expect("it writes");
    for event in events {
        whole.apply(event);
        stream.output(event, &mut out).expect("it writes");
    }
    let mut decoder = SseDecoder::new(1 << 20);
    let frames = decoder.push(&out).expect("well formed");
    let data = frames.iter().map(|frame| {
        let data: Value = serde_json::from_str(&frame.data).expect("JSON");
        assert_eq!(data["type"], frame.event.as_str(), "`event:` equals `type`");
        data
    });
    (
        serde_json::to_value(whole.object()).expect("JSON"),
        data.collect(),
    )
}

fn message() -> OutputEvent {
    OutputEvent::ItemAdded {
        index: 0,
        kind: ItemKind::Message,
        id: None,
    }
}

fn call(index: u32) -> OutputEvent {
    let kind = ItemKind::FunctionCall {
        call_id: format!("call_{index}"),
        name: "f".to_owned(),
    };
    OutputEvent::ItemAdded {
        index,
        kind,
        id: None,
    }
}

fn reasoning() -> OutputEvent {
    OutputEvent::ItemAdded {
        index: 0,
        kind: ItemKind::Reasoning,
        id: None,
    }
}

fn thinks(delta: &str) -> OutputEvent {
    OutputEvent::ReasoningDelta(delta.to_owned())
}

fn text(delta: &str) -> OutputEvent {
    OutputEvent::TextDelta(delta.to_owned())
}

fn ended(outcome: Outcome) -> OutputEvent {
    let usage = Usage {
        input_tokens: 3,
        output_tokens: 2,
        ..Usage::default()
    };
    OutputEvent::Ended(RunEnd {
        outcome,
        usage: Some(usage),
    })
}

#[track_caller]
fn check_types(events: &[OutputEvent], expected: &str) {
    let (_, data) = answer(events);
    let types: Vec<&str> = data
        .iter()
        .map(|d| d["type"].as_str().expect("a string"))
        .collect();
    let types: Vec<_> = types
        .iter()
        .map(|t| t.strip_prefix("response.").unwrap_or(t))
        .collect();
    assert_eq!(types.join(" "), expected);
}

#[test]
fn events_come_in_the_official_order() {
    check_types(
        &[
            message(),
            text("a"),
            text("b"),
            OutputEvent::ItemDone,
            ended(Outcome::Completed),
        ],
        "created in_progress output_item.added content_part.added output_text.delta \
         output_text.delta output_text.done content_part.done output_item.done completed",
    );
    check_types(
        &[
            call(0),
            OutputEvent::ArgumentsDelta("{}".into()),
            OutputEvent::ItemDone,
            call(1),
            OutputEvent::ItemDone,
            ended(Outcome::Completed),
        ],
        "created in_progress output_item.added function_call_arguments.delta \
         function_call_arguments.done output_item.done output_item.added \
         function_call_arguments.done output_item.done completed",
    );
    check_types(
        &[
            message(),
            text("a"),
            OutputEvent::RefusalDelta("no".into()),
            OutputEvent::ItemDone,
            ended(Outcome::Completed),
        ],
        "created in_progress output_item.added content_part.added output_text.delta \
         output_text.done content_part.done content_part.added refusal.delta refusal.done \
         content_part.done output_item.done completed",
    );
}

#[test]
fn a_message_without_text_still_has_its_part() {
    check_types(
        &[message(), OutputEvent::ItemDone, ended(Outcome::Completed)],
        "created in_progress output_item.added content_part.added output_text.done \
         content_part.done output_item.done completed",
    );
}

#[test]
fn reasoning_is_an_item_of_one_part() {
    check_types(
        &[
            reasoning(),
            thinks("a"),
            thinks(""),
            thinks("b"),
            OutputEvent::ItemDone,
            ended(Outcome::Completed),
        ],
        "created in_progress output_item.added reasoning_summary_part.added \
         reasoning_summary_text.delta reasoning_summary_text.delta reasoning_summary_text.delta \
         reasoning_summary_text.done reasoning_summary_part.done output_item.done completed",
    );
    check_types(
        &[
            reasoning(),
            OutputEvent::ItemDone,
            ended(Outcome::Completed),
        ],
        "created in_progress output_item.added output_item.done completed",
    );
    let error = RunError::new(RunErrorKind::UpstreamTruncated, "cut");
    check_types(
        &[reasoning(), thinks("a"), ended(Outcome::Failed(error))],
        "created in_progress output_item.added reasoning_summary_part.added \
         reasoning_summary_text.delta failed",
    );
}

#[test]
fn reasoning_is_written_as_in_the_official_document() {
    let (whole, data) = answer(&[
        reasoning(),
        thinks("Hm. "),
        thinks("Yes."),
        ended(Outcome::Incomplete(IncompleteReason::MaxOutputTokens)),
    ]);
    let id = "rs_00000000000000000000000000000000";
    let part = json!({"type": "summary_text", "text": "Hm. Yes."});
    let item = json!({"type": "reasoning", "id": id, "summary": [part], "status": "incomplete"});
    assert_eq!(whole["output"], json!([item]));
    let at = |name: &str, number: u64, rest: Value| {
        let mut event = json!({
            "type": format!("response.{name}"),
            "sequence_number": number,
            "item_id": id,
            "output_index": 0,
            "summary_index": 0,
        });
        let rest = rest.as_object().expect("an object").clone();
        event.as_object_mut().expect("an object").extend(rest);
        event
    };
    let empty = json!({"type": "summary_text", "text": ""});
    assert_eq!(
        data[2]["item"],
        json!({"type": "reasoning", "id": id, "summary": [], "status": "in_progress"})
    );
    assert_eq!(
        data[3..8],
        [
            at("reasoning_summary_part.added", 3, json!({"part": empty})),
            at("reasoning_summary_text.delta", 4, json!({"delta": "Hm. "})),
            at("reasoning_summary_text.delta", 5, json!({"delta": "Yes."})),
            at(
                "reasoning_summary_text.done",
                6,
                json!({"text": "Hm. Yes."})
            ),
            at(
                "reasoning_summary_part.done",
                7,
                json!({"part": part, "status": "incomplete"})
            ),
        ]
    );
    assert_eq!(data[8]["item"], item);
}

#[test]
fn reasoning_is_kept_as_it_was_shown() {
    let mut fold = fold();
    for event in [reasoning(), thinks("Hm."), OutputEvent::ItemDone] {
        fold.apply(&event);
    }
    let shown = serde_json::to_value(&fold.object().output[0]).expect("JSON");
    assert_eq!(shown["id"], "rs_00000000000000000000000000000000");
    assert_eq!(fold.items(), [Item::Opaque(shown)]);
}

#[test]
fn an_incomplete_answer_ends_with_its_incomplete_item() {
    let events = [
        message(),
        text("a"),
        ended(Outcome::Incomplete(IncompleteReason::MaxOutputTokens)),
    ];
    check_types(
        &events,
        "created in_progress output_item.added content_part.added output_text.delta \
         output_text.done content_part.done output_item.done incomplete",
    );
    let (whole, _) = answer(&events);
    assert_eq!(whole["status"], "incomplete");
    assert_eq!(
        whole["incomplete_details"],
        json!({"reason": "max_output_tokens"})
    );
    assert_eq!(whole["output"][0]["status"], "incomplete");
    assert_eq!(whole["completed_at"], Value::Null);
}

#[test]
fn what_a_failure_cut_short_is_never_said_to_be_done() {
    let error = RunError::new(RunErrorKind::UpstreamTruncated, "cut");
    let events = [message(), text("a"), ended(Outcome::Failed(error))];
    check_types(
        &events,
        "created in_progress output_item.added content_part.added output_text.delta failed",
    );
    let (whole, _) = answer(&events);
    assert_eq!(whole["status"], "failed");
    assert_eq!(
        whole["error"],
        json!({"code": "server_error", "message": "cut"})
    );
    assert_eq!(whole["output"][0]["status"], "incomplete");
    assert_eq!(whole["usage"]["total_tokens"], 5);
}

#[test]
fn an_end_that_is_taken_back_leaves_no_trace() {
    let cut = Outcome::Incomplete(IncompleteReason::MaxOutputTokens);
    for end in [Outcome::Completed, cut] {
        let mut stream = ResponseStream::new(fold(), false);
        let mut out = BytesMut::new();
        stream.begin(None, &mut out).expect("it writes");
        for event in [message(), text("a")] {
            stream.output(&event, &mut out).expect("it writes");
        }
        let before = out.len();
        stream.output(&ended(end), &mut out).expect("it writes");
        out.truncate(before);
        let error = RunError::new(RunErrorKind::Internal, "not kept");
        let failed = ended(Outcome::Failed(error));
        stream.output(&failed, &mut out).expect("it writes");

        let frames = SseDecoder::new(1 << 20).push(&out).expect("well formed");
        let data = frames.iter().map(|frame| serde_json::from_str(&frame.data));
        let data: Vec<Value> = data.collect::<Result<_, _>>().expect("JSON");
        for (number, event) in data.iter().enumerate() {
            assert_eq!(event["sequence_number"], number);
        }
        let last = &data[data.len() - 1];
        assert_eq!(last["type"], "response.failed");
        let response = &last["response"];
        assert_eq!(response["status"], "failed");
        assert_eq!(response["error"]["message"], "not kept");
        assert_eq!(response["completed_at"], Value::Null);
        assert_eq!(response["incomplete_details"], Value::Null);
    }
}

#[test]
fn every_key_is_present_and_in_the_official_order() {
    let (whole, _) = answer(&[
        message(),
        text("a"),
        OutputEvent::ItemDone,
        call(1),
        OutputEvent::ArgumentsDelta("{}".into()),
        OutputEvent::ItemDone,
        ended(Outcome::Completed),
    ]);
    let keys: Vec<_> = whole
        .as_object()
        .expect("an object")
        .keys()
        .map(String::as_str)
        .collect();
    assert_eq!(keys, ResponseObject::MEMBERS);
    insta::assert_json_snapshot!(whole);
}

#[test]
fn the_events_of_a_stream_are_as_recorded() {
    let (_, data) = answer(&[
        message(),
        text("a"),
        OutputEvent::ItemDone,
        call(1),
        OutputEvent::ArgumentsDelta("{}".into()),
        OutputEvent::ItemDone,
        ended(Outcome::Completed),
    ]);
    insta::assert_json_snapshot!(data);
}

#[test]
fn steps_are_sent_only_to_those_who_ask() {
    let event = StepEvent {
        step: 0,
        node: Node::Memory,
        phase: StepPhase::Completed(std::time::Duration::from_micros(7)),
    };
    let mut out = BytesMut::new();
    ResponseStream::new(fold(), false)
        .step(&event, &mut out)
        .expect("it writes");
    assert!(out.is_empty());
    ResponseStream::new(fold(), true)
        .step(&event, &mut out)
        .expect("it writes");
    assert_eq!(
        std::str::from_utf8(&out).expect("UTF-8"),
        "event: lukhas:step.completed\ndata: {\"type\":\"lukhas:step.completed\",\
         \"sequence_number\":0,\"step\":0,\"node\":\"memory\",\"latency_us\":7}\n\n"
    );
}

#[test]
fn where_a_text_broke_off_is_in_the_response_and_an_event_for_those_who_ask() {
    let text = |text: &str| OutputEvent::TextDelta(text.to_owned());
    let events = [
        message(),
        text("a"),
        OutputEvent::Continued,
        text("b"),
        OutputEvent::ItemDone,
        ended(Outcome::Completed),
    ];
    let (whole, data) = answer(&events);
    assert_eq!(whole["lukhas_continuations"], 1);
    let kinds = |data: &[Value]| -> Vec<String> {
        let kinds = data.iter().filter_map(|event| event["type"].as_str());
        kinds.map(str::to_owned).collect()
    };
    assert!(!kinds(&data).iter().any(|kind| kind.starts_with("lukhas:")));

    let mut stream = ResponseStream::new(fold(), true);
    let mut out = BytesMut::new();
    for event in &events[..2] {
        stream.output(event, &mut out).expect("it writes");
    }
    out.clear();
    stream.output(&events[2], &mut out).expect("it writes");
    let item = &stream.fold().object().output[0];
    let item = serde_json::to_value(item).expect("JSON");
    let expected = format!(
        "event: lukhas:continued\ndata: {{\"type\":\"lukhas:continued\",\"sequence_number\":3,\
         \"item_id\":{},\"output_index\":0,\"content_index\":0}}\n\n",
        item["id"]
    );
    assert_eq!(std::str::from_utf8(&out).expect("UTF-8"), expected);
    let (whole, _) = answer(&[
        message(),
        text("a"),
        OutputEvent::ItemDone,
        ended(Outcome::Completed),
    ]);
    assert_eq!(whole.get("lukhas_continuations"), None);
}

/// Events of a run that keeps to core's invariant, in any mix.
fn runs() -> impl Strategy<Value = Vec<OutputEvent>> {
    let delta = prop_oneof![
        "\\PC{0,8}".prop_map(OutputEvent::TextDelta),
        "\\PC{0,8}".prop_map(OutputEvent::RefusalDelta),
        Just(OutputEvent::Continued),
    ];
    let message = prop::collection::vec(delta, 0..6);
    let message = message.prop_map(|deltas| (ItemKind::Message, deltas));
    let thought = "\\PC{0,8}".prop_map(OutputEvent::ReasoningDelta);
    let thoughts = prop::collection::vec(thought, 0..4);
    let thoughts = thoughts.prop_map(|deltas| (ItemKind::Reasoning, deltas));
    let arguments = "\\PC{0,8}".prop_map(OutputEvent::ArgumentsDelta);
    let calls = prop::collection::vec(arguments, 0..4);
    let kind = ItemKind::FunctionCall {
        call_id: "call_1".to_owned(),
        name: "f".to_owned(),
    };
    let calls = calls.prop_map(move |deltas| (kind.clone(), deltas));
    let items = prop::collection::vec(prop_oneof![message, calls, thoughts], 0..5);
    let outcome = prop_oneof![
        Just(Outcome::Completed),
        Just(Outcome::Incomplete(IncompleteReason::ContentFilter)),
        Just(Outcome::Failed(RunError::new(
            RunErrorKind::Upstream,
            "broken"
        ))),
    ];
    (items, outcome, any::<bool>()).prop_map(|(items, outcome, cut)| {
        let count = items.len();
        let mut events = Vec::new();
        for (at, (kind, deltas)) in items.into_iter().enumerate() {
            let index = u32::try_from(at).expect("few");
            events.push(OutputEvent::ItemAdded {
                index,
                kind,
                id: None,
            });
            events.extend(deltas);
            let open = cut && at + 1 == count && outcome != Outcome::Completed;
            events.extend((!open).then_some(OutputEvent::ItemDone));
        }
        events.push(ended(outcome));
        events
    })
}

/// The texts that the deltas add up to, by their place in the whole answer.
fn texts(data: &[Value]) -> BTreeMap<String, String> {
    let mut texts = BTreeMap::<_, String>::new();
    for event in data {
        let (list, index) = match event["type"].as_str() {
            Some("response.output_text.delta") => ("content", "content_index"),
            Some("response.reasoning_summary_text.delta") => ("summary", "summary_index"),
            _ => continue,
        };
        let (item, part) = (&event["output_index"], &event[index]);
        let text = texts.entry(format!("/output/{item}/{list}/{part}/text"));
        let delta = event["delta"].as_str().expect("a text");
        text.or_default().push_str(delta);
    }
    texts
}

proptest! {
    #[test]
    fn a_stream_adds_up_to_the_whole_answer(events in runs()) {
        let (whole, data) = answer(&events);
        let last = data.last().expect("an end");
        prop_assert_eq!(&last["response"], &whole);
        for (number, event) in data.iter().enumerate() {
            prop_assert_eq!(&event["sequence_number"], &json!(number));
        }
        for (place, text) in texts(&data) {
            prop_assert_eq!(whole.pointer(&place), Some(&json!(text)));
        }
        let ends = data.iter().filter(|event| event["type"] == "response.completed"
            || event["type"] == "response.incomplete" || event["type"] == "response.failed");
        prop_assert_eq!(ends.count(), 1);
    }
}
