// SPDX-License-Identifier: Apache-2.0
//! Chat Completions, passed on.

use bytes::{BufMut, Bytes, BytesMut};
use lukhas_core::Original;
use lukhas_openai::{Edit, Members, member, rewrite_object};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use super::{keep_to_one_line, with_members};
use crate::answer::Place;
use crate::dialect::Object;

/// The chunks of one answer.
#[derive(Debug)]
pub(super) struct Chunks {
    /// Whether the client is to see the usage.
    shows_usage: bool,
    /// Whether the chunk has come that says why the answer ends.
    has_finished: bool,
}

/// What is looked at of a choice.
#[derive(Deserialize)]
struct Choice<'t> {
    #[serde(borrow)]
    finish_reason: Option<&'t RawValue>,
}

impl Choice<'_> {
    fn finishes(&self) -> bool {
        self.finish_reason
            .is_some_and(|reason| reason.get().starts_with('"'))
    }
}

impl Chunks {
    /// The body that asks for `model`, and what its answer needs.
    pub(super) fn open(original: &Original, model: Bytes, whole: bool) -> Option<(Self, Bytes)> {
        let text = std::str::from_utf8(&original.body).ok()?;
        let has_name = original
            .own
            .iter()
            .any(|own| *own == ("model", model.clone()));
        let options = match whole {
            true => None,
            false => Some(member(text, "stream_options").filter(|o| *o != "null")),
        };
        let shows_usage = match options {
            Some(Some(options)) => member(options, "include_usage") == Some("true"),
            Some(None) | None => false,
        };
        let body = match options {
            None if has_name => original.body.clone(),
            None => with_members(text, &[("model", model)])?,
            Some(_) if shows_usage => with_members(text, &[("model", model)])?,
            // It is counted, whether or not the client wants to see it.
            Some(options) => {
                let usage = [("include_usage", Bytes::from_static(b"true"))];
                let options = with_members(options.unwrap_or("{}"), &usage)?;
                with_members(text, &[("model", model), ("stream_options", options)])?
            }
        };
        let chunks = Self {
            shows_usage,
            has_finished: false,
        };
        Some((chunks, body))
    }

    /// Whether the chunk has come that says why the answer ends.
    pub(super) fn has_finished(&self) -> bool {
        self.has_finished
    }

    /// Writes the chunk `data` to `out` and says where it goes; `None` when it is no chunk.
    pub(super) fn write(&mut self, data: &str, own: &Members, out: &mut BytesMut) -> Option<Place> {
        if data.trim() == "[DONE]" {
            return Some(Place::Nowhere);
        }
        let (mut choices, mut usage, mut error) = (None, None, None);
        out.put_slice(b"data: ");
        let start = out.len();
        let (shows_usage, had_finished) = (self.shows_usage, self.has_finished);
        let rewritten = rewrite_object(data, out, own, |name, value| {
            match name {
                "choices" => choices = Some(value),
                "usage" => usage = Some(value),
                "error" => error = Some(value),
                _ => {}
            }
            match name {
                "usage" if !shows_usage => Edit::Remove,
                // What comes after the end can only say what was used.
                "choices" if had_finished => Edit::Set("[]"),
                _ => Edit::Keep,
            }
        });
        rewritten.ok()?;
        keep_to_one_line(out, start);
        out.put_slice(b"\n\n");
        let is_there = |value: Option<&str>| value.is_some_and(|value| value != "null");
        if is_there(error) {
            return Some(Place::Nowhere);
        }
        // What is no list of choices says nothing.
        let choices: Vec<Object<Choice<'_>>> = choices
            .and_then(|choices| serde_json::from_str(choices).ok())
            .unwrap_or_default();
        if had_finished || choices.is_empty() {
            let is_shown = shows_usage && is_there(usage);
            return Some(if is_shown {
                Place::AtTheEnd
            } else {
                Place::Nowhere
            });
        }
        self.has_finished = choices.iter().any(|choice| choice.0.finishes());
        Some(match self.has_finished {
            true => Place::AtTheEnd,
            false => Place::Now,
        })
    }
}

/// Writes the completion `text` to `out`; `None` when it is none of one choice, or lacks what the API
/// says that it has.
pub(super) fn whole(text: &str, own: &Members, out: &mut BytesMut) -> Option<()> {
    let (mut has_object, mut has_choice, mut has_usage) = (false, false, false);
    let rewritten = rewrite_object(text, out, own, |name, value| {
        match name {
            "object" => has_object = true,
            "choices" => has_choice = serde_json::from_str::<[IgnoredAny; 1]>(value).is_ok(),
            "usage" => has_usage = value.starts_with('{'),
            _ => {}
        }
        Edit::Keep
    });
    rewritten.ok()?;
    (has_object && has_choice && has_usage).then_some(())
}
