// SPDX-License-Identifier: Apache-2.0
//! Streams: at once, side by side, left alone, and stopped.

use std::time::Duration;

use futures_util::future::join_all;
use http_body_util::BodyExt;
use lukhas_openai::SseEvent;
use lukhas_tests::{Options, TestServer};
use serde_json::{Value, json};
use tokio::task::JoinSet;

fn slow() -> Options {
    Options {
        token_delay: Duration::from_millis(20),
        ..Options::default()
    }
}

fn asking(path: &str, text: &str) -> Value {
    match path {
        "/v1/responses" => json!({"model": "lukhas-matriz", "stream": true, "input": text}),
        _ => json!({"model": "lukhas-matriz", "stream": true,
                    "messages": [{"role": "user", "content": text}]}),
    }
}

const PATHS: [&str; 2] = ["/v1/responses", "/v1/chat/completions"];

#[tokio::test]
async fn streams_side_by_side_do_not_mix() {
    let server = TestServer::start().await;
    let streams = (0..20).map(|number| {
        let client = server.client.clone();
        async move {
            let path = PATHS[number % 2];
            let name = format!("marker{number}x");
            let events = client
                .stream(path, &asking(path, &format!("say {name} twice")))
                .await;
            let all: String = events.iter().map(|event| event.data.as_str()).collect();
            assert!(all.contains(&name));
            for other in (0..20).filter(|other| *other != number) {
                assert!(!all.contains(&format!("marker{other}x")));
            }
            assert_eq!(events.last().expect("an end").data, "[DONE]");
        }
    });
    join_all(streams).await;
}

#[tokio::test]
async fn a_bad_request_that_asks_for_a_stream_is_a_plain_error() {
    let server = TestServer::start().await;
    for path in PATHS {
        let mut body = asking(path, "x");
        body["temperature"] = json!(9);
        let answer = server.client.post(path, &body).await;
        assert_eq!(
            (answer.status, answer.header("content-type")),
            (400, "application/json")
        );
        let mut body = asking(path, "x");
        body["model"] = json!("none");
        let answer = server.client.post(path, &body).await;
        assert_eq!(
            (answer.status, answer.header("content-type")),
            (404, "application/json")
        );
    }
}

#[tokio::test]
async fn the_first_event_does_not_wait_for_the_last() {
    let server = TestServer::with(slow()).await;
    for path in PATHS {
        let body = asking(path, &"word ".repeat(1000)).to_string().into_bytes();
        let request = server.client.request("POST", path, body.into());
        let mut response = server.client.send(request).await;
        assert_eq!(
            response.headers()["content-type"],
            "text/event-stream; charset=utf-8"
        );
        let first = response
            .body_mut()
            .frame()
            .await
            .expect("a frame")
            .expect("data");
        assert!(
            first
                .into_data()
                .expect("data")
                .starts_with(b"event: response.created")
                || path == "/v1/chat/completions"
        );
    }
}

#[tokio::test]
async fn a_client_that_leaves_cancels_its_run() {
    let server = TestServer::with(slow()).await;
    for path in PATHS {
        for stream in [true, false] {
            let mut body = asking(path, &"word ".repeat(1000));
            body["stream"] = json!(stream);
            let body = body.to_string().into_bytes();
            let request = server.client.request("POST", path, body.into());
            if stream {
                let mut response = server.client.send(request).await;
                response
                    .body_mut()
                    .frame()
                    .await
                    .expect("a frame")
                    .expect("data");
                assert_eq!(server.drain.in_flight(), 1);
                drop(response);
            } else {
                let sent = server.client.send(request);
                // The answer takes 20 s; the client gives up long before.
                assert!(
                    tokio::time::timeout(Duration::from_millis(50), sent)
                        .await
                        .is_err()
                );
            }
            let gone = tokio::time::Instant::now();
            while server.drain.in_flight() > 0 {
                tokio::time::sleep(Duration::from_millis(1)).await;
                assert!(
                    gone.elapsed() < Duration::from_secs(5),
                    "the run goes on: {path} {stream}"
                );
            }
        }
    }
}

/// As many streams at once as `count`, of either dialect in turn.
fn streams(
    server: &TestServer,
    count: usize,
    text: &str,
) -> JoinSet<(&'static str, Vec<SseEvent>)> {
    let mut streams = JoinSet::new();
    for number in 0..count {
        let (client, path) = (server.client.clone(), PATHS[number % 2]);
        let body = asking(path, text);
        streams.spawn(async move { (path, client.stream(path, &body).await) });
    }
    streams
}

#[tokio::test]
async fn a_drain_lets_streams_end_and_refuses_new_ones() {
    let server = TestServer::with(slow()).await;
    let mut streams = streams(&server, 10, "one two three four five six seven eight");
    while server.drain.in_flight() < 10 {
        tokio::task::yield_now().await;
    }
    server.drain.begin();
    let ready = server.client.get("/readyz").await;
    assert_eq!(
        (
            ready.status,
            ready.json()["checks"]["serving"]["status"].as_str()
        ),
        (503, Some("failed"))
    );
    let refused = server
        .client
        .post("/v1/responses", &asking("/v1/responses", "x"))
        .await;
    assert_eq!(
        (refused.status, refused.header("connection")),
        (503, "close")
    );
    while let Some(stream) = streams.join_next().await {
        let (_, events) = stream.expect("no panic");
        assert_eq!(events.last().expect("an end").data, "[DONE]");
        assert!(!events.iter().any(|event| event.data.contains("\"failed\"")));
    }
    server.drain.idle().await;
}

#[tokio::test]
async fn a_forced_stop_tells_each_client_why() {
    let server = TestServer::with(slow()).await;
    let mut streams = streams(&server, 2, &"word ".repeat(1000));
    while server.drain.in_flight() < 2 {
        tokio::task::yield_now().await;
    }
    server.drain.force();
    while let Some(stream) = streams.join_next().await {
        let (path, mut events) = stream.expect("no panic");
        assert_eq!(events.pop().expect("an end").data, "[DONE]");
        let last: Value =
            serde_json::from_str(&events.pop().expect("a reason").data).expect("JSON");
        if path == "/v1/responses" {
            assert_eq!(last["type"], "response.failed");
            assert_eq!(last["response"]["status"], "failed");
        } else {
            assert_eq!(last["error"]["code"], "overloaded");
        }
    }
}

#[tokio::test]
async fn steps_are_for_those_who_ask() {
    let server = TestServer::start().await;
    let mut body = asking("/v1/responses", "x");
    let plain = server.client.stream("/v1/responses", &body).await;
    assert!(!plain.iter().any(|event| event.event.starts_with("lukhas:")));
    body["include"] = json!(["lukhas:steps"]);
    let events = server.client.stream("/v1/responses", &body).await;
    let nodes: Vec<String> = events
        .iter()
        .filter(|event| event.event == "lukhas:step.completed")
        .map(|event| serde_json::from_str::<Value>(&event.data).expect("JSON")["node"].to_string())
        .collect();
    let expected = ["memory", "attention", "thought", "risk", "intent", "action"];
    assert_eq!(nodes, expected.map(|node| format!("\"{node}\"")));
}
