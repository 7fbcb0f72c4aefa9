// SPDX-License-Identifier: Apache-2.0
//! The languages that upstreams speak.
//!
//! A dialect is two things: a request in its words ([`Dialect::request`]), and a [`Reader`] that
//! puts its answer, whole or event by event, into an [`Answer`].

mod chat;

use http::HeaderMap;
use http::header::{AUTHORIZATION, HeaderValue};
use lukhas_core::{RunError, RunRequest};
use lukhas_openai::SseEvent;
use lukhas_redact::Secret;
use serde_json::Value;

use crate::answer::Answer;
use crate::error::{Unreadable, UpstreamError};

/// The language an upstream speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// OpenAI's Chat Completions, which most servers of models offer.
    Chat,
}

/// Reads one answer.
pub(crate) trait Reader: Send {
    /// A whole answer. It must be over afterwards.
    fn whole(&mut self, body: &Value, answer: &mut Answer) -> Result<(), Unreadable>;

    /// The next event of a streamed answer.
    fn event(&mut self, event: &SseEvent, answer: &mut Answer) -> Result<(), Unreadable>;

    /// The stream has ended, or will not go on; gives the end if the terminal marker has been seen.
    fn finish(&mut self, answer: &mut Answer);
}

impl Dialect {
    /// Every dialect.
    pub const ALL: [Self; 1] = [Self::Chat];

    /// Its name in configuration.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Chat => "chat",
        }
    }

    /// Where requests go, behind the base URL.
    pub(crate) fn path(self) -> &'static str {
        match self {
            Self::Chat => "/chat/completions",
        }
    }

    /// The headers that every request carries, the key among them.
    pub(crate) fn headers(self, key: Option<&Secret<String>>) -> Result<HeaderMap, UpstreamError> {
        let mut headers = HeaderMap::new();
        if let Some(key) = key {
            let (name, prefix) = match self {
                Self::Chat => (AUTHORIZATION, "Bearer "),
            };
            let value = Secret::new([prefix, key.expose()].concat());
            let mut value = HeaderValue::from_str(value.expose()).map_err(|_| {
                let message = "holds a character that no HTTP header can hold";
                UpstreamError::new("key", message)
            })?;
            value.set_sensitive(true);
            headers.insert(name, value);
        }
        Ok(headers)
    }

    /// The request for `model`, in its words.
    pub(crate) fn request(self, model: &str, request: &RunRequest) -> Result<Value, RunError> {
        match self {
            Self::Chat => chat::request(model, request),
        }
    }

    /// A reader for the answer to one request.
    pub(crate) fn reader(self) -> Box<dyn Reader> {
        match self {
            Self::Chat => Box::new(chat::ChatReader::default()),
        }
    }
}

/// The JSON of an event, within the bounds of every other body.
pub(crate) fn parse(data: &str) -> Result<Value, Unreadable> {
    lukhas_openai::parse_json(data.as_bytes())
        .map_err(|_| Unreadable::new("an event is not JSON, or is nested too deeply or too large"))
}

/// A count that a well-behaved upstream never leaves out, but some do.
pub(crate) fn count(value: &Value, path: &str) -> u64 {
    value.pointer(path).and_then(Value::as_u64).unwrap_or(0)
}
