// SPDX-License-Identifier: Apache-2.0
//! What was used of answers that nobody heard to their end, or whose upstream did not say.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt;
use lukhas_core::Tokenizer as _;
use lukhas_engine::Cl100k;
use lukhas_mock::{MockOptions, MockServer};
use lukhas_providers::Dialect;
use lukhas_tests::{Patience, TestServer, routed, upstream};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

const SAID: &str = "Say one two three four five six";

async fn mock() -> MockServer {
    let mock = MockServer::start(MockOptions::default()).await;
    mock.expect("a mock")
}

async fn before(dialect: Dialect, url: &str) -> TestServer {
    let patience = Patience::default();
    let upstream = upstream(dialect, url, patience);
    TestServer::before(Arc::new(routed([(upstream, None)], patience))).await
}

/// The path and the body of a streamed request.
fn streamed(api: &str, model: &str) -> (String, Value) {
    let body = match api {
        "chat/completions" => json!({
            "model": model, "stream": true, "messages": [{"role": "user", "content": SAID}],
        }),
        _ => json!({"model": model, "stream": true, "input": SAID}),
    };
    (format!("/v1/{api}"), body)
}

/// Tokens of the input as they are estimated here.
fn input() -> u64 {
    3 + 4 + Cl100k.count(SAID) as u64
}

/// Input and output tokens counted so far, of models that are not listed.
async fn counted(server: &TestServer, source: &str) -> (u64, u64) {
    let metrics = server.client.get("/metrics").await.text();
    let read = |kind: &str| {
        let series =
            format!("lukhas_tokens_total{{type=\"{kind}\",model=\"other\",source=\"{source}\"}} ");
        let mut lines = metrics.lines();
        let value = lines.find_map(|line| line.strip_prefix(&series));
        value.map_or(0, |value| value.parse().expect("a count"))
    };
    (read("input"), read("output"))
}

/// Asks for a stream, leaves once `seen` has come, and waits until something partial is counted.
async fn leave(server: &TestServer, path: &str, body: &Value, seen: &str) -> (u64, u64) {
    let body = Bytes::from(body.to_string());
    let request = server.client.request("POST", path, body);
    let mut response = server.client.send(request).await;
    let mut text = String::new();
    while !text.contains(seen) {
        let frame = response.body_mut().frame().await.expect("more");
        let data = frame.expect("a frame").into_data().expect("data");
        text.push_str(std::str::from_utf8(&data).expect("text"));
    }
    drop(response);
    let left = Instant::now();
    loop {
        let counted = counted(server, "partial").await;
        if counted != (0, 0) {
            return counted;
        }
        assert!(
            left.elapsed() < Duration::from_secs(5),
            "nothing is counted"
        );
        sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn what_a_client_that_leaves_has_used_is_counted() {
    let mock = mock().await;
    for dialect in Dialect::ALL {
        for api in ["chat/completions", "responses"] {
            let server = before(dialect, &mock.url()).await;
            let (path, body) = streamed(api, "mock+stall@3");
            let (input_tokens, output) = leave(&server, &path, &body, "three").await;
            assert_eq!(input_tokens, input(), "{dialect:?} {api}");
            assert!((3..=4).contains(&output), "{dialect:?} {api}: {output}");
            assert_eq!(counted(&server, "provider").await, (0, 0));
        }
    }
}

#[tokio::test]
async fn choices_that_are_left_count_the_input_of_each() {
    let mock = mock().await;
    let server = before(Dialect::Chat, &mock.url()).await;
    let (path, mut body) = streamed("chat/completions", "mock+stall@3");
    body["n"] = 2.into();
    let (mut input_tokens, mut output) = leave(&server, &path, &body, "three").await;
    let left = Instant::now();
    // The one after the other.
    while output < 5 {
        assert!(left.elapsed() < Duration::from_secs(5), "{output}");
        (input_tokens, output) = counted(&server, "partial").await;
    }
    assert_eq!(input_tokens, 2 * input());
    assert!((5..=8).contains(&output), "{output}");
}

#[tokio::test]
async fn what_is_left_of_the_offline_engine_is_counted_too() {
    let options = lukhas_tests::Options {
        token_delay: Duration::from_millis(300),
        ..Default::default()
    };
    let server = TestServer::with(options).await;
    let body = json!({"model": "lukhas-matriz", "stream": true, "input": SAID});
    let request = Bytes::from(body.to_string());
    let request = server.client.request("POST", "/v1/responses", request);
    let mut response = server.client.send(request).await;
    let mut text = String::new();
    while !text.contains("output_text.delta") {
        let frame = response.body_mut().frame().await.expect("more");
        let data = frame.expect("a frame").into_data().expect("data");
        text.push_str(std::str::from_utf8(&data).expect("text"));
    }
    drop(response);
    let left = Instant::now();
    let series = "lukhas_tokens_total{type=\"output\",model=\"lukhas-matriz\",source=\"partial\"}";
    loop {
        let metrics = server.client.get("/metrics").await.text();
        let mut lines = metrics.lines();
        let value = lines
            .find_map(|line| line.strip_prefix(series))
            .expect("a series");
        if value.trim() != "0" {
            break;
        }
        assert!(
            left.elapsed() < Duration::from_secs(5),
            "nothing is counted"
        );
    }
}

#[tokio::test]
async fn what_an_answer_that_broke_off_has_used_is_counted_and_told() {
    let mock = mock().await;
    for dialect in Dialect::ALL {
        for fault in ["tcp_cut@3", "clean_cut@3", "error_event@3"] {
            let server = before(dialect, &mock.url()).await;
            let (path, body) = streamed("responses", &format!("mock+{fault}"));
            let events = server.client.stream(&path, &body).await;
            let failed = &events[events.len() - 2].data;
            let failed: Value = serde_json::from_str(failed).expect("JSON");
            assert_eq!(failed["type"], "response.failed");
            let usage = &failed["response"]["usage"];
            let told = (
                usage["input_tokens"].as_u64().expect("a count"),
                usage["output_tokens"].as_u64().expect("a count"),
            );
            assert_eq!(told.0, input(), "{dialect:?} {fault}");
            assert!((3..=4).contains(&told.1), "{dialect:?} {fault}: {told:?}");
            assert_eq!(usage["source"], "partial");
            assert_eq!(counted(&server, "partial").await, told);
            assert_eq!(counted(&server, "provider").await, (0, 0));
        }
    }
}

#[tokio::test]
async fn what_the_upstream_counted_is_what_counts() {
    let mock = mock().await;
    for dialect in Dialect::ALL {
        let server = before(dialect, &mock.url()).await;
        let (path, body) = streamed("responses", "mock");
        let events = server.client.stream(&path, &body).await;
        let completed = &events[events.len() - 2].data;
        assert!(!completed.contains("\"source\""), "{completed}");
        let (input_tokens, output) = counted(&server, "provider").await;
        assert!(input_tokens > 0 && output > 0);
        for source in ["estimated", "partial"] {
            assert_eq!(counted(&server, source).await, (0, 0), "{dialect:?}");
        }
    }
}

/// A server that answers every request with `body`, and says nothing of what was used.
async fn silent(tasks: &mut JoinSet<()>, kind: &'static str, body: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tasks.spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.expect("a connection");
            let mut request = [0; 8 << 10];
            let _ = stream.read(&mut request).await.expect("a request");
            let length = body.len();
            let head = format!(
                "HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\n\
                 connection: close\r\n\r\n"
            );
            stream.write_all(head.as_bytes()).await.expect("a head");
            stream.write_all(body.as_bytes()).await.expect("a body");
        }
    });
    format!("http://{address}")
}

#[tokio::test]
async fn what_an_upstream_does_not_tell_is_estimated_and_said_to_be() {
    let mut tasks = JoinSet::new();
    let chunks = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"one two\"},\
        \"finish_reason\":null}]}\n\n\
        data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n\
        data: [DONE]\n\n";
    let whole = "{\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\
        \"content\":\"one two\"},\"finish_reason\":\"stop\"}]}";
    for (stream, kind, body) in [
        (true, "text/event-stream", chunks),
        (false, "application/json", whole),
    ] {
        let url = silent(&mut tasks, kind, body).await;
        let server = before(Dialect::Chat, &url).await;
        // The other API: what passes on as it is tells no more than the upstream does.
        let (path, mut request) = streamed("responses", "m");
        request["stream"] = stream.into();
        let answer = server.client.post(&path, &request).await;
        let usage = match stream {
            false => answer.json()["usage"].clone(),
            true => {
                let events = answer.events();
                let last = &events[events.len() - 2].data;
                let last: Value = serde_json::from_str(last).expect("JSON");
                last["response"]["usage"].clone()
            }
        };
        let output = Cl100k.count("one two") as u64;
        assert_eq!(usage["input_tokens"], input(), "{}", answer.text());
        assert_eq!(usage["output_tokens"], output);
        assert_eq!(usage["source"], "estimated");
        assert_eq!(counted(&server, "estimated").await, (input(), output));
        assert_eq!(counted(&server, "provider").await, (0, 0));
    }
}
