// SPDX-License-Identifier: Apache-2.0
//! The yardstick: the least that a proxy of models can do.
//!
//! It checks one key, reads the body, finds `model` in it with `serde_json`, asks the upstream over
//! hyper-util's pooled client, and hands the answer's body on as it comes.

use std::convert::Infallible;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt, Either, Full};
use hyper::body::Incoming;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use hyper::{Request, Response, StatusCode, Uri};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use serde::Deserialize;

use crate::serve::serve;

/// What its clients send.
const KEY: &str = "bare-proxy";

type Answer = Response<Either<Full<Bytes>, Incoming>>;

/// Where requests go.
struct Upstream {
    address: String,
    key: HeaderValue,
    client: Client<HttpConnector, Full<Bytes>>,
}

#[derive(Deserialize)]
struct Asked {
    model: String,
}

/// Stands before the upstream at `address` until it is killed.
pub(crate) async fn run(address: String) {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    let client = Client::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .build(connector);
    let upstream = Arc::new(Upstream {
        address,
        key: HeaderValue::from_static("Bearer upstream"),
        client,
    });
    serve(KEY, move |request| {
        let upstream = Arc::clone(&upstream);
        async move { Ok::<_, Infallible>(respond(request, &upstream).await) }
    })
    .await;
}

async fn respond(request: Request<Incoming>, upstream: &Upstream) -> Answer {
    let key = request.headers().get(AUTHORIZATION);
    let key = key.and_then(|value| value.as_bytes().strip_prefix(b"Bearer "));
    if key != Some(KEY.as_bytes()) {
        return refusal(StatusCode::UNAUTHORIZED);
    }
    match forward(request, upstream).await {
        Ok(answer) => answer.map(Either::Right),
        Err(status) => refusal(status),
    }
}

async fn forward(
    request: Request<Incoming>,
    upstream: &Upstream,
) -> Result<Response<Incoming>, StatusCode> {
    let path = request.uri().path();
    let url = format!("http://{}{path}", upstream.address);
    let url: Uri = url.parse().map_err(|_| StatusCode::BAD_REQUEST)?;
    let body = request.into_body().collect().await;
    let body = body.map_err(|_| StatusCode::BAD_REQUEST)?.to_bytes();
    let asked: Asked = serde_json::from_slice(&body).map_err(|_| StatusCode::BAD_REQUEST)?;
    if asked.model.is_empty() {
        return Err(StatusCode::BAD_REQUEST);
    }
    let request = Request::post(url)
        .header(AUTHORIZATION, &upstream.key)
        .header(CONTENT_TYPE, "application/json")
        .body(Full::new(body))
        .map_err(|_| StatusCode::BAD_REQUEST)?;
    let answer = upstream.client.request(request).await;
    answer.map_err(|_| StatusCode::BAD_GATEWAY)
}

fn refusal(status: StatusCode) -> Answer {
    let mut answer = Response::new(Either::Left(Full::default()));
    *answer.status_mut() = status;
    answer
}
