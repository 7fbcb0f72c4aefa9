// SPDX-License-Identifier: Apache-2.0
//! The commonest answers, read without a tree of what is in them.
//!
//! What says anything beyond a text is left to the reader that knows all there is.

use std::borrow::Cow;

use lukhas_core::{Usage, UsageSource};
use lukhas_openai::View;

use super::super::{Gap, Plain};
use super::answer::outcome;

/// The content of a message that is a text and no more: empty where it is null or left out.
#[derive(Default)]
struct Content<'d> {
    text: Cow<'d, str>,
    /// As it is written.
    string: Option<&'d str>,
}

/// The text that a chunk adds, if it does nothing else.
pub(super) fn delta(data: &str) -> Option<String> {
    chunk(data).map(|content| content.text.into_owned())
}

/// Where a chunk has the text that it adds, if it does nothing else.
pub(super) fn text_in(data: &str) -> Option<&str> {
    chunk(data)?.string
}

fn chunk(data: &str) -> Option<Content<'_>> {
    const NAMES: [&str; 3] = ["choices", "usage", "error"];

    let mut content = None;
    let mut view = View::new(data);
    view.members(&NAMES, |index, value| match NAMES[index] {
        "choices" => value.only(delta_of_choice).map(|only| content = Some(only)),
        _ => value.null().then_some(()),
    })?;
    view.end()?;
    content
}

fn delta_of_choice<'d>(view: &mut View<'d>) -> Option<Content<'d>> {
    const NAMES: [&str; 3] = ["index", "delta", "finish_reason"];

    let mut content = None;
    view.members(&NAMES, |index, value| match NAMES[index] {
        "delta" => Content::read(value).map(|read| content = Some(read)),
        _ if value.null() => Some(()),
        "index" => (value.unsigned()? == 0).then_some(()),
        _ => None,
    })?;
    content
}

impl<'d> Content<'d> {
    fn read(view: &mut View<'d>) -> Option<Self> {
        const NAMES: [&str; 5] = [
            "content",
            "refusal",
            "reasoning_content",
            "reasoning",
            "tool_calls",
        ];

        let mut content = Self::default();
        view.members(&NAMES, |index, value| {
            if value.null() {
                return Some(());
            }
            let (string, text) = match NAMES[index] {
                "content" => value.written(View::string)?,
                _ => return None,
            };
            content = Self {
                text,
                string: Some(string),
            };
            Some(())
        })?;
        Some(content)
    }
}

/// A completion, if it is one text.
pub(super) fn whole(completion: &str) -> Option<Plain<'_>> {
    const NAMES: [&str; 6] = ["id", "object", "created", "model", "choices", "usage"];

    let mut found = [None; NAMES.len()];
    let mut gaps = Vec::with_capacity(8);
    let (mut choice, mut usage) = (None, None);
    let mut view = View::new(completion);
    view.members(&NAMES, |index, value| {
        let (written, ()) = value.written(|value| {
            match NAMES[index] {
                "choices" => choice = Some(value.only(whole_choice)?),
                "usage" => usage = Some(counts(value, &mut gaps)?),
                _ => value.skip()?,
            }
            Some(())
        })?;
        found[index] = Some(written);
        if matches!(NAMES[index], "id" | "created") {
            gaps.push((Gap::Other, written));
        }
        Some(())
    })?;
    view.end()?;
    let (content, reason) = choice?;
    gaps.extend(content.string.map(|string| (Gap::Text, string)));
    Some(Plain {
        text: content.text.into_owned(),
        id: None,
        outcome: outcome(&reason),
        usage: usage?,
        places: NAMES.into_iter().zip(found).collect(),
        gaps,
    })
}

/// The content of a choice, and why it ends.
fn whole_choice<'d>(view: &mut View<'d>) -> Option<(Content<'d>, Cow<'d, str>)> {
    const NAMES: [&str; 2] = ["message", "finish_reason"];

    let (mut content, mut reason) = (None, None);
    view.members(&NAMES, |index, value| {
        match NAMES[index] {
            "message" => content = Some(Content::read(value)?),
            _ => reason = Some(value.string()?),
        }
        Some(())
    })?;
    content.zip(reason)
}

fn counts<'d>(view: &mut View<'d>, gaps: &mut Vec<(Gap, &'d str)>) -> Option<Usage> {
    const NAMES: [&str; 5] = [
        "prompt_tokens",
        "completion_tokens",
        "total_tokens",
        "prompt_tokens_details",
        "completion_tokens_details",
    ];

    let mut usage = Usage {
        source: UsageSource::Provider,
        ..Usage::default()
    };
    let mut needed = 0;
    view.members(&NAMES, |index, value| {
        let (gap, written) = match NAMES[index] {
            "prompt_tokens" => {
                let (written, count) = value.written(View::unsigned)?;
                (usage.input_tokens, needed) = (count, needed + 1);
                (Gap::InputTokens, written)
            }
            "completion_tokens" => {
                let (written, count) = value.written(View::unsigned)?;
                (usage.output_tokens, needed) = (count, needed + 1);
                (Gap::OutputTokens, written)
            }
            "prompt_tokens_details" => {
                let (count, written) = detail(value, "cached_tokens")?;
                usage.cached_tokens = count;
                (Gap::CachedTokens, written)
            }
            "completion_tokens_details" => {
                let (count, written) = detail(value, "reasoning_tokens")?;
                usage.reasoning_tokens = count;
                (Gap::ReasoningTokens, written)
            }
            _ => (Gap::Other, value.raw()?),
        };
        gaps.push((gap, written));
        Some(())
    })?;
    (needed == 2).then_some(usage)
}

/// A count that may be left out, with or without all that is beside it, and how it is written.
fn detail<'d>(view: &mut View<'d>, name: &str) -> Option<(u64, &'d str)> {
    let mut found = (0, "");
    if view.null() {
        return Some(found);
    }
    view.members(&[name], |_, value| {
        if !value.null() {
            let (written, count) = value.written(View::unsigned)?;
            found = (count, written);
        }
        Some(())
    })?;
    Some(found)
}
