// SPDX-License-Identifier: Apache-2.0
//! Errors as clients meet them: status, type, code, param and headers.

use lukhas_tests::{Answer, TestServer, assert_valid};
use serde_json::json;

#[track_caller]
fn check(answer: &Answer, status: u16, kind: &str, code: &str) {
    let body = answer.json();
    let seen = (
        answer.status,
        body["error"]["type"].as_str(),
        body["error"]["code"].as_str(),
    );
    assert_eq!(seen, (status, Some(kind), Some(code)), "{body}");
    assert_valid("ErrorResponse", &body);
    assert!(
        answer.header("x-request-id").starts_with("req_"),
        "{:?}",
        answer.headers
    );
    assert_eq!(answer.header("content-type"), "application/json");
}

#[tokio::test]
async fn a_key_is_checked_before_anything_else() {
    let server = TestServer::start().await;
    let nobody = server.client.with_key("sk-nobody");
    for body in ["", "{", r#"{"model":"x"}"#] {
        let answer = nobody.post_bytes("/v1/responses", body).await;
        check(&answer, 401, "invalid_request_error", "invalid_api_key");
        assert_eq!(answer.header("www-authenticate"), "Bearer");
        assert!(
            !answer.text().contains("sk-nobody"),
            "the key is not echoed"
        );
    }
    let mut bare = server
        .client
        .request("GET", "/v1/models", bytes::Bytes::new());
    bare.headers_mut().remove("authorization");
    check(
        &server.client.whole(bare).await,
        401,
        "invalid_request_error",
        "invalid_api_key",
    );
    let mut basic = server
        .client
        .request("GET", "/v1/models", bytes::Bytes::new());
    basic
        .headers_mut()
        .insert("authorization", "Basic eDp5".parse().expect("a header"));
    check(
        &server.client.whole(basic).await,
        401,
        "invalid_request_error",
        "invalid_api_key",
    );
    let answer = server.reader.post("/v1/responses", &json!({})).await;
    check(&answer, 403, "permission_error", "insufficient_scope");
    assert_eq!(server.reader.get("/v1/models").await.status, 200);
}

#[tokio::test]
async fn what_does_not_exist_is_404_and_what_does_says_how() {
    let server = TestServer::start().await;
    let client = &server.client;
    check(
        &client.get("/v1/nothing").await,
        404,
        "invalid_request_error",
        "not_found",
    );
    check(
        &client.get("/").await,
        404,
        "invalid_request_error",
        "not_found",
    );
    let answer = client.get("/v1/responses/resp_none").await;
    check(&answer, 404, "invalid_request_error", "not_found");
    let answer = client.delete("/v1/responses/resp_none").await;
    check(&answer, 404, "invalid_request_error", "not_found");
    let answer = client.get("/v1/responses/resp_none/input_items").await;
    check(&answer, 404, "invalid_request_error", "not_found");
    let answer = client.get("/v1/models/org/none").await;
    check(&answer, 404, "invalid_request_error", "model_not_found");
    assert_eq!(answer.json()["error"]["param"], "model");
    let answer = client.get("/v1/responses").await;
    check(&answer, 405, "invalid_request_error", "method_not_allowed");
    assert_eq!(answer.header("allow"), "POST");
    let answer = client.post("/v1/models", &json!({})).await;
    check(&answer, 405, "invalid_request_error", "method_not_allowed");
    assert_eq!(answer.header("allow"), "GET, HEAD");
}

#[tokio::test]
async fn a_url_that_misses_a_route_by_a_little_is_told_which() {
    let server = TestServer::start().await;
    let list = "GET /openapi.json lists the routes of this server.";
    for (path, help) in [
        ("/chat/completions", "Did you mean /v1/chat/completions?"),
        ("/v1/v1/models", "Did you mean /v1/models?"),
        ("/v1/models/", "Did you mean /v1/models?"),
        ("//v1/embeddings", "Did you mean /v1/embeddings?"),
        ("/v1/healthz", "Did you mean /healthz?"),
        ("/v1/moderations", list),
        ("/v1", list),
        ("/", list),
    ] {
        let answer = server.client.get(path).await;
        check(&answer, 404, "invalid_request_error", "not_found");
        let expected = format!("Unknown request URL: GET {path}. {help}");
        assert_eq!(answer.json()["error"]["message"], *expected);
    }
}

/// A path of the official API that is not built is no identifier of anything.
#[tokio::test]
async fn an_official_path_that_is_not_built_is_unknown() {
    let server = TestServer::start().await;
    for (method, path) in [
        ("POST", "/v1/responses/compact"),
        ("GET", "/v1/responses/compact"),
        ("POST", "/v1/responses/resp_1/cancel"),
        ("GET", "/v1/chat/completions/chatcmpl-1"),
        ("GET", "/v1/chat/completions/chatcmpl-1/messages"),
    ] {
        let request = server
            .client
            .request(method, path, bytes::Bytes::from("{}"));
        let answer = server.client.whole(request).await;
        check(&answer, 404, "invalid_request_error", "not_found");
        let message = answer.json()["error"]["message"].clone();
        let expected = format!("Unknown request URL: {method} {path}. ");
        assert!(
            message.as_str().is_some_and(|m| m.starts_with(&expected)),
            "{message}"
        );
    }
}

#[tokio::test]
async fn a_model_that_only_embeds_is_not_called_unknown() {
    let server = TestServer::start().await;
    let model = "lukhas-lexical-hash-1024";
    let messages = json!([{"role": "user", "content": "x"}]);
    for (path, request) in [
        ("/v1/responses", json!({"model": model, "input": "x"})),
        (
            "/v1/responses",
            json!({"model": model, "input": "x", "stream": true}),
        ),
        (
            "/v1/responses/input_tokens",
            json!({"model": model, "input": "x"}),
        ),
        (
            "/v1/chat/completions",
            json!({"model": model, "messages": messages}),
        ),
    ] {
        let answer = server.client.post(path, &request).await;
        let kind = "invalid_request_error";
        check(&answer, 400, kind, "unsupported_parameter");
        let error = &answer.json()["error"];
        assert_eq!(error["param"], "model");
        let message = format!("`{model}` only embeds. Use it with `POST /v1/embeddings`.");
        assert_eq!(error["message"], *message);
    }
}

#[tokio::test]
async fn each_dialect_names_its_own_field() {
    let server = TestServer::start().await;
    let client = &server.client;
    let schema = json!({"type": "object", "properties": {"a": {"type": "nonsense"}}});
    let format = json!({"type": "json_schema", "name": "s", "schema": schema, "strict": true});
    let body = json!({"model": "lukhas-matriz", "input": "x", "text": {"format": format}});
    let answer = client.post("/v1/responses", &body).await;
    assert_eq!(
        (answer.status, answer.json()["error"]["param"].as_str()),
        (400, Some("text.format.schema")),
        "{}",
        answer.text()
    );
    let format = json!({"type": "json_schema",
                        "json_schema": {"name": "s", "schema": schema, "strict": true}});
    let messages = json!([{"role": "user", "content": "x"}]);
    let body = json!({"model": "lukhas-matriz", "messages": messages, "response_format": format});
    let answer = client.post("/v1/chat/completions", &body).await;
    let param = answer.json()["error"]["param"].clone();
    assert_eq!(
        (answer.status, param.as_str()),
        (400, Some("response_format.json_schema.schema"))
    );
    for (path, mut body) in [
        ("/v1/responses", json!({"input": "x"})),
        ("/v1/chat/completions", json!({"messages": messages})),
        ("/v1/embeddings", json!({"input": "x"})),
        ("/v1/responses/input_tokens", json!({"input": "x"})),
    ] {
        body["model"] = json!("gpt-unknown");
        let answer = client.post(path, &body).await;
        check(&answer, 404, "invalid_request_error", "model_not_found");
        assert_eq!(answer.json()["error"]["param"], "model");
        body["model"] = json!("lukhas-matriz");
        body["stream"] = json!("yes");
        let answer = client.post(path, &body).await;
        assert_eq!(answer.status, 400, "{path}");
    }
}

#[tokio::test]
async fn a_full_server_refuses_with_the_time_to_retry() {
    let options = lukhas_tests::Options {
        limits: lukhas_gateway::Limits {
            max_in_flight: 0,
            overload: lukhas_gateway::Overload {
                max_queue: 0,
                ..Default::default()
            },
            ..Default::default()
        },
        ..Default::default()
    };
    let server = TestServer::with(options).await;
    let body = json!({"model": "lukhas-matriz", "input": "x"});
    let answer = server.client.post("/v1/responses", &body).await;
    check(&answer, 503, "server_error", "overloaded");
    let number = |name: &str| answer.header(name).parse::<u64>().expect("a number");
    let milliseconds = number("retry-after-ms");
    assert!((1_000..=2_000).contains(&milliseconds), "{milliseconds}");
    assert_eq!(number("retry-after"), milliseconds.div_ceil(1_000));
    assert_eq!(
        server.client.get("/v1/models").await.status,
        200,
        "what is no run is answered"
    );
}
