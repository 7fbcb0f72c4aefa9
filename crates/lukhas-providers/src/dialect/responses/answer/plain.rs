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

use super::super::super::{Object, Place, Plain, TextIn};

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
    id: Place<'d>,
    #[serde(borrow)]
    created_at: Place<'d>,
    #[serde(borrow)]
    model: Place<'d>,
    #[serde(borrow)]
    store: Place<'d>,
    #[serde(borrow, default)]
    completed_at: Place<'d>,
    #[serde(borrow, default)]
    previous_response_id: Place<'d>,
    #[serde(borrow, default)]
    presence_penalty: Place<'d>,
    #[serde(borrow, default)]
    frequency_penalty: Place<'d>,
    #[serde(borrow, default)]
    top_logprobs: Place<'d>,
    #[serde(borrow, default)]
    max_tool_calls: Place<'d>,
    #[serde(borrow, default)]
    background: Place<'d>,
    #[serde(borrow, default)]
    service_tier: Place<'d>,
    #[serde(borrow, default)]
    metadata: Place<'d>,
    #[serde(borrow, default)]
    safety_identifier: Place<'d>,
    #[serde(borrow, default)]
    prompt_cache_key: Place<'d>,
    object: IgnoredAny,
    error: IgnoredAny,
    incomplete_details: IgnoredAny,
    instructions: IgnoredAny,
    parallel_tool_calls: IgnoredAny,
    temperature: IgnoredAny,
    tool_choice: IgnoredAny,
    tools: IgnoredAny,
    top_p: IgnoredAny,
    truncation: IgnoredAny,
    text: IgnoredAny,
    reasoning: IgnoredAny,
    max_output_tokens: IgnoredAny,
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
#[expect(dead_code, reason = "some members only have to be there")]
struct Text<'d> {
    #[serde(borrow, rename = "type")]
    kind: Cow<'d, str>,
    #[serde(borrow)]
    text: Cow<'d, str>,
    annotations: IgnoredAny,
    logprobs: IgnoredAny,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "some members only have to be there")]
struct Counts {
    input_tokens: u64,
    input_tokens_details: Object<InputDetails>,
    output_tokens: u64,
    output_tokens_details: Object<OutputDetails>,
    total_tokens: IgnoredAny,
}

#[derive(Deserialize)]
struct InputDetails {
    cached_tokens: u64,
}

#[derive(Deserialize)]
struct OutputDetails {
    reasoning_tokens: u64,
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
    let places = vec![
        ("id", response.id),
        ("created_at", response.created_at),
        ("model", response.model),
        ("store", response.store),
        ("completed_at", response.completed_at),
        ("previous_response_id", response.previous_response_id),
        ("presence_penalty", response.presence_penalty),
        ("frequency_penalty", response.frequency_penalty),
        ("top_logprobs", response.top_logprobs),
        ("max_tool_calls", response.max_tool_calls),
        ("background", response.background),
        ("service_tier", response.service_tier),
        ("metadata", response.metadata),
        ("safety_identifier", response.safety_identifier),
        ("prompt_cache_key", response.prompt_cache_key),
    ];
    let [Object(message)] = response.output;
    let [Object(text)] = message.content;
    let is_whole = message.status.as_deref() != Some("incomplete");
    let kinds = (&*response.status, &*message.kind, &*text.kind);
    if kinds != ("completed", "message", "output_text") || !is_whole {
        return None;
    }
    let Object(counts) = response.usage;
    Some(Plain {
        text: text.text.into_owned(),
        id: message.id.map(Cow::into_owned),
        outcome: Outcome::Completed,
        usage: Usage {
            input_tokens: counts.input_tokens,
            cached_tokens: counts.input_tokens_details.0.cached_tokens,
            output_tokens: counts.output_tokens,
            reasoning_tokens: counts.output_tokens_details.0.reasoning_tokens,
            source: UsageSource::Provider,
            cost: None,
        },
        places,
    })
}
