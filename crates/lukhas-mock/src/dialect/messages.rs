// SPDX-License-Identifier: Apache-2.0
//! Answers of Anthropic's Messages API.
//!
//! Source: the API's documentation, "Messages" and "Streaming messages", version 2023-06-01.

use lukhas_core::{IncompleteReason, ItemKind, Outcome, OutputEvent, Usage};
use serde_json::{Value, json};

use super::{NoAnswer, named_event};
use crate::entropy::BodyEntropy;
use crate::frame::{Frame, FrameKind};
use crate::plan::UsagePlace;
use crate::request::Asked;

/// The whole answer.
pub(crate) fn whole(asked: &Asked, events: &[OutputEvent]) -> Result<Value, NoAnswer> {
    let mut blocks: Vec<Block> = Vec::new();
    for event in events {
        match event {
            OutputEvent::ItemAdded { kind, .. } => blocks.push(Block::new(kind)),
            OutputEvent::TextDelta(delta)
            | OutputEvent::RefusalDelta(delta)
            | OutputEvent::ArgumentsDelta(delta)
            | OutputEvent::ReasoningDelta(delta) => {
                if let Some(block) = blocks.last_mut() {
                    block.text.push_str(delta);
                }
            }
            OutputEvent::Continued
            | OutputEvent::ItemDone
            | OutputEvent::Verbatim(_)
            | OutputEvent::Ended(_) => {}
        }
    }
    let content: Vec<_> = blocks.into_iter().map(Block::whole).collect();
    let (stop, used) = end(events)?;
    Ok(message(asked, &content, Some(stop), usage(used)))
}

/// The answer as events.
pub(crate) fn stream(
    asked: &Asked,
    events: &[OutputEvent],
    place: UsagePlace,
) -> Result<Vec<Frame>, NoAnswer> {
    let (stop, used) = end(events)?;
    let at_start = match place {
        UsagePlace::Usual => Usage {
            output_tokens: 0,
            ..used
        },
        UsagePlace::Tail => Usage::default(),
    };
    let start = message(asked, &[], None, usage(at_start));
    let mut writer = Writer::default();
    writer.write("message_start", json!({"message": start}));
    writer.write("ping", json!({}));
    for event in events {
        writer.output(event);
    }
    let stop = json!({"stop_reason": stop, "stop_sequence": null});
    match place {
        UsagePlace::Usual => writer.finish(&stop, &usage(used)),
        UsagePlace::Tail => {
            writer.finish(&stop, &usage(Usage::default()));
            writer.write("message_delta", json!({"delta": {}, "usage": usage(used)}));
        }
    }
    writer.last();
    Ok(writer.frames)
}

/// Writes events, each with its type.
#[derive(Default)]
struct Writer {
    frames: Vec<Frame>,
    index: usize,
    open: bool,
}

impl Writer {
    fn output(&mut self, event: &OutputEvent) {
        let index = self.index;
        match event {
            OutputEvent::ItemAdded { kind, .. } => {
                self.open = true;
                let block = Block::new(kind).empty();
                let data = json!({"index": index, "content_block": block});
                self.write("content_block_start", data);
            }
            OutputEvent::TextDelta(text) | OutputEvent::RefusalDelta(text) => {
                self.delta(&json!({"type": "text_delta", "text": text}));
            }
            OutputEvent::ArgumentsDelta(json) => {
                self.delta(&json!({"type": "input_json_delta", "partial_json": json}));
            }
            OutputEvent::ReasoningDelta(text) => {
                self.delta(&json!({"type": "thinking_delta", "thinking": text}));
            }
            OutputEvent::Continued => {}
            OutputEvent::ItemDone | OutputEvent::Verbatim(_) | OutputEvent::Ended(_) => {
                if std::mem::take(&mut self.open) {
                    self.write("content_block_stop", json!({"index": index}));
                    self.index += 1;
                }
            }
        }
    }

    fn delta(&mut self, delta: &Value) {
        let data = json!({"index": self.index, "delta": delta});
        self.push(FrameKind::Content, "content_block_delta", data);
    }

    fn finish(&mut self, stop: &Value, usage: &Value) {
        let data = json!({"delta": stop, "usage": usage});
        self.push(FrameKind::Finish, "message_delta", data);
    }

    fn last(&mut self) {
        self.push(FrameKind::Last, "message_stop", json!({}));
    }

    fn write(&mut self, name: &str, data: Value) {
        self.push(FrameKind::Other, name, data);
    }

    fn push(&mut self, kind: FrameKind, name: &str, data: Value) {
        let mut event = json!({"type": name});
        if let (Value::Object(event), Value::Object(data)) = (&mut event, data) {
            event.extend(data);
        }
        self.frames
            .push(Frame::new(kind, named_event(name, &event)));
    }
}

/// A content block, and the text or the arguments in it.
struct Block {
    kind: BlockKind,
    text: String,
}

enum BlockKind {
    Text,
    Tool { id: String, name: String },
    Thinking,
}

impl Block {
    fn new(kind: &ItemKind) -> Self {
        let kind = match kind {
            ItemKind::Message => BlockKind::Text,
            ItemKind::FunctionCall { call_id, name } => {
                let digits = call_id.trim_start_matches("call_");
                let (id, name) = (format!("toolu_{digits}"), name.clone());
                BlockKind::Tool { id, name }
            }
            ItemKind::Reasoning => BlockKind::Thinking,
        };
        let text = String::new();
        Self { kind, text }
    }

    fn empty(self) -> Value {
        match self.kind {
            BlockKind::Text => json!({"type": "text", "text": ""}),
            BlockKind::Tool { id, name } => {
                json!({"type": "tool_use", "id": id, "name": name, "input": {}})
            }
            BlockKind::Thinking => json!({"type": "thinking", "thinking": "", "signature": ""}),
        }
    }

    /// The block with what is in it. Arguments that are no JSON are given as text.
    fn whole(self) -> Value {
        let text = self.text;
        match self.kind {
            BlockKind::Text => json!({"type": "text", "text": text}),
            BlockKind::Tool { id, name } => {
                let input = serde_json::from_str(&text).unwrap_or(Value::String(text));
                json!({"type": "tool_use", "id": id, "name": name, "input": input})
            }
            BlockKind::Thinking => json!({"type": "thinking", "thinking": text, "signature": ""}),
        }
    }
}

fn message(asked: &Asked, content: &[Value], stop: Option<&str>, usage: Value) -> Value {
    json!({
        "id": BodyEntropy::of(&asked.digest).id("msg_"),
        "type": "message",
        "role": "assistant",
        "model": asked.model,
        "content": content,
        "stop_reason": stop,
        "stop_sequence": null,
        "usage": usage,
    })
}

/// Anthropic counts cached tokens beside the others, not among them.
fn usage(usage: Usage) -> Value {
    json!({
        "input_tokens": usage.input_tokens.saturating_sub(usage.cached_tokens),
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": usage.cached_tokens,
        "output_tokens": usage.output_tokens,
    })
}

/// Why the answer stops, and what it used.
fn end(events: &[OutputEvent]) -> Result<(&'static str, Usage), NoAnswer> {
    let calls = events.iter().any(|event| {
        let OutputEvent::ItemAdded { kind, .. } = event else {
            return false;
        };
        matches!(kind, ItemKind::FunctionCall { .. })
    });
    let Some(OutputEvent::Ended(end)) = events.last() else {
        return Err(NoAnswer("the answer has no end".to_owned()));
    };
    let stop = match &end.outcome {
        Outcome::Completed if calls => "tool_use",
        Outcome::Completed => "end_turn",
        Outcome::Incomplete(IncompleteReason::MaxOutputTokens) => "max_tokens",
        Outcome::Incomplete(IncompleteReason::ContentFilter) => "refusal",
        Outcome::Failed(error) => return Err(error.clone().into()),
    };
    Ok((stop, end.usage.unwrap_or_default()))
}
