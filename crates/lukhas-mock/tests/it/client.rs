// SPDX-License-Identifier: Apache-2.0
//! A client that shows everything that happens on the wire.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use lukhas_mock::{Dialect, MockOptions, MockServer, Rule};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Seconds in which nothing has to happen to be taken for the end. Clocks are paused, so nobody
/// waits for them.
const SILENCE: u32 = 100;

/// Bytes after which a body is taken for one without an end.
const ENDLESS: usize = 1 << 20;

/// A request in one of the dialects.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Case {
    pub(crate) dialect: Dialect,
    pub(crate) stream: bool,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Wire {
    pub(crate) head: String,
    /// The body, without the marks of its chunks.
    pub(crate) body: Vec<u8>,
    /// The chunks it came in; one for a body with a length.
    pub(crate) chunks: Vec<Vec<u8>>,
    pub(crate) end: End,
}

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// As HTTP says that it ends.
    Proper,
    /// With a reset.
    Reset,
    /// The server closed the connection.
    Closed,
    /// The connection is open and silent.
    Silent,
    /// It does not.
    Endless,
}

/// Every case there is.
pub(crate) const CASES: [Case; 7] = [
    Case::new(Dialect::Chat, true),
    Case::new(Dialect::Chat, false),
    Case::new(Dialect::Responses, true),
    Case::new(Dialect::Responses, false),
    Case::new(Dialect::Messages, true),
    Case::new(Dialect::Messages, false),
    Case::new(Dialect::Embeddings, false),
];

impl Case {
    const fn new(dialect: Dialect, stream: bool) -> Self {
        Self { dialect, stream }
    }

    pub(crate) fn path(self) -> &'static str {
        match self.dialect {
            Dialect::Chat => "/v1/chat/completions",
            Dialect::Responses => "/v1/responses",
            Dialect::Messages => "/v1/messages",
            Dialect::Embeddings => "/v1/embeddings",
            Dialect::Models => "/v1/models",
        }
    }

    /// A request for `text` to be answered.
    pub(crate) fn body(self, model: &str, text: &str) -> Value {
        let messages = json!([{"role": "user", "content": text}]);
        let mut body = match self.dialect {
            Dialect::Chat => json!({"model": model, "messages": messages}),
            Dialect::Messages => json!({"model": model, "max_tokens": 500, "messages": messages}),
            Dialect::Responses | Dialect::Embeddings | Dialect::Models => {
                json!({"model": model, "input": text})
            }
        };
        if self.stream {
            body["stream"] = true.into();
        }
        body
    }

    /// Sends it on a connection of its own.
    pub(crate) async fn send(self, server: &MockServer, body: &Value) -> Wire {
        post(server.address(), self.path(), &body.to_string()).await
    }
}

/// A mock with one rule.
pub(crate) async fn start_with(rule: Rule) -> MockServer {
    start(MockOptions::default().with_rules(vec![rule])).await
}

pub(crate) async fn start(options: MockOptions) -> MockServer {
    MockServer::start(options).await.unwrap()
}

/// The bytes of a POST with the headers that every dialect needs.
pub(crate) fn request(path: &str, body: &str) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nhost: mock\r\nanthropic-version: 2023-06-01\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    )
}

pub(crate) async fn post(address: SocketAddr, path: &str, body: &str) -> Wire {
    exchange(address, &request(path, body)).await
}

pub(crate) async fn get(address: SocketAddr, path: &str) -> Wire {
    let request = format!("GET {path} HTTP/1.1\r\nhost: mock\r\n\r\n");
    exchange(address, &request).await
}

/// Sends `request` as it is and reads what comes until something ends it.
pub(crate) async fn exchange(address: SocketAddr, request: &str) -> Wire {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    read(&mut stream).await
}

/// Reads one answer.
pub(crate) async fn read(stream: &mut TcpStream) -> Wire {
    let mut bytes = Vec::new();
    let mut buffer = vec![0; 64 << 10];
    loop {
        if let Some(wire) = parsed(&bytes, End::Proper) {
            return wire;
        }
        let end = match read_some(stream, &mut buffer).await {
            _ if bytes.len() > ENDLESS => End::Endless,
            None => End::Silent,
            Some(Ok(0)) => End::Closed,
            Some(Ok(read)) => {
                bytes.extend(&buffer[..read]);
                continue;
            }
            Some(Err(error)) => {
                assert_eq!(error.kind(), io::ErrorKind::ConnectionReset, "{error}");
                End::Reset
            }
        };
        return parsed(&bytes, end).unwrap();
    }
}

/// What the next read gives; `None` when nothing comes.
///
/// A paused clock goes on as soon as nobody has anything to do, and what is on its way through
/// the kernel is nothing to it. So each of its seconds takes a moment of real time as well.
async fn read_some(stream: &mut TcpStream, buffer: &mut [u8]) -> Option<io::Result<usize>> {
    for _ in 0..SILENCE {
        if let Ok(read) = timeout(Duration::from_secs(1), stream.read(buffer)).await {
            return Some(read);
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    None
}

/// `bytes` as an answer that ended like that; `None` when HTTP says that more has to come.
fn parsed(bytes: &[u8], end: End) -> Option<Wire> {
    let at = bytes.windows(4).position(|four| four == b"\r\n\r\n");
    let Some(at) = at else {
        assert!(bytes.is_empty() || end == End::Proper, "half a head");
        return (end != End::Proper).then(|| Wire {
            head: String::new(),
            body: Vec::new(),
            chunks: Vec::new(),
            end,
        });
    };
    let head = String::from_utf8(bytes[..at].to_vec()).unwrap();
    let body = &bytes[at + 4..];
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "));
    let (chunks, whole) = match length {
        Some(length) => (
            vec![body.to_vec()],
            body.len() == length.parse::<usize>().unwrap(),
        ),
        None => dechunked(body),
    };
    (whole || end != End::Proper).then(|| Wire {
        head,
        body: chunks.concat(),
        chunks,
        end,
    })
}

/// The chunks so far, and whether the last has come.
fn dechunked(mut body: &[u8]) -> (Vec<Vec<u8>>, bool) {
    let mut chunks = Vec::new();
    while let Some(at) = body.windows(2).position(|two| two == b"\r\n") {
        let length = std::str::from_utf8(&body[..at]).unwrap();
        let length = usize::from_str_radix(length, 16).unwrap();
        let rest = &body[at + 2..];
        if length == 0 {
            return (chunks, rest == b"\r\n");
        }
        let Some(chunk) = rest.get(..length) else {
            chunks.push(rest.to_vec());
            break;
        };
        chunks.push(chunk.to_vec());
        body = rest.get(length + 2..).unwrap_or_default();
    }
    (chunks, false)
}

impl Wire {
    pub(crate) fn status(&self) -> u16 {
        self.head[9..12].parse().unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let prefix = format!("{name}: ");
        let mut lines = self.head.lines();
        lines.find_map(|line| line.strip_prefix(prefix.as_str()))
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// The events of a stream, as they are written.
    pub(crate) fn events(&self) -> Vec<String> {
        let text = self.text();
        let events = text.split_inclusive("\n\n").map(str::to_owned);
        events.collect()
    }
}
