// SPDX-License-Identifier: Apache-2.0
//! Chat Completions, passed on.

use bytes::{BufMut, Bytes, BytesMut};
use lukhas_core::Original;
use lukhas_openai::{Edit, Members, View, member, members, rewrite_object};

use super::{keep_to_one_line, with_members};
use crate::answer::Place;

/// The chunks of one answer.
#[derive(Debug)]
pub(super) struct Chunks {
    /// Whether the client is to see the usage.
    shows_usage: bool,
    /// Whether the chunk has come that says why the answer ends.
    has_finished: bool,
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
        rewritten?;
        keep_to_one_line(out, start);
        out.put_slice(b"\n\n");
        let is_there = |value: Option<&str>| value.is_some_and(|value| value != "null");
        if is_there(error) {
            return Some(Place::Nowhere);
        }
        // What is no list of choices says nothing.
        let finishes = choices.and_then(finishes);
        if had_finished || finishes.is_none() {
            let is_shown = shows_usage && is_there(usage);
            return Some(if is_shown {
                Place::AtTheEnd
            } else {
                Place::Nowhere
            });
        }
        self.has_finished = finishes == Some(true);
        Some(match self.has_finished {
            true => Place::AtTheEnd,
            false => Place::Now,
        })
    }
}

/// Whether one of `choices` says why it ends; `None` when there are none.
fn finishes(choices: &str) -> Option<bool> {
    let mut finishes = None;
    View::new(choices).array(|choice| {
        let [reason] = members(choice.raw()?, &["finish_reason"])?;
        let is_end = reason.is_some_and(|reason| reason.starts_with('"'));
        finishes = Some(is_end || finishes == Some(true));
        Some(())
    })?;
    finishes
}

/// Writes the completion `text` to `out`; `None` when it is none of one choice, or lacks what the API
/// says that it has.
pub(super) fn whole(text: &str, own: &Members, out: &mut BytesMut) -> Option<()> {
    let (mut has_object, mut has_choice, mut has_usage) = (false, false, false);
    let rewritten = rewrite_object(text, out, own, |name, value| {
        match name {
            "object" => has_object = true,
            "choices" => has_choice = View::new(value).only(View::skip).is_some(),
            "usage" => has_usage = value.starts_with('{'),
            _ => {}
        }
        Edit::Keep
    });
    rewritten?;
    (has_object && has_choice && has_usage).then_some(())
}
