// SPDX-License-Identifier: Apache-2.0
//! The commonest answers, read without a tree of what is in them.
//!
//! What says anything beyond a text is left to the reader that knows all there is.

use std::borrow::Cow;

use lukhas_core::{Outcome, Usage, UsageSource};
use lukhas_openai::{ResponseObject, SseEvent, View};

use super::super::super::{Gap, Plain, TextIn};

/// [`ResponseObject::MEMBERS`], in the order in which most servers write them.
const RESPONSE: [&str; ResponseObject::MEMBERS.len()] = [
    "id",
    "object",
    "created_at",
    "status",
    "background",
    "completed_at",
    "error",
    "frequency_penalty",
    "incomplete_details",
    "instructions",
    "max_output_tokens",
    "max_tool_calls",
    "model",
    "output",
    "parallel_tool_calls",
    "presence_penalty",
    "previous_response_id",
    "prompt_cache_key",
    "reasoning",
    "safety_identifier",
    "service_tier",
    "store",
    "temperature",
    "text",
    "tool_choice",
    "tools",
    "top_logprobs",
    "top_p",
    "truncation",
    "usage",
    "metadata",
];

/// More of a text.
#[derive(Default)]
pub(super) struct Delta<'d> {
    pub(super) output_index: u64,
    pub(super) content_index: u64,
    pub(super) delta: Cow<'d, str>,
    text_in: TextIn<'d>,
}

/// `event`, if it is more of a text.
pub(super) fn delta(event: &SseEvent) -> Option<Delta<'_>> {
    const KIND: &str = "response.output_text.delta";
    const NAMES: [&str; 5] = [
        "type",
        "output_index",
        "content_index",
        "delta",
        "sequence_number",
    ];

    (event.event == KIND).then_some(())?;
    let mut delta = Delta::default();
    let mut needed = 0;
    let mut view = View::new(&event.data);
    view.members(&NAMES, |index, value| {
        match NAMES[index] {
            "type" => (value.string()? == KIND).then_some(())?,
            "output_index" => delta.output_index = value.unsigned()?,
            "content_index" => delta.content_index = value.unsigned()?,
            "delta" => (delta.text_in.string, delta.delta) = value.written(View::string)?,
            // It only counts the event.
            _ if value.null() => return Some(()),
            _ => {
                delta.text_in.number = Some(value.raw()?);
                return Some(());
            }
        }
        needed += 1;
        Some(())
    })?;
    view.end()?;
    (needed == 4).then_some(delta)
}

/// Where `event` has its text and its number, if it is more of a text.
pub(super) fn text_in(event: &SseEvent) -> Option<TextIn<'_>> {
    delta(event).map(|delta| delta.text_in)
}

/// A response, if it is one text and completed.
pub(super) fn whole(response: &str) -> Option<Plain<'_>> {
    let mut found = [None; RESPONSE.len()];
    let mut gaps = Vec::with_capacity(12);
    let (mut is_completed, mut message, mut usage) = (false, None, None);
    let mut view = View::new(response);
    view.members(&RESPONSE, |index, value| {
        let (written, ()) = value.written(|value| {
            match RESPONSE[index] {
                "status" => is_completed = value.string()? == "completed",
                "output" => message = Some(value.only(Message::read)?),
                "usage" => usage = Some(counts(value, &mut gaps)?),
                _ => value.skip()?,
            }
            Some(())
        })?;
        found[index] = Some(written);
        if matches!(RESPONSE[index], "id" | "created_at" | "completed_at") {
            gaps.push((Gap::Other, written));
        }
        Some(())
    })?;
    view.end()?;
    let Message { id, text } = message.filter(|_| is_completed)?;
    gaps.push((Gap::Text, text.0));
    gaps.extend(id.iter().map(|(written, _)| (Gap::MessageId, *written)));
    Some(Plain {
        text: text.1.into_owned(),
        id: id.map(|(_, id)| id.into_owned()),
        outcome: Outcome::Completed,
        usage: usage?,
        places: RESPONSE.into_iter().zip(found).collect(),
        gaps,
    })
}

/// A string as it is written, and what it says.
type Said<'d> = (&'d str, Cow<'d, str>);

/// A message that is one text.
struct Message<'d> {
    id: Option<Said<'d>>,
    text: Said<'d>,
}

impl<'d> Message<'d> {
    fn read(view: &mut View<'d>) -> Option<Self> {
        const NAMES: [&str; 4] = ["id", "type", "status", "content"];

        let (mut is_message, mut id, mut text) = (false, None, None);
        view.members(&NAMES, |index, value| {
            match NAMES[index] {
                "type" => is_message = value.string()? == "message",
                "content" => text = Some(value.only(output_text)?),
                _ if value.null() => {}
                "id" => id = Some(value.written(View::string)?),
                _ => (value.string()? == "completed").then_some(())?,
            }
            Some(())
        })?;
        let text = text.filter(|_| is_message)?;
        Some(Self { id, text })
    }
}

/// The text of a part of a message, if that is all there is to say of it.
fn output_text<'d>(view: &mut View<'d>) -> Option<Said<'d>> {
    const NAMES: [&str; 4] = ["type", "annotations", "logprobs", "text"];

    let (mut text, mut needed) = (None, 0);
    view.members(&NAMES, |index, value| {
        needed += 1;
        match NAMES[index] {
            "type" => (value.string()? == "output_text").then_some(()),
            "text" => value.written(View::string).map(|said| text = Some(said)),
            // They only have to be there.
            _ => value.skip(),
        }
    })?;
    text.filter(|_| needed == NAMES.len())
}

fn counts<'d>(view: &mut View<'d>, gaps: &mut Vec<(Gap, &'d str)>) -> Option<Usage> {
    const NAMES: [&str; 5] = [
        "input_tokens",
        "input_tokens_details",
        "output_tokens",
        "output_tokens_details",
        "total_tokens",
    ];

    let mut usage = Usage {
        source: UsageSource::Provider,
        ..Usage::default()
    };
    let mut needed = 0;
    view.members(&NAMES, |index, value| {
        needed += 1;
        let (gap, (written, count), place) = match NAMES[index] {
            "input_tokens" => {
                let count = value.written(View::unsigned)?;
                (Gap::InputTokens, count, &mut usage.input_tokens)
            }
            "output_tokens" => {
                let count = value.written(View::unsigned)?;
                (Gap::OutputTokens, count, &mut usage.output_tokens)
            }
            "input_tokens_details" => {
                let count = detail(value, "cached_tokens")?;
                (Gap::CachedTokens, count, &mut usage.cached_tokens)
            }
            "output_tokens_details" => {
                let count = detail(value, "reasoning_tokens")?;
                (Gap::ReasoningTokens, count, &mut usage.reasoning_tokens)
            }
            // It only has to be there.
            _ => {
                gaps.push((Gap::Other, value.raw()?));
                return Some(());
            }
        };
        *place = count;
        gaps.push((gap, written));
        Some(())
    })?;
    (needed == NAMES.len()).then_some(usage)
}

fn detail<'d>(view: &mut View<'d>, name: &str) -> Option<(&'d str, u64)> {
    let mut count = None;
    view.members(&[name], |_, value| {
        count = Some(value.written(View::unsigned)?);
        Some(())
    })?;
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_member_of_a_response_is_looked_for() {
        let (mut looked_for, mut members) = (RESPONSE, ResponseObject::MEMBERS);
        looked_for.sort_unstable();
        members.sort_unstable();
        assert_eq!(looked_for, members);
    }
}
