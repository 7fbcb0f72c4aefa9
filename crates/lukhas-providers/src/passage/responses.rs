// SPDX-License-Identifier: Apache-2.0
//! Responses, passed on.

use bytes::{BufMut, Bytes, BytesMut};
use lukhas_core::Original;
use lukhas_openai::{Members, ResponseObject, SseEvent, View, members};

use super::patches::Patches;
use super::{keep_to_one_line, with_members};
use crate::answer::Place;

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
        let names = ["type", "response", "item", "part", "logprobs"];
        let [kind, response, item, part, logprobs] = members(data, &names)?;
        let kind = kind?.trim_matches('"');
        let mut patches = Patches::new(data);
        let place = match kind {
            "response.created" => {
                self.has_begun = true;
                complete(&mut patches, response?, own)?;
                Place::Now
            }
            _ if !self.has_begun => return None,
            // An end that lacks something is told in our own words.
            "response.completed" | "response.incomplete" => {
                self.has_ended = true;
                complete(&mut patches, response?, own)?;
                Place::AtTheEnd
            }
            "response.failed" | "error" => return Some(Place::Nowhere),
            "" => return None,
            _ => {
                if let Some(response) = response {
                    complete(&mut patches, response, own)?;
                }
                Place::Now
            }
        };
        item.map_or(Some(()), |item| complete_item(&mut patches, item))?;
        part.map_or(Some(()), |part| complete_part(&mut patches, part))?;
        let is_text = matches!(
            kind,
            "response.output_text.delta" | "response.output_text.done"
        );
        if is_text && logprobs.is_none() {
            patches.add(data.trim_end(), "logprobs", b"[]")?;
        }
        out.put_slice(b"event: ");
        out.put_slice(kind.as_bytes());
        out.put_slice(b"\ndata: ");
        let start = out.len();
        patches.write(out)?;
        keep_to_one_line(out, start);
        out.put_slice(b"\n\n");
        Some(place)
    }
}

/// Writes the response `text` to `out`; `None` when it lacks what the API says that it has.
pub(super) fn whole(text: &str, own: &Members, out: &mut BytesMut) -> Option<()> {
    let mut patches = Patches::new(text);
    let usage = complete(&mut patches, text.trim_end(), own)?;
    (usage == Usage::Counted).then_some(())?;
    patches.write(out)
}

/// Whether a response says what was used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Usage {
    Counted,
    Unknown,
}

/// Gives `response` the members `own`, and what the API says that it has, as far as that is known
/// without asking; `None` when it lacks anything else.
fn complete<'p>(patches: &mut Patches<'p>, response: &'p str, own: &'p Members) -> Option<Usage> {
    let found = members(response, &ResponseObject::MEMBERS)?;
    let members = ResponseObject::MEMBERS.into_iter().zip(found);
    let value = |name| members.clone().find_map(|(n, v)| v.filter(|_| n == name));
    let usage = match value("usage") {
        None => {
            patches.add(response, "usage", b"null")?;
            Usage::Unknown
        }
        Some("null") => Usage::Unknown,
        Some(usage) => counted(usage)?,
    };
    let mut output = View::new(value("output")?);
    output.array(|item| complete_item(patches, item.raw()?))?;
    let others = members.filter(|(name, _)| *name != "usage");
    patches.set(response, others, own, &ResponseObject::NEUTRAL)?;
    Some(usage)
}

/// Whether `usage` has all that the API says; `None` when it has not.
fn counted(usage: &str) -> Option<Usage> {
    let names = [
        "input_tokens",
        "input_tokens_details",
        "output_tokens",
        "output_tokens_details",
        "total_tokens",
    ];
    let [input, input_details, output, output_details, total] = members(usage, &names)?;
    input.and(output).and(total)?;
    let [cached] = members(input_details?, &["cached_tokens"])?;
    let [reasoning] = members(output_details?, &["reasoning_tokens"])?;
    cached.and(reasoning).map(|_| Usage::Counted)
}

/// Gives the texts of `item` what the API says that they have. What is no item has none.
fn complete_item<'p>(patches: &mut Patches<'p>, item: &'p str) -> Option<()> {
    let Some([Some(content)]) = members(item, &["content"]) else {
        return Some(());
    };
    if !content.starts_with('[') {
        return Some(());
    }
    View::new(content).array(|part| complete_part(patches, part.raw()?))
}

/// The same for `part`, if it is a text.
fn complete_part<'p>(patches: &mut Patches<'p>, part: &'p str) -> Option<()> {
    let names = ["type", "annotations", "logprobs"];
    let Some([Some("\"output_text\""), annotations, logprobs]) = members(part, &names) else {
        return Some(());
    };
    for (name, value) in [("annotations", annotations), ("logprobs", logprobs)] {
        if value.is_none() {
            patches.add(part, name, b"[]")?;
        }
    }
    Some(())
}
