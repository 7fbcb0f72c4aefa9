// SPDX-License-Identifier: Apache-2.0
//! Requests with the same `Idempotency-Key` are carried out once, and all get the one answer.

use std::collections::HashSet;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use futures_util::future::join_all;
use http_body_util::{BodyExt, Full};
use hyper::{Request, Response};
use lukhas_auth::{GeneratedKey, KeyEntry};
use lukhas_gateway::{LimitRule, Per, RateLimits};
use lukhas_mock::{MockOptions, MockServer};
use lukhas_providers::Dialect;
use lukhas_reliability::{Quota, QuotaConfig};
use lukhas_tests::{Answer, Client, Options, Patience, TestServer, routed, upstream};
use serde_json::{Value, json};
use tokio::time::{advance, sleep};

const CHAT: &str = "/v1/chat/completions";
const RESPONSES: &str = "/v1/responses";
const EMBEDDINGS: &str = "/v1/embeddings";
const DONE: &str = "data: [DONE]\n\n";

/// A mock, and a server that leaves all it does not know to it. Nothing is asked twice by itself.
async fn before_mock() -> (MockServer, TestServer) {
    let mock = MockServer::start(MockOptions::default()).await;
    let mock = mock.expect("a mock");
    let patience = Patience {
        attempts: 1,
        ..Patience::default()
    };
    let upstream = upstream(Dialect::Chat, &mock.url(), patience);
    let model = Arc::new(routed([(upstream, None)], patience));
    (mock, TestServer::before(model).await)
}

fn chat(model: &str, stream: bool) -> (&'static str, Value) {
    let messages = json!([{"role": "user", "content": "Say one two three four"}]);
    let body = json!({"model": model, "stream": stream, "messages": messages});
    (CHAT, body)
}

fn response(model: &str, stream: bool) -> (&'static str, Value) {
    let body = json!({"model": model, "stream": stream, "input": "Say one two three four"});
    (RESPONSES, body)
}

fn embedding() -> (&'static str, Value) {
    let body = json!({"model": "lukhas-lexical-hash-1024", "input": "one"});
    (EMBEDDINGS, body)
}

fn keyed(client: &Client, key: &str, (path, body): &(&str, Value)) -> Request<Full<Bytes>> {
    let mut request = client.request("POST", path, body.to_string().into());
    let key = key.parse().expect("a header");
    request.headers_mut().insert("idempotency-key", key);
    request
}

async fn ask(client: &Client, key: &str, asked: &(&str, Value)) -> Answer {
    client.whole(keyed(client, key, asked)).await
}

/// What is the same of every answer to one request.
fn same(answer: &Answer) -> (u16, Bytes, Vec<(String, String)>) {
    let own = [
        "x-request-id",
        "openai-processing-ms",
        "idempotent-replayed",
        "date",
    ];
    let headers = answer.headers.iter();
    let headers = headers.filter(|(name, _)| !own.contains(&name.as_str()));
    let headers = headers.map(|(name, value)| {
        let value = value.to_str().expect("a text").to_owned();
        (name.to_string(), value)
    });
    let mut headers: Vec<_> = headers.collect();
    headers.sort();
    (answer.status, answer.body.clone(), headers)
}

fn code(answer: &Answer) -> String {
    let body = answer.json();
    body["error"]["code"]
        .as_str()
        .unwrap_or_default()
        .to_owned()
}

/// The claims counted, those that are not zero.
async fn claims(server: &TestServer) -> Vec<String> {
    let metrics = server.client.get("/metrics").await.text();
    let lines = metrics.lines();
    let lines = lines.filter_map(|line| line.strip_prefix("lukhas_idempotency_claims_total"));
    let claims = lines.filter(|line| !line.ends_with(" 0"));
    let mut claims: Vec<_> = claims.map(|line| line.replace('"', "")).collect();
    claims.sort();
    claims
}

#[tokio::test]
async fn an_answer_is_given_again_byte_for_byte() {
    let (mock, server) = before_mock().await;
    for (number, asked) in [
        chat("mock", true),
        chat("mock", false),
        response("mock", true),
        response("mock", false),
        chat("lukhas-matriz", true),
        response("lukhas-matriz", false),
        embedding(),
    ]
    .iter()
    .enumerate()
    {
        let key = number.to_string();
        let first = ask(&server.client, &key, asked).await;
        assert_eq!(first.status, 200, "{}", first.text());
        assert_eq!(first.header("idempotent-replayed"), "");
        let is_whole = asked.1["stream"] != true;
        assert_eq!(!first.header("content-length").is_empty(), is_whole);
        let again = ask(&server.client, &key, asked).await;
        assert_eq!(same(&again), same(&first));
        assert_eq!(again.header("idempotent-replayed"), "true");
        assert_ne!(again.header("x-request-id"), first.header("x-request-id"));
        // Without the header, and with another, it is another request.
        let other = server.client.post(asked.0, &asked.1).await;
        let another = ask(
            &server.client,
            &format!("other {key}").replace(' ', "-"),
            asked,
        )
        .await;
        for other in [other, another] {
            assert_eq!(other.header("idempotent-replayed"), "");
            let differs = other.body != first.body;
            assert_eq!(differs, asked.0 != EMBEDDINGS, "a run has its identifier");
        }
    }
    assert_eq!(mock.requests().len(), 12, "each of four runs three times");
    assert_eq!(
        claims(&server).await,
        ["{outcome=new} 14", "{outcome=replayed} 7"]
    );
}

#[tokio::test]
async fn fifty_at_once_are_one_run_and_fifty_equal_answers() {
    for asked in [
        chat("mock+delay=5ms", true),
        response("mock+delay=5ms", true),
        chat("mock+slow_head=50ms", false),
        response("mock+slow_head=50ms", false),
    ] {
        let (mock, server) = before_mock().await;
        let answers = join_all((0..50).map(|_| ask(&server.client, "k", &asked))).await;
        assert_eq!(mock.requests().len(), 1, "{asked:?}");
        assert_eq!(answers[0].status, 200, "{}", answers[0].text());
        for answer in &answers {
            assert_eq!(same(answer), same(&answers[0]));
            assert_eq!(answer.header("idempotent-replayed"), "", "it was not over");
        }
        let ids: HashSet<_> = answers.iter().map(|it| it.header("x-request-id")).collect();
        assert_eq!(ids.len(), 50, "each request has its identifier");
        assert_eq!(
            claims(&server).await,
            ["{outcome=attached} 49", "{outcome=new} 1"]
        );
    }
}

#[tokio::test]
async fn a_key_is_for_one_request() {
    let (mock, server) = before_mock().await;
    let asked = chat("mock", false);
    let first = ask(&server.client, "k", &asked).await;
    for other in [
        chat("mock", true),
        chat("mock2", false),
        response("mock", false),
    ] {
        let refused = ask(&server.client, "k", &other).await;
        assert_eq!(
            (refused.status, &*code(&refused)),
            (409, "idempotency_key_reused")
        );
        assert_eq!(refused.header("x-should-retry"), "false");
    }
    assert_eq!(
        ask(&server.client, "k", &asked).await.body,
        first.body,
        "what is kept is untouched"
    );
    assert_eq!(mock.requests().len(), 1);
}

#[tokio::test]
async fn another_key_s_idempotency_keys_do_not_exist() {
    let secret = GeneratedKey::generate(&mut rand::rng()).secret;
    let text = secret.expose().clone();
    let entry = KeyEntry::new("another key of the tenant", secret).expect("a key");
    let server = TestServer::knowing(vec![entry]).await;
    let sibling = server.client.with_key(&text);
    let asked = response("lukhas-matriz", false);
    let mut ids = HashSet::new();
    for client in [&server.client, &server.stranger, &sibling] {
        let answer = ask(client, "k", &asked).await;
        assert_eq!(answer.header("idempotent-replayed"), "");
        ids.insert(answer.json()["id"].to_string());
        let other = ask(client, "k", &embedding()).await;
        assert_eq!(other.status, 409, "it is the key's own");
    }
    assert_eq!(ids.len(), 3);
}

#[tokio::test]
async fn a_header_that_is_no_key_is_refused_by_name() {
    let server = TestServer::start().await;
    let asked = response("lukhas-matriz", false);
    let long = "x".repeat(256);
    for key in ["", "a b", &long] {
        let answer = ask(&server.client, key, &asked).await;
        assert_eq!((answer.status, &*code(&answer)), (400, "invalid_value"));
        assert_eq!(answer.json()["error"]["param"], "Idempotency-Key");
    }
    let mut twice = keyed(&server.client, "a", &asked);
    let value = "b".parse().expect("a header");
    twice.headers_mut().append("idempotency-key", value);
    assert_eq!(server.client.whole(twice).await.status, 400);
    let longest = "x".repeat(255);
    assert_eq!(ask(&server.client, &longest, &asked).await.status, 200);
    // Where nothing is run, nobody looks at it.
    let mut models = server.client.request("GET", "/v1/models", Bytes::new());
    let value = "a b".parse().expect("a header");
    models.headers_mut().insert("idempotency-key", value);
    assert_eq!(server.client.whole(models).await.status, 200);
}

#[tokio::test]
async fn what_failed_before_its_run_began_is_carried_out_anew() {
    let (mock, server) = before_mock().await;
    for stream in [true, false] {
        let asked = chat("mock+503x1", stream);
        mock.reset();
        let key = format!("k-{stream}");
        let failed = ask(&server.client, &key, &asked).await;
        assert_eq!(failed.status, 503);
        let answer = ask(&server.client, &key, &asked).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(answer.header("idempotent-replayed"), "");
        let again = ask(&server.client, &key, &asked).await;
        assert_eq!(again.body, answer.body);
        assert_eq!(mock.requests().len(), 2);
    }
    // Nothing of a whole answer has reached anybody before it is whole.
    mock.reset();
    let cut = response("mock+tcp_cut@2", false);
    for _ in 0..2 {
        assert_eq!(ask(&server.client, "cut", &cut).await.status, 502);
    }
    assert_eq!(mock.requests().len(), 2);
    // Its body is the key's no longer: a request that was refused may be set right.
    let wrong = (CHAT, json!({"model": "mock", "messages": "none"}));
    assert_eq!(ask(&server.client, "wrong", &wrong).await.status, 400);
    let right = chat("mock", false);
    assert_eq!(ask(&server.client, "wrong", &right).await.status, 200);
}

#[tokio::test]
async fn who_waits_for_what_fails_gets_the_one_failure() {
    let (mock, server) = before_mock().await;
    let asked = chat("mock+slow_head=50ms+500", false);
    let answers = join_all((0..10).map(|_| ask(&server.client, "k", &asked))).await;
    for answer in &answers {
        assert_eq!(same(answer), same(&answers[0]));
        assert_eq!((answer.status, &*code(answer)), (502, "upstream_error"));
    }
    assert_eq!(mock.requests().len(), 1);
}

#[tokio::test]
async fn an_answer_that_failed_midway_stays_as_it_was() {
    let (mock, server) = before_mock().await;
    for asked in [
        chat("mock+tcp_cut@2", true),
        response("mock+tcp_cut@2", true),
    ] {
        mock.reset();
        let first = ask(&server.client, asked.0, &asked).await;
        assert_eq!(first.status, 200, "{}", first.text());
        let code = "upstream_truncated";
        assert!(first.text().contains(code), "{}", first.text());
        let again = ask(&server.client, asked.0, &asked).await;
        assert_eq!(same(&again), same(&first));
        assert_eq!(again.header("idempotent-replayed"), "true");
        assert_eq!(mock.requests().len(), 1);
    }
}

/// Reads to the first piece of an answer in which `text` stands; what was read.
async fn read_to(answer: &mut Response<hyper::body::Incoming>, text: &str) -> String {
    let mut read = String::new();
    while !read.contains(text) {
        let frame = answer.frame().await.expect("a piece").expect("a piece");
        let data = frame.into_data().expect("data");
        read += std::str::from_utf8(&data).expect("text");
    }
    read
}

#[tokio::test]
async fn who_has_attached_loses_nothing_when_the_first_leaves() {
    let (mock, server) = before_mock().await;
    let asked = chat("mock+delay=30ms", true);
    let request = || keyed(&server.client, "k", &asked);
    let mut first = server.client.send(request()).await;
    let begun = read_to(&mut first, "one").await;
    let attached = server.client.send(request()).await;
    drop(first);
    let rest = attached.collect().await.expect("a whole body").to_bytes();
    let text = String::from_utf8(rest.to_vec()).expect("text");
    assert!(text.starts_with(&begun) && text.ends_with(DONE), "{text}");
    let again = ask(&server.client, "k", &asked).await;
    assert_eq!(again.body, rest);
    assert_eq!(mock.requests().len(), 1);
    assert_eq!(
        claims(&server).await,
        [
            "{outcome=attached} 1",
            "{outcome=new} 1",
            "{outcome=replayed} 1"
        ]
    );
}

#[tokio::test]
async fn a_client_that_comes_back_finds_the_run_it_left() {
    for (asked, left_at) in [
        (chat("mock+delay=30ms", true), Some("one")),
        (response("mock+delay=30ms", true), Some("one")),
        (chat("mock+slow_head=100ms", false), None),
    ] {
        let (mock, server) = before_mock().await;
        match left_at {
            Some(text) => {
                let mut first = server.client.send(keyed(&server.client, "k", &asked)).await;
                read_to(&mut first, text).await;
            }
            None => {
                let wait = Duration::from_millis(50);
                let asking = ask(&server.client, "k", &asked);
                let left = tokio::time::timeout(wait, asking).await;
                assert!(left.is_err());
            }
        }
        let back = ask(&server.client, "k", &asked).await;
        assert_eq!(back.status, 200, "{}", back.text());
        let again = ask(&server.client, "k", &asked).await;
        assert_eq!(again.body, back.body);
        assert_eq!(mock.requests().len(), 1, "{asked:?}");
        let stats = mock.stats();
        assert_eq!(format!("{:?}", stats.recent[0].ending), "Answered");
    }
}

/// Asks the gateway in this process, so that the clock can stand still.
async fn answered(server: &TestServer, key: &str, asked: &(&str, Value)) -> Response<Body> {
    let request = keyed(&server.client, key, asked);
    let Ok(answer) = server.gateway.answer(request).await;
    answer
}

async fn body(answer: Response<Body>) -> Bytes {
    answer.collect().await.expect("a whole body").to_bytes()
}

fn slow(delay: Duration) -> Options {
    Options {
        token_delay: delay,
        ..Options::default()
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_is_kept_for_its_time() {
    let server = TestServer::start().await;
    let asked = response("lukhas-matriz", false);
    let first = body(answered(&server, "k", &asked).await).await;
    advance(Duration::from_hours(24) - Duration::from_secs(1)).await;
    assert_eq!(body(answered(&server, "k", &asked).await).await, first);
    advance(Duration::from_secs(1)).await;
    assert_ne!(body(answered(&server, "k", &asked).await).await, first);
}

#[tokio::test(start_paused = true)]
async fn a_run_that_nobody_comes_back_to_ends_and_is_forgotten() {
    let server = TestServer::with(slow(Duration::from_secs(60))).await;
    let asked = response("lukhas-matriz", true);
    let mut first = answered(&server, "k", &asked).await;
    let begun = first.frame().await.expect("a piece").expect("a piece");
    drop(first);
    sleep(Duration::from_secs(29)).await;
    assert_eq!(server.drain.in_flight(), 1, "it lingers");
    sleep(Duration::from_secs(2)).await;
    assert_eq!(server.drain.in_flight(), 0, "it has ended");
    let mut anew = answered(&server, "k", &asked).await;
    let piece = anew.frame().await.expect("a piece").expect("a piece");
    assert_ne!(piece.data_ref(), begun.data_ref());
}

#[tokio::test(start_paused = true)]
async fn a_stop_waits_for_a_run_that_lingers() {
    let server = TestServer::with(slow(Duration::from_secs(1))).await;
    let asked = response("lukhas-matriz", true);
    let mut first = answered(&server, "k", &asked).await;
    first.frame().await.expect("a piece").expect("a piece");
    drop(first);
    server.drain.begin();
    assert_eq!(server.drain.in_flight(), 1);
    server.drain.idle().await;
    // What is there is given even now; what is not, is not begun.
    let kept = body(answered(&server, "k", &asked).await).await;
    let kept = String::from_utf8(kept.to_vec()).expect("text");
    assert!(kept.contains("event: response.completed"), "{kept}");
    assert!(kept.ends_with(DONE), "{kept}");
    assert_eq!(answered(&server, "other", &asked).await.status(), 503);
}

#[tokio::test(start_paused = true)]
async fn a_stop_that_waits_no_longer_ends_it_with_an_error() {
    let server = TestServer::with(slow(Duration::from_secs(10))).await;
    let asked = response("lukhas-matriz", true);
    let mut first = answered(&server, "k", &asked).await;
    first.frame().await.expect("a piece").expect("a piece");
    drop(first);
    server.drain.begin();
    server.drain.force();
    server.drain.idle().await;
    let kept = body(answered(&server, "k", &asked).await).await;
    let kept = String::from_utf8(kept.to_vec()).expect("text");
    assert!(kept.contains("event: response.failed"), "{kept}");
    assert!(kept.ends_with(DONE), "{kept}");
}

fn quota(amount: u64) -> Option<Quota> {
    let config = QuotaConfig {
        amount,
        period: Duration::from_hours(1),
        burst: amount,
    };
    Some(Quota::new(config).expect("a good quota"))
}

fn limited(rule: LimitRule) -> Options {
    let rules = vec![LimitRule {
        name: "all".into(),
        per: vec![Per::Key],
        ..rule
    }];
    Options {
        rate_limits: RateLimits {
            rules,
            ..RateLimits::default()
        },
        ..Options::default()
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_given_again_counts_as_a_request_and_uses_no_tokens() {
    let asked = response("lukhas-matriz", false);
    let told = |answer: &Response<Body>, unit: &str| {
        let name = format!("x-ratelimit-remaining-{unit}");
        let value = answer.headers().get(name);
        value.map(|value| value.to_str().expect("a number").to_owned())
    };
    let server = TestServer::with(limited(LimitRule {
        requests: quota(3),
        ..LimitRule::default()
    }))
    .await;
    for left in ["2", "1", "0"] {
        let answer = answered(&server, "k", &asked).await;
        assert_eq!(answer.status(), 200);
        assert_eq!(told(&answer, "requests").as_deref(), Some(left));
    }
    let denied = answered(&server, "k", &asked).await;
    assert_eq!(denied.status(), 429, "before it is looked for");

    let server = TestServer::with(limited(LimitRule {
        tokens: quota(3_000),
        ..LimitRule::default()
    }))
    .await;
    let first = answered(&server, "a", &asked).await;
    assert!(told(&first, "tokens").is_some(), "the first is told");
    for _ in 0..10 {
        let again = answered(&server, "a", &asked).await;
        assert_eq!(told(&again, "tokens"), None);
    }
    let next = answered(&server, "b", &asked).await;
    let [before, after] = [&first, &next].map(|answer| {
        let left = told(answer, "tokens").expect("it is told");
        left.parse::<u64>().expect("a number")
    });
    // Each holds an estimate of far more than its some thirty tokens until it has ended.
    assert!((1..200).contains(&(before - after)), "{before}, {after}");
}

#[tokio::test(start_paused = true)]
async fn who_reads_an_answer_is_one_of_the_requests_at_a_time() {
    let options = Options {
        token_delay: Duration::from_secs(5),
        ..limited(LimitRule {
            concurrency: NonZeroU32::new(2),
            ..LimitRule::default()
        })
    };
    let server = TestServer::with(options).await;
    let asked = response("lukhas-matriz", true);
    let first = answered(&server, "k", &asked).await;
    let attached = answered(&server, "k", &asked).await;
    assert_eq!(answered(&server, "k", &asked).await.status(), 429);
    drop(attached);
    assert_eq!(answered(&server, "k", &asked).await.status(), 200);
    // The run that lingers has the place of who began it.
    drop(first);
    let other = answered(&server, "other", &asked).await;
    assert_eq!(other.status(), 200);
    assert_eq!(answered(&server, "another", &asked).await.status(), 429);
    body(other).await;
    assert_eq!(answered(&server, "another", &asked).await.status(), 200);
}

#[tokio::test]
async fn what_a_limit_denies_late_may_be_asked_again() {
    let server = TestServer::with(limited(LimitRule {
        tokens: quota(2_000),
        ..LimitRule::default()
    }))
    .await;
    let wish = |tokens: u32| {
        let body = json!({"model": "lukhas-matriz", "input": "Hi", "max_output_tokens": tokens});
        (RESPONSES, body)
    };
    let denied = ask(&server.client, "k", &wish(5_000)).await;
    assert_eq!(denied.status, 429);
    let other = ask(&server.client, "k", &wish(100)).await;
    assert_eq!(other.status, 200, "the key is free: {}", other.text());
}
