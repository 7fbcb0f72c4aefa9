// SPDX-License-Identifier: Apache-2.0
//! Strict schemas: what an upstream answers beside them is never a success.

use std::sync::Arc;

use lukhas_mock::{MockOptions, MockServer, Reply, Rule, ToolCall};
use lukhas_providers::Dialect;
use lukhas_tests::{Patience, TestServer, routed, upstream};
use serde_json::{Value, json};

fn schema() -> Value {
    json!({
        "type": "object", "required": ["name"], "additionalProperties": false,
        "properties": {"name": {"type": "string"}},
    })
}

/// A server before an upstream that speaks `dialect` and answers `reply`, and that upstream.
async fn answering(dialect: Dialect, reply: Reply) -> (TestServer, MockServer) {
    let rule = Rule {
        reply: Some(reply),
        ..Rule::default()
    };
    let options = MockOptions::default().with_rules(vec![rule]);
    let mock = MockServer::start(options).await.expect("a mock");
    let upstream = upstream(dialect, &mock.url(), Patience::default());
    let models = routed([(upstream, None)], Patience::default());
    (TestServer::before(Arc::new(models)).await, mock)
}

/// What each API asks for with the schema.
fn formatted() -> [(&'static str, Value); 2] {
    [
        (
            "/v1/responses",
            json!({"model": "m", "input": "x", "text": {"format": {
                "type": "json_schema", "name": "person", "schema": schema(), "strict": true,
            }}}),
        ),
        (
            "/v1/chat/completions",
            json!({"model": "m", "messages": [{"role": "user", "content": "x"}],
            "response_format": {"type": "json_schema", "json_schema": {
                "name": "person", "schema": schema(), "strict": true,
            }}}),
        ),
    ]
}

fn tooled() -> [(&'static str, Value); 2] {
    let function = json!({"name": "greet", "parameters": schema(), "strict": true});
    let mut flat = function.clone();
    flat["type"] = "function".into();
    [
        (
            "/v1/responses",
            json!({"model": "m", "input": "x", "tools": [flat]}),
        ),
        (
            "/v1/chat/completions",
            json!({"model": "m", "messages": [{"role": "user", "content": "x"}],
                "tools": [{"type": "function", "function": function}]}),
        ),
    ]
}

/// `reply` to `requests` is an error that says `expected`, whole and streamed; or, without one, a
/// success.
async fn check(requests: [(&'static str, Value); 2], reply: Reply, expected: Option<&str>) {
    for dialect in [Dialect::Chat, Dialect::Responses] {
        let (server, _mock) = answering(dialect, reply.clone()).await;
        for (path, mut request) in requests.clone() {
            let answer = server.client.post(path, &request).await;
            let error = answer.json()["error"].clone();
            match expected {
                None => assert_eq!(answer.status, 200, "{}", answer.text()),
                Some(message) => {
                    assert_eq!(
                        (answer.status, &error["code"]),
                        (502, &json!("upstream_error"))
                    );
                    assert_eq!(error["message"], message);
                }
            }
            request["stream"] = true.into();
            let answer = server.client.post(path, &request).await;
            let text = answer.text();
            let ends = ["response.completed", "\"finish_reason\":\""];
            let is_whole = ends.iter().any(|end| text.contains(end));
            assert_eq!(is_whole, expected.is_none(), "{path}: {text}");
            if let Some(message) = expected {
                assert!(text.contains(message), "{path}: {text}");
            }
        }
    }
}

#[tokio::test]
async fn a_text_that_breaks_a_strict_schema_is_an_error() {
    let text = |text: &str| Reply::Text(text.to_owned());
    check(formatted(), text(r#"{"name":"Ada"}"#), None).await;
    let message = "The model's answer breaks the strict schema at `/required`.";
    check(formatted(), text("{}"), Some(message)).await;
    let message = "The model's answer breaks the strict schema at `/properties/name/type`.";
    check(formatted(), text(r#"{"name":1}"#), Some(message)).await;
}

#[tokio::test]
async fn arguments_that_break_a_strict_schema_are_an_error() {
    let call = |arguments: &str| {
        Reply::ToolCalls(vec![ToolCall {
            name: "greet".to_owned(),
            arguments: arguments.to_owned(),
        }])
    };
    check(tooled(), call(r#"{"name":"Ada"}"#), None).await;
    let message = "The model called a tool with arguments that break its strict schema at \
                   `/required`.";
    check(tooled(), call("{}"), Some(message)).await;
}
