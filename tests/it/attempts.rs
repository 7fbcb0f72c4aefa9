// SPDX-License-Identifier: Apache-2.0
//! Attempts with wrong keys, and the clients that make them.

use std::net::IpAddr;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt;
use lukhas_gateway::Peer;
use lukhas_tests::{Answer, FAILURES, TestServer};
use tokio::time::advance;

const PATH: &str = "/v1/models";
const CLIENT: &str = "203.0.113.7";
const PROXY: &str = "10.0.0.1";

/// What `key` gets from `peer`, which says that it has the request `from` somebody.
async fn ask_via(server: &TestServer, peer: &str, from: Option<&str>, key: &str) -> Answer {
    let client = server.client.with_key(key);
    let mut request = client.request("GET", PATH, Bytes::new());
    let peer: IpAddr = peer.parse().expect("an address");
    request.extensions_mut().insert(Peer(peer));
    if let Some(from) = from {
        let from = from.parse().expect("a header");
        request.headers_mut().insert("x-forwarded-for", from);
    }
    let answer = server.gateway.answer(request).await.expect("an answer");
    let (head, body) = answer.into_parts();
    Answer {
        status: head.status.as_u16(),
        headers: head.headers,
        body: body.collect().await.expect("a body").to_bytes(),
    }
}

async fn ask(server: &TestServer, peer: &str, key: &str) -> Answer {
    ask_via(server, peer, None, key).await
}

/// A key with the identifier of `key` and another secret.
fn guess(key: &str, number: u32) -> String {
    format!("{}{number:030}{}", &key[..17], &key[47..])
}

#[tokio::test(start_paused = true)]
async fn too_many_guesses_are_refused_and_a_right_key_is_not() {
    let server = TestServer::start().await;
    let (key, neighbour) = (server.client.key(), server.reader.key());
    let [_, per_key] = FAILURES.map(u32::from);
    for number in 0..per_key {
        let answer = ask(&server, CLIENT, &guess(key, number)).await;
        assert_eq!((answer.status, answer.header("retry-after")), (401, ""));
    }
    let judged = server.judged.load(Ordering::SeqCst);
    let refused = ask(&server, CLIENT, &guess(key, per_key)).await;
    assert_eq!(refused.status, 429);
    let error = &refused.json()["error"];
    assert_eq!(error["code"], "rate_limit_exceeded");
    assert_eq!(error["type"], "rate_limit_exceeded");
    // What is refused is refused unseen: the right secret of that key, too.
    assert_eq!(ask(&server, CLIENT, key).await.status, 429);
    assert_eq!(server.judged.load(Ordering::SeqCst), judged);

    assert_eq!(ask(&server, CLIENT, neighbour).await.status, 200);
    assert_eq!(ask(&server, "203.0.113.8", key).await.status, 200);

    let wait: u64 = refused.header("retry-after").parse().expect("seconds");
    let exact: u64 = refused.header("retry-after-ms").parse().expect("a time");
    assert_eq!(wait, exact.div_ceil(1000));
    advance(Duration::from_millis(exact)).await;
    assert_eq!(ask(&server, CLIENT, key).await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_tries_many_keys_is_refused() {
    let server = TestServer::start().await;
    let [per_client, _] = FAILURES.map(u32::from);
    for number in 0..per_client {
        let key = format!("a-key-of-nobody-{number}");
        assert_eq!(ask(&server, CLIENT, &key).await.status, 401);
    }
    assert_eq!(
        ask(&server, CLIENT, "another-key-of-nobody").await.status,
        429
    );
    let right = server.client.key();
    assert_eq!(ask(&server, CLIENT, right).await.status, 429);
    assert_eq!(ask(&server, "2001:db8::1", right).await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn requests_without_a_key_are_no_attempts() {
    let server = TestServer::start().await;
    for _ in 0..100 {
        assert_eq!(ask(&server, CLIENT, "").await.status, 401);
    }
    assert_eq!(ask(&server, CLIENT, server.client.key()).await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn clients_behind_a_trusted_proxy_are_told_apart_and_others_cannot_pretend() {
    let server = TestServer::start().await;
    let key = server.client.key();
    let [_, per_key] = FAILURES.map(u32::from);
    for number in 0..per_key {
        let (bad, forged) = (guess(key, number), format!("198.51.100.{number}"));
        ask_via(&server, PROXY, Some(CLIENT), &bad).await;
        ask_via(&server, "203.0.113.9", Some(&forged), &bad).await;
    }
    let status = async |peer, from| ask_via(&server, peer, Some(from), key).await.status;
    assert_eq!(status(PROXY, CLIENT).await, 429);
    assert_eq!(status("10.0.0.2", CLIENT).await, 429, "by another proxy");
    assert_eq!(status(CLIENT, "198.51.100.1").await, 429, "without a proxy");
    assert_eq!(status(PROXY, "203.0.113.8").await, 200, "another client");
    assert_eq!(status("203.0.113.9", "198.51.100.200").await, 429, "forged");
}
