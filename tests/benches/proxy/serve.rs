// SPDX-License-Identifier: Apache-2.0
//! An accept loop of plain HTTP/1.1, for the upstream and the yardstick.

use std::error::Error;
use std::future::Future;

use hyper::body::{Body, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// Serves on a free port of the loopback until the process is killed; prints its address and `key`
/// first, as `lukhas serve` does.
pub(crate) async fn serve<S, F, B, E>(key: &str, service: S)
where
    S: Fn(Request<Incoming>) -> F + Clone + Send + 'static,
    F: Future<Output = Result<Response<B>, E>> + Send + 'static,
    B: Body<Data: Send, Error: Into<Box<dyn Error + Send + Sync>>> + Send + 'static,
    E: Into<Box<dyn Error + Send + Sync>> + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    println!("  url   http://{address}\n  key   {key}");
    let mut connections = JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            continue;
        };
        let _ = stream.set_nodelay(true);
        let mut server = hyper::server::conn::http1::Builder::new();
        server.timer(TokioTimer::new());
        connections
            .spawn(server.serve_connection(TokioIo::new(stream), service_fn(service.clone())));
    }
}
