// SPDX-License-Identifier: Apache-2.0
//! Connections to upstreams, kept open for the next request.
//!
//! Every runtime has connections of its own: a server that keeps its clients' connections on one
//! thread each (as `lukhas serve` does) then never waits for another thread.

use std::cell::RefCell;
use std::sync::{Arc, Weak};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use tokio::runtime::Handle;

use crate::UpstreamError;

/// How long a connection without a request is kept.
const IDLE: Duration = Duration::from_secs(60);

/// Most connections without a request, for each runtime.
const MAX_IDLE: usize = 256;

pub(crate) type HttpClient = Client<HttpsConnector<HttpConnector>, Full<Bytes>>;

/// Makes and remembers the connections to one upstream.
#[derive(Debug)]
pub(crate) struct Clients {
    tls: Arc<ClientConfig>,
    connect: Duration,
    /// Tells this upstream's connections from others'.
    identity: Arc<()>,
}

struct Kept {
    upstream: Weak<()>,
    runtime: tokio::runtime::Id,
    client: HttpClient,
}

thread_local! {
    static KEPT: RefCell<Vec<Kept>> = const { RefCell::new(Vec::new()) };
}

impl Clients {
    /// Connections that take at most `connect` to come about, and trust the public certificate
    /// authorities, or those of the PEM text `ca` alone.
    pub(crate) fn new(connect: Duration, ca: Option<&[u8]>) -> Result<Self, UpstreamError> {
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
        Ok(Self {
            tls: Arc::new(tls),
            connect,
            identity: Arc::new(()),
        })
    }

    /// The client of this runtime. Must be called within one.
    pub(crate) fn client(&self) -> HttpClient {
        let runtime = Handle::current().id();
        KEPT.with_borrow_mut(|kept| {
            kept.retain(|kept| kept.upstream.strong_count() > 0);
            let mine = |kept: &&Kept| {
                kept.runtime == runtime
                    && std::ptr::eq(kept.upstream.as_ptr(), Arc::as_ptr(&self.identity))
            };
            if let Some(found) = kept.iter().find(mine) {
                return found.client.clone();
            }
            let client = self.connect();
            kept.push(Kept {
                upstream: Arc::downgrade(&self.identity),
                runtime,
                client: client.clone(),
            });
            client
        })
    }

    fn connect(&self) -> HttpClient {
        Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE)
            .pool_max_idle_per_host(MAX_IDLE)
            .build(self.connector())
    }

    fn connector(&self) -> HttpsConnector<HttpConnector> {
        let mut http = HttpConnector::new();
        http.set_nodelay(true);
        http.enforce_http(false);
        http.set_connect_timeout(Some(self.connect));
        HttpsConnectorBuilder::new()
            .with_tls_config((*self.tls).clone())
            .https_or_http()
            .enable_http1()
            .wrap_connector(http)
    }
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
    use hyper_rustls::MaybeHttpsStream;
    use tokio::net::TcpListener;
    use tower::ServiceExt;

    use super::*;

    #[tokio::test]
    async fn small_writes_to_an_upstream_do_not_wait() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let clients = Clients::new(Duration::from_secs(60), None).unwrap();
        let url = format!("http://{address}/").parse().unwrap();
        let stream = clients.connector().oneshot(url).await.unwrap();
        let MaybeHttpsStream::Http(stream) = stream else {
            panic!("TLS for a URL without it");
        };
        assert!(stream.inner().nodelay().unwrap());
    }
}
