// SPDX-License-Identifier: Apache-2.0
//! What a mock tells about what it was asked.

use bytes::Bytes;
use serde::{Serialize, Serializer};

use crate::{Dialect, KeyDigest};

/// What a mock has seen since it started or was reset.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct MockStats {
    /// Connections.
    pub connections: ConnectionStats,
    /// Requests by dialect and model.
    pub requests: Vec<RequestCount>,
    /// The last 256 requests, oldest first.
    pub recent: Vec<RequestStats>,
}

/// The connections of a mock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ConnectionStats {
    /// Open now.
    pub open: usize,
    /// Accepted in all.
    pub accepted: u64,
}

/// How often one model was asked for in one dialect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RequestCount {
    /// The dialect.
    pub dialect: Dialect,
    /// The model, as the requests name it; empty for requests that name none.
    pub model: String,
    /// How many requests.
    pub count: u64,
}

/// How one request went.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RequestStats {
    /// Its number, from 1.
    pub number: u64,
    /// Its dialect.
    pub dialect: Dialect,
    /// The model, as it names it.
    pub model: String,
    /// Whether it asks for a stream.
    pub stream: bool,
    /// The status of the answer; `None` when there was no head so far.
    pub status: Option<u16>,
    /// Pieces of the body that were sent: events of a stream.
    pub sent: u64,
    /// How it ended.
    pub ending: Ending,
    /// Whole milliseconds from its head to its end; `None` while it runs.
    pub ended_after_ms: Option<u64>,
}

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// It has not.
    Running,
    /// All of the answer was sent, as far as the faults let it.
    Answered,
    /// A fault reset the connection.
    Reset,
    /// The client left before the end of its answer.
    ClientLeft,
}

/// A request as it was received.
#[derive(Clone, Debug, Serialize)]
pub struct RecordedRequest {
    /// Its number, from 1.
    pub number: u64,
    /// Its method.
    pub method: String,
    /// Its path, without the query.
    pub path: String,
    /// Its headers in order, names in lower case. Keys and cookies are `[hidden]`.
    pub headers: Vec<(String, String)>,
    /// The digest of its bearer token, or of its `x-api-key`.
    #[serde(skip)]
    pub key: Option<KeyDigest>,
    /// Its body, at most 64 KiB of it.
    #[serde(serialize_with = "as_text")]
    pub body: Bytes,
    /// Length of the whole body, in bytes.
    pub body_bytes: usize,
}

/// What is no UTF-8 is shown as U+FFFD.
fn as_text<S: Serializer>(body: &Bytes, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&String::from_utf8_lossy(body))
}

impl RequestStats {
    /// A request that has just begun.
    pub(crate) fn new(number: u64, dialect: Dialect) -> Self {
        Self {
            number,
            dialect,
            model: String::new(),
            stream: false,
            status: None,
            sent: 0,
            ending: Ending::Running,
            ended_after_ms: None,
        }
    }
}
