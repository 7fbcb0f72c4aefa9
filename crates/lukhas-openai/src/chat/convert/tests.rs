// SPDX-License-Identifier: Apache-2.0
use lukhas_core::{ToolMode, ToolSpec};
use serde_json::json;

use super::*;
use crate::WireErrorKind;

fn read(extra: Value) -> Result<ChatCall, WireError> {
    let mut body = json!({ "model": "m", "messages": [{ "role": "user", "content": "hi" }] });
    let (Value::Object(map), Value::Object(extra)) = (&mut body, extra) else {
        panic!("both are objects");
    };
    map.extend(extra);
    CreateChatCompletion::parse(body.to_string().as_bytes()).and_then(ChatCall::try_from)
}

fn tools() -> Value {
    json!([
        { "type": "function", "function": { "name": "a" } },
        { "type": "function", "function": {
            "name": "b", "description": "B", "parameters": { "type": "object" }, "strict": true,
        } },
    ])
}

#[track_caller]
fn chooses(choice: Value, expected: &ToolChoice) {
    let call = read(json!({ "tools": tools(), "tool_choice": choice })).expect("accepted");
    assert_eq!(&call.run.tool_choice, expected);
}

#[track_caller]
fn refuse(extra: Value, kind: WireErrorKind, param: &str) {
    let error = read(extra).expect_err("refused");
    assert_eq!(
        (error.kind, error.param.as_deref()),
        (kind, Some(param)),
        "{error}"
    );
}

fn allowed(mode: ToolMode, names: &[&str]) -> ToolChoice {
    ToolChoice::Allowed {
        mode,
        names: names.iter().map(|&name| name.to_owned()).collect(),
    }
}

#[test]
fn tools_keep_their_order_and_all_they_say() {
    let call = read(json!({ "tools": tools() })).expect("accepted");
    let tools: Vec<ToolSpec> = call.run.tools.iter().map(|tool| (**tool).clone()).collect();
    let a = ToolSpec {
        name: "a".to_owned(),
        description: None,
        parameters: None,
        strict: None,
    };
    let b = ToolSpec {
        name: "b".to_owned(),
        description: Some("B".to_owned()),
        parameters: Some(json!({ "type": "object" })),
        strict: Some(true),
    };
    assert_eq!(tools, [a, b]);
    assert_eq!(call.run.tool_choice, ToolChoice::Auto);
    assert!(call.run.parallel_tool_calls);
}

#[test]
fn every_tool_choice_is_read() {
    chooses(json!("none"), &ToolChoice::None);
    chooses(json!("auto"), &ToolChoice::Auto);
    chooses(json!("required"), &ToolChoice::Required);
    chooses(Value::Null, &ToolChoice::Auto);
    let b = json!({ "type": "function", "function": { "name": "b" } });
    chooses(b.clone(), &ToolChoice::Function("b".to_owned()));
    let flat = json!({ "type": "function", "name": "a" });
    chooses(
        json!({ "type": "allowed_tools", "allowed_tools": { "mode": "auto", "tools": [b, flat] } }),
        &allowed(ToolMode::Auto, &["b", "a"]),
    );
    chooses(
        json!({ "type": "allowed_tools", "mode": "required", "tools": [flat] }),
        &allowed(ToolMode::Required, &["a"]),
    );
}

#[test]
fn a_tool_choice_that_cannot_be_kept_is_refused() {
    use WireErrorKind::{InvalidType, InvalidValue, Missing, Unknown};
    let refuse_choice = |choice: Value, kind, param| {
        refuse(
            json!({ "tools": tools(), "tool_choice": choice }),
            kind,
            param,
        );
    };
    let named = |name: &str| json!({ "type": "function", "function": { "name": name } });
    refuse_choice(named("c"), InvalidValue, "tool_choice.function.name");
    refuse_choice(json!("any"), InvalidValue, "tool_choice");
    refuse_choice(json!(5), InvalidType, "tool_choice");
    refuse_choice(
        json!({ "type": "function" }),
        Missing,
        "tool_choice.function",
    );
    refuse_choice(
        json!({ "type": "function", "name": "a" }),
        Unknown,
        "tool_choice.name",
    );
    refuse_choice(
        json!({ "type": "allowed_tools" }),
        Missing,
        "tool_choice.allowed_tools",
    );
    let nested = |tools: Value| json!({ "type": "allowed_tools", "allowed_tools": { "mode": "auto", "tools": tools } });
    let flat = |tools: Value| json!({ "type": "allowed_tools", "mode": "auto", "tools": tools });
    refuse_choice(
        nested(json!([])),
        InvalidValue,
        "tool_choice.allowed_tools.tools",
    );
    let inside = "tool_choice.allowed_tools.tools[1].function.name";
    refuse_choice(
        nested(json!([named("a"), named("c")])),
        InvalidValue,
        inside,
    );
    let beside = json!([{ "type": "function", "name": "c" }]);
    refuse_choice(flat(beside), InvalidValue, "tool_choice.tools[0].name");
    refuse_choice(
        flat(json!([{ "type": "function" }])),
        Missing,
        "tool_choice.tools[0].function",
    );
    refuse(
        json!({ "tool_choice": "required" }),
        InvalidValue,
        "tool_choice",
    );
    refuse(
        json!({ "tool_choice": named("a") }),
        InvalidValue,
        "tool_choice.function.name",
    );
    assert!(read(json!({ "tool_choice": "none" })).is_ok());
    assert!(read(json!({ "tool_choice": "auto" })).is_ok());
}

#[test]
fn bad_tools_are_refused_where_they_stand() {
    use WireErrorKind::{InvalidType, InvalidValue, Missing};
    let function = |function: Value| json!({ "type": "function", "function": function });
    let refuse_tools = |tools: Value, kind, param| refuse(json!({ "tools": tools }), kind, param);
    let a = function(json!({ "name": "a" }));
    refuse_tools(json!([a, a]), InvalidValue, "tools[1].function.name");
    refuse_tools(
        json!([function(json!({}))]),
        Missing,
        "tools[0].function.name",
    );
    refuse_tools(
        json!([function(json!({ "name": "é" }))]),
        InvalidValue,
        "tools[0].function.name",
    );
    let long = function(json!({ "name": "x".repeat(65) }));
    refuse_tools(json!([long]), InvalidValue, "tools[0].function.name");
    let typed = function(json!({ "name": "a", "parameters": [] }));
    refuse_tools(json!([typed]), InvalidType, "tools[0].function.parameters");
    refuse_tools(
        json!([{ "type": "function" }]),
        Missing,
        "tools[0].function",
    );
    let many: Vec<_> = (0..129)
        .map(|i| function(json!({ "name": format!("f{i}") })))
        .collect();
    refuse_tools(Value::Array(many), InvalidValue, "tools");
}

#[test]
fn every_format_is_read() {
    let format = |format: Value| {
        read(json!({ "response_format": format }))
            .expect("accepted")
            .run
            .format
    };
    assert_eq!(format(Value::Null), OutputFormat::Text);
    assert_eq!(format(json!({ "type": "text" })), OutputFormat::Text);
    assert_eq!(
        format(json!({ "type": "json_object" })),
        OutputFormat::JsonObject
    );
    let schema = json!({ "type": "object", "properties": {} });
    for (strict, expected) in [(json!(true), true), (Value::Null, false)] {
        let json_schema =
            json!({ "name": "n", "description": "d", "schema": schema, "strict": strict });
        assert_eq!(
            format(json!({ "type": "json_schema", "json_schema": json_schema })),
            OutputFormat::JsonSchema {
                name: "n".to_owned(),
                schema: Arc::new(schema.clone()),
                strict: expected,
            }
        );
    }
}

#[test]
fn the_rest_reaches_the_run() {
    let call = read(json!({
        "temperature": 0.5, "top_p": 0.25, "presence_penalty": -1, "frequency_penalty": 1,
        "stop": "END", "max_tokens": 7, "parallel_tool_calls": false, "stream": true,
        "stream_options": { "include_usage": true }, "service_tier": "flex", "n": 2,
    }))
    .expect("accepted");
    assert_eq!(
        call.run.sampling,
        Sampling {
            temperature: Some(0.5),
            top_p: Some(0.25),
            presence_penalty: Some(-1.0),
            frequency_penalty: Some(1.0),
            seed: None,
            stop: vec!["END".to_owned()],
        }
    );
    assert_eq!(
        (call.run.model.as_str(), call.run.max_output_tokens),
        ("m", Some(7))
    );
    assert!(!call.run.parallel_tool_calls && call.stream && call.include_usage);
    assert_eq!((call.n, call.service_tier), (2, Some(ServiceTier::Flex)));
    assert_eq!(call.run.truncation, Truncation::Disabled);
    assert_eq!((call.run.instructions, call.run.previous), (None, None));
    let plain = read(json!({ "max_completion_tokens": 9, "stop": ["a", "b"] })).expect("accepted");
    assert_eq!(
        (plain.n, plain.stream, plain.include_usage),
        (1, false, false)
    );
    assert_eq!(plain.run.max_output_tokens, Some(9));
    assert_eq!(plain.run.sampling.stop, ["a", "b"]);
}

#[test]
fn choices_differ_by_their_seed_alone() {
    let seeds = |extra: Value| -> Vec<Option<i64>> {
        let runs = read(extra).expect("accepted").into_runs();
        runs.map(|run| {
            assert_eq!((run.model.as_str(), run.items.len()), ("m", 1));
            run.sampling.seed
        })
        .collect()
    };
    assert_eq!(seeds(json!({})), [None]);
    assert_eq!(seeds(json!({ "n": 3 })), [None; 3]);
    assert_eq!(seeds(json!({ "n": 2, "seed": 41 })), [Some(41), Some(42)]);
    let last = json!({ "n": 2, "seed": i64::MAX });
    assert_eq!(seeds(last), [Some(i64::MAX), Some(i64::MIN)]);
}
