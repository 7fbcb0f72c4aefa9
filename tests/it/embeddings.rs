// SPDX-License-Identifier: Apache-2.0
//! Embedding models of upstreams behind the façade: what they are asked, what clients get, retries,
//! fallbacks, and everything that an upstream can do wrong.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use lukhas_mock::{Ending, MockOptions, MockServer, MockStats};
use lukhas_providers::Dialect;
use lukhas_tests::{Answer, Patience, TestServer, assert_valid, routed, upstream};
use serde_json::{Value, json};

const PATH: &str = "/v1/embeddings";

async fn mock() -> MockServer {
    MockServer::start(MockOptions::default())
        .await
        .expect("a mock")
}

async fn before(mock: &MockServer, dialect: Dialect, patience: Patience) -> TestServer {
    let upstream = upstream(dialect, &mock.url(), patience);
    TestServer::before(Arc::new(routed([(upstream, None)], patience))).await
}

async fn embed(server: &TestServer, request: &Value) -> Answer {
    server.client.post(PATH, request).await
}

fn sent(mock: &MockServer) -> Value {
    let requests = mock.requests();
    serde_json::from_slice(&requests.last().expect("a request").body).expect("JSON")
}

#[tokio::test]
async fn an_upstream_gets_the_whole_request_and_its_answer_is_passed_on() {
    let mock = mock().await;
    let server = before(&mock, Dialect::Responses, Patience::default()).await;
    for input in [
        json!("one"),
        json!(["one", "two"]),
        json!([1, 2, 3]),
        json!([[1, 2], [3]]),
    ] {
        for format in ["float", "base64"] {
            let request = json!({
                "model": "theirs", "input": input, "encoding_format": format, "dimensions": 24,
                "user": "u",
            });
            let answer = embed(&server, &request).await;
            assert_eq!(answer.status, 200, "{}", answer.text());
            let answer = answer.json();
            if format == "float" {
                assert_valid("CreateEmbeddingResponse", &answer);
            }
            let mut expected = request.clone();
            if !matches!(&input[0], Value::String(_) | Value::Array(_)) {
                expected["input"] = json!([input]);
            }
            assert_eq!(sent(&mock), expected);
            // What the upstream itself says, but for the spelling of its numbers.
            let direct = client(&mock).post(PATH, &request).await.json();
            assert_eq!(answer["data"], direct["data"]);
            assert_eq!(answer["usage"], direct["usage"]);
            assert_eq!(answer["model"], "theirs");
        }
    }
}

/// A client of the mock itself.
fn client(mock: &MockServer) -> lukhas_tests::Client {
    lukhas_tests::Client::new(mock.address(), "none")
}

#[tokio::test]
async fn tokens_are_counted_as_the_upstream_says() {
    let mock = mock().await;
    let server = before(&mock, Dialect::Chat, Patience::default()).await;
    let request = json!({"model": "theirs", "input": "one two three"});
    let answer = embed(&server, &request).await.json();
    let tokens = answer["usage"]["prompt_tokens"].as_u64().expect("tokens");
    assert!(tokens > 0);
    let metrics = server.client.get("/metrics").await.text();
    let line = format!(
        "lukhas_tokens_total{{type=\"input\",model=\"other\",source=\"provider\"}} {tokens}\n"
    );
    assert!(metrics.contains(&line), "{metrics}");
}

#[tokio::test]
async fn models_of_this_server_stay_here() {
    let mock = mock().await;
    let server = before(&mock, Dialect::Chat, Patience::default()).await;
    for ours in ["lukhas-lexical-hash-1024", "text-embedding-3-small"] {
        let answer = embed(&server, &json!({"model": ours, "input": "one"})).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    for answering in ["lukhas-matriz", "gpt-4o-mini"] {
        let answer = embed(&server, &json!({"model": answering, "input": "one"})).await;
        assert_eq!(answer.status, 400, "{}", answer.text());
        assert_eq!(answer.json()["error"]["code"], "unsupported_parameter");
    }
    assert!(mock.requests().is_empty());
}

#[tokio::test]
async fn what_fails_is_asked_again_within_the_budget_and_elsewhere() {
    let generous = Patience {
        budget: 1.0,
        ..Patience::default()
    };
    for fault in ["503x1", "reset_before_headx1", "500x2", "empty_bodyx1"] {
        let mock = mock().await;
        let server = before(&mock, Dialect::Chat, generous).await;
        // What a request saves up pays for a retry.
        embed(&server, &json!({"model": "m", "input": "one"})).await;
        let request = json!({"model": format!("mock+{fault}"), "input": "one"});
        let answer = embed(&server, &request).await;
        assert_eq!(answer.status, 200, "{fault}: {}", answer.text());
    }
    let mock = mock().await;
    let upstream = || upstream(Dialect::Chat, &mock.url(), generous);
    let targets = [(upstream(), Some("mock+500")), (upstream(), Some("plain"))];
    let server = TestServer::before(Arc::new(routed(targets, generous))).await;
    let answer = embed(&server, &json!({"model": "public", "input": "one"})).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(sent(&mock)["model"], "plain");
    assert_eq!(answer.json()["model"], "public");
}

#[tokio::test]
async fn every_fault_has_its_status_and_no_vector() {
    let patience = Patience {
        read: Duration::from_millis(300),
        total: Duration::from_millis(600),
        ..Patience::default()
    };
    let mock = mock().await;
    for (fault, status, code) in [
        ("400", 400, "invalid_value"),
        ("401", 502, "upstream_error"),
        ("404", 404, "model_not_found"),
        ("429=7", 429, "rate_limit_exceeded"),
        ("500", 502, "upstream_error"),
        ("503", 503, "overloaded"),
        ("redirect", 502, "upstream_error"),
        ("clean_cut@1", 502, "upstream_error"),
        ("tcp_cut@1", 502, "upstream_truncated"),
        ("stall@1", 504, "upstream_timeout"),
        ("slow_head=20s", 504, "upstream_timeout"),
        ("garbage@1", 502, "upstream_error"),
        ("error_event@0", 502, "upstream_error"),
        ("huge_body", 502, "upstream_error"),
        ("deep_json", 502, "upstream_error"),
        ("html", 502, "upstream_error"),
        ("empty_body", 502, "upstream_error"),
        ("gzip", 502, "upstream_error"),
    ] {
        let server = before(&mock, Dialect::Chat, patience).await;
        let request = json!({"model": format!("mock+{fault}"), "input": "one"});
        let answer = embed(&server, &request).await;
        let error = &answer.json()["error"];
        assert_eq!(
            (answer.status, error["code"].as_str()),
            (status, Some(code)),
            "{fault}: {error}"
        );
    }
    let server = before(&mock, Dialect::Chat, patience).await;
    let request = json!({"model": "mock+unknown_event", "input": "one"});
    assert_eq!(
        embed(&server, &request).await.status,
        200,
        "a field that is not known"
    );
}

#[tokio::test]
async fn batches_may_be_large() {
    let mock = mock().await;
    let server = before(&mock, Dialect::Chat, Patience::default()).await;
    let inputs = vec!["one two three"; 2048];
    let request = json!({"model": "theirs", "input": inputs, "dimensions": 512});
    let answer = embed(&server, &request).await;
    assert_eq!(answer.status, 200);
    assert!(answer.body.len() > 8 << 20, "{}", answer.body.len());
    assert_eq!(answer.json()["data"].as_array().map(Vec::len), Some(2048));
}

#[tokio::test]
async fn anthropic_does_not_embed() {
    let mock = mock().await;
    let model = routed(
        [(
            upstream(Dialect::Messages, &mock.url(), Patience::default()),
            None,
        )],
        Patience::default(),
    );
    assert!(!model.embeds());
}

#[tokio::test]
async fn a_client_that_leaves_frees_the_upstream_and_a_stop_ends_the_wait() {
    let mock = mock().await;
    let server = before(&mock, Dialect::Chat, Patience::default()).await;
    let body = json!({"model": "mock+slow_head=20s", "input": "one"}).to_string();
    let request = server
        .client
        .request("POST", PATH, Bytes::from(body.clone()));
    let sent = server.client.send(request);
    let left = tokio::time::timeout(Duration::from_millis(200), sent).await;
    assert!(left.is_err(), "it cannot have answered");
    let ended = |stats: &MockStats| {
        let mut recent = stats.recent.iter();
        recent.any(|request| request.ending == Ending::ClientLeft)
    };
    mock.wait_until(ended).await;

    mock.reset();
    let asked = server.client.post_bytes(PATH, body);
    let stop = async {
        mock.wait_until(|stats| !stats.recent.is_empty()).await;
        server.drain.force();
    };
    let (answer, ()) = tokio::join!(asked, stop);
    assert_eq!(answer.status, 503, "{}", answer.text());
}
