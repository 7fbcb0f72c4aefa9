// SPDX-License-Identifier: Apache-2.0
//! How a mock behaves.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};

use sha2::{Digest, Sha256};

use crate::Rule;

/// Most connections at a time, unless told otherwise.
const CONNECTIONS: usize = 1024;

/// How a [`crate::MockServer`] behaves. The default listens on a free port of loopback, takes any
/// key, and answers what the offline engine answers.
#[derive(Clone, Debug)]
pub struct MockOptions {
    pub(crate) listen: SocketAddr,
    pub(crate) rules: Vec<Rule>,
    pub(crate) key: Option<KeyDigest>,
    pub(crate) max_connections: usize,
}

/// The SHA-256 of a key: enough to recognise it, and nothing to find it by.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct KeyDigest([u8; 32]);

impl Default for MockOptions {
    fn default() -> Self {
        Self {
            listen: (Ipv4Addr::LOCALHOST, 0).into(),
            rules: Vec::new(),
            key: None,
            max_connections: CONNECTIONS,
        }
    }
}

impl MockOptions {
    /// Listens on `address`; port 0 takes a free one.
    #[must_use]
    pub fn with_listen(mut self, address: SocketAddr) -> Self {
        self.listen = address;
        self
    }

    /// Answers by `rules`, the first that matches; other requests as without rules.
    #[must_use]
    pub fn with_rules(mut self, rules: Vec<Rule>) -> Self {
        self.rules = rules;
        self
    }

    /// Answers 401 to requests without this key.
    #[must_use]
    pub fn with_key(mut self, key: KeyDigest) -> Self {
        self.key = Some(key);
        self
    }

    /// Serves at most so many connections at a time, at least 1; further ones wait to be accepted.
    #[must_use]
    pub fn with_max_connections(mut self, connections: usize) -> Self {
        self.max_connections = connections.max(1);
        self
    }

    /// Where it will listen.
    #[must_use]
    pub fn listen(&self) -> SocketAddr {
        self.listen
    }
}

impl KeyDigest {
    /// The digest of `key`.
    #[must_use]
    pub fn of(key: impl AsRef<[u8]>) -> Self {
        Self(Sha256::digest(key).into())
    }
}

impl fmt::Debug for KeyDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyDigest(..)")
    }
}
