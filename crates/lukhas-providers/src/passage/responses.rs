// SPDX-License-Identifier: Apache-2.0
//! Responses, passed on.

use bytes::{BufMut, Bytes, BytesMut};
use lukhas_core::Original;
use lukhas_openai::{Edit, Members, SseEvent, member, rewrite_object};

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
    /// Whether the event has come that ends the answer.
    pub(super) fn has_ended(&self) -> bool {
        self.has_ended
    }

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
                self.has_begun = is_complete(response?, own);
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

/// Writes the response `text` to `out`; `None` when it lacks what the API says that it has.
pub(super) fn whole(text: &str, own: &Members, out: &mut BytesMut) -> Option<()> {
    let mut has_usage = false;
    let mut seen = Seen::default();
    let rewritten = rewrite_object(text, out, own, |name, value| {
        seen.note(name);
        if name == "usage" {
            has_usage = value.starts_with('{');
        }
        Edit::Keep
    });
    rewritten.ok()?;
    (seen.all(own) && has_usage).then_some(())
}

/// Whether the response `text` has what the API says that it has.
fn is_complete(text: &str, own: &Members) -> bool {
    let mut seen = Seen::default();
    let mut unused = BytesMut::new();
    let read = rewrite_object(text, &mut unused, &[], |name, _| {
        seen.note(name);
        Edit::Remove
    });
    read.is_ok() && seen.all(own)
}

/// Which of [`MEMBERS`] have been seen.
#[derive(Default)]
struct Seen(u32);

impl Seen {
    fn note(&mut self, name: &str) {
        if let Some(index) = MEMBERS.iter().position(|member| *member == name) {
            self.0 |= 1 << index;
        }
    }

    /// Whether all have been, but for those that are set anyway.
    fn all(&self, own: &Members) -> bool {
        let is_there = |(index, member): (usize, &&str)| {
            self.0 & (1 << index) != 0 || own.iter().any(|(own, _)| own == member)
        };
        MEMBERS.iter().enumerate().all(is_there)
    }
}
