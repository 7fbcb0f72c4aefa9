// SPDX-License-Identifier: Apache-2.0
//! Answers and the headers they carry.

use axum::body::Body;
use axum::response::Response;
use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue};
use lukhas_openai::write_json;
use serde::Serialize;

use crate::ApiError;

pub(crate) const JSON: HeaderValue = HeaderValue::from_static("application/json");
const EVENTS: HeaderValue = HeaderValue::from_static("text/event-stream; charset=utf-8");
const NO_CACHE: HeaderValue = HeaderValue::from_static("no-cache");
/// Room for the headers of a common answer.
const USUAL_HEADERS: usize = 12;
/// Keeps nginx from holding events back.
const UNBUFFERED: (HeaderName, HeaderValue) = (
    HeaderName::from_static("x-accel-buffering"),
    HeaderValue::from_static("no"),
);

/// A whole JSON answer.
pub(crate) fn json<T: Serialize>(value: &T) -> Result<Response, ApiError> {
    to_bytes(value).map(json_bytes)
}

/// A whole JSON answer that is written already.
pub(crate) fn json_bytes(body: Bytes) -> Response {
    typed(JSON, Body::from(body))
}

/// The JSON of `value`.
pub(crate) fn to_bytes<T: Serialize>(value: &T) -> Result<Bytes, ApiError> {
    let mut bytes = BytesMut::with_capacity(2048);
    write_json(&mut bytes, value).map_err(|error| ApiError::internal(&error))?;
    Ok(bytes.freeze())
}

/// Members of an object: names, and values as JSON.
pub(crate) struct JsonMembers {
    members: Vec<(&'static str, Bytes)>,
    /// What all values are cut from.
    values: BytesMut,
}

impl JsonMembers {
    /// None yet, with room for those of an answer that are ours.
    pub(crate) fn new() -> Self {
        Self {
            members: Vec::with_capacity(4),
            values: BytesMut::with_capacity(128),
        }
    }

    /// The same, with another; nothing is added that cannot be written.
    pub(crate) fn with<T: Serialize + ?Sized>(mut self, name: &'static str, value: &T) -> Self {
        if write_json(&mut self.values, value).is_ok() {
            self.members.push((name, self.values.split().freeze()));
        }
        self
    }

    pub(crate) fn into_vec(self) -> Vec<(&'static str, Bytes)> {
        self.members
    }
}

/// A stream of events.
pub(crate) fn events(body: Body) -> Response {
    let mut response = typed(EVENTS, body);
    response.headers_mut().insert(CACHE_CONTROL, NO_CACHE);
    response.headers_mut().insert(UNBUFFERED.0, UNBUFFERED.1);
    response
}

/// A body of the given content type.
pub(crate) fn typed(content_type: HeaderValue, body: Body) -> Response {
    let mut response = Response::new(body);
    let mut headers = HeaderMap::with_capacity(USUAL_HEADERS);
    headers.insert(CONTENT_TYPE, content_type);
    *response.headers_mut() = headers;
    response
}
