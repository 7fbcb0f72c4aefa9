// SPDX-License-Identifier: Apache-2.0
//! What is written down of an answer before its body.

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use http::header::{HeaderName, HeaderValue};
use http_body::Body as _;
use lukhas_core::StoreError;
use serde::{Deserialize, Serialize};

/// The status and the headers of an answer: those that belong to it, before those of each request
/// (`x-request-id`, `openai-processing-ms`, `x-ratelimit-*`) are added.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Head {
    status: u16,
    headers: Vec<(String, String)>,
    pub(super) length: Length,
}

/// Whether the length of a body is known when it begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Length {
    Known,
    Unknown,
}

impl Head {
    pub(super) fn of(response: &Response) -> Self {
        let headers = response.headers().iter();
        // All of them are ours, and ASCII.
        let headers = headers.filter_map(|(name, value)| {
            let value = value.to_str().ok()?;
            Some((name.as_str().to_owned(), value.to_owned()))
        });
        Self {
            status: response.status().as_u16(),
            headers: headers.collect(),
            length: match response.body().size_hint().exact() {
                Some(_) => Length::Known,
                None => Length::Unknown,
            },
        }
    }

    pub(super) fn to_bytes(&self) -> Result<Bytes, StoreError> {
        let bytes = serde_json::to_vec(self);
        bytes.map(Bytes::from).map_err(broken)
    }

    /// A store outside of this process may hold anything.
    pub(super) fn from_bytes(bytes: &[u8]) -> Result<Self, StoreError> {
        serde_json::from_slice(bytes).map_err(broken)
    }

    pub(super) fn with_body(self, body: Body) -> Result<Response, StoreError> {
        let mut response = Response::builder().status(self.status);
        for (name, value) in self.headers {
            let name = HeaderName::try_from(name).map_err(broken)?;
            response = response.header(name, HeaderValue::try_from(value).map_err(broken)?);
        }
        response.body(body).map_err(broken)
    }
}

fn broken(error: impl std::fmt::Display) -> StoreError {
    StoreError(format!("the head of a kept answer: {error}"))
}
