// SPDX-License-Identifier: Apache-2.0
//! The socket of a connection, with or without TLS.

use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::Target;
use crate::redis::error::{Failure, RedisError};

/// What is spoken over.
pub(super) enum Socket {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// Whose certificates are trusted.
pub(super) type Trust = Arc<ClientConfig>;

/// Trust in the public certificate authorities, or in those of the PEM text `ca` alone.
///
/// # Errors
/// [`RedisError`] when `ca` holds no certificate.
pub(in crate::redis) fn trust(ca: Option<&[u8]>) -> Result<Trust, RedisError> {
    const HELP: &str = "name a file of certificate authorities in PEM form";
    let roots = match ca {
        None => RootCertStore {
            roots: webpki_roots::TLS_SERVER_ROOTS.into(),
        },
        Some(pem) => {
            let mut roots = RootCertStore::empty();
            for certificate in CertificateDer::pem_slice_iter(pem) {
                let added = certificate
                    .map_err(|error| error.to_string())
                    .and_then(|it| roots.add(it).map_err(|error| error.to_string()));
                added.map_err(|error| {
                    RedisError::new(format!("it is not a certificate: {error}"), HELP)
                })?;
            }
            roots
        }
    };
    if roots.is_empty() {
        return Err(RedisError::new("it holds no certificate in PEM form", HELP));
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| RedisError::new(error.to_string(), HELP))?;
    let config = config.with_root_certificates(roots).with_no_client_auth();
    Ok(Arc::new(config))
}

impl Target {
    pub(super) async fn socket(&self) -> Result<Socket, Failure> {
        let stream = self.tcp().await;
        let stream =
            stream.map_err(|error| Failure::down(format!("there is no connection: {error}")))?;
        if !self.url.is_tls {
            return Ok(Socket::Plain(stream));
        }
        match self.tls(stream).await {
            Ok(stream) => Ok(Socket::Tls(Box::new(stream))),
            Err(error) => Err(untrusted(&error)),
        }
    }

    /// Whether what answers speaks TLS and is asked without, or the other way round.
    pub(super) async fn is_misread(&self) -> bool {
        let Ok(mut stream) = self.tcp().await else {
            return false;
        };
        if self.url.is_tls {
            let mut first = [0];
            let asked = stream.write_all(b"PING\r\n").await;
            let answered = stream.read_exact(&mut first).await;
            return asked.is_ok() && answered.is_ok() && matches!(&first, b"+" | b"-");
        }
        match self.tls(stream).await {
            Ok(_) => true,
            Err(error) => matches!(
                tls_error(&error),
                Some(rustls::Error::InvalidCertificate(_) | rustls::Error::AlertReceived(_))
            ),
        }
    }

    async fn tcp(&self) -> std::io::Result<TcpStream> {
        let stream = TcpStream::connect((&*self.url.host, self.url.port)).await?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }

    async fn tls(&self, stream: TcpStream) -> std::io::Result<TlsStream<TcpStream>> {
        let name = ServerName::try_from(self.url.host.clone());
        let name = name.map_err(std::io::Error::other)?;
        let connector = TlsConnector::from(Arc::clone(&self.trust));
        connector.connect(name, stream).await
    }
}

fn tls_error(error: &std::io::Error) -> Option<&rustls::Error> {
    error.get_ref()?.downcast_ref()
}

/// Why TLS did not come about. An error that is not of TLS itself may pass.
fn untrusted(error: &std::io::Error) -> Failure {
    match tls_error(error) {
        Some(error @ rustls::Error::InvalidCertificate(_)) => Failure::unfit(
            format!("its certificate is not trusted: {error}"),
            "name its certificate authority in `redis.ca_file`, and the host that it is for",
        ),
        Some(other) => Failure::unfit(
            format!("TLS does not come about: {other}"),
            "write `redis://` where it does not speak TLS",
        ),
        None => Failure::down(format!("TLS does not come about: {error}")),
    }
}
