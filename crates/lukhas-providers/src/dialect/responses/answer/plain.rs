// SPDX-License-Identifier: Apache-2.0
//! The commonest answers, read without a tree of what is in them.
//!
//! What says anything beyond a text is left to the reader that knows all there is.

use std::borrow::Cow;

use lukhas_core::{Outcome, Usage, UsageSource};
use lukhas_openai::{ResponseObject, SseEvent, View, items, members};

use super::super::super::{Plain, TextIn, is_absent, unsigned};

/// More of a text.
pub(super) struct Delta<'d> {
    pub(super) output_index: u64,
    pub(super) content_index: u64,
    pub(super) delta: Cow<'d, str>,
}

/// `event`, if it is more of a text.
pub(super) fn delta(event: &SseEvent) -> Option<Delta<'_>> {
    let names = ["type", "output_index", "content_index", "delta"];
    let [kind, output_index, content_index, delta] = parts(event, &names)?;
    (View::new(kind?).string()? == event.event).then_some(())?;
    Some(Delta {
        output_index: unsigned(output_index?)?,
        content_index: unsigned(content_index?)?,
        delta: View::new(delta?).string()?,
    })
}

/// Where `event` has its text and its number, if it is more of a text.
pub(super) fn text_in(event: &SseEvent) -> Option<TextIn<'_>> {
    delta(event)?;
    let [delta, number] = parts(event, &["delta", "sequence_number"])?;
    Some(TextIn {
        string: delta?,
        number: number.filter(|number| !is_absent(Some(number))),
    })
}

fn parts<'d, const N: usize>(
    event: &'d SseEvent,
    names: &[&str; N],
) -> Option<[Option<&'d str>; N]> {
    match event.event.as_str() {
        "response.output_text.delta" => members(&event.data, names),
        _ => None,
    }
}

/// A response, if it is one text and completed.
pub(super) fn whole(response: &str) -> Option<Plain<'_>> {
    let found = members(response, &ResponseObject::MEMBERS)?;
    let places = ResponseObject::MEMBERS.into_iter().zip(found);
    let value = |name| places.clone().find_map(|(n, v)| v.filter(|_| n == name));
    (value("status") == Some(r#""completed""#)).then_some(())?;
    let [message] = items(value("output")?)?;
    let [kind, id, status, content] = members(message, &["type", "id", "status", "content"])?;
    let is_whole =
        kind == Some(r#""message""#) && (is_absent(status) || status == Some(r#""completed""#));
    let [part] = items(content.filter(|_| is_whole)?)?;
    let [kind, text, annotations, logprobs] =
        members(part, &["type", "text", "annotations", "logprobs"])?;
    (kind == Some(r#""output_text""#)).then_some(())?;
    // They only have to be there.
    annotations.and(logprobs)?;
    Some(Plain {
        text: View::new(text?).string()?.into_owned(),
        id: match id.filter(|id| !is_absent(Some(id))) {
            Some(id) => Some(View::new(id).string()?.into_owned()),
            None => None,
        },
        outcome: Outcome::Completed,
        usage: counts(value("usage")?)?,
        places: places.collect(),
    })
}

fn counts(usage: &str) -> Option<Usage> {
    let names = [
        "input_tokens",
        "input_tokens_details",
        "output_tokens",
        "output_tokens_details",
        "total_tokens",
    ];
    let [input, input_details, output, output_details, total] = members(usage, &names)?;
    let [cached] = members(input_details?, &["cached_tokens"])?;
    let [reasoning] = members(output_details?, &["reasoning_tokens"])?;
    // It only has to be there.
    total?;
    Some(Usage {
        input_tokens: unsigned(input?)?,
        cached_tokens: unsigned(cached?)?,
        output_tokens: unsigned(output?)?,
        reasoning_tokens: unsigned(reasoning?)?,
        source: UsageSource::Provider,
        cost: None,
    })
}
