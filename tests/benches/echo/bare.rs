// SPDX-License-Identifier: Apache-2.0
//! The yardstick: hyper and serde_json, nothing else.

use std::convert::Infallible;
use std::process::ExitCode;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// Serves the bytes of the file `answer` until it is killed; prints its address first.
pub(crate) fn serve(answer: &str) -> ExitCode {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let answer = Bytes::from(std::fs::read(answer).expect("the answer"));
    runtime.block_on(accept(answer));
    ExitCode::SUCCESS
}

async fn accept(answer: Bytes) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    println!(
        "  url   http://{}",
        listener.local_addr().expect("an address")
    );
    let mut connections = JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            continue;
        };
        let _ = stream.set_nodelay(true);
        let answer = answer.clone();
        let service = service_fn(move |request| respond(request, answer.clone()));
        let mut server = hyper::server::conn::http1::Builder::new();
        server.timer(TokioTimer::new());
        connections.spawn(server.serve_connection(TokioIo::new(stream), service));
    }
}

async fn respond(
    request: Request<Incoming>,
    answer: Bytes,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let body = request
        .into_body()
        .collect()
        .await
        .map(|body| body.to_bytes())
        .unwrap_or_default();
    let parsed: Result<serde_json::Value, _> = serde_json::from_slice(&body);
    let mut response = Response::new(Full::new(answer));
    if !parsed.is_ok_and(|value| value["model"].is_string()) {
        *response.status_mut() = StatusCode::BAD_REQUEST;
    }
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(response)
}
