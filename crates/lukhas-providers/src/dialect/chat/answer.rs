// SPDX-License-Identifier: Apache-2.0
//! An answer of Chat Completions.

use lukhas_core::{IncompleteReason, Outcome, Usage, UsageSource};
use lukhas_openai::SseEvent;
use serde_json::Value;

use super::super::{Plain, Reader, TextIn, count, ended_with, owned_text, parse};
use super::plain;
use crate::answer::Answer;
use crate::error::Unreadable;

/// Reads one answer of one choice.
///
/// Its terminal marker is `finish_reason`. The usage may follow it, so the end is given with the
/// usage, with `[DONE]`, or when the stream ends.
#[derive(Debug, Default)]
pub(crate) struct ChatReader {
    outcome: Option<Outcome>,
    usage: Option<Usage>,
}

impl Reader for ChatReader {
    fn plain<'t>(&self, text: &'t str) -> Option<Plain<'t>> {
        plain::whole(text)
    }

    fn whole(&mut self, body: &Value, answer: &mut Answer) -> Result<(), Unreadable> {
        self.note_usage(body);
        let choice = body
            .pointer("/choices/0")
            .ok_or_else(|| Unreadable::new("it has no choice"))?;
        let message = &choice["message"];
        self.grow(message, answer)?;
        for (index, call) in calls(message).enumerate() {
            let key = index.to_string();
            begin_call(call, &key, answer)?;
            answer.arguments(&key, arguments(call)?)?;
        }
        let reason = choice["finish_reason"].as_str();
        let reason = reason.ok_or_else(|| Unreadable::new("it has no `finish_reason`"))?;
        self.outcome = Some(outcome(reason));
        self.finish(answer);
        Ok(())
    }

    fn event(&mut self, event: &SseEvent, answer: &mut Answer) -> Result<(), Unreadable> {
        if event.data.trim() == "[DONE]" {
            self.finish(answer);
            return Ok(());
        }
        if self.outcome.is_none()
            && let Some(delta) = plain::delta(&event.data)
        {
            answer.text(delta);
            return Ok(());
        }
        let chunk = parse(&event.data)?;
        if let Some(error) = chunk.get("error").filter(|error| !error.is_null()) {
            answer.end(Outcome::Failed(ended_with(error)), self.usage);
            return Ok(());
        }
        self.note_usage(&chunk);
        for choice in chunk["choices"].as_array().into_iter().flatten() {
            if choice["index"].as_u64().unwrap_or(0) != 0 {
                return Err(Unreadable::new("it has a choice that was not asked for"));
            }
            self.choice(choice, answer)?;
        }
        Ok(())
    }

    fn text_in<'d>(&self, event: &'d SseEvent) -> Option<TextIn<'d>> {
        let string = plain::text_in(&event.data)?;
        self.outcome.is_none().then_some(TextIn {
            string,
            number: None,
        })
    }

    fn finish(&mut self, answer: &mut Answer) {
        if let Some(outcome) = self.outcome.take() {
            answer.end(outcome, self.usage);
        }
    }

    fn usage(&self) -> Option<Usage> {
        self.usage
    }
}

impl ChatReader {
    fn choice(&mut self, choice: &Value, answer: &mut Answer) -> Result<(), Unreadable> {
        let delta = &choice["delta"];
        let says_something = [&delta["content"], &delta["refusal"], reasoning(delta)]
            .iter()
            .any(|value| value.as_str().is_some_and(|text| !text.is_empty()))
            || calls(delta).next().is_some();
        if self.outcome.is_some() {
            return match says_something {
                true => Err(Unreadable::new("it went on after its end")),
                false => Ok(()),
            };
        }
        self.grow(delta, answer)?;
        for (place, call) in calls(delta).enumerate() {
            grow_call(call, place, answer)?;
        }
        if let Some(reason) = choice["finish_reason"].as_str() {
            self.outcome = Some(outcome(reason));
        }
        Ok(())
    }

    fn grow(&self, message: &Value, answer: &mut Answer) -> Result<(), Unreadable> {
        for key in ["content", "refusal"] {
            let value = &message[key];
            if !value.is_null() && !value.is_string() {
                return Err(Unreadable::new(format!("its `{key}` is not a text")));
            }
        }
        answer.reasoning(owned_text(Some(reasoning(message))));
        answer.text(owned_text(message.get("content")));
        answer.refusal(owned_text(message.get("refusal")));
        Ok(())
    }

    fn note_usage(&mut self, body: &Value) {
        let usage = &body["usage"];
        if usage.is_object() {
            self.usage = Some(Usage {
                input_tokens: count(usage, "/prompt_tokens"),
                cached_tokens: count(usage, "/prompt_tokens_details/cached_tokens"),
                output_tokens: count(usage, "/completion_tokens"),
                reasoning_tokens: count(usage, "/completion_tokens_details/reasoning_tokens"),
                source: UsageSource::Provider,
                cost: None,
            });
        }
    }
}

/// What a model shows of its thinking. The API has no place for it: servers of open models have
/// one of two names for it, or both for the same.
fn reasoning(message: &Value) -> &Value {
    match &message["reasoning_content"] {
        Value::Null => &message["reasoning"],
        reasoning => reasoning,
    }
}

fn calls(message: &Value) -> impl Iterator<Item = &Value> {
    message["tool_calls"].as_array().into_iter().flatten()
}

/// A call that begins or grows. Some servers number every call of a chunk 0, or none at all: then
/// its place in the chunk stands for the number.
fn grow_call(call: &Value, place: usize, answer: &mut Answer) -> Result<(), Unreadable> {
    let number = call["index"].as_u64().unwrap_or(place as u64);
    let key = number.to_string();
    if !answer.has_call(&key) {
        begin_call(call, &key, answer)?;
    }
    answer.arguments(&key, arguments(call)?)
}

/// The arguments of a call, or a piece of them.
fn arguments(call: &Value) -> Result<String, Unreadable> {
    match call.pointer("/function/arguments") {
        None | Some(Value::Null) => Ok(String::new()),
        Some(Value::String(text)) => Ok(text.clone()),
        Some(_) => Err(Unreadable::new(
            "the arguments of a tool call are not a text",
        )),
    }
}

fn begin_call(call: &Value, key: &str, answer: &mut Answer) -> Result<(), Unreadable> {
    let id = call["id"].as_str().unwrap_or_default();
    let name = call.pointer("/function/name").and_then(Value::as_str);
    answer.call(key, id, name.unwrap_or_default())
}

pub(super) fn outcome(reason: &str) -> Outcome {
    match reason {
        "length" => Outcome::Incomplete(IncompleteReason::MaxOutputTokens),
        "content_filter" => Outcome::Incomplete(IncompleteReason::ContentFilter),
        // `stop`, `tool_calls`, `function_call`, and what other servers call the same.
        _ => Outcome::Completed,
    }
}
