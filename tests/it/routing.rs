// SPDX-License-Identifier: Apache-2.0
//! The two ways in: the gateway itself, and its router.

use axum::body::Body;
use axum::http::{HeaderMap, Response, StatusCode};
use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::service::Service;
use hyper_util::service::TowerToHyperService;
use lukhas_gateway::{Gateway, routes};
use lukhas_tests::{Client, TestServer};

/// What can be compared of an answer to a request for `path`.
async fn seen(path: &str, answer: Response<Body>) -> (StatusCode, HeaderMap, Bytes) {
    let (mut head, body) = answer.into_parts();
    // Others for each request, and the length is left to who sends it.
    for name in ["x-request-id", "openai-processing-ms", "content-length"] {
        head.headers.remove(name);
    }
    let body = body.collect().await.expect("a body").to_bytes();
    // What is counted grows with every request.
    let body = if path == "/metrics" {
        Bytes::new()
    } else {
        body
    };
    (head.status, head.headers, body)
}

async fn check(gateway: &Gateway, client: &Client, method: &str, path: &str) {
    let request = || client.request(method, path, Bytes::new());
    let direct = gateway.answer(request()).await.expect("an answer");
    let router = TowerToHyperService::new(gateway.router());
    let routed = router.call(request()).await.expect("an answer");
    let (direct, routed) = (seen(path, direct).await, seen(path, routed).await);
    assert_eq!(direct, routed, "{method} {path}");
}

#[tokio::test]
async fn the_gateway_answers_as_its_router_does() {
    let server = TestServer::start().await;
    let known = routes().iter().map(|route| route.path);
    let unknown = [
        "/",
        "/v1/responses/",
        "//v1/models",
        "/v1/Models",
        "/v1/models?x=1",
    ];
    for path in known.chain(unknown) {
        let path = path.replace(['{', '}'], "");
        for method in ["GET", "HEAD", "POST", "DELETE", "PUT", "OPTIONS"] {
            for client in [&server.client, &server.reader] {
                check(&server.gateway, client, method, &path).await;
            }
        }
    }
}
