// SPDX-License-Identifier: Apache-2.0
//! Responses, passed on.

use bytes::{BufMut, Bytes, BytesMut};
use lukhas_core::Original;
use lukhas_openai::{Edit, Members, SseEvent, member, rewrite_object};
use serde_json::Value;

use super::{keep_to_one_line, with_members};
use crate::answer::Place;

/// What a response must have to be passed on.
const MEMBERS: &[&str] = &[
    "id",
    "object",
    "created_at",
    "status",
    "error",
    "incomplete_details",
    "instructions",
    "model",
    "output",
    "parallel_tool_calls",
    "temperature",
    "tool_choice",
    "tools",
    "top_p",
    "metadata",
];

/// The events of one answer.
#[derive(Debug, Default)]
pub(super) struct Events {
    /// Whether the event has come that begins the answer.
    has_begun: bool,
    /// Whether the event has come that ends the answer.
    has_ended: bool,
}

/// The body that asks for `model`. The upstream is asked to keep nothing: conversations are kept
/// here.
pub(super) fn request(original: &Original, model: Bytes) -> Option<Bytes> {
    let text = std::str::from_utf8(&original.body).ok()?;
    let store = Bytes::from_static(b"false");
    with_members(text, &[("model", model), ("store", store)])
}

impl Events {
    /// Writes `event` to `out` and says where it goes; `None` when it is none of the API's.
    pub(super) fn write(
        &mut self,
        event: &SseEvent,
        own: &Members,
        out: &mut BytesMut,
    ) -> Option<Place> {
        let data = &event.data;
        if data.trim() == "[DONE]" || self.has_ended {
            return Some(Place::Nowhere);
        }
        let unnamed = match event.event.as_str() {
            "" => member(data, "type")?.trim_matches('"'),
            name => name,
        };
        out.put_slice(b"event: ");
        out.put_slice(unnamed.as_bytes());
        out.put_slice(b"\ndata: ");
        let start = out.len();
        let (mut kind, mut response) = ("", None);
        let rewritten = rewrite_object(data, out, &[], |name, value| match name {
            "type" => {
                kind = value.trim_matches('"');
                Edit::Keep
            }
            "response" => {
                response = Some(value);
                Edit::SetWithin(own)
            }
            _ => Edit::Keep,
        });
        rewritten.ok()?;
        keep_to_one_line(out, start);
        out.put_slice(b"\n\n");
        match kind {
            "response.created" => {
                let response: Value = serde_json::from_str(response?).ok()?;
                self.has_begun = has_members(&response);
                self.has_begun.then_some(Place::Now)
            }
            _ if !self.has_begun => None,
            "response.completed" | "response.incomplete" => {
                self.has_ended = true;
                response.map(|_| Place::AtTheEnd)
            }
            "response.failed" | "error" => Some(Place::Nowhere),
            "" => None,
            _ => Some(Place::Now),
        }
    }
}

/// Whether a whole answer has all that the API says an answer has.
pub(super) fn is_complete(body: &Value) -> bool {
    has_members(body) && body["usage"].is_object()
}

fn has_members(response: &Value) -> bool {
    MEMBERS.iter().all(|name| response.get(name).is_some())
}
