// SPDX-License-Identifier: Apache-2.0
//! The listener and its limits.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use lukhas_gateway::Network;

use super::problem;
use crate::config::{Problem, ServerConfig, excerpt};

/// The listener and its limits; [`ServerConfig`] says what each means.
#[derive(Clone, Debug)]
pub struct Server {
    listen: SocketAddr,
    trusted_proxies: Vec<Network>,
    header_read_timeout: Duration,
    body_read_timeout: Duration,
    idle_timeout: Duration,
    stream_write_timeout: Duration,
    drain_timeout: Duration,
    max_header_bytes: usize,
    max_body_bytes: usize,
    max_connections: usize,
    max_in_flight: usize,
}

impl Server {
    /// Address and port to listen on.
    #[must_use]
    pub fn listen(&self) -> SocketAddr {
        self.listen
    }

    /// Whether only this machine can reach the address.
    ///
    /// An IPv4 loopback address written as IPv6 (`::ffff:127.0.0.1`) does not count: better to ask
    /// for a key too often.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        self.listen.ip().is_loopback()
    }

    /// Networks of proxies whose word on where a request comes from is believed.
    #[must_use]
    pub fn trusted_proxies(&self) -> &[Network] {
        &self.trusted_proxies
    }

    /// From the first byte of a request to the end of its headers.
    #[must_use]
    pub fn header_read_timeout(&self) -> Duration {
        self.header_read_timeout
    }

    /// From the end of a request's headers to the end of its body.
    #[must_use]
    pub fn body_read_timeout(&self) -> Duration {
        self.body_read_timeout
    }

    /// How long a connection may stay without a request.
    #[must_use]
    pub fn idle_timeout(&self) -> Duration {
        self.idle_timeout
    }

    /// How long a client may read nothing of its answer.
    #[must_use]
    pub fn stream_write_timeout(&self) -> Duration {
        self.stream_write_timeout
    }

    /// How long a stop waits for requests under way.
    #[must_use]
    pub fn drain_timeout(&self) -> Duration {
        self.drain_timeout
    }

    /// Most bytes of a request's line and headers together.
    #[must_use]
    pub fn max_header_bytes(&self) -> usize {
        self.max_header_bytes
    }

    /// Most bytes of a request's body.
    #[must_use]
    pub fn max_body_bytes(&self) -> usize {
        self.max_body_bytes
    }

    /// Most connections at a time.
    #[must_use]
    pub fn max_connections(&self) -> usize {
        self.max_connections
    }

    /// Most runs at a time.
    #[must_use]
    pub fn max_in_flight(&self) -> usize {
        self.max_in_flight
    }
}

impl TryFrom<ServerConfig> for Server {
    type Error = Vec<Problem>;

    fn try_from(config: ServerConfig) -> Result<Self, Vec<Problem>> {
        let listen = address(&config.listen);
        let (trusted_proxies, mut problems) = networks(&config.trusted_proxies);
        let listen = match listen {
            Ok(listen) if problems.is_empty() => listen,
            listen => {
                problems.extend(listen.err());
                return Err(problems);
            }
        };
        Ok(Self {
            listen,
            trusted_proxies,
            header_read_timeout: config.header_read_timeout_ms.millis(),
            body_read_timeout: config.body_read_timeout_ms.millis(),
            idle_timeout: config.idle_timeout_ms.millis(),
            stream_write_timeout: config.stream_write_timeout_ms.millis(),
            drain_timeout: config.drain_timeout_ms.millis(),
            max_header_bytes: config.max_header_bytes.size(),
            max_body_bytes: config.max_body_bytes.size(),
            max_connections: config.max_connections.size(),
            max_in_flight: config.max_in_flight.size(),
        })
    }
}

fn networks(texts: &[String]) -> (Vec<Network>, Vec<Problem>) {
    let (mut networks, mut problems) = (Vec::new(), Vec::new());
    for (index, text) in texts.iter().enumerate() {
        match text.trim().parse() {
            Ok(network) => networks.push(network),
            Err(error) => {
                let key = format!("server.trusted_proxies.{index}");
                let message = format!("`{}` is no network: {error}", excerpt(text));
                problems.push(problem(&key, message));
            }
        }
    }
    (networks, problems)
}

fn address(text: &str) -> Result<SocketAddr, Problem> {
    text.trim().parse().map_err(|_| {
        let message = format!("`{}` is not an address and a port", excerpt(text));
        let help = match likely(text.trim()) {
            Some(address) => format!("write `{address}`"),
            None => "write `127.0.0.1:8080`, `0.0.0.0:8080` or `[::1]:8080`".to_owned(),
        };
        problem("server.listen", message).with_help(help)
    })
}

/// What the usual short forms mean: `8080`, `:8080`, `localhost:8080`, `127.0.0.1`.
fn likely(text: &str) -> Option<SocketAddr> {
    if let Ok(ip) = text.trim_matches(['[', ']']).parse::<IpAddr>() {
        return Some(SocketAddr::new(ip, 8080));
    }
    let (host, port) = text.rsplit_once(':').unwrap_or(("", text));
    let ip = match host {
        "" | "localhost" => IpAddr::from([127, 0, 0, 1]),
        "*" => IpAddr::from([0, 0, 0, 0]),
        _ => return None,
    };
    Some(SocketAddr::new(ip, port.parse().ok()?))
}
