// SPDX-License-Identifier: Apache-2.0
//! Whole answers, byte for byte.

use lukhas_mock::{Dialect, MockOptions};
use serde_json::{Value, json};

use crate::client::{CASES, Case, End, Wire, get, start};

fn shown(wire: &Wire) -> String {
    assert_eq!(wire.end, End::Proper);
    format!("{}\n\n{}", wire.head, wire.text())
}

fn named(kind: &str, case: Case) -> String {
    let how = if case.stream { "stream" } else { "whole" };
    format!("{kind}_{:?}_{how}", case.dialect).to_lowercase()
}

#[tokio::test]
async fn texts() {
    let server = start(MockOptions::default()).await;
    for case in CASES {
        let body = case.body("mock", "Say Good morning, Ada.");
        let wire = case.send(&server, &body).await;
        insta::assert_snapshot!(named("text", case), shown(&wire));
    }
}

#[tokio::test]
async fn calls() {
    let server = start(MockOptions::default()).await;
    for case in CASES {
        let text = "What is the weather in Paris, and what time is it in Rome?";
        let Some(tools) = tools(case.dialect) else {
            continue;
        };
        let mut body = case.body("mock", text);
        body["tools"] = tools;
        let wire = case.send(&server, &body).await;
        insta::assert_snapshot!(named("calls", case), shown(&wire));
    }
}

/// Two functions, as the dialect describes them.
fn tools(dialect: Dialect) -> Option<Value> {
    let schema = json!({
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
    });
    let tool = |name: &str| match dialect {
        Dialect::Chat => Some(json!({
            "type": "function",
            "function": {"name": name, "parameters": schema},
        })),
        Dialect::Responses => {
            Some(json!({"type": "function", "name": name, "parameters": schema, "strict": false}))
        }
        Dialect::Messages => Some(json!({"name": name, "input_schema": schema})),
        Dialect::Embeddings | Dialect::Models => None,
    };
    Some(json!([tool("get_weather")?, tool("get_time")?]))
}

#[tokio::test]
async fn usage_comes_in_chunks_when_it_is_asked_for() {
    let server = start(MockOptions::default()).await;
    let case = CASES[0];
    let mut body = case.body("mock", "Say Hi.");
    body["stream_options"] = json!({"include_usage": true});
    body["n"] = 2.into();
    let wire = case.send(&server, &body).await;
    insta::assert_snapshot!("chat_with_usage_and_two_choices", shown(&wire));
}

#[tokio::test]
async fn a_response_repeats_the_parameters_that_can_be_read() {
    let server = start(MockOptions::default()).await;
    let case = CASES[3];
    let mut body = case.body("mock", "Say Hi.");
    body["instructions"] = "Be brief.".into();
    body["temperature"] = json!(0.5);
    body["metadata"] = json!({"a": "b"});
    let repeats = async |body: &Value| {
        let answer = case.send(&server, body).await.json();
        ["instructions", "temperature", "metadata", "top_p"].map(|name| answer[name].clone())
    };
    let expected = [
        json!("Be brief."),
        json!(0.5),
        json!({"a": "b"}),
        json!(1.0),
    ];
    assert_eq!(repeats(&body).await, expected);
    body["top_p"] = json!(17);
    body["tools"] = json!([{"type": "surprise"}]);
    body["surprise"] = json!([]);
    assert_eq!(repeats(&body).await, expected);
}

#[tokio::test]
async fn limits_of_length_are_kept() {
    let server = start(MockOptions::default()).await;
    let ends = [
        ("max_tokens", "/choices/0/finish_reason", "length"),
        ("max_output_tokens", "/status", "incomplete"),
        ("max_tokens", "/stop_reason", "max_tokens"),
    ];
    let whole = CASES.into_iter().filter(|case| !case.stream);
    for (case, (limit, path, expected)) in whole.zip(ends) {
        let mut body = case.body("mock", "Say one two three four five six.");
        body[limit] = 2.into();
        let answer = case.send(&server, &body).await.json();
        assert_eq!(answer.pointer(path), Some(&json!(expected)), "{answer}");
    }
}

#[tokio::test]
async fn models_and_strange_paths() {
    let server = start(MockOptions::default()).await;
    let mut texts = Vec::new();
    for path in ["/v1/models", "/v1/nothing", "/v1/messages"] {
        texts.push(shown(&get(server.address(), path).await));
    }
    insta::assert_snapshot!(texts.join("\n\n"));
}

#[tokio::test]
async fn each_event_is_a_chunk_of_its_own() {
    let server = start(MockOptions::default()).await;
    for case in CASES.into_iter().filter(|case| case.stream) {
        let body = case.body("mock", "Say one two three.");
        let wire = case.send(&server, &body).await;
        let chunks = wire
            .chunks
            .iter()
            .map(|chunk| String::from_utf8_lossy(chunk));
        assert_eq!(chunks.collect::<Vec<_>>(), wire.events());
        assert!(wire.chunks.len() > 5);
    }
}

#[tokio::test]
async fn the_same_body_is_answered_with_the_same_bytes() {
    let server = start(MockOptions::default()).await;
    for case in CASES {
        let body = case.body("gpt-4o", "What is 6 times 7?");
        let (one, two) = (
            case.send(&server, &body).await,
            case.send(&server, &body).await,
        );
        assert_eq!((one.head, one.body), (two.head, two.body));
    }
}
