// SPDX-License-Identifier: Apache-2.0
//! The commonest answers, read without a tree of what is in them.
//!
//! What says anything beyond a text is left to the reader that knows all there is.

use std::borrow::Cow;

use lukhas_core::{Outcome, Usage, UsageSource};
use lukhas_openai::SseEvent;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use super::super::super::{Object, Plain, TextIn};

/// More of a text.
#[derive(Deserialize)]
pub(super) struct Delta<'d> {
    #[serde(borrow, rename = "type")]
    kind: Cow<'d, str>,
    pub(super) output_index: u64,
    pub(super) content_index: u64,
    #[serde(borrow)]
    pub(super) delta: Cow<'d, str>,
}

/// With all that a response must have to be passed on.
#[derive(Deserialize)]
#[expect(dead_code, reason = "some members only have to be there")]
struct Response<'d> {
    #[serde(borrow)]
    id: &'d RawValue,
    #[serde(borrow)]
    created_at: &'d RawValue,
    #[serde(borrow)]
    model: &'d RawValue,
    #[serde(borrow)]
    store: &'d RawValue,
    object: IgnoredAny,
    error: IgnoredAny,
    incomplete_details: IgnoredAny,
    instructions: IgnoredAny,
    parallel_tool_calls: IgnoredAny,
    temperature: IgnoredAny,
    tool_choice: IgnoredAny,
    tools: IgnoredAny,
    top_p: IgnoredAny,
    metadata: IgnoredAny,
    #[serde(borrow)]
    status: Cow<'d, str>,
    #[serde(borrow)]
    output: [Object<Message<'d>>; 1],
    usage: Object<Counts>,
}

#[derive(Deserialize)]
struct Message<'d> {
    #[serde(borrow, rename = "type")]
    kind: Cow<'d, str>,
    #[serde(borrow)]
    id: Option<Cow<'d, str>>,
    #[serde(borrow)]
    status: Option<Cow<'d, str>>,
    #[serde(borrow)]
    content: [Object<Text<'d>>; 1],
}

#[derive(Deserialize)]
struct Text<'d> {
    #[serde(borrow, rename = "type")]
    kind: Cow<'d, str>,
    #[serde(borrow)]
    text: Cow<'d, str>,
}

#[derive(Deserialize)]
struct Counts {
    input_tokens: u64,
    output_tokens: u64,
    input_tokens_details: Option<Object<InputDetails>>,
    output_tokens_details: Option<Object<OutputDetails>>,
}

#[derive(Deserialize)]
struct InputDetails {
    cached_tokens: Option<u64>,
}

#[derive(Deserialize)]
struct OutputDetails {
    reasoning_tokens: Option<u64>,
}

/// `event`, if it is more of a text.
pub(super) fn delta(event: &SseEvent) -> Option<Delta<'_>> {
    let Object(delta): Object<Delta<'_>> = match event.event.as_str() {
        "response.output_text.delta" => serde_json::from_str(&event.data).ok()?,
        _ => return None,
    };
    (delta.kind == event.event).then_some(delta)
}

/// Where `event` has its text and its number, if it is more of a text.
pub(super) fn text_in(event: &SseEvent) -> Option<TextIn<'_>> {
    #[derive(Deserialize)]
    struct Parts<'d> {
        #[serde(borrow)]
        delta: &'d RawValue,
        #[serde(borrow)]
        sequence_number: Option<&'d RawValue>,
    }

    delta(event)?;
    let parts: Parts<'_> = serde_json::from_str(&event.data).ok()?;
    Some(TextIn {
        string: parts.delta.get(),
        number: parts.sequence_number.map(RawValue::get),
    })
}

/// A response, if it is one text and completed.
pub(super) fn whole(text: &str) -> Option<Plain<'_>> {
    let Object(response): Object<Response<'_>> = serde_json::from_str(text).ok()?;
    let places = [
        ("id", response.id),
        ("created_at", response.created_at),
        ("model", response.model),
        ("store", response.store),
    ];
    let [Object(message)] = response.output;
    let [Object(text)] = message.content;
    let is_whole = message.status.as_deref() != Some("incomplete");
    let kinds = (&*response.status, &*message.kind, &*text.kind);
    if kinds != ("completed", "message", "output_text") || !is_whole {
        return None;
    }
    let Object(counts) = response.usage;
    let details = counts.input_tokens_details;
    let cached_tokens = details.and_then(|details| details.0.cached_tokens);
    let details = counts.output_tokens_details;
    let reasoning_tokens = details.and_then(|details| details.0.reasoning_tokens);
    Some(Plain {
        text: text.text.into_owned(),
        id: message.id.map(Cow::into_owned),
        outcome: Outcome::Completed,
        usage: Usage {
            input_tokens: counts.input_tokens,
            cached_tokens: cached_tokens.unwrap_or(0),
            output_tokens: counts.output_tokens,
            reasoning_tokens: reasoning_tokens.unwrap_or(0),
            source: UsageSource::Provider,
            cost: None,
        },
        places,
    })
}
