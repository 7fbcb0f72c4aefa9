// SPDX-License-Identifier: Apache-2.0
//! A client that does as it is told, even what no client should do.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};

use crate::process::{PATIENCE, Server};

/// One connection to a server.
pub(crate) struct Client {
    pub(crate) stream: TcpStream,
    key: String,
}

/// An answer with a length.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Server {
    /// A new connection.
    pub(crate) fn connect(&self) -> Client {
        let stream = TcpStream::connect(SocketAddr::from(([127, 0, 0, 1], self.port))).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        let key = if self.banner.contains("lk_live_") {
            self.key().to_owned()
        } else {
            String::new()
        };
        Client { stream, key }
    }

    /// Asks on a connection of its own.
    pub(crate) fn get(&self, path: &str) -> Answer {
        self.connect().get(path)
    }
}

impl Client {
    pub(crate) fn with_key(mut self, key: &str) -> Self {
        key.clone_into(&mut self.key);
        self
    }

    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).unwrap();
    }

    pub(crate) fn send_get(&mut self, path: &str) {
        let key = &self.key;
        self.send(format!(
            "GET {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {key}\r\n\r\n"
        ));
    }

    pub(crate) fn send_post(&mut self, path: &str, body: &str) {
        self.send_post_with(path, "", body);
    }

    /// The same, with further `headers`, each with its line's end.
    pub(crate) fn send_post_with(&mut self, path: &str, headers: &str, body: &str) {
        let (key, length) = (&self.key, body.len());
        self.send(format!(
            "POST {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {key}\r\n{headers}\
             content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
        ));
    }

    pub(crate) fn get(&mut self, path: &str) -> Answer {
        self.send_get(path);
        self.answer()
    }

    pub(crate) fn post(&mut self, path: &str, body: &str) -> Answer {
        self.send_post(path, body);
        self.answer()
    }

    /// Asks for `text` to be echoed as a stream.
    pub(crate) fn send_stream(&mut self, text: &str) {
        let body = format!(r#"{{"model":"lukhas-matriz","stream":true,"input":"{text}"}}"#);
        self.send_post("/v1/responses", &body);
    }

    /// Waits until a stream has given its first piece.
    pub(crate) fn first_piece(&mut self) {
        self.read_to(b"output_text.delta");
    }

    /// Reads to the first `end`, and no further.
    pub(crate) fn read_to(&mut self, end: &[u8]) -> String {
        let mut bytes = Vec::new();
        let mut byte = [0];
        while !bytes.ends_with(end) {
            self.stream.read_exact(&mut byte).unwrap();
            bytes.extend(byte);
        }
        String::from_utf8(bytes).unwrap()
    }

    /// Reads an answer with a length.
    pub(crate) fn answer(&mut self) -> Answer {
        let head = self.read_to(b"\r\n\r\n");
        let status = head[9..12].parse().unwrap();
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "));
        let mut body = vec![0; length.unwrap_or("0").parse().unwrap()];
        self.stream.read_exact(&mut body).unwrap();
        Answer {
            status,
            head,
            body: String::from_utf8(body).unwrap(),
        }
    }

    /// Everything until the server closes; a reset counts as that.
    pub(crate) fn rest(&mut self) -> String {
        let mut bytes = Vec::new();
        if let Err(error) = self.stream.read_to_end(&mut bytes) {
            assert_eq!(error.kind(), io::ErrorKind::ConnectionReset, "{error}");
        }
        String::from_utf8_lossy(&bytes).into_owned()
    }
}
