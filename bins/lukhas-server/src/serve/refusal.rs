// SPDX-License-Identifier: Apache-2.0
//! Bytes that are no request, answered in the shape of every other failure.
//!
//! Over HTTP/1 hyper answers those by itself: 400, 414 or 431, with an empty body, and then the end
//! of the connection. It has no hook for another answer, so the connection's IO writes ours in the
//! place of that one.

use std::fmt;
use std::io::Write;
use std::sync::Arc;

use hyper::body::Bytes;
use hyper::header::{CONTENT_LENGTH, DATE, HeaderMap};
use hyper::{Response, StatusCode};

/// What the status line of a refusal begins with. No HTTP/2 frame does: as the length of one it
/// would be 4.7 MB.
const START: &[u8] = b"HTTP/1.";

/// Makes answers to what is no request, from the status hyper would refuse it with.
#[derive(Clone)]
pub(crate) struct Refusals(Arc<Make>);

type Make = dyn Fn(StatusCode) -> Response<Bytes> + Send + Sync;

/// An answer on its way in the place of hyper's.
#[derive(Debug)]
pub(crate) struct Refusal {
    bytes: Vec<u8>,
    written: usize,
}

impl Refusals {
    /// Answers that `make` makes.
    pub(crate) fn new(
        make: impl Fn(StatusCode) -> Response<Bytes> + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(make))
    }

    /// The answer in the place of `head`, if that may be a refusal of hyper's.
    pub(crate) fn instead_of(&self, head: &[u8]) -> Option<Refusal> {
        let status = head.get(9..12).filter(|_| may_refuse(head))?;
        let status = StatusCode::from_bytes(status).ok()?;
        let bytes = frame((self.0)(status), date(head));
        Some(Refusal { bytes, written: 0 })
    }
}

/// Whether `head` looks like a refusal. So do some answers: whose it is, the connection knows.
pub(crate) fn may_refuse(head: &[u8]) -> bool {
    head.starts_with(START) && head.get(9) == Some(&b'4') && head.ends_with(b"\r\n\r\n")
}

/// hyper's date, which it keeps at hand.
fn date(head: &[u8]) -> Option<&str> {
    let head = std::str::from_utf8(head).ok()?;
    head.lines().find_map(|line| line.strip_prefix("date: "))
}

/// `answer` as HTTP/1.1 (RFC 9112).
fn frame(answer: Response<Bytes>, date: Option<&str>) -> Vec<u8> {
    let (mut head, body) = answer.into_parts();
    head.headers.insert(CONTENT_LENGTH, body.len().into());
    if let Some(date) = date.and_then(|date| date.parse().ok()) {
        head.headers.insert(DATE, date);
    }
    let mut bytes = Vec::with_capacity(512 + body.len());
    let reason = head.status.canonical_reason().unwrap_or_default();
    // Writing to a vector does not fail.
    let _ = write!(bytes, "HTTP/1.1 {} {reason}\r\n", head.status.as_str());
    write_headers(&mut bytes, &head.headers);
    bytes.extend_from_slice(b"\r\n");
    bytes.extend_from_slice(&body);
    bytes
}

fn write_headers(bytes: &mut Vec<u8>, headers: &HeaderMap) {
    for (name, value) in headers {
        bytes.extend_from_slice(name.as_str().as_bytes());
        bytes.extend_from_slice(b": ");
        bytes.extend_from_slice(value.as_bytes());
        bytes.extend_from_slice(b"\r\n");
    }
}

impl Refusal {
    /// What is still to be written.
    pub(crate) fn rest(&self) -> &[u8] {
        &self.bytes[self.written..]
    }

    /// That many bytes of the rest have been written.
    pub(crate) fn advance(&mut self, bytes: usize) {
        self.written = self.bytes.len().min(self.written + bytes);
    }
}

impl fmt::Debug for Refusals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Refusals").finish_non_exhaustive()
    }
}
