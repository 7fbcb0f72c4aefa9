// SPDX-License-Identifier: Apache-2.0
use lukhas_core::{IncompleteReason, Outcome, UsageSource};
use serde_json::{Value, json};

use super::*;
use crate::{ChatCompletion, ChatFold, DONE};
use OutputEvent::ItemDone;

mod sums;

use sums::{add_up, chunks, message_of};

fn head() -> ChatHead {
    ChatHead {
        id: "chatcmpl-1".to_owned(),
        created: 1_741_569_952,
        model: "m".to_owned(),
        service_tier: ServiceTier::Default,
        system_fingerprint: Some("fp_1".to_owned()),
    }
}

fn usage(input_tokens: u64, output_tokens: u64) -> Usage {
    Usage {
        input_tokens,
        cached_tokens: 4,
        output_tokens,
        reasoning_tokens: 1,
        source: UsageSource::Provider,
        cost: None,
    }
}

fn message(index: u32) -> OutputEvent {
    OutputEvent::ItemAdded {
        index,
        kind: ItemKind::Message,
        id: None,
    }
}

fn reasoning(index: u32) -> OutputEvent {
    OutputEvent::ItemAdded {
        index,
        kind: ItemKind::Reasoning,
        id: None,
    }
}

fn call(index: u32, call_id: &str, name: &str) -> OutputEvent {
    let (call_id, name) = (call_id.to_owned(), name.to_owned());
    OutputEvent::ItemAdded {
        index,
        kind: ItemKind::FunctionCall { call_id, name },
        id: None,
    }
}

fn says(text: &str) -> OutputEvent {
    OutputEvent::TextDelta(text.to_owned())
}

fn refuses(text: &str) -> OutputEvent {
    OutputEvent::RefusalDelta(text.to_owned())
}

fn arguments(text: &str) -> OutputEvent {
    OutputEvent::ArgumentsDelta(text.to_owned())
}

fn ends(outcome: Outcome, usage: Option<Usage>) -> OutputEvent {
    OutputEvent::Ended(RunEnd { outcome, usage })
}

fn whole(choices: &[Vec<OutputEvent>]) -> Result<ChatCompletion, RunError> {
    let fold = |events: &Vec<OutputEvent>| {
        let mut fold = ChatFold::new();
        events.iter().for_each(|event| fold.apply(event));
        fold
    };
    ChatCompletion::new(head(), choices.iter().map(fold).collect())
}

/// The frames of an answer, one choice after the other.
fn streamed(choices: &[Vec<OutputEvent>], include_usage: bool) -> Result<String, RunError> {
    let mut out = BytesMut::new();
    let mut stream = ChatStream::new(
        head(),
        u32::try_from(choices.len()).expect("few"),
        include_usage,
    );
    for (choice, events) in (0..).zip(choices) {
        for event in events {
            stream.output(choice, event, &mut out)?;
        }
    }
    stream.finish(&mut out)?;
    out.extend_from_slice(DONE);
    Ok(String::from_utf8(out.to_vec()).expect("UTF-8"))
}

#[track_caller]
fn check_whole(events: &[OutputEvent], choice: &str, usage: &str) {
    let completion = whole(&[events.to_vec()]).expect("a whole answer");
    let expected = format!(
        r#"{{"id":"chatcmpl-1","object":"chat.completion","created":1741569952,"model":"m","choices":[{choice}]{usage},"service_tier":"default","system_fingerprint":"fp_1"}}"#
    );
    assert_eq!(
        serde_json::to_string(&completion).expect("writes"),
        expected
    );
}

#[track_caller]
fn check_streamed(events: &[OutputEvent], deltas: &[&str]) {
    let frames = streamed(&[events.to_vec()], false).expect("a whole answer");
    let mut expected: String = deltas
        .iter()
        .map(|rest| {
            format!(
                "data: {{\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"created\":1741569952,\"model\":\"m\",\
                 \"service_tier\":\"default\",\"system_fingerprint\":\"fp_1\",\"choices\":[{{\"index\":0,{rest}}}]}}\n\n"
            )
        })
        .collect();
    expected.push_str("data: [DONE]\n\n");
    assert_eq!(frames, expected);
}

#[test]
fn a_text_answer() {
    let events = [
        message(0),
        says("Hel"),
        says("lo\n"),
        ItemDone,
        ends(Outcome::Completed, Some(usage(19, 10))),
    ];
    check_whole(
        &events,
        r#"{"index":0,"message":{"role":"assistant","content":"Hello\n","refusal":null,"annotations":[]},"logprobs":null,"finish_reason":"stop"}"#,
        r#","usage":{"prompt_tokens":19,"completion_tokens":10,"total_tokens":29,"prompt_tokens_details":{"cached_tokens":4,"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":1,"audio_tokens":0,"accepted_prediction_tokens":0,"rejected_prediction_tokens":0}}"#,
    );
    check_streamed(
        &events,
        &[
            r#""delta":{"role":"assistant","content":"","refusal":null},"logprobs":null,"finish_reason":null"#,
            r#""delta":{"content":"Hel"},"logprobs":null,"finish_reason":null"#,
            r#""delta":{"content":"lo\n"},"logprobs":null,"finish_reason":null"#,
            r#""delta":{},"logprobs":null,"finish_reason":"stop""#,
        ],
    );
}

#[test]
fn reasoning_is_shown_beside_the_text() {
    let thinks = |text: &str| OutputEvent::ReasoningDelta(text.to_owned());
    let thoughts = [reasoning(0), thinks("H"), thinks("m."), ItemDone];
    let end = ends(Outcome::Completed, None);
    let said = [message(1), says("Yes."), ItemDone, end.clone()];
    let events = [&thoughts[..], &said].concat();
    check_whole(
        &events,
        r#"{"index":0,"message":{"role":"assistant","content":"Yes.","refusal":null,"reasoning_content":"Hm.","annotations":[]},"logprobs":null,"finish_reason":"stop"}"#,
        "",
    );
    let begun = [
        r#""delta":{"role":"assistant","content":null,"refusal":null},"logprobs":null,"finish_reason":null"#,
        r#""delta":{"reasoning_content":"H"},"logprobs":null,"finish_reason":null"#,
        r#""delta":{"reasoning_content":"m."},"logprobs":null,"finish_reason":null"#,
    ];
    let ended = [
        r#""delta":{"content":"Yes."},"logprobs":null,"finish_reason":null"#,
        r#""delta":{},"logprobs":null,"finish_reason":"stop""#,
    ];
    check_streamed(&events, &[&begun[..], &ended].concat());

    let events = [&thoughts[..], &[end]].concat();
    check_whole(
        &events,
        r#"{"index":0,"message":{"role":"assistant","content":"","refusal":null,"reasoning_content":"Hm.","annotations":[]},"logprobs":null,"finish_reason":"stop"}"#,
        "",
    );
    let ended = [r#""delta":{"content":""},"logprobs":null,"finish_reason":"stop""#];
    check_streamed(&events, &[&begun[..], &ended].concat());
}

#[test]
fn where_a_text_broke_off_and_is_gone_on_with_the_choice_says_so() {
    let end = ends(Outcome::Completed, None);
    let continued = OutputEvent::Continued;
    let events = [message(0), says("a"), continued, says("b"), ItemDone, end];
    check_whole(
        &events,
        r#"{"index":0,"message":{"role":"assistant","content":"ab","refusal":null,"annotations":[]},"logprobs":null,"finish_reason":"stop","lukhas_continuations":1}"#,
        "",
    );
    check_streamed(
        &events,
        &[
            r#""delta":{"role":"assistant","content":"","refusal":null},"logprobs":null,"finish_reason":null"#,
            r#""delta":{"content":"a"},"logprobs":null,"finish_reason":null"#,
            r#""delta":{},"logprobs":null,"finish_reason":null,"lukhas_continuations":1"#,
            r#""delta":{"content":"b"},"logprobs":null,"finish_reason":null"#,
            r#""delta":{},"logprobs":null,"finish_reason":"stop","lukhas_continuations":1"#,
        ],
    );
}

#[test]
fn calls_alone_leave_the_content_null() {
    let events = [
        call(0, "call_1", "add"),
        arguments("{\"a\""),
        arguments(":1}"),
        ItemDone,
        call(1, "call_2", "sub"),
        arguments("{}"),
        ItemDone,
        ends(Outcome::Completed, None),
    ];
    check_whole(
        &events,
        r#"{"index":0,"message":{"role":"assistant","content":null,"refusal":null,"annotations":[],"tool_calls":[{"id":"call_1","type":"function","function":{"name":"add","arguments":"{\"a\":1}"}},{"id":"call_2","type":"function","function":{"name":"sub","arguments":"{}"}}]},"logprobs":null,"finish_reason":"tool_calls"}"#,
        "",
    );
    check_streamed(
        &events,
        &[
            r#""delta":{"role":"assistant","content":null,"refusal":null},"logprobs":null,"finish_reason":null"#,
            r#""delta":{"tool_calls":[{"index":0,"id":"call_1","type":"function","function":{"name":"add","arguments":""}}]},"logprobs":null,"finish_reason":null"#,
            r#""delta":{"tool_calls":[{"index":0,"function":{"arguments":"{\"a\""}}]},"logprobs":null,"finish_reason":null"#,
            r#""delta":{"tool_calls":[{"index":0,"function":{"arguments":":1}"}}]},"logprobs":null,"finish_reason":null"#,
            r#""delta":{"tool_calls":[{"index":1,"id":"call_2","type":"function","function":{"name":"sub","arguments":""}}]},"logprobs":null,"finish_reason":null"#,
            r#""delta":{"tool_calls":[{"index":1,"function":{"arguments":"{}"}}]},"logprobs":null,"finish_reason":null"#,
            r#""delta":{},"logprobs":null,"finish_reason":"tool_calls""#,
        ],
    );
}

#[test]
fn a_refusal_and_an_answer_cut_by_a_filter() {
    let filtered = Outcome::Incomplete(IncompleteReason::ContentFilter);
    let events = [
        message(0),
        refuses("No"),
        refuses("."),
        ItemDone,
        ends(filtered, None),
    ];
    check_whole(
        &events,
        r#"{"index":0,"message":{"role":"assistant","content":null,"refusal":"No.","annotations":[]},"logprobs":null,"finish_reason":"content_filter"}"#,
        "",
    );
    check_streamed(
        &events,
        &[
            r#""delta":{"role":"assistant","content":null,"refusal":null},"logprobs":null,"finish_reason":null"#,
            r#""delta":{"refusal":"No"},"logprobs":null,"finish_reason":null"#,
            r#""delta":{"refusal":"."},"logprobs":null,"finish_reason":null"#,
            r#""delta":{},"logprobs":null,"finish_reason":"content_filter""#,
        ],
    );
}

#[test]
fn an_answer_of_nothing_is_an_empty_text() {
    let events = [ends(
        Outcome::Incomplete(IncompleteReason::MaxOutputTokens),
        None,
    )];
    check_whole(
        &events,
        r#"{"index":0,"message":{"role":"assistant","content":"","refusal":null,"annotations":[]},"logprobs":null,"finish_reason":"length"}"#,
        "",
    );
    check_streamed(
        &events,
        &[
            r#""delta":{"role":"assistant","content":"","refusal":null},"logprobs":null,"finish_reason":null"#,
            r#""delta":{},"logprobs":null,"finish_reason":"length""#,
        ],
    );
}

/// Two choices of one conversation.
fn two_choices(second: Option<Usage>) -> [Vec<OutputEvent>; 2] {
    let choice = |text, usage| {
        vec![
            message(0),
            says(text),
            ItemDone,
            ends(Outcome::Completed, usage),
        ]
    };
    [choice("a", Some(usage(19, 10))), choice("b", second)]
}

#[test]
fn the_conversation_is_counted_once_for_all_choices() {
    let completion = whole(&two_choices(Some(usage(19, 5)))).expect("a whole answer");
    let total = completion.usage.expect("counted");
    assert_eq!(
        (
            total.prompt_tokens,
            total.completion_tokens,
            total.total_tokens
        ),
        (19, 15, 34)
    );
    assert_eq!(total.prompt_tokens_details.cached_tokens, 4);
    assert_eq!(total.completion_tokens_details.reasoning_tokens, 2);
    let uncounted = whole(&two_choices(None)).expect("a whole answer");
    assert_eq!(uncounted.usage, None, "half a count is none");
}

#[test]
fn usage_comes_last_and_only_when_asked_for() {
    let chunks = |include_usage, second| {
        chunks(&streamed(&two_choices(second), include_usage).expect("whole"))
    };
    let with = chunks(true, Some(usage(19, 5)));
    let (last, others) = with.split_last().expect("chunks");
    assert_eq!(last["choices"], json!([]));
    assert_eq!(last["usage"]["total_tokens"], 34);
    assert!(
        others
            .iter()
            .all(|chunk| chunk.get("usage") == Some(&Value::Null))
    );
    let without = chunks(false, Some(usage(19, 5)));
    assert_eq!(without.len(), others.len());
    assert!(without.iter().all(|chunk| chunk.get("usage").is_none()));
    let uncounted = chunks(true, None);
    assert!(
        uncounted
            .iter()
            .all(|chunk| chunk.get("usage") == Some(&Value::Null))
    );
}

#[test]
fn choices_interleave_without_mixing() {
    let [first, second] = two_choices(Some(usage(19, 5)));
    let mut out = BytesMut::new();
    let mut stream = ChatStream::new(head(), 2, false);
    for (a, b) in first.iter().zip(&second) {
        stream.output(0, a, &mut out).expect("writes");
        stream.output(1, b, &mut out).expect("writes");
    }
    stream.finish(&mut out).expect("both ended");
    let frames = String::from_utf8(out.to_vec()).expect("UTF-8");
    assert_eq!(
        add_up(&chunks(&frames), 0),
        message_of(&whole(&[first]).expect("whole"), 0)
    );
    assert_eq!(add_up(&chunks(&frames), 1).0["content"], "b");
}

#[test]
fn a_failed_run_is_its_error_and_writes_nothing() {
    let failure = RunError::new(RunErrorKind::Upstream, "The upstream broke.");
    let events = vec![
        message(0),
        says("a"),
        ends(Outcome::Failed(failure.clone()), None),
    ];
    assert_eq!(
        whole(std::slice::from_ref(&events)).expect_err("failed"),
        failure
    );
    let mut out = BytesMut::new();
    let mut stream = ChatStream::new(head(), 1, true);
    stream.output(0, &events[0], &mut out).expect("writes");
    stream.output(0, &events[1], &mut out).expect("writes");
    let before = out.len();
    assert_eq!(
        stream.output(0, &events[2], &mut out).expect_err("failed"),
        failure
    );
    assert_eq!(out.len(), before);
    let error =
        json!({ "message": "m", "type": "server_error", "param": null, "code": "upstream_error" });
    ChatStream::fail(&error, &mut out).expect("writes");
    assert_eq!(
        &out[before..],
        b"data: {\"error\":{\"message\":\"m\",\"type\":\"server_error\",\"param\":null,\"code\":\"upstream_error\"}}\n\n"
    );
}

#[test]
fn a_run_without_an_end_is_never_shown_as_complete() {
    let events = vec![message(0), says("a"), ItemDone];
    let truncated = RunErrorKind::UpstreamTruncated;
    assert_eq!(
        whole(std::slice::from_ref(&events))
            .expect_err("no end")
            .kind,
        truncated
    );
    assert_eq!(
        streamed(&[events], true).expect_err("no end").kind,
        truncated
    );
    let mut stream = ChatStream::new(head(), 1, false);
    let stray = stream
        .output(1, &says("a"), &mut BytesMut::new())
        .expect_err("no such choice");
    assert_eq!(stray.kind, RunErrorKind::Internal);
}
