// SPDX-License-Identifier: Apache-2.0
//! Connections as they come.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, sleep_until};

/// First and longest wait after a connection could not be accepted.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(5), Duration::from_secs(1));

/// Bytes of an answer that the kernel may hold unsent, for each connection.
///
/// What the network has taken does not count, so fast clients are not slowed down. For slow ones
/// it bounds memory, and it makes a socket writable again after so few bytes that reading slowly
/// can be told from not reading.
#[cfg(target_os = "linux")]
const UNSENT: u32 = 32 * 1024;

/// A socket that connections come from.
#[derive(Debug)]
pub(crate) struct Listener {
    socket: TcpListener,
    backoff: Duration,
    not_before: Option<Instant>,
}

impl Listener {
    /// Listens on `address`.
    ///
    /// # Errors
    /// When the address is taken, not of this machine or not allowed.
    pub(crate) async fn bind(address: SocketAddr) -> io::Result<Self> {
        Ok(Self {
            socket: TcpListener::bind(address).await?,
            backoff: BACKOFF.0,
            not_before: None,
        })
    }

    /// The address, with the port that was chosen.
    pub(crate) fn address(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// The next connection, and the address at its other end. Dropping the future loses none.
    pub(crate) async fn accept(&mut self) -> (TcpStream, IpAddr) {
        loop {
            if let Some(instant) = self.not_before {
                sleep_until(instant).await;
                self.not_before = None;
            }
            match self.socket.accept().await {
                Ok((stream, address)) => {
                    self.backoff = BACKOFF.0;
                    prepare(&stream);
                    return (stream, address.ip());
                }
                Err(error) if is_of_connection(&error) => {
                    tracing::debug!(%error, "a connection ended before it was accepted");
                }
                Err(error) => self.back_off(&error),
            }
        }
    }

    /// Out of file descriptors or memory: the connection stays in the queue, so that accepting at
    /// once would fail the same way as fast as the machine can.
    fn back_off(&mut self, error: &io::Error) {
        let wait = self.backoff;
        tracing::warn!(%error, wait_ms = wait.as_millis(), "cannot accept connections");
        self.not_before = Some(Instant::now() + wait);
        self.backoff = (wait * 2).min(BACKOFF.1);
    }
}

fn is_of_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionReset
    )
}

fn prepare(stream: &TcpStream) {
    // Events of a stream are small and each is wanted now.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "cannot set TCP_NODELAY");
    }
    #[cfg(target_os = "linux")]
    if let Err(error) = socket2::SockRef::from(stream).set_tcp_notsent_lowat(UNSENT) {
        tracing::debug!(%error, "cannot set TCP_NOTSENT_LOWAT");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn small_writes_of_an_accepted_connection_do_not_wait() {
        let mut listener = Listener::bind(([127, 0, 0, 1], 0).into()).await.unwrap();
        let _client = TcpStream::connect(listener.address().unwrap())
            .await
            .unwrap();
        let (stream, peer) = listener.accept().await;
        assert!(stream.nodelay().unwrap());
        assert!(peer.is_loopback());
    }
}
