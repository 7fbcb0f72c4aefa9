// SPDX-License-Identifier: Apache-2.0
//! The commonest answers, read without a tree of what is in them.
//!
//! What says anything beyond a text is left to the reader that knows all there is.

use lukhas_core::{Usage, UsageSource};
use lukhas_openai::{View, items, members};

use super::super::{Plain, is_absent, unsigned};
use super::answer::outcome;

/// The text that a chunk adds, if it does nothing else.
pub(super) fn delta(data: &str) -> Option<String> {
    text(content_of_chunk(data)?)
}

/// Where a chunk has the text that it adds, if it does nothing else.
pub(super) fn text_in(data: &str) -> Option<&str> {
    let content = content_of_chunk(data)??;
    text(Some(content))?;
    content.starts_with('"').then_some(content)
}

/// A completion, if it is one text.
pub(super) fn whole(completion: &str) -> Option<Plain<'_>> {
    let names = ["id", "object", "created", "model", "choices", "usage"];
    let [id, object, created, model, choices, usage] = members(completion, &names)?;
    let [choice] = items(choices?)?;
    let [message, reason] = members(choice, &["message", "finish_reason"])?;
    Some(Plain {
        text: text(content(message?)?)?,
        id: None,
        outcome: outcome(&View::new(reason?).string()?),
        usage: counts(usage?)?,
        places: vec![
            ("id", id),
            ("object", object),
            ("created", created),
            ("model", model),
        ],
    })
}

/// The content of a chunk, if it has nothing else.
fn content_of_chunk(data: &str) -> Option<Option<&str>> {
    let [choices, usage, error] = members(data, &["choices", "usage", "error"])?;
    let [choice] = items(choices?)?;
    let [index, delta, reason] = members(choice, &["index", "delta", "finish_reason"])?;
    let is_alone = [usage, error, reason].into_iter().all(is_absent)
        && matches!(index, None | Some("null" | "0"));
    if !is_alone {
        return None;
    }
    content(delta?)
}

/// The content of a message, as it was written, if it has nothing else.
fn content(message: &str) -> Option<Option<&str>> {
    let names = [
        "content",
        "refusal",
        "reasoning_content",
        "reasoning",
        "tool_calls",
    ];
    let [content, others @ ..] = members(message, &names)?;
    others.into_iter().all(is_absent).then_some(content)
}

fn text(content: Option<&str>) -> Option<String> {
    match content.filter(|content| !is_absent(Some(content))) {
        Some(content) => View::new(content).string().map(Into::into),
        None => Some(String::new()),
    }
}

fn counts(usage: &str) -> Option<Usage> {
    let names = [
        "prompt_tokens",
        "completion_tokens",
        "prompt_tokens_details",
        "completion_tokens_details",
    ];
    let [input, output, input_details, output_details] = members(usage, &names)?;
    Some(Usage {
        input_tokens: unsigned(input?)?,
        cached_tokens: detail(input_details, "cached_tokens")?,
        output_tokens: unsigned(output?)?,
        reasoning_tokens: detail(output_details, "reasoning_tokens")?,
        source: UsageSource::Provider,
        cost: None,
    })
}

/// A count that may be left out, with or without all that is beside it.
fn detail(details: Option<&str>, name: &str) -> Option<u64> {
    if is_absent(details) {
        return Some(0);
    }
    let [count] = members(details?, &[name])?;
    if is_absent(count) {
        return Some(0);
    }
    unsigned(count?)
}
