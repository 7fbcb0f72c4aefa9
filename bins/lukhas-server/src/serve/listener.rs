// SPDX-License-Identifier: Apache-2.0
//! Connections as they come.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::{Instant, sleep_until};

/// First and longest wait after a connection could not be accepted.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(5), Duration::from_secs(1));

/// Connections that may wait to be accepted; the system may allow fewer (`net.core.somaxconn`).
///
/// What does not fit is lost or reset by the kernel, and its client waits a second before it tries
/// again.
const BACKLOG: u32 = 4096;

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
    /// Listens on `address`. It has to be called from a runtime.
    ///
    /// # Errors
    /// When the address is taken, not of this machine or not allowed.
    pub(crate) fn bind(address: SocketAddr) -> io::Result<Self> {
        let socket = match address {
            SocketAddr::V4(_) => TcpSocket::new_v4()?,
            SocketAddr::V6(_) => TcpSocket::new_v6()?,
        };
        // A server that was just stopped has left connections behind that hold the address.
        #[cfg(unix)]
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        Ok(Self {
            socket: socket.listen(BACKLOG)?,
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
        let mut listener = Listener::bind(([127, 0, 0, 1], 0).into()).unwrap();
        let _client = TcpStream::connect(listener.address().unwrap())
            .await
            .unwrap();
        let (stream, peer) = listener.accept().await;
        assert!(stream.nodelay().unwrap());
        assert!(peer.is_loopback());
    }

    /// As many as the system allows, and more than it takes when nobody asks for more (128).
    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn a_burst_of_connections_waits_to_be_accepted() {
        let most = std::fs::read_to_string("/proc/sys/net/core/somaxconn").unwrap();
        let burst = most.trim().parse().unwrap_or(0).min(500);
        let listener = Listener::bind(([127, 0, 0, 1], 0).into()).unwrap();
        let address = listener.address().unwrap();
        let patience = Duration::from_millis(900);
        let mut waiting = Vec::new();
        for _ in 0..burst {
            let connected = std::net::TcpStream::connect_timeout(&address, patience);
            waiting.push(connected.expect("a place in the queue"));
        }
    }
}
