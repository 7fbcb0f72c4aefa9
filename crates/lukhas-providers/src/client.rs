// SPDX-License-Identifier: Apache-2.0
//! Connections to upstreams, kept open for the next request.
//!
//! Every thread of a runtime has connections of its own: a server that keeps its clients'
//! connections on one thread each (as `lukhas serve` does) then never waits for another thread.
//! There is one origin and one protocol to a pool, which makes a request's way through it short.

use std::cell::RefCell;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, Uri};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::http1::{Builder, SendRequest};
use hyper::rt::Executor as _;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use tokio::runtime::Handle;
use tokio::time::{sleep, timeout};
use tower::Service as _;

use crate::UpstreamError;

/// How often connections without a request are looked through: one that has had none since the last
/// time is closed.
const SWEEP: Duration = Duration::from_secs(30);

/// Most connections without a request, for each thread.
const MAX_IDLE: usize = 256;

/// Most bytes that a connection reads ahead of whoever takes them, and most that the head of an answer
/// may have. hyper's own bound is 400 KiB, which a thousand streams that come faster than they are
/// passed on do take.
const MAX_BUFFER: usize = 16 << 10;

type Sender = SendRequest<Full<Bytes>>;

/// Makes and remembers the connections to one upstream.
#[derive(Debug)]
pub(crate) struct Clients {
    connector: HttpsConnector<HttpConnector>,
    origin: Uri,
    connect: Duration,
    /// Tells this upstream's connections from others'.
    identity: Arc<()>,
}

/// A connection that has just brought an answer. Dropped, it is closed.
pub(crate) struct Connection {
    sender: Sender,
    pool: Pool,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unsent {
    /// There was no connection in time.
    #[error("there was no connection in time")]
    Slow,
    /// No connection came about.
    #[error("no connection came about: {0}")]
    Refused(tower::BoxError),
    /// The connection broke before an answer came.
    #[error("the connection broke: {0:?}")]
    Broken(hyper::Error),
}

/// The connections without a request.
type Pool = Arc<Mutex<Idle>>;

#[derive(Default)]
struct Idle {
    /// The one that was used last is the last.
    kept: Vec<Kept>,
    is_swept: bool,
}

struct Kept {
    sender: Sender,
    /// Whether it has been used since the last sweep.
    is_fresh: bool,
}

struct PoolOf {
    upstream: Weak<()>,
    runtime: tokio::runtime::Id,
    pool: Pool,
}

thread_local! {
    static POOLS: RefCell<Vec<PoolOf>> = const { RefCell::new(Vec::new()) };
}

impl Clients {
    /// Connections to the scheme and authority of `origin` that take at most `connect` to come
    /// about, and trust the public certificate authorities, or those of the PEM text `ca` alone.
    pub(crate) fn new(
        origin: Uri,
        connect: Duration,
        ca: Option<&[u8]>,
    ) -> Result<Self, UpstreamError> {
        let roots = match ca {
            None => RootCertStore {
                roots: webpki_roots::TLS_SERVER_ROOTS.into(),
            },
            Some(pem) => authorities(pem)?,
        };
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| UpstreamError::new("ca", error.to_string()))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let mut http = HttpConnector::new();
        http.set_nodelay(true);
        http.enforce_http(false);
        // Of several addresses each has its share.
        http.set_connect_timeout(Some(connect));
        Ok(Self {
            connector: HttpsConnectorBuilder::new()
                .with_tls_config(tls)
                .https_or_http()
                .enable_http1()
                .wrap_connector(http),
            origin,
            connect,
            identity: Arc::new(()),
        })
    }

    /// Sends `request`, whose URI is a path and which has all its headers, over a connection that is
    /// free or a new one, and waits until its answer begins. Must be called within a runtime.
    ///
    /// A connection that was kept may turn out to be closed; what it did not take is sent again.
    pub(crate) async fn send(
        &self,
        mut request: Request<Full<Bytes>>,
    ) -> Result<(Response<Incoming>, Connection), Unsent> {
        let pool = self.pool();
        loop {
            let kept = lock(&pool).take();
            let is_kept = kept.is_some();
            let mut sender = match kept {
                Some(sender) => sender,
                None => Box::pin(self.connect()).await?,
            };
            match sender.try_send_request(request).await {
                Ok(response) => return Ok((response, Connection { sender, pool })),
                Err(mut error) => match error.take_message() {
                    Some(untouched) if is_kept => request = untouched,
                    _ => return Err(Unsent::Broken(error.into_error())),
                },
            }
        }
    }

    async fn connect(&self) -> Result<Sender, Unsent> {
        let mut connector = self.connector.clone();
        let connected = timeout(self.connect, connector.call(self.origin.clone())).await;
        let stream = connected
            .map_err(|_| Unsent::Slow)?
            .map_err(Unsent::Refused)?;
        let mut http = Builder::new();
        let handshake = http.max_buf_size(MAX_BUFFER).handshake(stream);
        let (sender, connection) = handshake.await.map_err(Unsent::Broken)?;
        // It ends with its sender, or when the upstream closes it.
        TokioExecutor::new().execute(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection to an upstream ended");
            }
        });
        Ok(sender)
    }

    /// The connections of this thread and runtime.
    fn pool(&self) -> Pool {
        let runtime = Handle::current().id();
        POOLS.with_borrow_mut(|pools| {
            let mine = |of: &&PoolOf| {
                of.runtime == runtime
                    && std::ptr::eq(of.upstream.as_ptr(), Arc::as_ptr(&self.identity))
            };
            if let Some(found) = pools.iter().find(mine) {
                return Arc::clone(&found.pool);
            }
            pools.retain(|of| of.upstream.strong_count() > 0);
            let pool = Pool::default();
            pools.push(PoolOf {
                upstream: Arc::downgrade(&self.identity),
                runtime,
                pool: Arc::clone(&pool),
            });
            pool
        })
    }
}

impl Connection {
    /// Keeps it for the next request. Its answer is over, or what is left of it is not wanted.
    pub(crate) fn keep(self) {
        let Self { sender, pool } = self;
        let mut idle = lock(&pool);
        if sender.is_closed() || idle.kept.len() >= MAX_IDLE {
            return;
        }
        idle.kept.push(Kept {
            sender,
            is_fresh: true,
        });
        if !std::mem::replace(&mut idle.is_swept, true) {
            TokioExecutor::new().execute(sweep(Arc::downgrade(&pool)));
        }
    }
}

impl Idle {
    /// The connection that was used last and is free.
    fn take(&mut self) -> Option<Sender> {
        for at in (0..self.kept.len()).rev() {
            let sender = &self.kept[at].sender;
            if sender.is_ready() {
                return Some(self.kept.remove(at).sender);
            }
            if sender.is_closed() {
                self.kept.remove(at);
            }
        }
        None
    }

    /// Closes what has not been used since the last time. Whether anything is left.
    fn sweep(&mut self) -> bool {
        self.kept.retain_mut(|kept| {
            std::mem::replace(&mut kept.is_fresh, false) && !kept.sender.is_closed()
        });
        self.is_swept = !self.kept.is_empty();
        self.is_swept
    }
}

/// Closes connections that nobody uses, as long as there are any.
async fn sweep(pool: Weak<Mutex<Idle>>) {
    loop {
        sleep(SWEEP).await;
        match pool.upgrade() {
            Some(pool) if lock(&pool).sweep() => {}
            Some(_) | None => return,
        }
    }
}

fn lock(pool: &Mutex<Idle>) -> std::sync::MutexGuard<'_, Idle> {
    // Every change of it is one call that cannot be interrupted halfway.
    pool.lock().unwrap_or_else(PoisonError::into_inner)
}

fn authorities(pem: &[u8]) -> Result<RootCertStore, UpstreamError> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let added = certificate
            .map_err(|error| error.to_string())
            .and_then(|certificate| roots.add(certificate).map_err(|error| error.to_string()));
        added
            .map_err(|error| UpstreamError::new("ca", format!("is not a certificate: {error}")))?;
    }
    if roots.is_empty() {
        return Err(UpstreamError::new("ca", "holds no certificate in PEM form"));
    }
    Ok(roots)
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use http_body_util::BodyExt;
    use hyper_rustls::MaybeHttpsStream;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;
    use tower::ServiceExt;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn clients(address: SocketAddr) -> Clients {
        let origin = format!("http://{address}").parse().unwrap();
        Clients::new(origin, SECOND * 60, None).unwrap()
    }

    fn request() -> Request<Full<Bytes>> {
        let request = Request::post("/").header("host", "upstream");
        request.body(Full::default()).unwrap()
    }

    /// An upstream that gives each connection this many answers of `ok`, and then closes it.
    async fn upstream(answers: usize) -> (SocketAddr, Arc<AtomicUsize>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let connections = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&connections);
        TokioExecutor::new().execute(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                count.fetch_add(1, Ordering::Relaxed);
                TokioExecutor::new().execute(async move {
                    for _ in 0..answers {
                        let mut head = Vec::new();
                        while !head.ends_with(b"\r\n\r\n") {
                            match stream.read_u8().await {
                                Ok(byte) => head.push(byte),
                                Err(_) => return,
                            }
                        }
                        let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
                        stream.write_all(answer).await.unwrap();
                    }
                });
            }
        });
        (address, connections)
    }

    async fn ask(clients: &Clients) -> Connection {
        let (response, connection) = clients.send(request()).await.unwrap();
        let body = response.into_body().collect().await.unwrap();
        assert_eq!(body.to_bytes(), "ok");
        connection
    }

    fn idle(clients: &Clients) -> usize {
        lock(&clients.pool()).kept.len()
    }

    #[tokio::test]
    async fn small_writes_to_an_upstream_do_not_wait() {
        let (address, _) = upstream(0).await;
        let connector = clients(address).connector;
        let stream = connector.oneshot(format!("http://{address}").parse().unwrap());
        let MaybeHttpsStream::Http(stream) = stream.await.unwrap() else {
            panic!("TLS for a URL without it");
        };
        assert!(stream.inner().nodelay().unwrap());
    }

    #[tokio::test]
    async fn a_connection_is_used_again_if_it_is_kept() {
        let (address, connections) = upstream(usize::MAX).await;
        let clients = clients(address);
        for _ in 0..5 {
            ask(&clients).await.keep();
        }
        assert_eq!(connections.load(Ordering::Relaxed), 1);
        drop(ask(&clients).await);
        ask(&clients).await.keep();
        assert_eq!(connections.load(Ordering::Relaxed), 2, "one was dropped");
        let (first, second) = tokio::join!(ask(&clients), ask(&clients));
        assert_eq!(connections.load(Ordering::Relaxed), 3, "two at a time");
        first.keep();
        second.keep();
        assert_eq!(idle(&clients), 2);
    }

    #[tokio::test]
    async fn a_connection_that_was_closed_meanwhile_costs_no_request() {
        let (address, connections) = upstream(1).await;
        let clients = clients(address);
        for asked in 1..=20 {
            ask(&clients).await.keep();
            assert_eq!(connections.load(Ordering::Relaxed), asked);
            // Sometimes the end has been seen before the next request, and sometimes not.
            if asked % 2 == 0 {
                sleep(Duration::from_millis(2)).await;
            }
        }
    }

    #[tokio::test]
    async fn what_nobody_uses_is_closed_after_a_while() {
        let (address, _) = upstream(usize::MAX).await;
        let clients = clients(address);
        ask(&clients).await.keep();
        tokio::time::pause();
        sleep(SWEEP + SECOND).await;
        assert_eq!(idle(&clients), 1, "it was used since the last sweep");
        sleep(SWEEP).await;
        assert_eq!(idle(&clients), 0);
        tokio::time::resume();
        ask(&clients).await.keep();
        assert_eq!(idle(&clients), 1);
    }

    /// Whether an answer comes whose head has a header of so many bytes.
    async fn takes_a_header_of(bytes: usize) -> bool {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let clients = clients(listener.local_addr().unwrap());
        let answering = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            let long = "x".repeat(bytes);
            let head = format!("HTTP/1.1 200 OK\r\nlong: {long}\r\ncontent-length: 0\r\n\r\n");
            // Who will not read all of it resets the connection.
            let _ = stream.write_all(head.as_bytes()).await;
            stream
        };
        let (sent, _stream) = tokio::join!(clients.send(request()), answering);
        sent.is_ok()
    }

    #[tokio::test]
    async fn no_more_is_read_ahead_than_a_connection_may_hold() {
        assert!(takes_a_header_of(MAX_BUFFER - 1_000).await);
        // The last piece that is read may be as long again.
        assert!(!takes_a_header_of(2 * MAX_BUFFER).await);
    }

    #[tokio::test]
    async fn who_takes_no_connections_is_refused() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let clients = clients(listener.local_addr().unwrap());
        drop(listener);
        let sent = clients.send(request()).await;
        assert!(matches!(sent, Err(Unsent::Refused(_))));
    }
}
