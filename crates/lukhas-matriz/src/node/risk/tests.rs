// SPDX-License-Identifier: Apache-2.0

use std::sync::Arc;

use lukhas_core::{Message, Role, ToolSpec};
use serde_json::json;

use super::*;
use crate::tests::support::{output, request, tool, user};

#[track_caller]
fn check_passes(request: &RunRequest) {
    assert_eq!(check(&[], request), Ok(()));
}

#[track_caller]
fn check_refused(request: &RunRequest, param: &str, message: &str) {
    assert_eq!(check(&[], request), Err(RunError::invalid(param, message)));
}

fn with_tools(names: &[&str], choice: ToolChoice) -> RunRequest {
    RunRequest {
        tools: names.iter().map(|name| tool(name)).collect(),
        tool_choice: choice,
        ..request(vec![user("hi")])
    }
}

fn with_parameters(schema: Value) -> RunRequest {
    let plain = tool("plain");
    let tools = vec![
        Arc::clone(&plain),
        Arc::new(ToolSpec {
            name: "odd".into(),
            parameters: Some(schema),
            ..(*plain).clone()
        }),
    ];
    RunRequest {
        tools,
        ..request(vec![user("hi")])
    }
}

fn with_format(schema: Value) -> RunRequest {
    let format = OutputFormat::JsonSchema {
        name: "answer".into(),
        schema: Arc::new(schema),
        strict: false,
    };
    RunRequest {
        format,
        ..request(vec![user("hi")])
    }
}

fn nested(levels: usize) -> Value {
    (1..levels).fold(json!({}), |inner, _| json!({ "not": inner }))
}

fn long(bytes: usize) -> Value {
    json!({ "description": "x".repeat(bytes) })
}

fn image(source: MediaSource) -> Part {
    Part::Image(Media { source, hint: None })
}

fn showing(parts: Vec<Part>) -> RunRequest {
    request(vec![Item::Message(Message {
        id: None,
        name: None,
        role: Role::User,
        parts,
    })])
}

fn allowed(mode: ToolMode, names: &[&str]) -> ToolChoice {
    let names = names.iter().map(|name| (*name).into()).collect();
    ToolChoice::Allowed { mode, names }
}

#[test]
fn tool_names_are_unique() {
    check_passes(&with_tools(&["a", "b", "A"], ToolChoice::Auto));
    let message = "The tool name `a` is used twice.";
    let twice = with_tools(&["a", "b", "a"], ToolChoice::Auto);
    check_refused(&twice, "tools[2].name", message);
}

#[test]
fn tools_are_not_too_many() {
    let names: Vec<String> = (0..129).map(|n| format!("tool_{n}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    check_passes(&with_tools(&names[..128], ToolChoice::Auto));
    let message = "There are 129 tools; at most 128 are allowed.";
    check_refused(&with_tools(&names, ToolChoice::Auto), "tools", message);
}

#[test]
fn the_choice_names_tools_of_the_request() {
    let of = |choice| with_tools(&["a", "b"], choice);
    for choice in [
        ToolChoice::Function("b".into()),
        allowed(ToolMode::Required, &["b", "a"]),
        allowed(ToolMode::Auto, &[]),
        ToolChoice::Required,
    ] {
        check_passes(&of(choice));
    }
    let message = "The tool choice names `c`, which is not among the tools.";
    for choice in [
        ToolChoice::Function("c".into()),
        allowed(ToolMode::Auto, &["a", "c"]),
        allowed(ToolMode::Required, &["c"]),
    ] {
        check_refused(&of(choice), "tool_choice", message);
    }
}

#[test]
fn a_required_call_has_a_tool_to_call() {
    let message = "The tool choice requires a call, but there is no tool to call.";
    let none = with_tools(&[], ToolChoice::Required);
    check_refused(&none, "tool_choice", message);
    let none = with_tools(&["a"], allowed(ToolMode::Required, &[]));
    check_refused(&none, "tool_choice", message);
    check_passes(&with_tools(&[], ToolChoice::None));
}

#[test]
fn parameters_describe_an_object() {
    for schema in [
        json!({}),
        json!({"type": "object"}),
        json!({"type": ["object", "null"]}),
        json!({"$ref": "#/$defs/a", "$defs": {"a": {"type": "object"}}}),
    ] {
        check_passes(&with_parameters(schema));
    }
    for schema in [json!([]), json!("object"), json!(true), json!(null)] {
        let message = "The schema is not a JSON object.";
        check_refused(&with_parameters(schema), "tools[1].parameters", message);
    }
    for schema in [json!({"type": "string"}), json!({"type": ["null"]})] {
        let message = "The parameters of a function are a schema of type `object`.";
        check_refused(
            &with_parameters(schema),
            "tools[1].parameters.type",
            message,
        );
    }
}

#[test]
fn schemas_are_not_too_deep() {
    check_passes(&with_parameters(nested(64)));
    check_passes(&with_format(nested(64)));
    let message = "The schema is nested deeper than 64 levels.";
    check_refused(&with_parameters(nested(65)), "tools[1].parameters", message);
    check_refused(&with_format(nested(65)), "text.format.schema", message);
}

#[test]
fn schemas_are_not_too_long() {
    check_passes(&with_parameters(long(262_000)));
    check_passes(&with_format(long(262_000)));
    let message = "The schema is longer than 262144 bytes.";
    check_refused(
        &with_parameters(long(262_144)),
        "tools[1].parameters",
        message,
    );
    check_refused(&with_format(long(262_144)), "text.format.schema", message);
}

#[test]
fn the_schema_of_an_answer_is_an_object_but_may_describe_anything() {
    check_passes(&with_format(json!({"type": "array"})));
    let message = "The schema is not a JSON object.";
    check_refused(&with_format(json!([])), "text.format.schema", message);
}

#[test]
fn media_are_not_too_many() {
    let images = |n| showing(vec![image(MediaSource::FileId("file-1".into())); n]);
    check_passes(&images(500));
    let message = "The input has 501 images, files and audio clips; at most 500 are allowed.";
    check_refused(&images(501), "input", message);
}

#[test]
fn media_are_not_too_large_together() {
    const HALF: usize = 32 * 1024 * 1024;
    let inline = image(MediaSource::Inline("x".repeat(HALF)));
    let url = |bytes: usize| image(MediaSource::Url(format!("data:{}", "x".repeat(bytes - 5))));
    check_passes(&showing(vec![inline.clone(), url(HALF)]));

    let mut result = output("call_1", "a picture");
    if let Item::FunctionOutput(output) = &mut result {
        output.parts.push(url(HALF + 1));
    }
    let mut request = showing(vec![inline]);
    request.items.push(result);
    let message = "The images, files and audio clips of the input have 67108865 bytes; \
                   at most 67108864 are allowed.";
    check_refused(&request, "input", message);
}

#[test]
fn opaque_items_are_not_too_deep() {
    check_passes(&request(vec![Item::Opaque(nested(64))]));
    let message = "An item of the input is nested deeper than 64 levels.";
    let deep = request(vec![Item::Opaque(nested(65))]);
    check_refused(&deep, "input", message);
}
