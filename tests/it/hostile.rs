// SPDX-License-Identifier: Apache-2.0
//! Bodies that mean harm or were badly made: a 4xx in the API's shape, never a 5xx, never a hang.

use lukhas_gateway::Limits;
use lukhas_tests::{Client, Options, TestServer, assert_valid};
use serde_json::{Value, json};

const PATHS: [&str; 4] = [
    "/v1/responses",
    "/v1/chat/completions",
    "/v1/embeddings",
    "/v1/responses/input_tokens",
];

async fn check(client: &Client, path: &str, body: impl Into<bytes::Bytes>, statuses: &[u16]) {
    let body = body.into();
    let shown = String::from_utf8_lossy(&body[..body.len().min(120)]).into_owned();
    let answer = client.post_bytes(path, body).await;
    assert!(
        statuses.contains(&answer.status),
        "{path} {shown}: {} {}",
        answer.status,
        answer.text()
    );
    let error = answer.json();
    assert_valid("ErrorResponse", &error);
    let message = error["error"]["message"].as_str().expect("a message");
    assert!(
        message.len() < 1500,
        "{path} {shown}: a message of {} bytes",
        message.len()
    );
}

/// Bodies that are no request, whatever the route.
fn broken() -> Vec<Vec<u8>> {
    let text = [
        "",
        " ",
        "\0",
        "null",
        "true",
        "1",
        "\"x\"",
        "[]",
        "[{}]",
        "{",
        "}",
        "{}",
        "{}{}",
        "{]",
        "{\"model\"",
        "{\"model\":",
        "{\"model\":\"x\"",
        "{'model':'x'}",
        "{model:1}",
        "NaN",
        "{\"model\":NaN}",
        "{\"model\":1e999}",
        "{\"model\":\"\\ud800\"}",
        "{\"model\":\"\\x\"}",
        "{\"model\":\"x\",\"model\":\"y\"}",
        "{\"a\":1,}",
        "// hi\n{}",
        "\u{feff}{}",
        "<xml/>",
        "model=x&input=y",
        "{\"model\":\"a\u{0}b\"}",
        "{\"input\":\"x\"} trailing",
    ];
    let mut bodies: Vec<Vec<u8>> = text.iter().map(|text| text.as_bytes().to_vec()).collect();
    bodies.push(b"{\"model\":\"\xff\xfe\"}".to_vec());
    bodies.push(b"\x1f\x8b\x08\x00gzip".to_vec());
    bodies.push("[".repeat(100_000).into_bytes());
    bodies.push("{\"a\":".repeat(100_000).into_bytes());
    bodies.push(format!("{{\"a\":{}1{}}}", "[".repeat(65), "]".repeat(65)).into_bytes());
    bodies.push(format!("{{\"a\":[{}1]}}", "1,".repeat(200_000)).into_bytes());
    bodies.push(format!("{{\"{}\":1}}", "k".repeat(1_000_000)).into_bytes());
    let keys: Vec<String> = (0..50_000).map(|i| format!("\"k{i}\":1")).collect();
    bodies.push(format!("{{{}}}", keys.join(",")).into_bytes());
    bodies
}

#[tokio::test]
async fn broken_bodies_are_400_on_every_route() {
    let server = TestServer::start().await;
    for path in PATHS {
        for body in broken() {
            check(&server.client, path, body, &[400]).await;
        }
    }
}

/// A good request of each route, to be spoiled one field at a time.
fn good(path: &str) -> Value {
    match path {
        "/v1/chat/completions" => {
            json!({"model": "lukhas-matriz", "messages": [{"role": "user", "content": "x"}]})
        }
        "/v1/embeddings" => json!({"model": "lukhas-lexical-hash-1024", "input": "x"}),
        _ => json!({"model": "lukhas-matriz", "input": "x"}),
    }
}

fn fields(path: &str) -> &'static [&'static str] {
    match path {
        "/v1/chat/completions" => &[
            "model",
            "messages",
            "temperature",
            "top_p",
            "n",
            "stop",
            "stream",
            "tools",
            "tool_choice",
            "response_format",
            "max_tokens",
            "seed",
            "metadata",
            "stream_options",
            "logprobs",
            "logit_bias",
        ],
        "/v1/embeddings" => &["model", "input", "dimensions", "encoding_format", "user"],
        "/v1/responses/input_tokens" => &["model", "input", "tools", "text", "instructions"],
        _ => &[
            "model",
            "input",
            "temperature",
            "top_p",
            "stream",
            "tools",
            "tool_choice",
            "text",
            "max_output_tokens",
            "metadata",
            "include",
            "reasoning",
            "store",
            "truncation",
            "previous_response_id",
            "instructions",
            "seed",
        ],
    }
}

#[tokio::test]
async fn a_wrong_value_in_any_field_is_an_answer_never_a_crash() {
    let server = TestServer::start().await;
    let values = [
        json!(null),
        json!(true),
        json!(-1),
        json!(0),
        json!(1.5),
        json!(1e308),
        json!(u64::MAX),
        json!(i64::MIN),
        json!(""),
        json!("x".repeat(10_000)),
        json!([]),
        json!([null]),
        json!({}),
        json!([[[[]]]]),
        json!({"type": "x"}),
        json!([{"type": "x"}]),
        json!("\u{202e}\u{0}"),
    ];
    for path in PATHS {
        for field in fields(path) {
            for value in &values {
                let mut body = good(path);
                body[*field] = value.clone();
                let answer = server.client.post(path, &body).await;
                let shown = format!("{path} {field}={:.60}", value.to_string());
                assert!(
                    answer.status == 200 || (400..500).contains(&answer.status),
                    "{shown}: {} {}",
                    answer.status,
                    answer.text()
                );
                if answer.status >= 400 {
                    assert_valid("ErrorResponse", &answer.json());
                }
            }
        }
        let mut body = good(path);
        body["no_such_field"] = json!(1);
        let answer = server.client.post(path, &body).await;
        let error = answer.json();
        assert_eq!(error["error"]["code"], "unknown_parameter", "{path}");
        assert_eq!(error["error"]["param"], "no_such_field", "{path}");
    }
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused_before_it_is_read() {
    let limits = Limits {
        max_body_bytes: 1000,
        ..Limits::default()
    };
    let server = TestServer::with(Options {
        limits,
        ..Options::default()
    })
    .await;
    for path in PATHS {
        check(&server.client, path, "x".repeat(1001), &[413]).await;
    }
    let mut request =
        server
            .client
            .request("POST", "/v1/responses", bytes::Bytes::from("x".repeat(100)));
    request
        .headers_mut()
        .insert("content-type", "text/plain".parse().expect("a header"));
    assert_eq!(server.client.whole(request).await.status, 415);
    let mut request = server
        .client
        .request("POST", "/v1/responses", bytes::Bytes::from("{}"));
    request
        .headers_mut()
        .insert("content-encoding", "gzip".parse().expect("a header"));
    assert_eq!(server.client.whole(request).await.status, 415);
}

#[tokio::test]
async fn absurd_sizes_are_refused_not_tried() {
    let server = TestServer::start().await;
    let embed = |field: &str, value: Value| {
        let mut body = good("/v1/embeddings");
        body[field] = value;
        body.to_string()
    };
    let client = &server.client;
    let path = "/v1/embeddings";
    for dimensions in [
        json!(0),
        json!(-1),
        json!(250_000_000_000_000_u64),
        json!(1e300),
    ] {
        check(client, path, embed("dimensions", dimensions), &[400]).await;
    }
    check(client, path, embed("input", json!(vec!["x"; 2049])), &[400]).await;
    check(
        client,
        path,
        embed("input", json!([[4_294_967_295_u32]])),
        &[400],
    )
    .await;
    check(client, path, embed("input", json!([])), &[400]).await;
    check(client, path, embed("input", json!("")), &[400]).await;
    let mut body = good("/v1/chat/completions");
    body["n"] = json!(1_000_000);
    check(client, "/v1/chat/completions", body.to_string(), &[400]).await;
    let long = json!({"model": "lukhas-matriz", "input": "word ".repeat(400_000)});
    check(client, "/v1/responses", long.to_string(), &[400]).await;
}
