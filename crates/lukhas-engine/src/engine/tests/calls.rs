// SPDX-License-Identifier: Apache-2.0
use lukhas_core::{ToolChoice, ToolMode};
use serde_json::json;

use super::*;

fn weather() -> Arc<ToolSpec> {
    let parameters = json!({
        "type": "object",
        "properties": {
            "location": {"type": "string", "description": "A city"},
            "unit": {"type": "string", "enum": ["celsius", "fahrenheit"]},
        },
        "required": ["location"],
    });
    tool(
        "get_weather",
        "Get the current weather in a city",
        parameters,
    )
}

fn add() -> Arc<ToolSpec> {
    let number = json!({"type": "number"});
    let parameters =
        json!({"type": "object", "properties": {"a": number, "b": number}, "required": ["a", "b"]});
    tool("add", "Adds two numbers", parameters)
}

fn clock() -> Arc<ToolSpec> {
    Arc::new(ToolSpec {
        name: "getTime".into(),
        description: None,
        parameters: None,
        strict: None,
    })
}

fn with_tools(text: &str, tool_choice: ToolChoice) -> RunRequest {
    RunRequest {
        tools: vec![weather(), add(), clock()],
        tool_choice,
        ..ask(text)
    }
}

fn allowed(mode: ToolMode, names: &[&str]) -> ToolChoice {
    ToolChoice::Allowed {
        mode,
        names: names.iter().map(|name| (*name).to_owned()).collect(),
    }
}

#[track_caller]
fn check(text: &str, choice: ToolChoice, expected: &[(&str, Value)]) {
    let found = calls(with_tools(text, choice));
    let owned = |(name, arguments): &(&str, Value)| ((*name).to_owned(), arguments.clone());
    assert_eq!(
        found,
        expected.iter().map(owned).collect::<Vec<_>>(),
        "{text}"
    );
}

#[track_caller]
fn check_text(message: &str, choice: ToolChoice) {
    assert!(!text(with_tools(message, choice)).is_empty(), "{message}");
}

#[test]
fn auto_calls_the_tool_that_the_words_are_about() {
    check(
        "What's the weather in Paris?",
        ToolChoice::Auto,
        &[("get_weather", json!({"location": "Paris"}))],
    );
    check(
        "Weather for Oslo in celsius please",
        ToolChoice::Auto,
        &[(
            "get_weather",
            json!({"location": "Oslo", "unit": "celsius"}),
        )],
    );
    check(
        "Please add 2 and 3.5",
        ToolChoice::Auto,
        &[("add", json!({"a": 2, "b": 3.5}))],
    );
    check(
        "What time is it?",
        ToolChoice::Auto,
        &[("getTime", json!({}))],
    );
}

#[test]
fn auto_answers_in_text_when_no_tool_is_relevant() {
    for text in [
        "Hello",
        "Tell me a joke",
        "What is the capital of France?",
        "",
        "who are you",
    ] {
        check_text(text, ToolChoice::Auto);
    }
}

#[test]
fn none_never_calls() {
    check_text("What's the weather in Paris?", ToolChoice::None);
}

#[test]
fn what_must_be_called_is_called() {
    let time = || ("getTime", json!({}));
    let sum = || ("add", json!({"a": 1, "b": 2}));
    check(
        "Tell me a joke",
        ToolChoice::Function("getTime".into()),
        &[time()],
    );
    check("Add 1 and 2", ToolChoice::Required, &[sum()]);
    check(
        "Add 1 and 2",
        allowed(ToolMode::Required, &["getTime"]),
        &[time()],
    );
    check("Add 1 and 2", allowed(ToolMode::Auto, &["add"]), &[sum()]);
    check_text("Add 1 and 2", allowed(ToolMode::Auto, &["getTime"]));
    let calls = calls(with_tools("Hello", ToolChoice::Required));
    assert_eq!(calls.len(), 1);
    assert_eq!(calls[0].0, "get_weather");
    assert!(calls[0].1["location"].is_string());
}

#[test]
fn several_tools_are_called_only_in_parallel_and_when_asked_for() {
    let both = "Tell me the weather in Paris, and add 2 and 3";
    let auto = |text| with_tools(text, ToolChoice::Auto);
    let parallel = |text| RunRequest {
        parallel_tool_calls: true,
        ..auto(text)
    };
    let names = |request| {
        calls(request)
            .into_iter()
            .map(|(name, _)| name)
            .collect::<Vec<_>>()
    };
    assert_eq!(names(parallel(both)), ["get_weather", "add"]);
    assert_eq!(names(auto(both)).len(), 1);
    assert_eq!(
        names(parallel("What is the weather in Paris?")),
        ["get_weather"]
    );
}

#[test]
fn a_tools_output_is_answered_in_text_unless_a_call_is_demanded() {
    let after = |choice, items: Vec<Item>| {
        let mut request = with_tools("What's the weather in Paris?", choice);
        request.items.extend(items);
        request
    };
    let given = || {
        vec![
            call("call_1", "get_weather"),
            output("call_1", "{\"sky\":\"clear\"}"),
        ]
    };
    let answer = "The tool `get_weather` returned: {\"sky\":\"clear\"}";
    assert_eq!(text(after(ToolChoice::Auto, given())), answer);
    assert_eq!(
        text(after(allowed(ToolMode::Auto, &["get_weather"]), given())),
        answer
    );
    assert_eq!(calls(after(ToolChoice::Required, given())).len(), 1);
    assert_eq!(
        calls(after(ToolChoice::Function("add".into()), given())).len(),
        1
    );
    let mut asked_again = given();
    asked_again.push(Item::text(Role::User, "And the weather in Rome?"));
    assert_eq!(
        calls(after(ToolChoice::Auto, asked_again))[0].1,
        json!({"location": "Rome"})
    );
}

#[test]
fn a_demand_that_no_tool_can_meet_is_an_error() {
    let found = error(RunRequest {
        tool_choice: ToolChoice::Required,
        ..ask("hi")
    });
    assert_eq!(found.kind, RunErrorKind::InvalidRequest);
    assert_eq!(found.param.as_deref(), Some("tool_choice"));
}

#[test]
fn parameters_without_an_instance_are_blamed() {
    let check = |parameters, kind| {
        let tools = vec![add(), tool("broken", "", parameters)];
        let tool_choice = ToolChoice::Function("broken".into());
        let found = error(RunRequest {
            tools,
            tool_choice,
            ..ask("hi")
        });
        assert_eq!(
            (found.kind, found.param.as_deref()),
            (kind, Some("tools[1].parameters"))
        );
    };
    check(json!({"type": "nonsense"}), RunErrorKind::InvalidRequest);
    check(json!({"allOf": [false]}), RunErrorKind::Unsupported);
}

#[test]
fn strict_tools_get_every_property() {
    let mut strict = (*weather()).clone();
    strict.strict = Some(true);
    let found = calls(RunRequest {
        tools: vec![Arc::new(strict)],
        ..ask("Weather in Rome?")
    });
    assert_eq!(found[0].1["location"], "Rome");
    assert!(found[0].1["unit"].is_string());
}
