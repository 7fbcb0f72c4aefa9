// SPDX-License-Identifier: Apache-2.0
//! What a mock tells about what it was asked.

use std::time::Duration;

use lukhas_mock::{
    Dialect, Ending, KeyDigest, MockOptions, MockServer, MockStats, RequestCount, RequestStats,
};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::client::{CASES, End, exchange, get, post, request, start};

/// Longer than anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

async fn wait_until(server: &MockServer, wanted: impl Fn(&MockStats) -> bool + Send) -> MockStats {
    timeout(PATIENCE, server.wait_until(wanted)).await.unwrap()
}

/// A connection that has asked for a stream and read up to `text`.
async fn read_to(server: &MockServer, model: &str, text: &str) -> TcpStream {
    let mut stream = TcpStream::connect(server.address()).await.unwrap();
    let body = CASES[0].body(model, "Say one two three.").to_string();
    let request = request(CASES[0].path(), &body);
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut read = String::new();
    while !read.contains(text) {
        let mut byte = [0];
        stream.read_exact(&mut byte).await.unwrap();
        read.push(char::from(byte[0]));
    }
    stream
}

#[tokio::test]
async fn requests_are_counted_by_dialect_and_model() {
    let server = start(MockOptions::default()).await;
    for case in CASES {
        for model in ["b", "a", "b"] {
            case.send(&server, &case.body(model, "Hi")).await;
        }
    }
    get(server.address(), "/v1/models").await;
    let count = |dialect, model: &str, count| RequestCount {
        dialect,
        model: model.to_owned(),
        count,
    };
    let stats = server.stats();
    let expected = [
        count(Dialect::Chat, "a", 2),
        count(Dialect::Chat, "b", 4),
        count(Dialect::Responses, "a", 2),
        count(Dialect::Responses, "b", 4),
        count(Dialect::Messages, "a", 2),
        count(Dialect::Messages, "b", 4),
        count(Dialect::Embeddings, "a", 1),
        count(Dialect::Embeddings, "b", 2),
        count(Dialect::Models, "", 1),
    ];
    assert_eq!(stats.requests, expected);
    assert_eq!(stats.connections.accepted, 22);
    assert_eq!(stats.recent.len(), 22);
    let mut numbers = stats.recent.iter().map(|request| request.number);
    assert!(numbers.by_ref().eq(1..=22));
}

#[tokio::test]
async fn a_client_that_leaves_is_seen_to_have_left() {
    let server = start(MockOptions::default()).await;
    for (model, text, status) in [
        ("mock+stall@2", "two ", Some(200)),
        ("mock+delay=1000s", "assistant", Some(200)),
        ("mock+slow_first=1000s", "\r\n\r\n", Some(200)),
        ("mock+huge_body", "one ", Some(200)),
        ("mock+slow_head=1000s", "", None),
    ] {
        server.reset();
        let stream = read_to(&server, model, text).await;
        let stats = wait_until(&server, |stats| {
            let last = stats.recent.last();
            last.is_some_and(|last| last.model == model && last.status == status)
        });
        let running = stats.await.recent[0].clone();
        assert_eq!(
            (running.ending, running.ended_after_ms),
            (Ending::Running, None)
        );
        drop(stream);
        let stats = wait_until(&server, |stats| stats.connections.open == 0).await;
        let [last] = &stats.recent[..] else {
            panic!("{stats:?}");
        };
        assert_eq!(
            (last.ending, last.status),
            (Ending::ClientLeft, status),
            "{model}"
        );
        assert!(last.ended_after_ms.is_some());
    }
}

#[tokio::test(start_paused = true)]
async fn endings_tell_who_ended_it_and_when() {
    let server = start(MockOptions::default()).await;
    let case = CASES[0];
    for (model, ending, millis, sent) in [
        ("mock", Ending::Answered, 0, 6),
        ("mock+delay=30ms", Ending::Answered, 150, 6),
        // What was written has 20 ms to leave before the reset takes it back.
        ("mock+slow_head=70ms+tcp_cut@1", Ending::Reset, 90, 2),
        ("mock+reset_before_head", Ending::Reset, 0, 0),
        ("mock+empty_body", Ending::Answered, 0, 0),
        ("mock+empty_stream", Ending::Answered, 0, 0),
        ("mock+503", Ending::Answered, 0, 1),
    ] {
        case.send(&server, &case.body(model, "Say one two three."))
            .await;
        let stats = server.stats();
        let last: &RequestStats = stats.recent.last().unwrap();
        assert_eq!((last.ending, last.sent), (ending, sent), "{model}");
        assert_eq!(last.ended_after_ms, Some(millis), "{model}");
        assert!(last.stream);
    }
}

#[tokio::test]
async fn requests_are_kept_without_their_keys() {
    let server = start(MockOptions::default()).await;
    let key = ["sk", "mock", "k3y"].join("-");
    let body = CASES[0].body("mock", "Hi").to_string();
    for name in [
        "authorization: Bearer ",
        "Authorization: bearer ",
        "x-api-key: ",
    ] {
        let asked = format!(
            "POST /v1/chat/completions?key={key} HTTP/1.1\r\nhost: mock\r\nX-Mine: 1\r\n\
             {name}{key}\r\ncookie: {key}\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        assert_eq!(exchange(server.address(), &asked).await.status(), 200);
    }
    for request in server.requests() {
        assert_eq!(request.method, "POST");
        assert_eq!(request.path, "/v1/chat/completions");
        assert_eq!(request.key, Some(KeyDigest::of(&key)));
        assert_eq!(
            (&request.body[..], request.body_bytes),
            (body.as_bytes(), body.len())
        );
        let header = |name: &str| {
            let mut headers = request.headers.iter();
            headers
                .find(|(other, _)| other == name)
                .map(|(_, value)| value.as_str())
        };
        assert_eq!(header("x-mine"), Some("1"));
        assert_eq!(header("cookie"), Some("[hidden]"));
        assert!(!format!("{request:?}").contains(&key));
    }
    let stats = get(server.address(), "/__mock/stats").await.text();
    assert!(!stats.contains(&key), "{stats}");
}

#[tokio::test]
async fn what_is_kept_is_bounded() {
    let server = start(MockOptions::default()).await;
    let long = "x".repeat(300);
    let body = json!({"model": long, "input": "Hi", "user": "y".repeat(100_000)}).to_string();
    for _ in 0..300 {
        post(server.address(), "/v1/embeddings", &body).await;
    }
    let requests = server.requests();
    assert_eq!((requests.len(), requests[0].number), (256, 45));
    let [last] = requests.last_chunk::<1>().unwrap();
    assert_eq!((last.body.len(), last.body_bytes), (64 << 10, body.len()));
    let stats = server.stats();
    assert_eq!(stats.requests[0].model, "(others)");
    assert_eq!(stats.requests[0].count, 300);
}

#[tokio::test]
async fn bodies_of_more_than_8_mib_are_refused() {
    let server = start(MockOptions::default()).await;
    let wire = post(server.address(), "/v1/messages", &" ".repeat((8 << 20) + 1)).await;
    assert_eq!(
        (wire.status(), &wire.json()["error"]["type"]),
        (413, &json!("request_too_large"))
    );
}

#[tokio::test]
async fn more_connections_than_allowed_wait() {
    let server = start(MockOptions::default().with_max_connections(1)).await;
    let first = read_to(&server, "mock+stall@1", "one ").await;
    let mut second = TcpStream::connect(server.address()).await.unwrap();
    second
        .write_all(b"GET /v1/models HTTP/1.1\r\nhost: mock\r\n\r\n")
        .await
        .unwrap();
    let mut byte = [0];
    let answer = second.read(&mut byte);
    assert!(timeout(Duration::from_millis(50), answer).await.is_err());
    assert_eq!(server.stats().connections.accepted, 1);
    drop(first);
    let answer = timeout(PATIENCE, second.read(&mut byte)).await;
    assert_eq!(answer.unwrap().unwrap(), 1);
}

#[tokio::test]
async fn stats_and_reset_are_there_over_http() {
    let server = start(MockOptions::default()).await;
    let wire = CASES[2]
        .send(&server, &CASES[2].body("mock+tcp_cut@2", "Hello there"))
        .await;
    assert_eq!(wire.end, End::Reset);
    wait_until(&server, |stats| stats.connections.open == 0).await;
    let mut stats = get(server.address(), "/__mock/stats").await.json();
    stats["recent"][0]["ended_after_ms"] = "TIME".into();
    insta::assert_json_snapshot!(stats);
    let wire = post(server.address(), "/__mock/reset", "").await;
    assert_eq!(wire.text(), r#"{"reset":true}"#);
    let stats = server.stats();
    assert!(stats.requests.is_empty() && stats.recent.is_empty());
    assert_eq!(stats.connections.accepted, 0);
    for (path, status) in [("/__mock/nothing", 404), ("/__mock/reset", 405)] {
        assert_eq!(get(server.address(), path).await.status(), status);
    }
}

#[tokio::test]
async fn a_key_that_is_asked_for_has_to_be_brought() {
    let key = ["sk", "mock", "right"].join("-");
    let options = MockOptions::default().with_key(KeyDigest::of(&key));
    assert!(!format!("{options:?}").contains(&key));
    let server = start(options).await;
    for case in CASES {
        let body = case.body("mock", "Hi").to_string();
        let status = async |header: String| {
            let asked = request(case.path(), &body);
            let asked = asked.replacen("host: mock", &format!("host: mock{header}"), 1);
            exchange(server.address(), &asked).await.status()
        };
        assert_eq!(status(String::new()).await, 401);
        assert_eq!(
            status(format!("\r\nauthorization: Bearer {key}x")).await,
            401
        );
        assert_eq!(
            status(format!("\r\nauthorization: Bearer {key}")).await,
            200
        );
        assert_eq!(status(format!("\r\nx-api-key: {key}")).await, 200);
    }
    for path in ["/v1/models", "/__mock/stats"] {
        assert_eq!(get(server.address(), path).await.status(), 401);
    }
}

#[tokio::test]
async fn messages_need_the_version_of_their_api() {
    let server = start(MockOptions::default()).await;
    let asked = "POST /v1/messages HTTP/1.1\r\nhost: mock\r\ncontent-length: 2\r\n\r\n{}";
    let wire = exchange(server.address(), asked).await;
    assert_eq!(wire.status(), 400);
    let message = &wire.json()["error"]["message"];
    assert_eq!(message, "anthropic-version: header is required");
}

#[tokio::test]
async fn a_dropped_mock_has_stopped() {
    let server = start(MockOptions::default()).await;
    let address = server.address();
    let mut stream = read_to(&server, "mock+stall@1", "one ").await;
    drop(server);
    let mut rest = Vec::new();
    let end = timeout(PATIENCE, stream.read_to_end(&mut rest))
        .await
        .unwrap();
    assert!(end.is_err() || !rest.ends_with(b"0\r\n\r\n"));
    let refused = timeout(PATIENCE, async {
        while TcpStream::connect(address).await.is_ok() {
            tokio::task::yield_now().await;
        }
    });
    refused.await.unwrap();
}
