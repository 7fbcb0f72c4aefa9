// SPDX-License-Identifier: Apache-2.0
//! More to do than there is room for.

use std::sync::Arc;
use std::time::Duration;

use lukhas_gateway::{Limits, Overload, PriorityRule};
use lukhas_mock::{MockOptions, MockServer};
use lukhas_providers::Dialect;
use lukhas_reliability::Priority;
use lukhas_tests::{Answer, Client, Options, Patience, TestServer, routed, upstream};
use serde_json::json;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

const CHAT: &str = "/v1/chat/completions";

/// A server with room for so many runs and so many that wait, whose answers take a while.
async fn server(
    max_in_flight: usize,
    max_queue: usize,
    priorities: Vec<PriorityRule>,
) -> TestServer {
    TestServer::with(Options {
        token_delay: Duration::from_millis(20),
        limits: Limits {
            max_in_flight,
            overload: Overload {
                max_queue,
                max_wait: Duration::from_secs(30),
                ..Overload::default()
            },
            ..Limits::default()
        },
        priorities,
        ..Options::default()
    })
    .await
}

async fn ask(client: Client, words: &str) -> Answer {
    let messages = json!([{"role": "user", "content": format!("Say {words}")}]);
    let body = json!({"model": "lukhas-matriz", "messages": messages});
    client.post(CHAT, &body).await
}

/// The value of a series of `/metrics`.
async fn value(server: &TestServer, series: &str) -> f64 {
    let text = server.client.get("/metrics").await.text();
    let line = text.lines().find_map(|line| line.strip_prefix(series));
    line.and_then(|value| value.trim().parse().ok())
        .unwrap_or_default()
}

async fn until(server: &TestServer, series: &str, wanted: f64) {
    let begun = Instant::now();
    while value(server, series).await != wanted {
        assert!(
            begun.elapsed() < Duration::from_secs(30),
            "{series} never was {wanted}"
        );
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

const RUNNING: &str = r#"lukhas_admission_running{gate="server",model=""}"#;
const QUEUED: &str = r#"lukhas_admission_queued{gate="server",model=""}"#;

#[tokio::test]
async fn a_run_beyond_the_limit_waits_and_one_beyond_the_queue_is_told_when_to_come_back() {
    let server = server(1, 1, Vec::new()).await;
    let mut asked = JoinSet::new();
    asked.spawn(ask(
        server.client.clone(),
        "one two three four five six seven eight",
    ));
    until(&server, RUNNING, 1.0).await;
    asked.spawn(ask(server.client.clone(), "one"));
    until(&server, QUEUED, 1.0).await;
    // Its body never comes: it is refused before anybody reads it.
    let begun = Instant::now();
    let request = hyper::Request::post(CHAT)
        .header("host", "test")
        .header("authorization", format!("Bearer {}", server.client.key()))
        .header("content-type", "application/json")
        .header("content-length", "100");
    let request = request
        .body(http_body_util::Empty::<bytes::Bytes>::new())
        .expect("a request");
    let refused = timeout(Duration::from_secs(5), server.gateway.answer(request)).await;
    let refused = refused.expect("it is refused at once").expect("an answer");
    assert!(begun.elapsed() < Duration::from_secs(5));
    assert_eq!(refused.status(), 503);
    let wait = &refused.headers()["retry-after-ms"];
    let wait: u64 = wait.to_str().expect("a number").parse().expect("a number");
    assert!((1_000..=6_000).contains(&wait), "{wait}");

    let refused = ask(server.client.clone(), "one").await;
    assert_eq!(refused.status, 503);
    assert_eq!(refused.json()["error"]["code"], "overloaded");
    let ready = server.client.get("/readyz").await;
    assert_eq!(ready.status, 200, "the others would get its load");
    assert_eq!(ready.json()["checks"]["room"]["status"], "warning");
    assert_eq!(server.client.get("/v1/models").await.status, 200);
    while let Some(answer) = asked.join_next().await {
        assert_eq!(answer.expect("no panic").status, 200);
    }
    assert_eq!(
        value(&server, r#"lukhas_requests_shed_total{priority="normal"}"#).await,
        2.0
    );
}

#[tokio::test]
async fn what_was_answered_before_needs_no_room() {
    let server = server(1, 0, Vec::new()).await;
    let keyed = |key: &str, words: &str| {
        let messages = json!([{"role": "user", "content": format!("Say {words}")}]);
        let body = json!({"model": "lukhas-matriz", "messages": messages});
        let mut request = server.client.request("POST", CHAT, body.to_string().into());
        let key = key.parse().expect("a header");
        request.headers_mut().insert("idempotency-key", key);
        server.client.whole(request)
    };
    let first = keyed("k", "one").await;
    let mut runs = JoinSet::new();
    let many = "one two three four five six seven eight";
    runs.spawn(ask(server.client.clone(), many));
    until(&server, RUNNING, 1.0).await;
    let again = keyed("k", "one").await;
    assert_eq!(again.header("idempotent-replayed"), "true");
    assert_eq!(again.text(), first.text());
    assert_eq!(keyed("other", "one").await.status, 503);
    assert_eq!(
        runs.join_next()
            .await
            .expect("a task")
            .expect("no panic")
            .status,
        200
    );
}

#[tokio::test]
async fn whoever_has_a_higher_priority_takes_the_place_in_the_queue() {
    let low = PriorityRule {
        projects: vec!["stranger".to_owned()],
        priority: Priority::Low,
        ..PriorityRule::default()
    };
    let server = server(1, 1, vec![low]).await;
    let mut first = JoinSet::new();
    first.spawn(ask(
        server.client.clone(),
        "one two three four five six seven eight",
    ));
    until(&server, RUNNING, 1.0).await;
    let mut displaced = JoinSet::new();
    displaced.spawn(ask(server.stranger.clone(), "one"));
    until(&server, QUEUED, 1.0).await;
    let mut waits = JoinSet::new();
    waits.spawn(ask(server.client.clone(), "one"));
    let displaced = displaced
        .join_next()
        .await
        .expect("a task")
        .expect("no panic");
    assert_eq!(displaced.status, 503);
    let waited = waits.join_next().await.expect("a task").expect("no panic");
    assert_eq!(waited.status, 200);
    assert_eq!(
        value(&server, r#"lukhas_requests_shed_total{priority="low"}"#).await,
        1.0
    );
}

#[tokio::test]
async fn an_upstream_that_says_it_is_overloaded_is_asked_less_at_a_time() {
    let mock = MockServer::start(MockOptions::default())
        .await
        .expect("a mock");
    let url = mock.url();
    let upstream = upstream(Dialect::Chat, &url, Patience::default());
    let model = routed([(upstream, Some("mock+503"))], Patience::default());
    let server = TestServer::before(Arc::new(model)).await;
    let limit = r#"lukhas_admission_limit{gate="model",model="other"}"#;
    assert_eq!(value(&server, limit).await, 1792.0);
    let body = json!({"model": "m", "messages": [{"role": "user", "content": "x"}]});
    // Three of them halve it, and time raises it a little.
    for _ in 0..27 {
        assert_eq!(server.client.post(CHAT, &body).await.status, 503);
    }
    let found = value(&server, limit).await;
    assert!((4.0..16.0).contains(&found), "{found}");
    let own = r#"lukhas_admission_limit{gate="model",model="lukhas-matriz"}"#;
    assert_eq!(value(&server, own).await, 1792.0, "others are not to blame");
}
