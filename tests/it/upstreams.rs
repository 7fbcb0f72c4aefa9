// SPDX-License-Identifier: Apache-2.0
//! Models of upstreams behind the façade: what they are asked, retries, fallbacks, and clients that
//! leave.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt;
use lukhas_mock::{Ending, KeyDigest, MockOptions, MockServer, MockStats};
use lukhas_providers::{Dialect, Upstream, UpstreamConfig};
use lukhas_redact::Secret;
use lukhas_tests::{Patience, TestServer, answering, routed, upstream};
use serde_json::{Value, json};

async fn mock() -> MockServer {
    MockServer::start(MockOptions::default())
        .await
        .expect("a mock")
}

/// A server before `mock`, asked once for each attempt.
async fn before(mock: &MockServer, patience: Patience) -> TestServer {
    let upstream = upstream(Dialect::Chat, &mock.url(), patience);
    TestServer::before(Arc::new(routed([(upstream, None)], patience))).await
}

fn chat(model: &str) -> Value {
    json!({"model": model, "messages": [{"role": "user", "content": "Say one two"}]})
}

fn asked(stats: &MockStats) -> u64 {
    stats.requests.iter().map(|request| request.count).sum()
}

fn text(answer: &Value) -> &str {
    answer["choices"][0]["message"]["content"]
        .as_str()
        .unwrap_or_default()
}

#[tokio::test]
async fn an_upstream_gets_its_key_and_the_whole_request() {
    let mock = mock().await;
    let key = ["sk", "up", "stream"].join("-");
    let config = UpstreamConfig {
        key: Some(Secret::new(key.clone())),
        ..UpstreamConfig::new("mock", Dialect::Chat, format!("{}/v1/", mock.url()))
    };
    let upstream = Upstream::new(config).expect("an upstream");
    let model = routed([(upstream, Some("its-own-name"))], Patience::default());
    let server = TestServer::before(Arc::new(model)).await;
    let request = json!({
        "model": "public", "temperature": 0.5, "max_completion_tokens": 7, "seed": 3, "stop": "x",
        "reasoning_effort": "low", "verbosity": "high", "user": "u", "prompt_cache_key": "k",
        "parallel_tool_calls": false, "tool_choice": "none",
        "tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}],
        "response_format": {"type": "json_object"},
        "messages": [
            {"role": "system", "content": "s"},
            {"role": "user", "content": [
                {"type": "text", "text": "t"},
                {"type": "image_url", "image_url": {"url": "https://x.test/i.png", "detail": "low"}},
            ]},
        ],
    });
    let answer = server.client.post("/v1/chat/completions", &request).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(
        answer.json()["model"],
        "public",
        "clients see the name they asked for"
    );
    let recorded = mock.requests();
    assert_eq!(recorded[0].key, Some(KeyDigest::of(key.as_bytes())));
    let mut sent: Value = serde_json::from_slice(&recorded[0].body).expect("JSON");
    // Tools that must not be called are not sent: there is nothing to choose from.
    let mut expected = request;
    for gone in ["tools", "tool_choice", "parallel_tool_calls"] {
        expected.as_object_mut().expect("an object").remove(gone);
    }
    expected["model"] = "its-own-name".into();
    expected["stop"] = json!(["x"]);
    for body in [&mut sent, &mut expected] {
        body.as_object_mut().expect("an object").sort_keys();
    }
    assert_eq!(sent, expected);
}

#[tokio::test]
async fn conversations_are_continued_whatever_the_upstream_keeps() {
    let mock = mock().await;
    let server = before(&mock, Patience::default()).await;
    let first = json!({"model": "m", "input": "My name is Ada."});
    let first = server.client.post("/v1/responses", &first).await.json();
    let second = json!({
        "model": "m", "input": "What is my name?", "previous_response_id": first["id"],
    });
    let second = server.client.post("/v1/responses", &second).await.json();
    let said = second["output"][0]["content"][0]["text"]
        .as_str()
        .expect("a text");
    assert!(said.contains("Ada"), "{said}");
    assert_eq!(
        second["usage"]["input_tokens"].as_u64().map(|n| n > 10),
        Some(true)
    );
}

#[tokio::test]
async fn what_fails_before_its_first_event_is_asked_again_within_the_budget() {
    let generous = Patience {
        budget: 1.0,
        ..Patience::default()
    };
    for fault in ["503x1", "reset_before_headx1", "500x2", "empty_streamx1"] {
        for stream in [false, true] {
            let mock = mock().await;
            let server = before(&mock, generous).await;
            // What a request saves up pays for a retry, and `500x2` needs two.
            server.client.post("/v1/chat/completions", &chat("m")).await;
            mock.reset();
            let mut request = chat(&format!("mock+{fault}"));
            request["stream"] = stream.into();
            let answer = server.client.post("/v1/chat/completions", &request).await;
            assert_eq!(answer.status, 200, "{fault}: {}", answer.text());
        }
    }
}

#[tokio::test]
async fn an_outage_is_not_made_worse_and_no_refusal_is_repeated() {
    for (fault, most) in [
        ("503", 110),
        ("reset_before_head", 110),
        ("400", 100),
        ("401", 100),
    ] {
        let mock = mock().await;
        let patience = Patience {
            read: Duration::from_secs(2),
            ..Patience::default()
        };
        let server = before(&mock, patience).await;
        for _ in 0..100 {
            let request = chat(&format!("mock+{fault}"));
            let answer = server.client.post("/v1/chat/completions", &request).await;
            assert!(answer.status >= 400);
        }
        let asked = asked(&mock.stats());
        assert!(
            asked <= most,
            "{fault}: asked {asked} times for 100 requests"
        );
    }
}

#[tokio::test]
async fn the_next_target_answers_when_the_first_fails_and_never_after_it_has_begun() {
    let patience = Patience {
        budget: 1.0,
        ..Patience::default()
    };
    for (fault, status) in [
        ("mock+500", 200),
        ("mock+empty_stream", 200),
        ("mock+429=60", 200),
    ] {
        let mock = mock().await;
        let upstream = || upstream(Dialect::Chat, &mock.url(), patience);
        let targets = [(upstream(), Some(fault)), (upstream(), Some("plain"))];
        let server = TestServer::before(Arc::new(routed(targets, patience))).await;
        let answer = server
            .client
            .post("/v1/chat/completions", &chat("public"))
            .await;
        assert_eq!(answer.status, status, "{fault}: {}", answer.text());
        assert_eq!(text(&answer.json()), "one two");
    }
    let mock = mock().await;
    let upstream = || upstream(Dialect::Chat, &mock.url(), patience);
    let targets = [
        (upstream(), Some("mock+tcp_cut@1")),
        (upstream(), Some("plain")),
    ];
    let server = TestServer::before(Arc::new(routed(targets, patience))).await;
    let mut request = chat("public");
    request["stream"] = true.into();
    let events = server.client.stream("/v1/chat/completions", &request).await;
    let said: String = events.iter().map(|event| event.data.as_str()).collect();
    assert_eq!(said.matches("upstream_truncated").count(), 1, "{said}");
    assert_eq!(asked(&mock.stats()), 1, "the second target is not asked");
}

#[tokio::test]
async fn an_upstream_that_asks_to_be_left_alone_is() {
    let mock = mock().await;
    let server = before(&mock, Patience::default()).await;
    for _ in 0..3 {
        let answer = server
            .client
            .post("/v1/chat/completions", &chat("mock+429=30"))
            .await;
        assert_eq!(answer.status, 429);
        let wait: u64 = answer.header("retry-after").parse().expect("seconds");
        assert!((29..=30).contains(&wait), "{wait}");
        assert_eq!(answer.json()["error"]["type"], "rate_limit_exceeded");
    }
    assert_eq!(asked(&mock.stats()), 1, "it is asked once, then left alone");
}

#[tokio::test]
async fn an_answer_without_end_takes_no_memory_without_end() {
    for (path, fault, stream) in [
        ("/v1/chat/completions", "huge_line", true),
        ("/v1/chat/completions", "huge_line", false),
        ("/v1/chat/completions", "huge_body", true),
        ("/v1/chat/completions", "huge_body", false),
        ("/v1/responses", "huge_body", true),
    ] {
        let mock = mock().await;
        let server = before(&mock, Patience::default()).await;
        let mut request = match path {
            "/v1/responses" => json!({"model": "", "input": "Say one two"}),
            _ => chat(""),
        };
        request["model"] = format!("mock+{fault}").into();
        request["stream"] = stream.into();
        let answer = server.client.post(path, &request).await;
        let text = answer.text();
        assert!(
            text.contains("is larger than 262144 bytes"),
            "{fault}, {stream}: {text}"
        );
        assert!(text.contains("upstream_error"), "{fault}, {stream}: {text}");
        let ended = |stats: &MockStats| stats.recent[0].ending == Ending::ClientLeft;
        mock.wait_until(ended).await;
    }
}

#[tokio::test]
async fn a_client_that_leaves_frees_the_upstream_at_once() {
    let mock = mock().await;
    let server = before(&mock, Patience::default()).await;
    for (model, stream) in [
        ("mock+delay=20ms", true),
        ("mock+stall@1", true),
        ("mock+slow_head=20s", true),
        ("mock+slow_head=20s", false),
    ] {
        let mut all = Vec::new();
        for _ in 0..5 {
            mock.reset();
            let mut request = chat(model);
            request["stream"] = stream.into();
            let body = Bytes::from(request.to_string());
            let request = server.client.request("POST", "/v1/chat/completions", body);
            if model.contains("slow_head") {
                let sent = server.client.send(request);
                let left = tokio::time::timeout(Duration::from_millis(50), sent).await;
                assert!(left.is_err(), "it cannot have answered");
            } else {
                let mut response = server.client.send(request).await;
                response
                    .body_mut()
                    .frame()
                    .await
                    .expect("a frame")
                    .expect("data");
            }
            let left = tokio::time::Instant::now();
            let ended = |stats: &MockStats| {
                let mut recent = stats.recent.iter();
                recent.any(|request| request.ending == Ending::ClientLeft)
            };
            mock.wait_until(ended).await;
            all.push(left.elapsed());
        }
        all.sort_unstable();
        // A machine that has no time for a thread is late once, not every other time.
        assert!(all[2] < Duration::from_millis(100), "{model}: {all:?}");
    }
}

/// Posts `request` to `path` of a server before an upstream of `dialect` that answers `body` with a
/// member that nobody knows, and looks for it.
async fn passes_on(dialect: Dialect, mut body: Value, path: &str, request: &Value) {
    body["note"] = json!("kept");
    let (url, _upstream) = answering(&body).await;
    let patience = Patience::default();
    let model = routed([(upstream(dialect, &url, patience), None)], patience);
    let server = TestServer::before(Arc::new(model)).await;
    let answer = server.client.post(path, request).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let answer = answer.json();
    assert_eq!(
        (&answer["note"], &answer["model"]),
        (&json!("kept"), &request["model"])
    );
    assert_ne!(answer["id"], body["id"]);
}

#[tokio::test]
async fn what_an_upstream_says_beyond_chat_completions_reaches_the_client() {
    let completion = json!({
        "id": "theirs", "object": "chat.completion", "created": 1, "model": "theirs",
        "choices": [{
            "index": 0, "message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop",
        }],
        "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
    });
    let request = chat("public");
    passes_on(Dialect::Chat, completion, "/v1/chat/completions", &request).await;
}

#[tokio::test]
async fn what_an_upstream_says_beyond_the_responses_api_reaches_the_client() {
    let response = json!({
        "id": "theirs", "object": "response", "created_at": 1, "model": "theirs",
        "status": "completed", "error": null, "incomplete_details": null, "instructions": null,
        "metadata": {}, "parallel_tool_calls": true, "temperature": 1.0, "top_p": 1.0, "tools": [],
        "tool_choice": "auto", "truncation": "disabled", "text": {"format": {"type": "text"}},
        "reasoning": {"effort": null, "summary": null}, "max_output_tokens": null,
        "output": [{
            "type": "message", "id": "msg_1", "status": "completed", "role": "assistant",
            "content": [{"type": "output_text", "text": "hi", "annotations": [], "logprobs": []}],
        }],
        "usage": {
            "input_tokens": 1, "input_tokens_details": {"cached_tokens": 0}, "output_tokens": 1,
            "output_tokens_details": {"reasoning_tokens": 0}, "total_tokens": 2,
        },
    });
    let request = json!({"model": "public", "input": "Say hi"});
    passes_on(Dialect::Responses, response, "/v1/responses", &request).await;
}
