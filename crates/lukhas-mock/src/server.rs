// SPDX-License-Identifier: Apache-2.0
//! The mock, its accept loop and its connections.

mod socket;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::record::Recorder;
use crate::service::Service;
use crate::{MockError, MockOptions, MockStats, RecordedRequest};

pub(crate) use socket::ResetSwitch;

use socket::Socket;

/// Most bytes of a request's line and headers together.
const HEAD: usize = 64 << 10;

/// How long accepting rests when the system has no descriptor left.
const REST: Duration = Duration::from_millis(20);

/// A mock that listens. It stops when it is dropped: its socket is closed and its connections are
/// cut.
#[derive(Debug)]
pub struct MockServer {
    address: SocketAddr,
    recorder: Arc<Recorder>,
    _tasks: JoinSet<()>,
}

impl MockServer {
    /// Listens as `options` say.
    ///
    /// # Errors
    /// [`MockError::Listen`] when the address is taken, not of this machine or not allowed.
    pub async fn start(options: MockOptions) -> Result<Self, MockError> {
        let failed = |source| MockError::Listen {
            address: options.listen,
            source,
        };
        let listener = TcpListener::bind(options.listen).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let recorder = Arc::new(Recorder::new());
        let most = options.max_connections;
        let service = Arc::new(Service::new(options, Arc::clone(&recorder)));
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, service, most));
        Ok(Self {
            address,
            recorder,
            _tasks: tasks,
        })
    }

    /// Where it listens, with the port that was chosen.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The URL that API paths such as `/v1/models` come behind.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What it has seen.
    #[must_use]
    pub fn stats(&self) -> MockStats {
        self.recorder.stats()
    }

    /// The last 256 requests, oldest first.
    #[must_use]
    pub fn requests(&self) -> Vec<RecordedRequest> {
        self.recorder.requests()
    }

    /// Forgets what it has seen, counts of faults and rules included.
    pub fn reset(&self) {
        self.recorder.reset();
    }

    /// Waits until what it has seen is as `wanted`, and gives that. Waits forever when it never is:
    /// put a timeout around it.
    pub async fn wait_until(&self, wanted: impl Fn(&MockStats) -> bool + Send) -> MockStats {
        let mut changes = self.recorder.subscribe();
        loop {
            let stats = self.stats();
            // The sender lives as long as the recorder, which is borrowed here.
            if wanted(&stats) || changes.changed().await.is_err() {
                return stats;
            }
        }
    }
}

/// Accepts connections and serves them, until it is dropped with all of them.
async fn accept(listener: TcpListener, service: Arc<Service>, most: usize) {
    let mut connections = JoinSet::new();
    loop {
        let full = connections.len() >= most;
        tokio::select! {
            Some(_) = connections.join_next() => {}
            accepted = listener.accept(), if !full => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(serve(stream, Arc::clone(&service)));
                }
                Err(_) => tokio::time::sleep(REST).await,
            },
        }
    }
}

/// Serves one connection to its end.
async fn serve(stream: TcpStream, service: Arc<Service>) {
    // Each event is wanted now. Without this a mock is only slower.
    let _ = stream.set_nodelay(true);
    let _connected = service.recorder().connect();
    let switch = ResetSwitch::default();
    let socket = Socket::new(stream, switch.clone());
    let answer = service_fn(move |request| {
        let (service, switch) = (Arc::clone(&service), switch.clone());
        async move { service.answer(request, switch).await }
    });
    let mut builder = http1::Builder::new();
    let builder = builder.auto_date_header(false).max_buf_size(HEAD);
    // How it ended is on record already.
    let _ = builder.serve_connection(TokioIo::new(socket), answer).await;
}
