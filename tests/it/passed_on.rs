// SPDX-License-Identifier: Apache-2.0
//! Answers that are passed on as they came, beside the same ones translated: no client can tell.

use std::sync::Arc;

use lukhas_mock::{MockOptions, MockServer, Reply, Rule, ToolCall};
use lukhas_openai::ResponseObject;
use lukhas_providers::Dialect;
use lukhas_tests::{Client, Patience, TestServer, answering, routed, upstream};
use serde_json::{Value, json};

const CHAT: &str = "/v1/chat/completions";
const RESPONSES: &str = "/v1/responses";

/// A server before `url`, which it asks for `model`.
async fn before(dialect: Dialect, url: &str, model: Option<&str>) -> TestServer {
    let upstream = upstream(dialect, url, Patience::default());
    let models = routed([(upstream, model)], Patience::default());
    TestServer::before(Arc::new(models)).await
}

/// The same request with a parameter that changes nothing but is not passed on: it is translated.
fn translated(request: &Value) -> Value {
    let mut request = request.clone();
    request["service_tier"] = "auto".into();
    request
}

/// A value without what differs between any two answers to the same request.
fn leveled(mut value: Value) -> Value {
    match &mut value {
        Value::Object(members) => {
            for (name, member) in members.iter_mut() {
                let is_id = matches!(name.as_str(), "id" | "item_id" | "call_id");
                match member.take() {
                    Value::String(id) if is_id => {
                        let kind = id.split_inclusive(['-', '_']).next().unwrap_or_default();
                        *member = kind.into();
                    }
                    Value::Number(_) if name.ends_with("_at") || name == "created" => {
                        *member = 0.into();
                    }
                    other => *member = leveled(other),
                }
            }
            members.sort_keys();
        }
        Value::Array(values) => {
            for value in values {
                *value = leveled(value.take());
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
    value
}

/// Events as a client sees them: deltas that follow each other in one, for an answer may be cut in
/// any way, and not counted.
async fn events(client: &Client, path: &str, request: &Value) -> Vec<(String, Value)> {
    let mut all: Vec<(String, Value)> = Vec::new();
    for event in client.stream(path, request).await {
        let data = serde_json::from_str(&event.data).unwrap_or(Value::String(event.data));
        let mut data = leveled(data);
        if let Value::Object(data) = &mut data {
            data.remove("sequence_number");
        }
        let pointer = match path {
            CHAT => "/choices/0/delta/content",
            _ => "/delta",
        };
        let delta = data
            .pointer(pointer)
            .and_then(Value::as_str)
            .map(str::to_owned);
        if let (Some(delta), Some((name, last))) = (&delta, all.last_mut())
            && *name == event.event
            && let Some(Value::String(text)) = last.pointer_mut(pointer)
            && !text.is_empty()
            && !delta.is_empty()
        {
            text.push_str(delta);
            continue;
        }
        all.push((event.event, data));
    }
    all
}

/// Both ways to answer `request` look the same, whole and streamed.
async fn check(server: &TestServer, path: &str, request: Value) {
    let client = &server.client;
    let passed = client.post(path, &request).await;
    let other = client.post(path, &translated(&request)).await;
    assert_eq!(passed.status, other.status, "{request}: {}", passed.text());
    assert_eq!(leveled(passed.json()), leveled(other.json()), "{request}");
    if passed.status != 200 {
        return;
    }
    let mut request = request;
    request["stream"] = true.into();
    for usage in [false, true] {
        if path == CHAT && usage {
            request["stream_options"] = json!({"include_usage": true});
        }
        let passed = events(client, path, &request).await;
        let other = events(client, path, &translated(&request)).await;
        assert_eq!(passed, other, "{request}");
    }
}

fn requests(path: &str, model: &str) -> Vec<Value> {
    let function = json!({"name": "look", "parameters": {"type": "object", "properties": {}}});
    let (tool, said) = match path {
        CHAT => (
            json!({"type": "function", "function": function}),
            "messages",
        ),
        _ => {
            let mut tool = function;
            tool["type"] = "function".into();
            (tool, "input")
        }
    };
    let ask = |text: &str, rest: Value| {
        let mut request = json!({"model": model});
        request[said] = json!([{"role": "user", "content": text}]);
        request
            .as_object_mut()
            .unwrap()
            .extend(rest.as_object().unwrap().clone());
        request
    };
    let length = match path {
        CHAT => "max_tokens",
        _ => "max_output_tokens",
    };
    vec![
        ask("Say \"one\" and é 😀 \\ two", json!({})),
        ask(
            "Say one two three four five",
            json!({length: 3, "temperature": 0.5}),
        ),
        ask("Look", json!({"tools": [tool], "tool_choice": "required"})),
        ask(
            "Look",
            json!({"tools": [tool], "parallel_tool_calls": false}),
        ),
        ask("", json!({})),
    ]
}

#[tokio::test]
async fn answers_of_another_lukhas_are_the_same_passed_on_and_translated() {
    let behind = TestServer::start().await;
    let url = format!("http://{}", behind.client.address());
    for (dialect, path) in [(Dialect::Chat, CHAT), (Dialect::Responses, RESPONSES)] {
        let upstream = lukhas_tests::keyed_upstream(dialect, &url, behind.client.key());
        let models = routed([(upstream, Some("lukhas-matriz"))], Patience::default());
        let server = TestServer::before(Arc::new(models)).await;
        for request in requests(path, "public-name") {
            check(&server, path, request).await;
        }
    }
}

#[tokio::test]
async fn answers_of_a_mock_are_the_same_passed_on_and_translated() {
    let mock = MockServer::start(MockOptions::default())
        .await
        .expect("a mock");
    for (dialect, path) in [(Dialect::Chat, CHAT), (Dialect::Responses, RESPONSES)] {
        let server = before(dialect, &mock.url(), None).await;
        for request in requests(path, "m") {
            check(&server, path, request).await;
        }
    }
}

/// What the upstream is sent is what the client wrote, space and all.
#[tokio::test]
async fn a_request_reaches_the_upstream_as_it_was_written() {
    let mock = MockServer::start(MockOptions::default())
        .await
        .expect("a mock");
    let messages = r#"[ {"content" :"caf\u00e9", "role":"user", "name":"ada"} ]"#;
    let body = format!(r#"{{"messages":{messages},"model":"m","temperature":1.50}}"#);
    let server = before(Dialect::Chat, &mock.url(), None).await;
    let answer = server.client.post_bytes(CHAT, body.clone()).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(mock.requests()[0].body, body.as_bytes());
    let renamed = before(Dialect::Chat, &mock.url(), Some("their-name")).await;
    let answer = renamed.client.post_bytes(CHAT, body.clone()).await;
    assert_eq!(answer.json()["model"], "m");
    let expected = body.replace("\"m\"", "\"their-name\"");
    assert_eq!(mock.requests()[1].body, expected.as_bytes());
}

/// A response that was passed on is kept like any other: as its client got it, under our name for
/// it, and to be continued.
#[tokio::test]
async fn a_response_that_was_passed_on_is_kept_and_continued() {
    let mock = MockServer::start(MockOptions::default())
        .await
        .expect("a mock");
    let server = before(Dialect::Responses, &mock.url(), None).await;
    let client = &server.client;
    for stream in [false, true] {
        let request = json!({"model": "m", "input": "My name is Ada.", "stream": stream});
        let answer = client.post(RESPONSES, &request).await;
        let first = match stream {
            false => answer.json(),
            true => {
                let events = answer.events();
                let last = events
                    .iter()
                    .rfind(|event| event.event == "response.completed");
                let last: Value = serde_json::from_str(&last.expect("an end").data).unwrap();
                last["response"].clone()
            }
        };
        assert_eq!(
            first["store"], true,
            "as the client asked, whatever the upstream was told"
        );
        let id = first["id"].as_str().expect("an id");
        let kept = client.get(&format!("{RESPONSES}/{id}")).await;
        assert_eq!(kept.json(), first);
        let items = client
            .get(&format!("{RESPONSES}/{id}/input_items"))
            .await
            .json();
        assert_eq!(items["data"][0]["content"][0]["text"], "My name is Ada.");
        let second = json!({
            "model": "m", "input": "What is my name?", "previous_response_id": id,
        });
        let second = client.post(RESPONSES, &second).await.json();
        assert!(second["output"].to_string().contains("Ada"), "{second:#}");
    }
    let sent = mock.requests();
    let sent: Value = serde_json::from_slice(&sent[0].body).expect("JSON");
    assert_eq!(sent["store"], false, "conversations are kept here");
}

/// What an upstream leaves out of a response, because the official document lets it, clients see.
#[tokio::test]
async fn a_response_that_was_passed_on_lacks_nothing() {
    let item = json!({"type": "message", "id": "msg_1", "status": "completed", "role": "assistant",
        "content": [{"type": "output_text", "text": "hi", "annotations": [], "logprobs": []}]});
    let body = json!({
        "id": "resp_1", "object": "response", "created_at": 1, "status": "completed",
        "error": null, "incomplete_details": null, "instructions": null, "max_output_tokens": null,
        "model": "m", "output": [item], "parallel_tool_calls": true, "previous_response_id": null,
        "reasoning": {"effort": null, "summary": null}, "store": false, "temperature": 1.0,
        "text": {"format": {"type": "text"}}, "tool_choice": "auto", "tools": [], "top_p": 1.0,
        "truncation": "disabled", "metadata": {}, "theirs": "passed on",
        "usage": {"input_tokens": 1, "input_tokens_details": {"cached_tokens": 0},
            "output_tokens": 1, "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": 2},
    });
    let (url, _upstream) = answering(&body).await;
    let server = before(Dialect::Responses, &url, None).await;
    for key in [json!(null), json!("users/ada")] {
        let request = json!({"model": "m", "input": "x", "prompt_cache_key": key});
        let answer = server.client.post(RESPONSES, &request).await.json();
        assert_eq!(answer["theirs"], "passed on", "{answer:#}");
        let lacking = ResponseObject::MEMBERS
            .into_iter()
            .filter(|name| answer.get(name).is_none());
        assert_eq!(lacking.collect::<Vec<_>>(), [""; 0]);
        assert_eq!(answer["prompt_cache_key"], key);
    }
}

/// Some servers send no arguments for a function without parameters; clients read JSON.
#[tokio::test]
async fn a_call_with_empty_arguments_has_an_object_of_them() {
    let call = ToolCall {
        name: "look".to_owned(),
        arguments: String::new(),
    };
    let rule = Rule {
        reply: Some(Reply::ToolCalls(vec![call])),
        ..Rule::default()
    };
    let options = MockOptions::default().with_rules(vec![rule]);
    let mock = MockServer::start(options).await.expect("a mock");
    for dialect in [Dialect::Chat, Dialect::Responses] {
        let server = before(dialect, &mock.url(), None).await;
        for path in [CHAT, RESPONSES] {
            let mut request = requests(path, "m").swap_remove(2);
            let answer = server.client.post(path, &request).await;
            assert_eq!(answer.status, 200, "{}", answer.text());
            let found = match path {
                CHAT => "/choices/0/message/tool_calls/0/function/arguments",
                _ => "/output/0/arguments",
            };
            assert_eq!(answer.json().pointer(found), Some(&json!("{}")));
            request["stream"] = true.into();
            let answer = server.client.post(path, &request).await.text().to_owned();
            assert!(answer.contains(r#""arguments":"{}""#), "{answer}");
            assert!(!answer.contains("failed"), "{answer}");
        }
    }
}
