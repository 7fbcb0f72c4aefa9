// SPDX-License-Identifier: Apache-2.0
//! Every way a request can be wrong, and the field that is blamed.

use serde_json::{Value, json};

use crate::WireError;
use crate::WireErrorKind::{self, InvalidType, InvalidValue, Missing, Unknown, Unsupported};
use crate::responses::{CountInputTokens, CreateResponse, ResponseCall};

fn base() -> Value {
    json!({"model": "m", "input": "x"})
}

fn with(key: &str, value: Value) -> Value {
    let mut body = base();
    body[key] = value;
    body
}

fn parse(body: &Value) -> Result<CreateResponse, WireError> {
    CreateResponse::parse(body.to_string().as_bytes())
}

#[track_caller]
fn check(body: Value, kind: WireErrorKind, param: &str) {
    let parsed = parse(&body).and_then(ResponseCall::try_from);
    let error = parsed.expect_err("the request is wrong");
    assert_eq!(
        (error.kind, error.param.as_deref().unwrap_or("")),
        (kind, param),
        "{error}"
    );
    assert!(
        error.message.ends_with('.'),
        "`{}` is not a sentence",
        error.message
    );
}

#[test]
fn bodies_of_another_shape_are_refused() {
    for body in [json!(null), json!([]), json!("x"), json!(1), json!(true)] {
        check(body, InvalidType, "");
    }
    check(json!({"input": "x"}), Missing, "model");
    check(json!({"model": "m"}), Missing, "input");
    check(json!({"model": null, "input": "x"}), InvalidType, "model");
    check(with("nonsense", json!(1)), Unknown, "nonsense");
}

#[test]
fn fields_of_another_type_or_out_of_range_are_named() {
    check(with("stream", json!("true")), InvalidType, "stream");
    check(
        with("temperature", json!("hot")),
        InvalidType,
        "temperature",
    );
    check(with("temperature", json!(2.1)), InvalidValue, "temperature");
    check(
        with("temperature", json!(-0.1)),
        InvalidValue,
        "temperature",
    );
    check(with("top_p", json!(1.5)), InvalidValue, "top_p");
    check(
        with("presence_penalty", json!(3)),
        InvalidValue,
        "presence_penalty",
    );
    check(
        with("max_output_tokens", json!(0)),
        InvalidValue,
        "max_output_tokens",
    );
    check(
        with("max_output_tokens", json!(-1)),
        InvalidValue,
        "max_output_tokens",
    );
    check(
        with("max_output_tokens", json!(1.5)),
        InvalidType,
        "max_output_tokens",
    );
    check(
        with("max_output_tokens", json!(u64::MAX)),
        InvalidValue,
        "max_output_tokens",
    );
    check(with("seed", json!(u64::MAX)), InvalidValue, "seed");
    check(
        with("truncation", json!("middle")),
        InvalidValue,
        "truncation",
    );
    check(
        with("service_tier", json!("gold")),
        InvalidValue,
        "service_tier",
    );
    check(
        with("reasoning", json!({"effort": "heroic"})),
        InvalidValue,
        "reasoning.effort",
    );
    check(
        with("text", json!({"verbosity": "loud"})),
        InvalidValue,
        "text.verbosity",
    );
    check(with("text", json!({"fmt": 1})), Unknown, "text.fmt");
    check(with("include", json!(["all"])), InvalidValue, "include[0]");
    check(
        with("safety_identifier", json!("x".repeat(65))),
        InvalidValue,
        "safety_identifier",
    );
    check(
        with("stream_options", json!({})),
        InvalidValue,
        "stream_options",
    );
}

#[test]
fn metadata_has_its_bounds() {
    let many: serde_json::Map<_, _> = (0..17).map(|i| (format!("k{i}"), json!("v"))).collect();
    check(with("metadata", many.into()), InvalidValue, "metadata");
    check(with("metadata", json!({"k": 1})), InvalidType, "metadata.k");
    check(
        with("metadata", json!({"k": "v".repeat(513)})),
        InvalidValue,
        "metadata.k",
    );
    let long = "k".repeat(65);
    check(
        with("metadata", json!({&*long: "v"})),
        InvalidValue,
        &format!("metadata.{}…", &long[..64]),
    );
}

#[test]
fn what_is_not_offered_says_so() {
    check(with("background", json!(true)), Unsupported, "background");
    check(
        with("conversation", json!("conv_1")),
        Unsupported,
        "conversation",
    );
    check(with("prompt", json!({"id": "p"})), Unsupported, "prompt");
    check(with("top_logprobs", json!(2)), Unsupported, "top_logprobs");
    check(
        with("include", json!(["message.output_text.logprobs"])),
        Unsupported,
        "include[0]",
    );
    check(
        with("tools", json!([{"type": "web_search"}])),
        Unsupported,
        "tools[0].type",
    );
    check(
        with("input", json!([{"type": "item_reference", "id": "x"}])),
        Unsupported,
        "input[0].type",
    );
    let file = json!([{"role": "user", "content": [{"type": "input_image", "file_id": "file-1"}]}]);
    check(
        with("input", file),
        Unsupported,
        "input[0].content[0].file_id",
    );
    let grammar = json!({"format": {"type": "grammar"}});
    check(with("text", grammar), Unsupported, "text.format.type");
}

#[test]
fn items_are_blamed_where_they_are_wrong() {
    let input = |item: Value| with("input", json!([item]));
    check(with("input", json!([])), InvalidValue, "input");
    check(with("input", json!({})), InvalidType, "input");
    check(input(json!("x")), InvalidType, "input[0]");
    check(input(json!({"content": "x"})), Missing, "input[0].role");
    check(input(json!({"role": "user"})), Missing, "input[0].content");
    check(
        input(json!({"role": "robot", "content": "x"})),
        InvalidValue,
        "input[0].role",
    );
    check(
        input(json!({"type": "poem"})),
        InvalidValue,
        "input[0].type",
    );
    check(input(json!({"type": 1})), InvalidType, "input[0].type");
    let part = |part: Value| input(json!({"role": "user", "content": [part]}));
    check(
        part(json!({"text": "x"})),
        Missing,
        "input[0].content[0].type",
    );
    check(
        part(json!({"type": "input_text"})),
        Missing,
        "input[0].content[0].text",
    );
    check(
        part(json!({"type": "input_image"})),
        Missing,
        "input[0].content[0].image_url",
    );
    let image = json!({"type": "input_image", "image_url": "file:///etc/passwd"});
    check(part(image), InvalidValue, "input[0].content[0].image_url");
    let both = json!({"type": "input_file", "file_data": "eA==", "file_url": "http://x"});
    check(part(both), InvalidValue, "input[0].content[0]");
    let output = json!({"type": "function_call_output", "output": "x"});
    check(input(output), Missing, "input[0].call_id");
    let output = json!({"type": "function_call_output", "call_id": "", "output": "x"});
    check(input(output), InvalidValue, "input[0].call_id");
}

#[test]
fn tools_and_the_choice_among_them_have_to_agree() {
    let tool = |name: &str| json!({"type": "function", "name": name, "parameters": null});
    check(
        with("tools", json!([tool("a b")])),
        InvalidValue,
        "tools[0].name",
    );
    check(
        with("tools", json!([tool("")])),
        InvalidValue,
        "tools[0].name",
    );
    check(
        with("tools", json!([tool(&"a".repeat(65))])),
        InvalidValue,
        "tools[0].name",
    );
    check(
        with("tools", json!([tool("a"), tool("a")])),
        InvalidValue,
        "tools[1].name",
    );
    check(
        with("tools", json!([{"type": "function"}])),
        Missing,
        "tools[0].name",
    );
    let many: Vec<_> = (0..129).map(|i| tool(&format!("t{i}"))).collect();
    check(with("tools", many.into()), InvalidValue, "tools");
    check(
        with("tool_choice", json!("required")),
        InvalidValue,
        "tool_choice",
    );
    check(
        with("tool_choice", json!("sometimes")),
        InvalidValue,
        "tool_choice",
    );
    check(with("tool_choice", json!(1)), InvalidType, "tool_choice");
    let named = json!({"type": "function", "name": "absent"});
    check(
        with("tool_choice", named.clone()),
        InvalidValue,
        "tool_choice.name",
    );
    let allowed = json!({"type": "allowed_tools", "mode": "auto", "tools": [named]});
    check(
        with("tool_choice", allowed),
        InvalidValue,
        "tool_choice.tools[0].name",
    );
    let none = json!({"type": "allowed_tools", "mode": "auto", "tools": []});
    check(with("tool_choice", none), InvalidValue, "tool_choice.tools");
    let schema = json!({"format": {"type": "json_schema", "name": "a b", "schema": {}}});
    check(with("text", schema), InvalidValue, "text.format.name");
    let schema = json!({"format": {"type": "json_schema", "name": "a"}});
    check(with("text", schema), Missing, "text.format.schema");
}

#[test]
fn null_stands_for_absent_wherever_the_api_allows_it() {
    let mut body = base();
    let all = "instructions previous_response_id stream stream_options store tools tool_choice \
               parallel_tool_calls max_tool_calls text reasoning max_output_tokens temperature \
               top_p top_logprobs truncation include metadata user safety_identifier \
               prompt_cache_key prompt_cache_retention service_tier background conversation \
               prompt context_management moderation prompt_cache_options";
    for key in all.split_whitespace() {
        body[key] = Value::Null;
    }
    assert_eq!(parse(&body), parse(&base()));
}

#[test]
fn counting_takes_only_what_counts() {
    let count = |body: Value| CountInputTokens::parse(body.to_string().as_bytes());
    assert!(count(base()).is_ok());
    let error = count(with("stream", json!(true))).expect_err("not counted");
    assert_eq!(
        (error.kind, error.param.as_deref()),
        (Unknown, Some("stream"))
    );
}
