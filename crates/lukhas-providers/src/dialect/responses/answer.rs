// SPDX-License-Identifier: Apache-2.0
//! An answer of Responses.

mod item;
mod plain;

use lukhas_core::{IncompleteReason, Outcome, Usage, UsageSource};
use lukhas_openai::SseEvent;
use serde_json::{Value, json};

use self::item::{Items, Key, Piece};
use super::super::{Plain, Reader, TextIn, count, ended_with, parse};
use crate::answer::Answer;
use crate::error::Unreadable;

/// Reads one answer.
///
/// Its terminal markers are `response.completed`, `.incomplete` and `.failed`; they carry the
/// usage. Texts come in deltas, and again whole when they are done: what no delta has carried is
/// taken from there. Events of other kinds (keep-alives, hosted tools, annotations) say nothing of
/// the answer.
#[derive(Debug, Default)]
pub(crate) struct ResponsesReader {
    items: Items,
    /// Where the last text was added that came alone: the item, and its part.
    last: Option<(Key, u64)>,
}

impl Reader for ResponsesReader {
    fn plain<'t>(&self, text: &'t str) -> Option<Plain<'t>> {
        plain::whole(text)
    }

    fn whole(&mut self, body: &Value, answer: &mut Answer) -> Result<(), Unreadable> {
        for item in output(body) {
            self.items.whole(item, answer)?;
        }
        let status = body["status"].as_str();
        let status = status.ok_or_else(|| Unreadable::new("it has no `status`"))?;
        answer.end(outcome(status, body)?, usage(body));
        Ok(())
    }

    fn event(&mut self, event: &SseEvent, answer: &mut Answer) -> Result<(), Unreadable> {
        // The API does not end with it, but some servers do.
        if event.data.trim() == "[DONE]" {
            return Ok(());
        }
        if let Some(delta) = plain::delta(event) {
            let (key, slot) = (Key::Place(delta.output_index), delta.content_index);
            self.items.grow_text(&key, slot, &delta.delta, answer)?;
            self.last = Some((key, slot));
            return Ok(());
        }
        let event = parse(&event.data)?;
        let items = &mut self.items;
        match event["type"].as_str().unwrap_or_default() {
            "response.output_item.added" => items.begin(&event, answer),
            "response.output_item.done" => items.done(&event, answer),
            "response.content_part.done" => items.part_done(&event, answer),
            "response.output_text.delta" => items.grow(Piece::Text, &event, answer),
            "response.output_text.done" => items.complete(Piece::Text, &event, "/text", answer),
            "response.refusal.delta" => items.grow(Piece::Refusal, &event, answer),
            "response.refusal.done" => items.complete(Piece::Refusal, &event, "/refusal", answer),
            "response.function_call_arguments.delta" => {
                items.grow(Piece::Arguments, &event, answer)
            }
            "response.function_call_arguments.done" => {
                items.complete(Piece::Arguments, &event, "/arguments", answer)
            }
            "response.reasoning_summary_text.delta" => items.grow(Piece::Summary, &event, answer),
            "response.reasoning_summary_text.done" => {
                items.complete(Piece::Summary, &event, "/text", answer)
            }
            "response.reasoning_text.delta" => items.grow(Piece::Reasoning, &event, answer),
            "response.reasoning_text.done" => {
                items.complete(Piece::Reasoning, &event, "/text", answer)
            }
            "response.completed" => self.end("completed", &event["response"], answer),
            "response.incomplete" => self.end("incomplete", &event["response"], answer),
            "response.failed" => self.end("failed", &event["response"], answer),
            "error" => {
                answer.end(Outcome::Failed(ended_with(&error(&event))), None);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn text_in<'d>(&self, event: &'d SseEvent) -> Option<TextIn<'d>> {
        plain::text_in(event)
    }

    fn more(&mut self, text: String, answer: &mut Answer) -> Result<(), Unreadable> {
        match &self.last {
            Some((key, slot)) => self.items.grow_text(key, *slot, &text, answer),
            None => Err(Unreadable::new("it repeated what it had not said")),
        }
    }

    /// Every terminal marker is an end by itself.
    fn finish(&mut self, _: &mut Answer) {}

    /// Only the terminal markers tell.
    fn usage(&self) -> Option<Usage> {
        None
    }
}

impl ResponsesReader {
    /// A terminal marker. Items that no event has spoken of are read from the response it carries.
    fn end(
        &mut self,
        status: &str,
        response: &Value,
        answer: &mut Answer,
    ) -> Result<(), Unreadable> {
        for item in output(response).skip(self.items.len()) {
            self.items.whole(item, answer)?;
        }
        answer.end(outcome(status, response)?, usage(response));
        Ok(())
    }
}

fn output(response: &Value) -> impl Iterator<Item = &Value> {
    response["output"].as_array().into_iter().flatten()
}

fn outcome(status: &str, response: &Value) -> Result<Outcome, Unreadable> {
    match status {
        "completed" => Ok(Outcome::Completed),
        "incomplete" => match response.pointer("/incomplete_details/reason") {
            Some(reason) if reason == "max_output_tokens" => {
                Ok(Outcome::Incomplete(IncompleteReason::MaxOutputTokens))
            }
            Some(reason) if reason == "content_filter" => {
                Ok(Outcome::Incomplete(IncompleteReason::ContentFilter))
            }
            Some(_) | None => Err(Unreadable::new(
                "it is incomplete for a reason that is not known",
            )),
        },
        "failed" | "cancelled" => Ok(Outcome::Failed(ended_with(&response["error"]))),
        _ => Err(Unreadable::new("its `status` is not that of an end")),
    }
}

/// The error of an `error` event, which is flat in the official document and nested on the wire.
fn error(event: &Value) -> Value {
    match &event["error"] {
        Value::Null => json!({"code": event["code"]}),
        error => error.clone(),
    }
}

fn usage(response: &Value) -> Option<Usage> {
    let usage = &response["usage"];
    usage.is_object().then(|| Usage {
        input_tokens: count(usage, "/input_tokens"),
        cached_tokens: count(usage, "/input_tokens_details/cached_tokens"),
        output_tokens: count(usage, "/output_tokens"),
        reasoning_tokens: count(usage, "/output_tokens_details/reasoning_tokens"),
        source: UsageSource::Provider,
        cost: None,
    })
}
