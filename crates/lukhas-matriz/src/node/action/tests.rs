// SPDX-License-Identifier: Apache-2.0

mod laws;

use std::sync::Arc;

use lukhas_core::{IncompleteReason, OutputFormat, RunRequest, ToolChoice, ToolSpec};
use serde_json::json;

use super::*;
use crate::tests::support::*;

/// What comes out when a provider plays `script` to `request`.
async fn play(request: RunRequest, script: Vec<OutputEvent>) -> Vec<OutputEvent> {
    let provider = Arc::new(Scripted::new(script));
    let events = outputs(collect(&matriz(&provider), cx("t"), request).await);
    assert_eq!(provider.asked.lock().unwrap().len(), 1);
    events
}

/// `script` comes out as it is.
async fn check_passes(request: RunRequest, script: Vec<OutputEvent>) {
    assert_eq!(play(request, script.clone()).await, script);
}

/// The first `passed` events of `script` come out, then a failed end that says `message`.
async fn check_stopped(
    request: RunRequest,
    script: Vec<OutputEvent>,
    passed: usize,
    message: &str,
) {
    let usage = match script.get(passed) {
        Some(OutputEvent::Ended(end)) => end.usage,
        Some(_) | None => None,
    };
    let mut expected = script[..passed].to_vec();
    let error = RunError::new(RunErrorKind::Upstream, message);
    expected.push(OutputEvent::Ended(RunEnd {
        usage,
        ..RunEnd::failed(error)
    }));
    assert_eq!(play(request, script).await, expected);
}

const OUT_OF_ORDER: &str = "The model's answer came out of order.";
const NOT_ALLOWED: &str = "The model called a tool that this request does not allow.";
const BAD_ARGUMENTS: &str = "The model called a tool with arguments that are not JSON.";
const BAD_TEXT: &str = "The model's answer is not the JSON that the output format requires.";
const NO_CALL: &str = "The model made no call, but `tool_choice` requires one.";

fn plain() -> RunRequest {
    request(vec![user("hi")])
}

/// With the tools `look` and `find`.
fn tooled(choice: ToolChoice) -> RunRequest {
    RunRequest {
        tools: vec![tool("look"), tool("find")],
        tool_choice: choice,
        ..plain()
    }
}

fn formatted(format: OutputFormat) -> RunRequest {
    RunRequest { format, ..plain() }
}

fn schema(strict: bool) -> OutputFormat {
    OutputFormat::JsonSchema {
        name: "answer".into(),
        schema: Arc::new(json!({})),
        strict,
    }
}

fn refusal(text: &str) -> OutputEvent {
    OutputEvent::RefusalDelta(text.into())
}

fn completed() -> OutputEvent {
    ended(Outcome::Completed)
}

fn incomplete() -> OutputEvent {
    ended(Outcome::Incomplete(IncompleteReason::MaxOutputTokens))
}

/// One call of each name, with these arguments, to a completed end.
fn calls(names: &[&str], json: &str) -> Vec<OutputEvent> {
    let mut script = Vec::new();
    for (index, name) in (0..).zip(names) {
        let (head, tail) = json.split_at(json.len() / 2);
        script.extend([calling(index, name), arguments(head), arguments(tail)]);
        script.push(OutputEvent::ItemDone);
    }
    script.push(completed());
    script
}

#[tokio::test]
async fn a_good_answer_passes_untouched() {
    check_passes(plain(), says("hello")).await;
    check_passes(plain(), vec![completed()]).await;
    check_passes(plain(), vec![added(0), text("hel"), incomplete()]).await;
    check_passes(tooled(ToolChoice::Auto), says("no need")).await;
    check_passes(
        tooled(ToolChoice::Auto),
        calls(&["look", "find"], "{\"a\": 1}"),
    )
    .await;
    check_passes(tooled(ToolChoice::Required), calls(&["find"], "{}")).await;
}

#[tokio::test]
async fn reasoning_passes_and_is_no_answer() {
    let thoughts = [reasoning(0), thinks("{ hm"), OutputEvent::ItemDone];
    let then = |more: &[OutputEvent]| [&thoughts[..], more].concat();
    let said = |json| then(&[added(1), text(json), OutputEvent::ItemDone, completed()]);
    check_passes(plain(), then(&[completed()])).await;
    check_passes(plain(), vec![reasoning(0), thinks("hm"), incomplete()]).await;
    check_passes(formatted(schema(true)), said("{}")).await;
    let only = then(&[completed()]);
    check_stopped(formatted(schema(true)), only.clone(), 3, BAD_TEXT).await;
    check_stopped(tooled(ToolChoice::Required), only, 3, NO_CALL).await;
}

#[tokio::test]
async fn a_failure_of_the_provider_is_passed_on() {
    let error = RunError::new(RunErrorKind::UpstreamTimeout, "Too slow.");
    let failed = ended(Outcome::Failed(error));
    check_passes(plain(), vec![failed.clone()]).await;
    let script = vec![added(0), text("hel"), failed.clone(), text("lo")];
    assert_eq!(play(plain(), script.clone()).await, script[..3]);
}

#[tokio::test]
async fn a_stream_that_stops_without_an_end_is_truncated() {
    let error = || {
        let message = "The model's answer broke off before its end.";
        RunError::new(RunErrorKind::UpstreamTruncated, message)
    };
    for script in [
        vec![],
        vec![added(0), text("hel")],
        says("hello")[..3].to_vec(),
    ] {
        let mut expected = script.clone();
        expected.push(OutputEvent::Ended(RunEnd::failed(error())));
        assert_eq!(play(plain(), script).await, expected);
    }
}

#[tokio::test]
async fn pieces_come_in_order() {
    for (script, passed) in [
        (vec![added(1)], 0),
        (vec![added(0), added(1)], 1),
        (vec![added(0), OutputEvent::ItemDone, added(0)], 2),
        (vec![added(0), OutputEvent::ItemDone, added(2)], 2),
        (vec![text("hi")], 0),
        (vec![refusal("no")], 0),
        (vec![arguments("{}")], 0),
        (vec![OutputEvent::ItemDone], 0),
        (vec![added(0), arguments("{}")], 1),
        (vec![calling(0, "look"), text("{}")], 1),
        (vec![calling(0, "look"), refusal("no")], 1),
        (vec![added(0), OutputEvent::ItemDone, text("more")], 2),
        (vec![added(0), text("hi"), completed()], 2),
        (vec![thinks("hm")], 0),
        (vec![added(0), thinks("hm")], 1),
        (vec![calling(0, "look"), thinks("hm")], 1),
        (vec![reasoning(0), text("hi")], 1),
        (vec![reasoning(0), refusal("no")], 1),
        (vec![reasoning(0), arguments("{}")], 1),
        (vec![reasoning(0), thinks("hm"), completed()], 2),
    ] {
        check_stopped(tooled(ToolChoice::Auto), script, passed, OUT_OF_ORDER).await;
    }
}

#[tokio::test]
async fn nothing_comes_after_the_end() {
    let after = "The model's answer went on after its end.";
    for more in [text("more"), completed()] {
        let mut script = says("hello");
        script.push(more.clone());
        check_stopped(plain(), script, 3, after).await;
        check_stopped(plain(), vec![incomplete(), more], 0, after).await;
    }
}

#[tokio::test]
async fn only_tools_of_the_intent_are_called() {
    let function = |name: &str| ToolChoice::Function(name.into());
    for (request, name) in [
        (plain(), "look"),
        (tooled(ToolChoice::None), "look"),
        (tooled(ToolChoice::Auto), "Look"),
        (tooled(ToolChoice::Auto), ""),
        (tooled(function("find")), "look"),
    ] {
        check_stopped(request, calls(&[name], "{}"), 0, NOT_ALLOWED).await;
    }
    let script = calls(&["look", "drop_tables"], "{}");
    check_stopped(tooled(ToolChoice::Auto), script, 4, NOT_ALLOWED).await;
}

#[tokio::test]
async fn one_call_is_made_where_parallel_calls_are_off() {
    let mut request = tooled(ToolChoice::Auto);
    request.parallel_tool_calls = false;
    check_passes(request.clone(), calls(&["look"], "{}")).await;
    let message = "The model made several calls, but `parallel_tool_calls` is false.";
    check_stopped(request, calls(&["look", "find"], "{}"), 4, message).await;
}

#[tokio::test]
async fn a_required_call_is_made() {
    for choice in [ToolChoice::Required, ToolChoice::Function("look".into())] {
        check_stopped(tooled(choice.clone()), says("no"), 3, NO_CALL).await;
        check_stopped(tooled(choice.clone()), vec![completed()], 0, NO_CALL).await;
        check_passes(
            tooled(choice.clone()),
            vec![added(0), text("Let me"), incomplete()],
        )
        .await;
        let refused = vec![
            added(0),
            refusal("I will not."),
            OutputEvent::ItemDone,
            completed(),
        ];
        check_passes(tooled(choice), refused).await;
    }
    let empty = vec![added(0), refusal(""), OutputEvent::ItemDone, completed()];
    check_stopped(tooled(ToolChoice::Required), empty, 3, NO_CALL).await;
}

#[tokio::test]
async fn arguments_are_json() {
    let may = || tooled(ToolChoice::Auto);
    check_passes(may(), calls(&["look"], " {\"a\": [1, \"é\"]} ")).await;
    // Unfinished: seen when the item ends. Spoilt: not even passed on.
    for (json, passed) in [
        ("", 3),
        ("{\"a\":", 3),
        ("[1, 2", 3),
        ("{'a'}", 1),
        ("{}{}", 2),
    ] {
        check_stopped(may(), calls(&["look"], json), passed, BAD_ARGUMENTS).await;
    }
    // Cut short by a limit: the item stays incomplete.
    let cut = vec![calling(0, "look"), arguments("{\"a\":"), incomplete()];
    check_passes(may(), cut).await;
}

#[tokio::test]
async fn strict_text_is_json() {
    let strict = || formatted(schema(true));
    for json in ["{\"a\": 1}", "[1]", "\"x\"", " 1 "] {
        check_passes(strict(), says(json)).await;
    }
    check_stopped(strict(), says("Sure! {}"), 1, BAD_TEXT).await;
    check_stopped(strict(), says("{\"a\": 1"), 2, BAD_TEXT).await;
    check_stopped(strict(), vec![completed()], 0, BAD_TEXT).await;
    check_stopped(strict(), says(""), 3, BAD_TEXT).await;
    check_passes(strict(), vec![added(0), text("{\"a\":"), incomplete()]).await;
    let refused = vec![
        added(0),
        refusal("I will not."),
        OutputEvent::ItemDone,
        completed(),
    ];
    check_passes(strict(), refused).await;
}

#[tokio::test]
async fn a_json_object_is_one() {
    let object = || formatted(OutputFormat::JsonObject);
    check_passes(object(), says("{\"a\": [1]}")).await;
    for text in ["[1]", "1", "```json"] {
        check_stopped(object(), says(text), 1, BAD_TEXT).await;
    }
}

#[tokio::test]
async fn text_that_need_not_be_json_may_be_anything() {
    check_passes(formatted(schema(false)), says("Sure! {}")).await;
    check_passes(formatted(OutputFormat::Text), says("{")).await;
}

#[tokio::test]
async fn a_call_answers_in_place_of_structured_text() {
    let request = || RunRequest {
        format: schema(true),
        ..tooled(ToolChoice::Auto)
    };
    check_passes(request(), calls(&["look"], "{}")).await;
    let mut silent = vec![added(0), OutputEvent::ItemDone, calling(1, "look")];
    silent.extend([arguments("{}"), OutputEvent::ItemDone, completed()]);
    check_passes(request(), silent).await;
    check_stopped(request(), says("I will look it up."), 1, BAD_TEXT).await;
}

#[tokio::test]
async fn a_free_text_may_be_gone_on_with_and_nothing_else() {
    let continued = || OutputEvent::Continued;
    let free = vec![
        added(0),
        text("a"),
        continued(),
        text("b"),
        OutputEvent::ItemDone,
        ended(Outcome::Completed),
    ];
    check_passes(plain(), free).await;
    let json = RunRequest {
        format: OutputFormat::JsonObject,
        ..plain()
    };
    let halves = vec![
        added(0),
        text("{"),
        continued(),
        text("}"),
        OutputEvent::ItemDone,
        ended(Outcome::Completed),
    ];
    check_stopped(json, halves, 2, OUT_OF_ORDER).await;
    check_stopped(
        plain(),
        vec![continued(), ended(Outcome::Completed)],
        0,
        OUT_OF_ORDER,
    )
    .await;
}

#[tokio::test]
async fn a_strict_schema_is_held_to_before_a_message_is_said_to_be_done() {
    let schema = json!({"type": "object", "required": ["name"],
        "properties": {"name": {"type": "string"}}});
    let format = |strict| OutputFormat::JsonSchema {
        name: "person".into(),
        schema: Arc::new(schema.clone()),
        strict,
    };
    let strict = || formatted(format(true));
    let broken = |rule: &str| format!("The model's answer breaks the strict schema at `{rule}`.");
    check_passes(strict(), says("{\"name\": \"Ada\"}")).await;
    check_passes(formatted(format(false)), says("{\"x\": 1}")).await;
    check_stopped(strict(), says("{\"x\": 1}"), 2, &broken("/required")).await;
    let in_pieces = vec![
        added(0),
        text("{\"name\""),
        text(": 7}"),
        OutputEvent::ItemDone,
        completed(),
    ];
    check_stopped(strict(), in_pieces, 3, &broken("/properties/name/type")).await;
    // What is cut short or refused was never said to be an instance.
    check_passes(strict(), vec![added(0), text("{\"x\": 1}"), incomplete()]).await;
    let refused = vec![added(0), refusal("no"), OutputEvent::ItemDone, completed()];
    check_passes(strict(), refused).await;
}

#[tokio::test]
async fn arguments_of_a_strict_tool_are_held_to_its_parameters() {
    let parameters = json!({"type": "object", "required": ["city"],
        "properties": {"city": {"type": "string"}}});
    let tooled = |strict| RunRequest {
        tools: vec![Arc::new(ToolSpec {
            name: "look".into(),
            description: None,
            parameters: Some(parameters.clone()),
            strict,
        })],
        ..plain()
    };
    check_passes(tooled(Some(true)), calls(&["look"], "{\"city\": \"Oslo\"}")).await;
    for strict in [Some(false), None] {
        check_passes(tooled(strict), calls(&["look"], "{\"x\": 1}")).await;
    }
    let message =
        "The model called a tool with arguments that break its strict schema at `/required`.";
    check_stopped(
        tooled(Some(true)),
        calls(&["look"], "{\"x\": 1}"),
        3,
        message,
    )
    .await;
}

#[tokio::test]
async fn a_strict_schema_that_cannot_be_held_to_is_the_request_s_fault() {
    let format = OutputFormat::JsonSchema {
        name: "loop".into(),
        schema: Arc::new(json!({"$ref": "#"})),
        strict: true,
    };
    let events = play(formatted(format), says("{}")).await;
    let Some(OutputEvent::Ended(end)) = events.last() else {
        panic!("there is no end");
    };
    let Outcome::Failed(error) = &end.outcome else {
        panic!("{:?}", end.outcome);
    };
    assert_eq!(error.kind, RunErrorKind::InvalidRequest);
    assert_eq!(error.param.as_deref(), Some("text.format.schema"));
    assert!(
        error.message.contains("refers to itself"),
        "{}",
        error.message
    );
}
