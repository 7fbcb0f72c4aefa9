// SPDX-License-Identifier: Apache-2.0
//! An answer of Messages.

use lukhas_core::{IncompleteReason, Outcome, RunError, RunErrorKind, Usage, UsageSource};
use lukhas_openai::SseEvent;
use serde_json::Value;

use super::super::{Reader, ended_with, owned_text, parse};
use crate::answer::Answer;
use crate::error::Unreadable;

/// Reads one answer.
///
/// Its terminal marker is `stop_reason`, or `message_stop` alone. The usage comes in pieces, the
/// last of which may follow the reason, so the end is given with `message_stop`, or when the stream
/// ends. Texts in a row are one message: the API cuts them where it cites.
#[derive(Debug, Default)]
pub(crate) struct MessagesReader {
    open: Option<Open>,
    calls: usize,
    outcome: Option<Outcome>,
    counts: Option<Counts>,
}

/// The block that has begun and not ended.
#[derive(Debug)]
struct Open {
    index: Option<u64>,
    block: Block,
}

#[derive(Debug)]
enum Block {
    Text,
    Thinking,
    Tool {
        key: String,
        /// The arguments the block began with, until there is a piece of them.
        input: Option<String>,
    },
    /// Thinking that is not shown, and blocks of tools that were not asked for.
    Other,
}

/// Tokens, as the API counts them: cached ones beside the others.
#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    input: u64,
    cache_read: u64,
    cache_creation: u64,
    output: u64,
    thinking: u64,
}

impl Reader for MessagesReader {
    fn whole(&mut self, body: &Value, answer: &mut Answer) -> Result<(), Unreadable> {
        self.note_usage(&body["usage"]);
        let content = body["content"].as_array();
        for block in content.ok_or_else(|| Unreadable::new("it has no `content`"))? {
            self.begin(None, block, answer)?;
            self.stop(answer)?;
        }
        let reason = body["stop_reason"].as_str();
        let reason = reason.ok_or_else(|| Unreadable::new("it has no `stop_reason`"))?;
        self.outcome = Some(outcome(reason)?);
        self.finish(answer);
        Ok(())
    }

    fn event(&mut self, event: &SseEvent, answer: &mut Answer) -> Result<(), Unreadable> {
        let event = parse(&event.data)?;
        let kind = event["type"].as_str().unwrap_or_default();
        if self.outcome.is_some() && kind.starts_with("content_block_") {
            return Err(Unreadable::new("it went on after its end"));
        }
        match kind {
            "message_start" => self.note_usage(&event["message"]["usage"]),
            "content_block_start" => {
                self.stop(answer)?;
                self.begin(event["index"].as_u64(), &event["content_block"], answer)?;
            }
            "content_block_delta" => self.grow(&event, answer)?,
            "content_block_stop" => self.stop(answer)?,
            "message_delta" => {
                self.note_usage(&event["usage"]);
                if let Some(reason) = event["delta"]["stop_reason"].as_str() {
                    self.outcome = Some(outcome(reason)?);
                }
            }
            "message_stop" => {
                self.outcome.get_or_insert(Outcome::Completed);
                self.finish(answer);
            }
            "error" => {
                let error = ended_with(&event["error"]);
                answer.end(Outcome::Failed(error), self.usage());
            }
            // `ping`, and what later versions add.
            _ => {}
        }
        Ok(())
    }

    fn finish(&mut self, answer: &mut Answer) {
        if let Some(outcome) = self.outcome.take() {
            answer.end(outcome, self.usage());
        }
    }

    fn usage(&self) -> Option<Usage> {
        let counts = self.counts?;
        let cached = counts.cache_read.saturating_add(counts.cache_creation);
        Some(Usage {
            input_tokens: counts.input.saturating_add(cached),
            cached_tokens: counts.cache_read,
            output_tokens: counts.output,
            reasoning_tokens: counts.thinking,
            source: UsageSource::Provider,
            cost: None,
        })
    }
}

impl MessagesReader {
    fn begin(
        &mut self,
        index: Option<u64>,
        block: &Value,
        answer: &mut Answer,
    ) -> Result<(), Unreadable> {
        let block = match block["type"].as_str() {
            Some("text") => {
                answer.text(owned_text(block.get("text")));
                Block::Text
            }
            Some("thinking") => {
                answer.close();
                answer.reasoning(owned_text(block.get("thinking")));
                Block::Thinking
            }
            Some("tool_use") => self.begin_tool(block, answer)?,
            Some(_) | None => Block::Other,
        };
        self.open = Some(Open { index, block });
        Ok(())
    }

    fn begin_tool(&mut self, block: &Value, answer: &mut Answer) -> Result<Block, Unreadable> {
        let member = |name: &str| block[name].as_str().unwrap_or_default();
        let key = self.calls.to_string();
        self.calls += 1;
        answer.call(&key, member("id"), member("name"))?;
        let input = match &block["input"] {
            Value::Null => "{}".to_owned(),
            input => input.to_string(),
        };
        let input = Some(input);
        Ok(Block::Tool { key, input })
    }

    fn grow(&mut self, event: &Value, answer: &mut Answer) -> Result<(), Unreadable> {
        let index = event["index"].as_u64();
        let open = self.open.as_mut().filter(|open| open.index == index);
        let Some(Open { block, .. }) = open else {
            let what = "it sent a piece of a block that is not the open one";
            return Err(Unreadable::new(what));
        };
        let delta = &event["delta"];
        match (delta["type"].as_str().unwrap_or_default(), block) {
            ("text_delta", Block::Text) => answer.text(owned_text(delta.get("text"))),
            ("thinking_delta", Block::Thinking) => {
                answer.reasoning(owned_text(delta.get("thinking")));
            }
            ("input_json_delta", Block::Tool { key, input }) => {
                let piece = owned_text(delta.get("partial_json"));
                if !piece.is_empty() {
                    *input = None;
                    answer.arguments(key, piece)?;
                }
            }
            (_, Block::Other) => {}
            ("text_delta" | "thinking_delta" | "input_json_delta", _) => {
                let what = "it sent a piece of another kind than its block";
                return Err(Unreadable::new(what));
            }
            // `signature_delta`, `citations_delta`, and what later versions add.
            _ => {}
        }
        Ok(())
    }

    /// The block is whole. Its item stays open: an answer that is cut short ends its last block
    /// like any other.
    fn stop(&mut self, answer: &mut Answer) -> Result<(), Unreadable> {
        match self.open.take().map(|open| open.block) {
            Some(Block::Tool {
                key,
                input: Some(input),
            }) => answer.arguments(&key, input),
            Some(Block::Text | Block::Thinking | Block::Tool { .. } | Block::Other) | None => {
                Ok(())
            }
        }
    }

    /// Takes in counts, each of which replaces an earlier one.
    fn note_usage(&mut self, usage: &Value) {
        if !usage.is_object() {
            return;
        }
        let counts = self.counts.get_or_insert_default();
        for (count, path) in [
            (&mut counts.input, "/input_tokens"),
            (&mut counts.cache_read, "/cache_read_input_tokens"),
            (&mut counts.cache_creation, "/cache_creation_input_tokens"),
            (&mut counts.output, "/output_tokens"),
            (
                &mut counts.thinking,
                "/output_tokens_details/thinking_tokens",
            ),
        ] {
            if let Some(value) = usage.pointer(path).and_then(Value::as_u64) {
                *count = value;
            }
        }
    }
}

fn outcome(reason: &str) -> Result<Outcome, Unreadable> {
    Ok(match reason {
        "end_turn" | "stop_sequence" | "tool_use" => Outcome::Completed,
        "max_tokens" | "model_context_window_exceeded" => {
            Outcome::Incomplete(IncompleteReason::MaxOutputTokens)
        }
        // Classifiers stop the answer, wherever it is: what there is of it is no refusal in words.
        "refusal" => Outcome::Incomplete(IncompleteReason::ContentFilter),
        // Only tools of the upstream's own pause an answer, and none was asked for.
        "pause_turn" => {
            let message = "The upstream paused its answer instead of ending it.";
            Outcome::Failed(RunError::new(RunErrorKind::Upstream, message))
        }
        _ => return Err(Unreadable::new("it stopped for a reason that is not known")),
    })
}
