// SPDX-License-Identifier: Apache-2.0
//! The languages that the mock speaks.

pub(crate) mod chat;
pub(crate) mod embeddings;
pub(crate) mod messages;
pub(crate) mod responses;

use bytes::Bytes;
use serde::Serialize;
use serde_json::{Value, json};

/// What every answer says it was made at: Unix time in seconds.
pub(crate) const CREATED: u64 = 1_767_225_600;

/// A language that the mock speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Dialect {
    /// `POST /v1/chat/completions` (OpenAI).
    Chat,
    /// `POST /v1/responses` (OpenAI).
    Responses,
    /// `POST /v1/messages` (Anthropic).
    Messages,
    /// `POST /v1/embeddings` (OpenAI).
    Embeddings,
    /// `GET /v1/models`, and whatever else is asked for (OpenAI).
    Models,
}

/// What an answer could not be made of.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct NoAnswer(pub(crate) String);

impl Dialect {
    /// The language of a path.
    pub(crate) fn of_path(path: &str) -> Self {
        match path {
            "/v1/chat/completions" => Self::Chat,
            "/v1/responses" => Self::Responses,
            "/v1/messages" => Self::Messages,
            "/v1/embeddings" => Self::Embeddings,
            _ => Self::Models,
        }
    }

    /// An error of `status` as this language says it.
    pub(crate) fn error(self, status: u16, message: &str) -> Value {
        let (kind, mut code, anthropic) = names(status);
        if (self, status) == (Self::Models, 404) {
            code = "not_found";
        }
        match self {
            Self::Messages => {
                json!({"type": "error", "error": {"type": anthropic, "message": message}})
            }
            Self::Chat | Self::Responses | Self::Embeddings | Self::Models => {
                json!({"error": {"message": message, "type": kind, "param": null, "code": code}})
            }
        }
    }

    /// The event that ends a stream of so far `number` events with an error.
    pub(crate) fn error_event(self, number: usize) -> Bytes {
        let message = "The mock was told to fail here.";
        match self {
            Self::Messages => named_event("error", &self.error(529, message)),
            Self::Responses => {
                let error = &self.error(500, message)["error"];
                let event = json!({
                    "type": "error", "sequence_number": number, "message": message,
                    "code": error["code"], "param": null, "error": error,
                });
                named_event("error", &event)
            }
            Self::Chat | Self::Embeddings | Self::Models => {
                let error = self.error(500, message);
                format!("data: {error}\n\n").into()
            }
        }
    }
}

/// One server-sent event with a name.
pub(crate) fn named_event(name: &str, data: &Value) -> Bytes {
    format!("event: {name}\ndata: {data}\n\n").into()
}

/// OpenAI's type and code, and Anthropic's type, of an error status.
fn names(status: u16) -> (&'static str, &'static str, &'static str) {
    const INVALID: &str = "invalid_request_error";
    const SERVER: &str = "server_error";
    match status {
        401 => (INVALID, "invalid_api_key", "authentication_error"),
        403 => ("permission_error", "insufficient_scope", "permission_error"),
        404 => (INVALID, "model_not_found", "not_found_error"),
        405 => (INVALID, "method_not_allowed", INVALID),
        408 => (INVALID, "request_timeout", "timeout_error"),
        409 => (INVALID, "conflict", INVALID),
        413 => (INVALID, "request_too_large", "request_too_large"),
        429 => (
            "rate_limit_exceeded",
            "rate_limit_exceeded",
            "rate_limit_error",
        ),
        502 => (SERVER, "upstream_error", "api_error"),
        503 | 529 => (SERVER, "overloaded", "overloaded_error"),
        504 => (SERVER, "upstream_timeout", "timeout_error"),
        500.. => (SERVER, "internal_error", "api_error"),
        _ => (INVALID, "invalid_value", INVALID),
    }
}
