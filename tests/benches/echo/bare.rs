// SPDX-License-Identifier: Apache-2.0
//! The yardstick: hyper and serde_json, nothing else. It parses the body with `serde_json`, and
//! writes its answer with `serde_json`: the same bytes as ours, from a value it holds.

use std::convert::Infallible;
use std::process::ExitCode;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// Serves the bytes of the file `answer` until it is killed; prints its address first,
/// and a key that it does not ask for.
pub(crate) fn serve(answer: &str) -> ExitCode {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let answer = std::fs::read(answer).expect("the answer");
    let answer: Value = serde_json::from_slice(&answer).expect("JSON");
    runtime.block_on(accept(Arc::new(answer)));
    ExitCode::SUCCESS
}

async fn accept(answer: Arc<Value>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    println!("  url   http://{address}\n  key   none");
    let mut connections = JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            continue;
        };
        let _ = stream.set_nodelay(true);
        let answer = Arc::clone(&answer);
        let service = service_fn(move |request| respond(request, Arc::clone(&answer)));
        let mut server = hyper::server::conn::http1::Builder::new();
        server.timer(TokioTimer::new());
        connections.spawn(server.serve_connection(TokioIo::new(stream), service));
    }
}

async fn respond(
    request: Request<Incoming>,
    answer: Arc<Value>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let body = request
        .into_body()
        .collect()
        .await
        .map(|body| body.to_bytes())
        .unwrap_or_default();
    let parsed: Result<Value, _> = serde_json::from_slice(&body);
    let answer = serde_json::to_vec(&*answer).expect("JSON");
    let mut response = Response::new(Full::new(Bytes::from(answer)));
    if !parsed.is_ok_and(|value| value["model"].is_string()) {
        *response.status_mut() = StatusCode::BAD_REQUEST;
    }
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(response)
}
