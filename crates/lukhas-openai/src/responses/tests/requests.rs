// SPDX-License-Identifier: Apache-2.0
//! What requests mean in core's terms.

use lukhas_core::{
    FunctionCall, FunctionOutput, Item, Media, MediaSource, Message, OutputFormat, Part, Role,
    RunRequest, ToolChoice, ToolMode, Truncation,
};
use serde_json::{Value, json};

use crate::responses::{CreateResponse, ResponseCall, ResponseObject};

#[track_caller]
fn run(body: Value) -> RunRequest {
    let request = CreateResponse::parse(body.to_string().as_bytes()).expect("a good request");
    ResponseCall::try_from(request).expect("a good request").run
}

#[track_caller]
fn check_items(input: Value, expected: &[Item]) {
    assert_eq!(run(json!({"model": "m", "input": input})).items, expected);
}

fn message(role: Role, parts: Vec<Part>) -> Item {
    Item::Message(Message {
        id: None,
        name: None,
        role,
        parts,
    })
}

#[test]
fn input_items_become_items() {
    check_items(json!("hi"), &[Item::text(Role::User, "hi")]);
    check_items(
        json!([
            {"role": "developer", "content": "be brief"},
            {"type": "message", "role": "user", "content": [
                {"type": "input_text", "text": "look"},
                {"type": "input_image", "image_url": "data:image/png;base64,eA==", "detail": "low"},
                {"type": "input_file", "filename": "a.txt", "file_data": "eA=="},
            ]},
        ]),
        &[
            Item::text(Role::Developer, "be brief"),
            message(
                Role::User,
                vec![
                    Part::Text("look".into()),
                    Part::Image(Media {
                        source: MediaSource::Url("data:image/png;base64,eA==".into()),
                        hint: Some("low".into()),
                    }),
                    Part::File(Media {
                        source: MediaSource::Inline("eA==".into()),
                        hint: Some("a.txt".into()),
                    }),
                ],
            ),
        ],
    );
}

#[test]
fn earlier_answers_are_taken_back_as_they_were_sent() {
    check_items(
        json!([
            {"type": "message", "id": "msg_1", "status": "completed", "role": "assistant",
             "content": [{"type": "output_text", "text": "a", "annotations": [], "logprobs": []},
                         {"type": "refusal", "refusal": "no"}]},
            {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "f",
             "arguments": "{}", "status": "completed", "parsed_arguments": null},
            {"type": "function_call_output", "call_id": "call_1", "output": "4"},
            {"type": "function_call_output", "call_id": "call_2",
             "output": [{"type": "input_text", "text": "5"}]},
            {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "x"},
        ]),
        &[
            Item::Message(Message {
                id: Some("msg_1".into()),
                name: None,
                role: Role::Assistant,
                parts: vec![Part::Text("a".into()), Part::Refusal("no".into())],
            }),
            Item::FunctionCall(FunctionCall {
                id: Some("fc_1".into()),
                call_id: "call_1".into(),
                name: "f".into(),
                arguments: "{}".into(),
            }),
            Item::FunctionOutput(FunctionOutput {
                id: None,
                call_id: "call_1".into(),
                parts: vec![Part::Text("4".into())],
            }),
            Item::FunctionOutput(FunctionOutput {
                id: None,
                call_id: "call_2".into(),
                parts: vec![Part::Text("5".into())],
            }),
            Item::Opaque(json!({
                "type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "x"
            })),
        ],
    );
}

#[test]
fn reasoning_is_given_back_without_urls_that_nobody_has_checked() {
    let given = json!({
        "type": "reasoning", "id": "rs_1", "encrypted_content": "a:b", "signature": "x",
        "image_url": "http://10.0.0.1/", "status": {"file_url": "http://10.0.0.1/"},
        "summary": [
            {"type": "summary_text", "text": "see http://a.example/", "url": "http://10.0.0.1/"},
            "http://10.0.0.1/",
        ],
        "content": [
            {"type": "reasoning_text", "text": {"url": "http://10.0.0.1/"}},
            {"type": "input_image", "image_url": "http://10.0.0.1/", "detail": "low"},
        ],
    });
    let kept = json!({
        "type": "reasoning", "id": "rs_1", "encrypted_content": "a:b", "signature": "x",
        "summary": [{"type": "summary_text", "text": "see http://a.example/"}],
        "content": [{"type": "reasoning_text"}, {"type": "input_image", "detail": "low"}],
    });
    let request = run(json!({"model": "m", "input": [given]}));
    assert_eq!(request.items, [Item::Opaque(kept)]);
    // No list, no texts.
    let odd = json!({"type": "reasoning", "summary": "http://10.0.0.1/", "content": null});
    let request = run(json!({"model": "m", "input": [odd]}));
    let kept = json!({"type": "reasoning", "content": null});
    assert_eq!(request.items, [Item::Opaque(kept)]);
}

#[test]
fn parameters_become_parameters() {
    let schema = json!({"type": "object", "properties": {"a": {"type": "string"}}});
    let request = run(json!({
        "model": "m", "input": "x", "instructions": "i", "previous_response_id": "resp_1",
        "tools": [{"type": "function", "name": "f", "description": "d", "parameters": schema,
                   "strict": true}],
        "tool_choice": {"type": "allowed_tools", "mode": "required",
                        "tools": [{"type": "function", "name": "f"}]},
        "parallel_tool_calls": false, "temperature": 0, "top_p": 0.5, "seed": -7,
        "max_output_tokens": 16, "truncation": "auto",
        "text": {"format": {"type": "json_schema", "name": "s", "schema": schema, "strict": true}},
    }));
    assert_eq!(request.instructions.as_deref(), Some("i"));
    assert_eq!(request.previous.as_deref(), Some("resp_1"));
    let tool = &request.tools[0];
    assert_eq!((tool.name.as_str(), tool.strict), ("f", Some(true)));
    assert_eq!(tool.parameters.as_ref(), Some(&schema));
    let names = vec!["f".to_owned()];
    assert_eq!(
        request.tool_choice,
        ToolChoice::Allowed {
            mode: ToolMode::Required,
            names
        }
    );
    assert!(!request.parallel_tool_calls);
    assert_eq!(request.sampling.temperature, Some(0.0));
    assert_eq!(request.sampling.top_p, Some(0.5));
    assert_eq!(request.sampling.seed, Some(-7));
    assert_eq!(request.max_output_tokens, Some(16));
    assert_eq!(request.truncation, Truncation::Auto);
    let OutputFormat::JsonSchema {
        name,
        schema: given,
        strict,
    } = request.format
    else {
        panic!("another format");
    };
    assert_eq!((name.as_str(), &*given, strict), ("s", &schema, true));
}

#[test]
fn tool_choices_become_tool_choices() {
    let choose = |choice: Value| {
        let tool = json!({"type": "function", "name": "f"});
        run(json!({"model": "m", "input": "x", "tools": [tool], "tool_choice": choice})).tool_choice
    };
    assert_eq!(choose(json!(null)), ToolChoice::Auto);
    assert_eq!(choose(json!("none")), ToolChoice::None);
    assert_eq!(choose(json!("auto")), ToolChoice::Auto);
    assert_eq!(choose(json!("required")), ToolChoice::Required);
    let named = json!({"type": "function", "name": "f"});
    assert_eq!(choose(named), ToolChoice::Function("f".into()));
}

/// What a response is where nothing is asked for, and that nothing that is passed on asks for it.
#[test]
fn what_is_neutral_is_what_a_plain_request_gets() {
    let call = |body: Value| {
        let request = CreateResponse::parse(body.to_string().as_bytes()).expect("a good request");
        ResponseCall::try_from(request).expect("a good request")
    };
    let body = json!({"model": "m", "input": "x"});
    let plain = call(body.clone());
    assert!(plain.is_plain);
    let object = ResponseObject::new("resp_1".to_owned(), 1, *plain.options);
    let object = serde_json::to_value(&object).expect("JSON");
    let asked = json!({
        "previous_response_id": "resp_0", "presence_penalty": 0.5, "frequency_penalty": 0.5,
        "top_logprobs": 0, "max_tool_calls": 1, "background": false, "service_tier": "auto",
        "metadata": {"a": "b"}, "safety_identifier": "ada", "prompt_cache_key": "k",
    });
    for (name, json) in ResponseObject::NEUTRAL {
        let neutral: Value = serde_json::from_str(json).expect("JSON");
        assert_eq!(object.get(name), Some(&neutral), "{name}");
        // When it was completed, no request says.
        if let Some(value) = asked.get(name) {
            let mut body = body.clone();
            body[name] = value.clone();
            // The gateway says that itself.
            assert_eq!(call(body).is_plain, name == "prompt_cache_key", "{name}");
        } else {
            assert_eq!(name, "completed_at");
        }
    }
}
