// SPDX-License-Identifier: Apache-2.0
//! The commonest answers, read without a tree of what is in them.
//!
//! What says anything beyond a text is left to the reader that knows all there is.

use std::borrow::Cow;

use lukhas_core::{Usage, UsageSource};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::super::{Never, Object, Place, Plain};
use super::answer::outcome;

/// A text, and no more.
#[derive(Deserialize)]
struct Text<'d> {
    #[serde(borrow)]
    content: Option<Cow<'d, str>>,
    refusal: Option<Never>,
    reasoning_content: Option<Never>,
    reasoning: Option<Never>,
    tool_calls: Option<Never>,
}

#[derive(Deserialize)]
struct Chunk<'d> {
    #[serde(borrow)]
    choices: [Object<ChunkChoice<'d>>; 1],
    usage: Option<Never>,
    error: Option<Never>,
}

#[derive(Deserialize)]
struct ChunkChoice<'d> {
    index: Option<u64>,
    #[serde(borrow)]
    delta: Object<Text<'d>>,
    finish_reason: Option<Never>,
}

#[derive(Deserialize)]
struct Completion<'d> {
    #[serde(borrow)]
    id: Place<'d>,
    #[serde(borrow)]
    object: Place<'d>,
    #[serde(borrow)]
    created: Place<'d>,
    #[serde(borrow)]
    model: Place<'d>,
    #[serde(borrow)]
    choices: [Object<Choice<'d>>; 1],
    usage: Object<Counts>,
}

#[derive(Deserialize)]
struct Choice<'d> {
    #[serde(borrow)]
    message: Object<Text<'d>>,
    #[serde(borrow)]
    finish_reason: Cow<'d, str>,
}

#[derive(Deserialize)]
struct Counts {
    prompt_tokens: u64,
    completion_tokens: u64,
    prompt_tokens_details: Option<Object<PromptDetails>>,
    completion_tokens_details: Option<Object<CompletionDetails>>,
}

#[derive(Deserialize)]
struct PromptDetails {
    cached_tokens: Option<u64>,
}

#[derive(Deserialize)]
struct CompletionDetails {
    reasoning_tokens: Option<u64>,
}

/// The text that a chunk adds, if it does nothing else.
pub(super) fn delta(data: &str) -> Option<String> {
    let Object(chunk): Object<Chunk<'_>> = serde_json::from_str(data).ok()?;
    let (None, None, [Object(choice)]) = (chunk.usage, chunk.error, chunk.choices);
    let (None, None | Some(0)) = (choice.finish_reason, choice.index) else {
        return None;
    };
    Some(choice.delta.0.alone())
}

/// Where a chunk has the text that it adds, if it does nothing else.
pub(super) fn text_in(data: &str) -> Option<&str> {
    #[derive(Deserialize)]
    struct Chunk<'d> {
        #[serde(borrow)]
        choices: [Choice<'d>; 1],
    }
    #[derive(Deserialize)]
    struct Choice<'d> {
        #[serde(borrow)]
        delta: Delta<'d>,
    }
    #[derive(Deserialize)]
    struct Delta<'d> {
        #[serde(borrow)]
        content: &'d RawValue,
    }

    delta(data)?;
    let chunk: Chunk<'_> = serde_json::from_str(data).ok()?;
    let [choice] = chunk.choices;
    let content = choice.delta.content.get();
    content.starts_with('"').then_some(content)
}

/// A completion, if it is one text.
pub(super) fn whole(text: &str) -> Option<Plain<'_>> {
    let Object(completion): Object<Completion<'_>> = serde_json::from_str(text).ok()?;
    let [Object(choice)] = completion.choices;
    let Object(counts) = completion.usage;
    let details = counts.prompt_tokens_details;
    let cached_tokens = details.and_then(|details| details.0.cached_tokens);
    let details = counts.completion_tokens_details;
    let reasoning_tokens = details.and_then(|details| details.0.reasoning_tokens);
    Some(Plain {
        text: choice.message.0.alone(),
        id: None,
        outcome: outcome(&choice.finish_reason),
        usage: Usage {
            input_tokens: counts.prompt_tokens,
            cached_tokens: cached_tokens.unwrap_or(0),
            output_tokens: counts.completion_tokens,
            reasoning_tokens: reasoning_tokens.unwrap_or(0),
            source: UsageSource::Provider,
            cost: None,
        },
        places: vec![
            ("id", completion.id),
            ("object", completion.object),
            ("created", completion.created),
            ("model", completion.model),
        ],
    })
}

impl Text<'_> {
    fn alone(self) -> String {
        // INVARIANT: what else there could be is null, or it would not have been read.
        let (None, None, None, None) = (
            self.refusal,
            self.reasoning_content,
            self.reasoning,
            self.tool_calls,
        );
        self.content.unwrap_or_default().into_owned()
    }
}
