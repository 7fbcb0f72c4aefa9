// SPDX-License-Identifier: Apache-2.0
//! Limits that replicas share, and what is done while they cannot be asked.

use http_body_util::StreamBody;
use hyper::body::Frame;
use tokio::sync::oneshot;

use super::*;

async fn replica(on_failure: OnFailure, rules: Vec<LimitRule>) -> (TestServer, SharedHere) {
    let shared = SharedHere::default();
    let limits = SharedLimits {
        limiter: Arc::new(shared.clone()),
        on_failure,
    };
    let options = Options {
        shared_limits: Some(limits),
        ..options(Place::Shared, rules)
    };
    (TestServer::with(options).await, shared)
}

fn by_model(name: &str) -> LimitRule {
    rule(name, &[Per::Model])
}

async fn check_of(server: &TestServer) -> (u16, Value) {
    let answer = ask(server, "/readyz", None).await;
    (answer.status, answer.body["checks"]["here"].clone())
}

async fn metrics(server: &TestServer) -> String {
    let body = head(server, &server.client, "/metrics", None).await;
    let body = body.into_body().collect().await.expect("a body").to_bytes();
    String::from_utf8(body.to_vec()).expect("text")
}

#[tokio::test(start_paused = true)]
async fn a_request_is_asked_about_once_for_its_key_and_once_for_its_model() {
    let (server, shared) = replica(
        OnFailure::Deny,
        vec![
            LimitRule {
                classes: vec![RateClass::Responses, RateClass::Models],
                ..rule("key", &[Per::Key])
            },
            LimitRule {
                classes: vec![RateClass::Responses, RateClass::Chat],
                concurrency: std::num::NonZeroU32::new(9),
                ..by_model("model")
            },
        ],
    )
    .await;
    for (path, body, questions) in [
        ("/v1/models", None, 1),
        ("/v1/responses", Some(response()), 2),
        ("/v1/responses/resp_1", None, 0),
        ("/healthz", None, 0),
    ] {
        let before = shared.asked();
        ask(&server, path, body.as_ref()).await;
        assert_eq!(shared.asked() - before, questions, "{path}");
    }
}

#[tokio::test(start_paused = true)]
async fn replicas_that_share_count_together() {
    let shared = SharedHere::default();
    let limits = || SharedLimits {
        limiter: Arc::new(shared.clone()),
        on_failure: OnFailure::Deny,
    };
    let options = || Options {
        shared_limits: Some(limits()),
        ..options(Place::Shared, [rule("all", &[])])
    };
    let replicas = [
        TestServer::with(options()).await,
        TestServer::with(options()).await,
    ];
    let mut statuses = Vec::new();
    for replica in replicas.iter().chain(&replicas) {
        statuses.push(ask(replica, "/v1/models", None).await.status);
    }
    assert_eq!(statuses, [200, 200, 429, 429]);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_asked_about_is_denied() {
    let rules = vec![LimitRule {
        classes: vec![RateClass::Models],
        ..rule("models", &[Per::Key])
    }];
    let (server, shared) = replica(OnFailure::Deny, rules).await;
    shared.set_reachable(false);
    let denied = ask(&server, "/v1/models", None).await;
    assert_eq!((denied.status, denied.retry_after), (503, Some((1, 1_000))));
    assert_eq!(denied.body["error"]["code"], "store_unavailable");
    assert_eq!(denied.body["error"]["type"], "server_error");
    let other = ask(&server, "/v1/responses", Some(&response())).await;
    assert_eq!(other.status, 200, "no limit covers it");
    let reason = json!({"status": "failed", "reason": "it is gone"});
    assert_eq!(check_of(&server).await, (503, reason));
    shared.set_reachable(true);
    assert_eq!(ask(&server, "/v1/models", None).await.status, 200);
    assert_eq!(check_of(&server).await, (200, json!({"status": "ok"})));
    let metrics = metrics(&server).await;
    let line = "lukhas_limits_fallback_total{outcome=\"denied\"} 1\n";
    assert!(metrics.contains(line), "{metrics}");
}

#[tokio::test(start_paused = true)]
async fn a_server_counts_alone_if_that_is_wanted() {
    let rules = vec![LimitRule {
        classes: vec![RateClass::Models],
        ..rule("models", &[])
    }];
    let (server, shared) = replica(OnFailure::Local, rules).await;
    let ask = || ask(&server, "/v1/models", None);
    assert_eq!(ask().await.requests, told(2, 1, "500ms"));
    shared.set_reachable(false);
    // Its own counts are full.
    assert_eq!(ask().await.requests, told(2, 1, "500ms"));
    assert_eq!(ask().await.requests, told(2, 0, "1s"));
    assert_eq!(ask().await.status, 429);
    let reason = json!({"status": "warning", "reason": "it is gone"});
    assert_eq!(check_of(&server).await, (200, reason));
    let metrics = metrics(&server).await;
    let line = "lukhas_limits_fallback_total{outcome=\"local\"} 3\n";
    assert!(metrics.contains(line), "{metrics}");
    shared.set_reachable(true);
    assert_eq!(ask().await.requests, told(2, 0, "1s"));
}

/// The status of a request whose body comes when `between` has been done.
async fn in_two_parts(server: &TestServer, between: impl FnOnce()) -> u16 {
    let (send, receive) = oneshot::channel::<Bytes>();
    let body = futures_util::stream::once(async {
        Ok::<_, oneshot::error::RecvError>(Frame::data(receive.await?))
    });
    let request = Request::post("/v1/responses")
        .header("authorization", format!("Bearer {}", server.client.key()))
        .body(StreamBody::new(Box::pin(body)))
        .expect("a request");
    let answer = server.gateway.answer(request);
    tokio::pin!(answer);
    for _ in 0..10 {
        assert!(futures_util::poll!(&mut answer).is_pending());
        tokio::task::yield_now().await;
    }
    between();
    send.send(response().to_string().into()).expect("it waits");
    let Ok(answer) = answer.await;
    answer.status().as_u16()
}

#[tokio::test(start_paused = true)]
async fn a_request_may_be_asked_about_in_two_places() {
    let rules = || vec![rule("key", &[Per::Key]), by_model("model")];
    let (server, shared) = replica(OnFailure::Deny, rules()).await;
    let gone = in_two_parts(&server, || shared.set_reachable(false));
    assert_eq!(gone.await, 503);

    let (server, shared) = replica(OnFailure::Local, rules()).await;
    for _ in 0..2 {
        shared.set_reachable(true);
        let gone = in_two_parts(&server, || shared.set_reachable(false));
        assert_eq!(gone.await, 200);
    }
    // Its own counts of the model are used up, and the shared ones of the key.
    assert_eq!(
        ask(&server, "/v1/responses", Some(&response()))
            .await
            .status,
        429
    );
    shared.set_reachable(true);
    assert_eq!(
        ask(&server, "/v1/responses", Some(&response()))
            .await
            .status,
        429
    );

    let (server, shared) = replica(OnFailure::Local, rules()).await;
    // What its own counts admitted is given back when the shared ones deny.
    for _ in 0..2 {
        assert_eq!(
            ask(&server, "/v1/responses", Some(&response()))
                .await
                .status,
            200
        );
    }
    shared.set_reachable(false);
    for _ in 0..4 {
        let back = in_two_parts(&server, || shared.set_reachable(true));
        assert_eq!(back.await, 429);
        shared.set_reachable(false);
    }
    assert_eq!(
        ask(&server, "/v1/models", None).await.requests,
        told(2, 1, "500ms")
    );
}
