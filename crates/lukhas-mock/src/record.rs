// SPDX-License-Identifier: Apache-2.0
//! What was asked, and how it ended.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use http::{HeaderMap, Method};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::{
    ConnectionStats, Dialect, Ending, KeyDigest, MockStats, RecordedRequest, RequestCount,
    RequestStats,
};

/// Most requests that are remembered.
const RECENT: usize = 256;
/// Most bytes of a body that are kept.
const BODY: usize = 64 << 10;
/// Most names of models that are told apart. Requests with further names count as one model.
const NAMES: usize = 4096;
/// Longest name of a model that is kept, in bytes. Longer ones count as further names.
const NAME: usize = 256;
/// The model that further names count as.
const OTHERS: &str = "(others)";

/// Headers whose values are never kept.
const SECRET: &[&str] = &[
    "authorization",
    "proxy-authorization",
    "x-api-key",
    "api-key",
    "x-goog-api-key",
    "cookie",
];
/// What stands for such a value.
const HIDDEN: &str = "[hidden]";

/// Keeps the record of a mock.
#[derive(Debug)]
pub(crate) struct Recorder {
    record: Mutex<Record>,
    changes: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Record {
    connections: ConnectionStats,
    last: u64,
    counts: BTreeMap<(Dialect, String), u64>,
    models: BTreeMap<String, u64>,
    rules: Vec<u64>,
    recent: VecDeque<(RequestStats, RecordedRequest)>,
}

/// A request under way. When it is dropped before it was told to have ended, the client has left.
#[derive(Debug)]
pub(crate) struct Running {
    recorder: Arc<Recorder>,
    number: u64,
    started: Instant,
    ended: bool,
}

/// A connection, until it is dropped.
#[derive(Debug)]
pub(crate) struct Connected(Arc<Recorder>);

impl Recorder {
    pub(crate) fn new() -> Self {
        Self {
            record: Mutex::default(),
            changes: watch::Sender::new(0),
        }
    }

    /// A connection begins.
    pub(crate) fn connect(self: &Arc<Self>) -> Connected {
        self.change(|record| {
            record.connections.open += 1;
            record.connections.accepted += 1;
        });
        Connected(Arc::clone(self))
    }

    /// A request begins.
    pub(crate) fn begin(
        self: &Arc<Self>,
        dialect: Dialect,
        (method, path, headers): (&Method, &str, &HeaderMap),
    ) -> Running {
        let mut request = RecordedRequest {
            number: 0,
            method: method.to_string(),
            path: path.to_owned(),
            headers: shown(headers),
            key: key(headers).map(KeyDigest::of),
            body: Bytes::new(),
            body_bytes: 0,
        };
        let number = self.change(|record| {
            record.last += 1;
            request.number = record.last;
            if record.recent.len() >= RECENT {
                record.recent.pop_front();
            }
            let stats = RequestStats::new(record.last, dialect);
            record.recent.push_back((stats, request));
            record.last
        });
        Running {
            recorder: Arc::clone(self),
            number,
            started: Instant::now(),
            ended: false,
        }
    }

    /// What was seen so far.
    pub(crate) fn stats(&self) -> MockStats {
        let record = self.lock();
        let requests = record
            .counts
            .iter()
            .map(|((dialect, model), count)| RequestCount {
                dialect: *dialect,
                model: model.clone(),
                count: *count,
            });
        MockStats {
            connections: record.connections,
            requests: requests.collect(),
            recent: record
                .recent
                .iter()
                .map(|(stats, _)| stats.clone())
                .collect(),
        }
    }

    /// The requests that are remembered, oldest first.
    pub(crate) fn requests(&self) -> Vec<RecordedRequest> {
        let record = self.lock();
        record
            .recent
            .iter()
            .map(|(_, request)| request.clone())
            .collect()
    }

    /// Forgets everything but the connections that are open.
    pub(crate) fn reset(&self) {
        self.change(|record| {
            let connections = ConnectionStats {
                open: record.connections.open,
                accepted: 0,
            };
            let last = record.last;
            *record = Record {
                connections,
                last,
                ..Record::default()
            };
        });
    }

    /// Counts a request that the rule at `index` would answer if `within` allows it: its number
    /// among them, from 1.
    pub(crate) fn count_rule(&self, index: usize, within: Option<u64>) -> Option<u64> {
        let mut record = self.lock();
        if record.rules.len() <= index {
            record.rules.resize(index + 1, 0);
        }
        let count = &mut record.rules[index];
        if within.is_some_and(|within| *count >= within) {
            return None;
        }
        *count += 1;
        Some(*count)
    }

    /// Something that tells when anything has changed.
    pub(crate) fn subscribe(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    fn change<T>(&self, change: impl FnOnce(&mut Record) -> T) -> T {
        let changed = change(&mut self.lock());
        self.changes.send_modify(|number| *number += 1);
        changed
    }

    /// A panic of another thread leaves counts as they were: they can be read on.
    fn lock(&self) -> MutexGuard<'_, Record> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Running {
    /// The body has been read; how many requests for that model there were, this one included.
    pub(crate) fn read(&self, model: &str, stream: bool, body: &Bytes) -> u64 {
        let kept = Bytes::copy_from_slice(&body[..body.len().min(BODY)]);
        let model = if model.len() > NAME { OTHERS } else { model };
        self.recorder.change(|record| {
            let mut dialect = Dialect::Models;
            if let Some((stats, request)) = record.find(self.number) {
                dialect = stats.dialect;
                model.clone_into(&mut stats.model);
                stats.stream = stream;
                request.body = kept;
                request.body_bytes = body.len();
            }
            record.count(dialect, model)
        })
    }

    /// The head is sent.
    pub(crate) fn answer(&self, status: u16) {
        self.update(|stats| stats.status = Some(status));
    }

    /// A piece of the body is sent.
    pub(crate) fn sent(&self) {
        self.update(|stats| stats.sent += 1);
    }

    /// It has ended like that; what comes later changes nothing.
    pub(crate) fn end(&mut self, ending: Ending) {
        if std::mem::replace(&mut self.ended, true) {
            return;
        }
        let millis = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.update(|stats| {
            stats.ending = ending;
            stats.ended_after_ms = Some(millis);
        });
    }

    fn update(&self, change: impl FnOnce(&mut RequestStats)) {
        self.recorder.change(|record| {
            if let Some((stats, _)) = record.find(self.number) {
                change(stats);
            }
        });
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.end(Ending::ClientLeft);
    }
}

impl Drop for Connected {
    fn drop(&mut self) {
        self.0.change(|record| record.connections.open -= 1);
    }
}

impl Record {
    /// The request of that number, unless it is forgotten.
    fn find(&mut self, number: u64) -> Option<&mut (RequestStats, RecordedRequest)> {
        let mut recent = self.recent.iter_mut().rev();
        recent.find(|(stats, _)| stats.number == number)
    }

    fn count(&mut self, dialect: Dialect, model: &str) -> u64 {
        let known = self.models.contains_key(model) || self.models.len() < NAMES;
        let model = if known { model } else { OTHERS }.to_owned();
        let key = (dialect, model.clone());
        *self.counts.entry(key).or_default() += 1;
        let count = self.models.entry(model).or_default();
        *count += 1;
        *count
    }
}

/// Headers as they are kept.
fn shown(headers: &HeaderMap) -> Vec<(String, String)> {
    let shown = headers.iter().map(|(name, value)| {
        let text = if SECRET.contains(&name.as_str()) {
            HIDDEN.to_owned()
        } else {
            String::from_utf8_lossy(value.as_bytes()).into_owned()
        };
        (name.as_str().to_owned(), text)
    });
    shown.collect()
}

/// The key that a request brings.
pub(crate) fn key(headers: &HeaderMap) -> Option<&[u8]> {
    let bearer = headers.get("authorization").and_then(|value| {
        let (scheme, token) = value.as_bytes().split_first_chunk::<7>()?;
        scheme.eq_ignore_ascii_case(b"bearer ").then_some(token)
    });
    bearer.or_else(|| Some(headers.get("x-api-key")?.as_bytes()))
}
