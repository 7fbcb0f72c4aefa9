// SPDX-License-Identifier: Apache-2.0
//! URLs of images and files: no upstream is given one that names a host of the operator's network.

use std::sync::Arc;

use lukhas_mock::{MockOptions, MockServer};
use lukhas_providers::Dialect;
use lukhas_tests::{Patience, TestServer, routed, upstream};
use serde_json::{Value, json};

const CHAT: &str = "/v1/chat/completions";
const RESPONSES: &str = "/v1/responses";
const METADATA: &str = "http://169.254.169.254/latest/meta-data/";

/// A fake upstream, and a server before it.
async fn before(dialect: Dialect) -> (MockServer, TestServer) {
    let mock = MockServer::start(MockOptions::default())
        .await
        .expect("a mock");
    let upstream = upstream(dialect, &mock.url(), Patience::default());
    let models = routed([(upstream, None)], Patience::default());
    (mock, TestServer::before(Arc::new(models)).await)
}

fn chat(part: Value) -> Value {
    let text = json!({"type": "text", "text": "What is this?"});
    json!({"model": "m", "messages": [{"role": "user", "content": [text, part]}]})
}

fn response(part: Value) -> Value {
    let text = json!({"type": "input_text", "text": "What is this?"});
    json!({"model": "m", "input": [{"role": "user", "content": [text, part]}]})
}

fn output(part: Value) -> Value {
    json!({"model": "m", "input": [
        {"role": "user", "content": "Look"},
        {"type": "function_call", "call_id": "call_1", "name": "look", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "call_1", "output": [part]},
    ]})
}

/// Every way to send the URL `url`: the route, the request, and the parameter it stands in.
fn ways(url: &str) -> [(&'static str, Value, &'static str); 7] {
    let image = json!({"type": "input_image", "image_url": url});
    let file = json!({"type": "input_file", "filename": "a.pdf", "file_url": url});
    let data = json!({"type": "input_file", "filename": "a.pdf", "file_data": url});
    [
        (
            CHAT,
            chat(json!({"type": "image_url", "image_url": {"url": url}})),
            "messages",
        ),
        (
            CHAT,
            chat(json!({"type": "file", "file": {"filename": "a.pdf", "file_data": url}})),
            "messages",
        ),
        (
            CHAT,
            chat(json!({"type": "input_audio", "input_audio": {"data": url, "format": "wav"}})),
            "messages",
        ),
        (RESPONSES, response(image.clone()), "input"),
        (RESPONSES, response(file), "input"),
        (RESPONSES, response(data), "input"),
        (RESPONSES, output(image), "input"),
    ]
}

/// The same request, passed on as it came or translated, whole or streamed.
fn variants(request: &Value) -> [Value; 4] {
    let with = |stream: bool, tier: bool| {
        let mut request = request.clone();
        request["stream"] = stream.into();
        if tier {
            // Changes nothing but is not passed on.
            request["service_tier"] = "auto".into();
        }
        request
    };
    [
        with(false, false),
        with(false, true),
        with(true, false),
        with(true, true),
    ]
}

#[tokio::test]
async fn a_private_url_is_refused_before_any_upstream_is_asked() {
    for dialect in [Dialect::Chat, Dialect::Responses, Dialect::Messages] {
        let (mock, server) = before(dialect).await;
        for (path, request, param) in ways(METADATA) {
            for request in variants(&request) {
                let answer = server.client.post(path, &request).await;
                assert_eq!(answer.status, 400, "{request}: {}", answer.text());
                let expected = json!({"error": {
                    "message": "The URL of an image, a file or an audio clip names the host \
                                `169.254.169.254`, which is not public. The operator of this \
                                server can allow it in `urls.private_hosts`.",
                    "type": "invalid_request_error", "param": param, "code": "invalid_value",
                }});
                assert_eq!(answer.json(), expected, "{request}");
            }
        }
        assert_eq!(mock.requests().len(), 0, "{dialect:?}");
    }
}

#[tokio::test]
async fn a_public_url_reaches_its_upstream() {
    let url = "https://example.com/a.png";
    for (dialect, way) in [(Dialect::Chat, 0), (Dialect::Responses, 3)] {
        let (mock, server) = before(dialect).await;
        let (path, request, _) = &ways(url)[way];
        for request in variants(request) {
            let answer = server.client.post(path, &request).await;
            assert_eq!(answer.status, 200, "{request}: {}", answer.text());
        }
        let requests = mock.requests();
        assert_eq!(requests.len(), 4);
        for request in requests {
            assert!(String::from_utf8_lossy(&request.body).contains(url));
        }
    }
}

/// Upstreams read members that the API does not have: vLLM takes a part with `uuid` for the image
/// that it names, whatever its `type`.
#[tokio::test]
async fn a_url_in_a_member_that_is_not_checked_is_not_passed_on() {
    let hidden = |kind: &str| {
        json!({
            "type": kind, "text": "hi", "uuid": "u", "image_url": METADATA,
            "video_url": {"url": METADATA}, "more": [{"deep": METADATA}],
        })
    };
    let image =
        |kind: &str, url: Value| json!({"type": kind, "image_url": url, "video_url": METADATA});
    let public = "https://example.com/a.png";
    let function = json!({"name": "look", "arguments": "{}"});
    let call = json!({"type": "function", "id": "call_1", "function": function});
    for (dialect, path, request) in [
        (Dialect::Chat, CHAT, chat(hidden("text"))),
        (
            Dialect::Chat,
            CHAT,
            chat(image("image_url", json!({"url": public}))),
        ),
        (
            Dialect::Chat,
            CHAT,
            json!({"model": "m", "messages": [
                {"role": "system", "content": [hidden("text")]},
                {"role": "user", "content": "hi"},
            ]}),
        ),
        (
            Dialect::Chat,
            CHAT,
            json!({"model": "m", "messages": [
                {"role": "user", "content": "hi"},
                {"role": "assistant", "content": [hidden("text")]},
                {"role": "user", "content": "hi"},
            ]}),
        ),
        (
            Dialect::Responses,
            RESPONSES,
            response(hidden("input_text")),
        ),
        (
            Dialect::Responses,
            RESPONSES,
            response(image("input_image", json!(public))),
        ),
        (Dialect::Responses, RESPONSES, output(hidden("input_text"))),
        (
            Dialect::Chat,
            CHAT,
            json!({"model": "m", "messages": [
                {"role": "user", "content": "hi"},
                {"role": "assistant", "tool_calls": [call]},
                {"role": "tool", "tool_call_id": "call_1", "content": [hidden("text")]},
            ]}),
        ),
        (
            Dialect::Chat,
            CHAT,
            json!({"model": "m", "messages": [
                {"role": "user", "content": "hi"},
                {"role": "assistant", "content": "ho", "image_url": METADATA},
                {"role": "user", "content": "hi"},
            ]}),
        ),
        (
            Dialect::Responses,
            RESPONSES,
            json!({"model": "m", "input": [
                {"role": "user", "content": "hi", "image_url": METADATA},
            ]}),
        ),
        (
            Dialect::Responses,
            RESPONSES,
            json!({"model": "m", "input": [
                {"role": "user", "content": "hi"},
                {"type": "function_call", "call_id": "call_1", "name": "look", "arguments": "{}",
                 "image_url": METADATA},
                {"type": "function_call_output", "call_id": "call_1", "output": "a"},
            ]}),
        ),
        (
            Dialect::Responses,
            RESPONSES,
            json!({"model": "m", "input": [
                {"role": "user", "content": "hi"},
                {"type": "function_call", "call_id": "call_1", "name": "look", "arguments": "{}"},
                {"type": "function_call_output", "call_id": "call_1", "output": "a",
                 "image_url": METADATA},
            ]}),
        ),
    ] {
        let (mock, server) = before(dialect).await;
        let answer = server.client.post(path, &request).await;
        assert_eq!(answer.status, 200, "{request}: {}", answer.text());
        let sent = mock.requests();
        assert_eq!(sent.len(), 1);
        let sent = String::from_utf8_lossy(&sent[0].body);
        assert!(!sent.contains("169.254"), "{sent}");
    }
}
