// SPDX-License-Identifier: Apache-2.0
//! Guarantees R1 and R3 at the rim: rules hold, and whoever is over one is told when to come back.
//!
//! Requests go to the gateway in this process, so that the clock can stand still.

mod outage;
mod tokens;

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{Request, Response};
use lukhas_gateway::{LimitRule, OnFailure, Peer, Per, RateClass, RateLimits, SharedLimits};
use lukhas_reliability::{Quota, QuotaConfig};
use lukhas_tests::{Client, Options, SharedHere, TestServer};
use serde_json::{Value, json};
use tokio::time::{Instant, advance};

use crate::places::Place;

in_every_place! {
    whoever_comes_back_when_told_is_admitted_and_nobody_before,
    ten_minutes_admit_what_the_rule_says,
    what_a_rule_counts_by_has_counts_of_its_own,
    a_rule_covers_what_it_names_and_nothing_else,
    a_request_that_a_later_rule_denies_spends_nothing_of_an_earlier_one,
    a_time_that_is_too_long_to_wait_for_is_said_and_not_waited_for,
    a_place_among_the_requests_at_a_time_lasts_as_long_as_the_answer,
    who_has_no_key_and_what_has_no_limit_take_nothing,
    addresses_have_counts_of_their_own,
}

/// What is told of one unit: limit, remaining and reset.
type Told = (u64, u64, String);

/// An answer with what it says of limits.
#[derive(Debug)]
struct Limited {
    status: u16,
    requests: Option<Told>,
    tokens: Option<Told>,
    /// `Retry-After` and `retry-after-ms`.
    retry_after: Option<(u64, u64)>,
    should_retry: Option<String>,
    body: Value,
}

fn quota(amount: u64, seconds: u64, burst: u64) -> Option<Quota> {
    let period = Duration::from_secs(seconds);
    let config = QuotaConfig {
        amount,
        period,
        burst,
    };
    Some(Quota::new(config).expect("a good quota"))
}

/// A rule of 2 requests a second for each of what `per` says.
fn rule(name: &str, per: &[Per]) -> LimitRule {
    LimitRule {
        name: name.into(),
        per: per.to_vec(),
        requests: quota(2, 1, 2),
        ..LimitRule::default()
    }
}

fn options(place: Place, rules: impl IntoIterator<Item = LimitRule>) -> Options {
    let shared = SharedLimits {
        limiter: Arc::new(SharedHere::default()),
        on_failure: OnFailure::Deny,
    };
    let aliases = [("gpt-4o-mini".to_owned(), "lukhas-matriz".to_owned())];
    let rate_limits = RateLimits {
        rules: rules.into_iter().collect(),
        aliases: aliases.into(),
    };
    Options {
        rate_limits,
        shared_limits: Some(shared).filter(|_| place == Place::Shared),
        ..Options::default()
    }
}

async fn server(place: Place, rules: impl IntoIterator<Item = LimitRule>) -> TestServer {
    TestServer::with(options(place, rules)).await
}

/// The head of the answer to `client`, who posts `body`, or gets where there is none.
async fn head(
    server: &TestServer,
    client: &Client,
    path: &str,
    body: Option<&Value>,
) -> Response<Body> {
    let method = if body.is_some() { "POST" } else { "GET" };
    let body = body.map(Value::to_string).unwrap_or_default();
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("authorization", format!("Bearer {}", client.key()))
        .body(Full::new(Bytes::from(body)))
        .expect("a request");
    let Ok(response) = server.gateway.answer(request).await;
    response
}

async fn ask(server: &TestServer, path: &str, body: Option<&Value>) -> Limited {
    limited(head(server, &server.client, path, body).await).await
}

async fn limited(response: Response<Body>) -> Limited {
    let (head, body) = response.into_parts();
    let text = |name: &str| {
        let value = head.headers.get(name)?;
        Some(value.to_str().expect("text").to_owned())
    };
    let number = |name: &str| Some(text(name)?.parse::<u64>().expect("a number"));
    let told = |unit: &str| {
        let name = |what: &str| format!("x-ratelimit-{what}-{unit}");
        let (limit, remaining) = (number(&name("limit"))?, number(&name("remaining"))?);
        Some((limit, remaining, text(&name("reset"))?))
    };
    let body = body.collect().await.expect("a whole body").to_bytes();
    Limited {
        status: head.status.as_u16(),
        requests: told("requests"),
        tokens: told("tokens"),
        retry_after: number("retry-after").zip(number("retry-after-ms")),
        should_retry: text("x-should-retry"),
        body: serde_json::from_slice(&body).unwrap_or(Value::Null),
    }
}

fn told(limit: u64, remaining: u64, reset: &str) -> Option<Told> {
    Some((limit, remaining, reset.to_owned()))
}

fn response() -> Value {
    json!({"model": "lukhas-matriz", "input": "Hello there", "store": false})
}

async fn whoever_comes_back_when_told_is_admitted_and_nobody_before(place: Place) {
    let slow = LimitRule {
        requests: quota(7, 60, 2),
        ..rule("models", &[Per::Key])
    };
    let server = server(place, [slow]).await;
    let models = || ask(&server, "/v1/models", None);
    assert_eq!(models().await.requests, told(2, 1, "8.572s"));
    assert_eq!(models().await.requests, told(2, 0, "17.143s"));
    for _ in 0..20 {
        let denied = models().await;
        assert_eq!(denied.status, 429);
        let (seconds, ms) = denied.retry_after.expect("a time");
        assert!(seconds * 1_000 >= ms && (seconds - 1) * 1_000 < ms);
        let [limit, remaining] = [2, 0];
        let (told_limit, told_remaining, _) = denied.requests.expect("a standing");
        assert_eq!((told_limit, told_remaining), (limit, remaining));
        advance(Duration::from_millis(ms - 1)).await;
        assert_eq!(models().await.status, 429, "too early by a millisecond");
        advance(Duration::from_millis(1)).await;
        assert_eq!(models().await.status, 200);
    }
    let denied = models().await;
    let error = &denied.body["error"];
    assert_eq!(error["type"], "rate_limit_exceeded");
    assert_eq!(error["code"], "rate_limit_exceeded");
    let message = error["message"].as_str().expect("a message");
    let expected = "Rate limit `models` reached: 7 requests per minute, 2 at once. Retry in 8.5";
    assert!(message.starts_with(expected), "{message}");
    let metrics = ask(&server, "/metrics", None).await;
    assert_eq!(
        metrics.status, 429,
        "the rule names no class, so it covers all"
    );
    advance(Duration::from_secs(60)).await;
    let metrics = head(&server, &server.client, "/metrics", None).await;
    let text = metrics
        .into_body()
        .collect()
        .await
        .expect("text")
        .to_bytes();
    let text = String::from_utf8_lossy(&text).into_owned();
    let series = "lukhas_rate_limited_total{rule=\"models\",unit=\"requests\"} 42";
    assert!(text.contains(series), "{text}");
}

async fn ten_minutes_admit_what_the_rule_says(place: Place) {
    let server = server(place, [rule("models", &[Per::Key])]).await;
    let (begun, mut admitted) = (Instant::now(), 0_u64);
    while begun.elapsed() < Duration::from_secs(600) {
        let answer = ask(&server, "/v1/models", None).await;
        match answer.retry_after {
            None => admitted += 1,
            Some((_, ms)) => advance(Duration::from_millis(ms)).await,
        }
    }
    let expected = 2 * 600 + 2;
    assert!(admitted.abs_diff(expected) * 100 <= expected, "{admitted}");
    assert!(admitted <= expected, "{admitted}");
}

async fn what_a_rule_counts_by_has_counts_of_its_own(place: Place) {
    let chat = json!({"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Hi"}]});
    let embed = json!({"model": "text-embedding-3-small", "input": "Hi"});
    // Who asks, where, and whether it is counted with the first by each of the ways.
    for (per, shared_by_stranger, shared_by_model, shared_by_route) in [
        (&[][..], true, true, true),
        (&[Per::Key], false, true, true),
        (&[Per::Project], false, true, true),
        (&[Per::Model], true, false, true),
        (&[Per::Endpoint], true, false, false),
        (&[Per::Key, Per::Endpoint], false, false, false),
    ] {
        let server = server(place, [rule("all", per)]).await;
        for _ in 0..2 {
            let answer = ask(&server, "/v1/responses", Some(&response())).await;
            assert_eq!(answer.status, 200, "{}", answer.body);
        }
        let status = |shared| if shared { 429 } else { 200 };
        let same = ask(&server, "/v1/responses", Some(&response())).await;
        assert_eq!(same.status, 429, "{per:?}");
        let stranger = head(
            &server,
            &server.stranger,
            "/v1/responses",
            Some(&response()),
        )
        .await;
        assert_eq!(stranger.status(), status(shared_by_stranger), "{per:?}");
        let other_model = ask(&server, "/v1/embeddings", Some(&embed)).await;
        assert_eq!(other_model.status, status(shared_by_model), "{per:?}");
        // An alias is the same model.
        let other_route = ask(&server, "/v1/chat/completions", Some(&chat)).await;
        assert_eq!(other_route.status, status(shared_by_route), "{per:?}");
    }
}

async fn a_rule_covers_what_it_names_and_nothing_else(place: Place) {
    let stranger = "stranger".to_owned();
    let one = quota(1, 1, 1);
    for (rule, covered) in [
        (
            LimitRule {
                classes: vec![RateClass::Responses],
                ..rule("a", &[])
            },
            [true, true, false],
        ),
        (
            LimitRule {
                classes: vec![RateClass::Chat],
                ..rule("b", &[])
            },
            [false, false, true],
        ),
        (
            LimitRule {
                models: vec!["lukhas-m*".parse().expect("a pattern")],
                ..rule("c", &[])
            },
            [true, true, true],
        ),
        (
            LimitRule {
                models: vec!["gpt-4o-mini".parse().expect("a pattern")],
                ..rule("d", &[])
            },
            [false, false, true],
        ),
        (
            LimitRule {
                projects: vec![stranger],
                ..rule("e", &[])
            },
            [false, true, false],
        ),
        (
            LimitRule {
                keys: vec!["nobody".into()],
                ..rule("f", &[])
            },
            [false, false, false],
        ),
    ] {
        let name = rule.name.clone();
        let rule = LimitRule {
            requests: one,
            ..rule
        };
        let server = server(place, [rule]).await;
        let chat = json!({"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Hi"}]});
        for (at, (client, path, body)) in [
            (&server.client, "/v1/responses", &response()),
            (&server.stranger, "/v1/responses", &response()),
            (&server.client, "/v1/chat/completions", &chat),
        ]
        .into_iter()
        .enumerate()
        {
            advance(Duration::from_secs(1)).await;
            let mut last = 0;
            for _ in 0..2 {
                last = head(&server, client, path, Some(body))
                    .await
                    .status()
                    .as_u16();
            }
            let expected = if covered[at] { 429 } else { 200 };
            assert_eq!(last, expected, "{name} {path}");
        }
    }
}

async fn a_request_that_a_later_rule_denies_spends_nothing_of_an_earlier_one(place: Place) {
    let wide = LimitRule {
        requests: quota(1, 3_600, 10),
        ..rule("wide", &[Per::Key])
    };
    let narrow = LimitRule {
        requests: quota(1, 60, 1),
        ..rule("narrow", &[Per::Model])
    };
    let server = server(place, [wide, narrow]).await;
    let asked = ask(&server, "/v1/responses", Some(&response())).await;
    assert_eq!(asked.requests, told(1, 0, "1m0s"), "the tightest is told");
    for _ in 0..5 {
        let denied = ask(&server, "/v1/responses", Some(&response())).await;
        assert_eq!(
            (denied.status, denied.retry_after),
            (429, Some((60, 60_000)))
        );
        assert_eq!(
            denied.requests,
            told(1, 0, "1m0s"),
            "the one that denies is told"
        );
    }
    let models = ask(&server, "/v1/models", None).await;
    assert_eq!(models.requests, told(10, 8, "2h0m0s"));
}

async fn a_time_that_is_too_long_to_wait_for_is_said_and_not_waited_for(place: Place) {
    let daily = LimitRule {
        requests: quota(1, 86_400, 1),
        ..rule("daily", &[])
    };
    let server = server(place, [daily]).await;
    assert_eq!(ask(&server, "/v1/models", None).await.should_retry, None);
    let denied = ask(&server, "/v1/models", None).await;
    assert_eq!(denied.requests, told(1, 0, "24h0m0s"));
    assert_eq!(denied.retry_after, Some((120, 86_400_000)));
    assert_eq!(denied.should_retry.as_deref(), Some("false"));
}

async fn a_place_among_the_requests_at_a_time_lasts_as_long_as_the_answer(place: Place) {
    for model in [None, Some("lukhas-matriz".parse().expect("a pattern"))] {
        let one = LimitRule {
            requests: None,
            concurrency: Some(std::num::NonZeroU32::MIN),
            models: model.into_iter().collect(),
            ..rule("one", &[Per::Key])
        };
        let server = server(place, [one]).await;
        let mut streamed = response();
        streamed["stream"] = json!(true);
        let open = head(&server, &server.client, "/v1/responses", Some(&streamed)).await;
        let denied = ask(&server, "/v1/responses", Some(&response())).await;
        assert_eq!((denied.status, denied.retry_after), (429, Some((1, 1_000))));
        let message =
            "Rate limit `one` reached: 1 requests at a time. Retry when one of them has ended.";
        assert_eq!(denied.body["error"]["message"], message);
        assert_eq!(denied.requests, None);
        let other = head(
            &server,
            &server.stranger,
            "/v1/responses",
            Some(&response()),
        )
        .await;
        assert_eq!(other.status(), 200);
        // Whoever reads the end may ask again, before the connection knows of it.
        let mut body = open.into_body();
        let mut text = Vec::new();
        while !String::from_utf8_lossy(&text).contains("[DONE]") {
            let frame = body.frame().await.expect("an end").expect("a frame");
            text.extend_from_slice(&frame.into_data().expect("data"));
        }
        let next = head(&server, &server.client, "/v1/responses", Some(&streamed)).await;
        assert_eq!(next.status(), 200);
        drop(next);
        for _ in 0..3 {
            let answer = ask(&server, "/v1/responses", Some(&response())).await;
            assert_eq!(
                answer.status, 200,
                "a client that left took its place along"
            );
        }
        drop(body);
    }
}

async fn who_has_no_key_and_what_has_no_limit_take_nothing(place: Place) {
    let server = server(place, [rule("all", &[])]).await;
    let stranger = server.client.with_key("lk_nobody_0123456789");
    for _ in 0..5 {
        let refused = head(&server, &stranger, "/v1/models", None).await;
        assert_eq!(refused.status(), 401);
        assert!(
            refused
                .headers()
                .get("x-ratelimit-limit-requests")
                .is_none()
        );
        let health = head(&server, &server.client, "/healthz", None).await;
        assert_eq!(health.status(), 200);
    }
    assert_eq!(
        ask(&server, "/v1/models", None).await.requests,
        told(2, 1, "500ms")
    );
    // What is wrong with a request is said beside the standing, and counts.
    let wrong = ask(&server, "/v1/responses", Some(&json!({"input": 7}))).await;
    assert_eq!((wrong.status, wrong.requests), (400, told(2, 0, "1s")));
}

/// The status of a list of models that is asked for from `address`, if anybody says it.
async fn from(server: &TestServer, address: Option<&str>) -> u16 {
    let mut request = Request::builder()
        .uri("/v1/models")
        .header("authorization", format!("Bearer {}", server.client.key()))
        .body(Full::new(Bytes::new()))
        .expect("a request");
    if let Some(address) = address {
        let peer = Peer(address.parse().expect("an address"));
        request.extensions_mut().insert(peer);
    }
    let Ok(response) = server.gateway.answer(request).await;
    response.status().as_u16()
}

async fn addresses_have_counts_of_their_own(place: Place) {
    let server = server(place, [rule("address", &[Per::Address])]).await;
    for same in [
        ["203.0.113.7", "203.0.113.7", "::ffff:203.0.113.7"],
        ["203.0.113.8", "203.0.113.8", "203.0.113.8"],
        ["2001:db8::1", "2001:db8::ffff:2", "2001:db8:0:0:3::"],
        ["2001:db8:0:1::1", "2001:db8:0:1::1", "2001:db8:0:1::2"],
    ] {
        let mut seen = Vec::new();
        for address in same {
            seen.push(from(&server, Some(address)).await);
        }
        assert_eq!(seen, [200, 200, 429], "{same:?}");
    }
    // Those of which nobody says it count together.
    for expected in [200, 200, 429] {
        assert_eq!(from(&server, None).await, expected);
    }
}
