// SPDX-License-Identifier: Apache-2.0
//! What is said in a run, for sinks that are asked to show it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use lukhas_core::{Item, ItemKind, Message, OutputEvent, Part, Role, RunRequest};
use serde_json::{Map, Value, json};

use crate::Redaction;

/// Bytes of the input, and of the output, that are kept at most.
const ROOM: usize = 64 * 1024;
/// Bytes at the end of a text that was cut which are not shown: what may be the beginning of a value.
const CUT: usize = lukhas_redact::MAX_HOLD;
/// What stands at the end of a text that was cut.
const ELLIPSIS: char = '…';

/// Bytes of what was said in runs that wait to be told of, together.
const WAITING: usize = 32 * 1024 * 1024;

/// How many bytes of content wait to be told. Clones count together.
#[derive(Clone, Debug, Default)]
pub(crate) struct Waiting(Arc<AtomicUsize>);

/// A share of them, given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Share {
    waiting: Waiting,
    bytes: usize,
}

/// What is said in one run.
#[derive(Debug, Default)]
pub(crate) struct Content {
    instructions: Option<Text>,
    /// The newest turns that there was room for, oldest first.
    input: Vec<Turn>,
    output: Vec<Spoken>,
    input_bytes: usize,
    output_bytes: usize,
    share: Option<Share>,
}

/// What one speaker says at once.
#[derive(Clone, Debug)]
struct Turn {
    role: &'static str,
    parts: Vec<Spoken>,
}

/// A part of it, by the names of the GenAI conventions.
#[derive(Clone, Debug)]
struct Spoken {
    kind: &'static str,
    /// The member that has its text.
    member: &'static str,
    text: Option<Text>,
    id: Option<String>,
    name: Option<String>,
}

/// A text, or its beginning.
#[derive(Clone, Debug, Default)]
struct Text {
    text: String,
    is_cut: bool,
}

/// What is left of the room.
struct Room(usize);

impl Content {
    /// What `request` says, as far as there is room: the instructions, then the newest items.
    pub(crate) fn asked(request: &RunRequest) -> Self {
        let mut room = Room(ROOM);
        let instructions = request.instructions.as_deref();
        let instructions = instructions.map(|text| room.take(text));
        let newest = request.items.iter().rev();
        let mut input: Vec<_> = newest
            .map_while(|item| (room.0 > 0).then(|| turn(item, &mut room)))
            .flatten()
            .collect();
        input.reverse();
        Self {
            instructions,
            input,
            input_bytes: ROOM - room.0,
            ..Self::default()
        }
    }

    /// The answer grew.
    pub(crate) fn says(&mut self, event: &OutputEvent) {
        match event {
            OutputEvent::ItemAdded { kind, .. } => self.output.extend(match kind {
                ItemKind::FunctionCall { call_id, name } => Some(Spoken {
                    id: Some(call_id.clone()),
                    name: Some(name.clone()),
                    text: Some(Text::default()),
                    ..Spoken::new("tool_call", "arguments")
                }),
                ItemKind::Message | ItemKind::Reasoning => None,
            }),
            OutputEvent::TextDelta(text) => self.grow("text", text),
            OutputEvent::RefusalDelta(text) => self.grow("refusal", text),
            OutputEvent::ReasoningDelta(text) => self.grow("reasoning", text),
            OutputEvent::ArgumentsDelta(text) => self.grow("tool_call", text),
            OutputEvent::Continued
            | OutputEvent::ItemDone
            | OutputEvent::Verbatim(_)
            | OutputEvent::Ended(_) => {}
        }
    }

    fn grow(&mut self, kind: &'static str, more: &str) {
        if self.output.last().is_none_or(|last| last.kind != kind) {
            let text = Some(Text::default());
            let spoken = Spoken::new(kind, "content");
            self.output.push(Spoken { text, ..spoken });
        }
        let mut room = Room(ROOM.saturating_sub(self.output_bytes));
        let last = self.output.last_mut();
        if let Some(text) = last.and_then(|last| last.text.as_mut()) {
            let more = room.take(more);
            self.output_bytes += more.text.len();
            text.text.push_str(&more.text);
            text.is_cut |= more.is_cut;
        }
    }

    /// The same, with its share of what waits; `None` when there is no more room.
    pub(crate) fn with_share(mut self, waiting: &Waiting) -> Option<Self> {
        self.share = Some(waiting.share(self.bytes())?);
        Some(self)
    }

    /// Bytes of what was said.
    pub(crate) fn bytes(&self) -> usize {
        self.input_bytes + self.output_bytes
    }

    /// `gen_ai.system_instructions`, redacted.
    pub(crate) fn instructions(&self, redaction: &Redaction) -> Option<Value> {
        let text = self.instructions.as_ref()?.shown(redaction);
        Some(json!([{"type": "text", "content": text}]))
    }

    /// `gen_ai.input.messages`, redacted.
    pub(crate) fn input(&self, redaction: &Redaction) -> Value {
        let turns = self.input.iter();
        turns
            .map(|turn| json!({"role": turn.role, "parts": parts(&turn.parts, redaction)}))
            .collect()
    }

    /// `gen_ai.output.messages`, redacted.
    pub(crate) fn output(&self, finish_reason: Option<&str>, redaction: &Redaction) -> Value {
        let mut message = json!({"role": "assistant", "parts": parts(&self.output, redaction)});
        if let Some(reason) = finish_reason {
            message["finish_reason"] = reason.into();
        }
        json!([message])
    }
}

impl Waiting {
    fn share(&self, bytes: usize) -> Option<Share> {
        let more = |waiting: usize| waiting.checked_add(bytes).filter(|&all| all <= WAITING);
        let taken = self
            .0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
        taken.ok().map(|_| Share {
            waiting: self.clone(),
            bytes,
        })
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.waiting.0.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

impl Spoken {
    fn new(kind: &'static str, member: &'static str) -> Self {
        Self {
            kind,
            member,
            text: None,
            id: None,
            name: None,
        }
    }

    fn shown(&self, redaction: &Redaction) -> Value {
        let mut members = Map::new();
        members.insert("type".into(), self.kind.into());
        for (name, value) in [("id", &self.id), ("name", &self.name)] {
            if let Some(value) = value {
                members.insert(name.into(), redaction.text(value).into());
            }
        }
        if let Some(text) = &self.text {
            members.insert(self.member.into(), text.shown(redaction).into());
        }
        Value::Object(members)
    }
}

impl Text {
    /// Without personal data and secrets, nor what a cut left of one.
    fn shown(&self, redaction: &Redaction) -> String {
        let mut shown = redaction.text(&self.text).into_owned();
        if self.is_cut {
            let end = shown.floor_char_boundary(shown.len().saturating_sub(CUT));
            shown.truncate(end);
            shown.push(ELLIPSIS);
        }
        shown
    }
}

impl Room {
    /// What there is room for of `text`.
    fn take(&mut self, text: &str) -> Text {
        let taken = &text[..text.floor_char_boundary(self.0)];
        self.0 -= taken.len();
        Text {
            text: taken.to_owned(),
            is_cut: taken.len() < text.len(),
        }
    }
}

fn parts(parts: &[Spoken], redaction: &Redaction) -> Value {
    parts.iter().map(|part| part.shown(redaction)).collect()
}

fn turn(item: &Item, room: &mut Room) -> Option<Turn> {
    let (role, parts) = match item {
        Item::Message(Message { role, parts, .. }) => {
            let parts = parts.iter().map(|part| part_of(part, room)).collect();
            (role_of(*role), parts)
        }
        Item::FunctionCall(call) => {
            let spoken = Spoken {
                id: Some(call.call_id.clone()),
                name: Some(call.name.clone()),
                text: Some(room.take(&call.arguments)),
                ..Spoken::new("tool_call", "arguments")
            };
            ("assistant", vec![spoken])
        }
        Item::FunctionOutput(output) => {
            let spoken = Spoken {
                id: Some(output.call_id.clone()),
                text: Some(room.take(&texts(&output.parts))),
                ..Spoken::new("tool_call_response", "response")
            };
            ("tool", vec![spoken])
        }
        Item::Opaque(_) => return None,
    };
    Some(Turn { role, parts })
}

/// Of what is no text, only that it was there.
fn part_of(part: &Part, room: &mut Room) -> Spoken {
    let (kind, text) = match part {
        Part::Text(text) => ("text", Some(text)),
        Part::Refusal(text) => ("refusal", Some(text)),
        Part::Image(_) => ("image", None),
        Part::File(_) => ("file", None),
        Part::Audio(_) => ("audio", None),
    };
    Spoken {
        text: text.map(|text| room.take(text)),
        ..Spoken::new(kind, "content")
    }
}

fn texts(parts: &[Part]) -> String {
    parts.iter().filter_map(Part::as_text).collect()
}

fn role_of(role: Role) -> &'static str {
    match role {
        Role::System => "system",
        Role::Developer => "developer",
        Role::User => "user",
        Role::Assistant => "assistant",
    }
}

#[cfg(test)]
mod tests {
    use lukhas_core::{FunctionCall, FunctionOutput, Media, MediaSource};

    use super::*;

    fn said(text: &str) -> OutputEvent {
        OutputEvent::TextDelta(text.to_owned())
    }

    #[test]
    fn what_is_said_is_shown_by_the_names_of_the_conventions_and_redacted() {
        let url = MediaSource::Url("https://example.com/ada@example.com".into());
        let image = Part::Image(Media {
            source: url,
            hint: None,
        });
        let request = RunRequest {
            instructions: Some("Serve ada@example.com".into()),
            items: vec![
                Item::Message(Message {
                    id: None,
                    name: None,
                    role: Role::User,
                    parts: vec![Part::Text("I am ada@example.com".into()), image],
                }),
                Item::FunctionCall(FunctionCall {
                    id: None,
                    call_id: "call_1".into(),
                    name: "find".into(),
                    arguments: r#"{"mail":"ada@example.com"}"#.into(),
                }),
                Item::FunctionOutput(FunctionOutput {
                    id: None,
                    call_id: "call_1".into(),
                    parts: vec![Part::Text("ada@example.com".into())],
                }),
                Item::Opaque(json!({"type": "reasoning"})),
            ],
            ..RunRequest::default()
        };
        let mut content = Content::asked(&request);
        for event in [
            OutputEvent::ReasoningDelta("Hm".into()),
            said("To ada@exam"),
            said("ple.com."),
            OutputEvent::ItemAdded {
                index: 1,
                kind: ItemKind::FunctionCall {
                    call_id: "call_2".into(),
                    name: "send".into(),
                },
                id: None,
            },
            OutputEvent::ArgumentsDelta("{}".into()),
        ] {
            content.says(&event);
        }
        let redaction = Redaction::default();
        let mail = "[REDACTED:EMAIL_ADDRESS]";
        assert_eq!(
            content.instructions(&redaction),
            Some(json!([{"type": "text", "content": format!("Serve {mail}")}]))
        );
        assert_eq!(
            content.input(&redaction),
            json!([
                {"role": "user", "parts": [
                    {"type": "text", "content": format!("I am {mail}")},
                    {"type": "image"},
                ]},
                {"role": "assistant", "parts": [{
                    "type": "tool_call", "id": "call_1", "name": "find",
                    "arguments": format!("{{\"mail\":\"{mail}\"}}"),
                }]},
                {"role": "tool", "parts": [
                    {"type": "tool_call_response", "id": "call_1", "response": mail},
                ]},
            ])
        );
        assert_eq!(
            content.output(Some("stop"), &redaction),
            json!([{
                "role": "assistant",
                "parts": [
                    {"type": "reasoning", "content": "Hm"},
                    {"type": "text", "content": format!("To {mail}.")},
                    {"type": "tool_call", "id": "call_2", "name": "send", "arguments": "{}"},
                ],
                "finish_reason": "stop",
            }])
        );
    }

    #[test]
    fn what_waits_is_bounded() {
        let waiting = Waiting::default();
        let content = || {
            let text = "a ".repeat(ROOM / 2);
            let items = vec![Item::text(Role::User, text)];
            let request = RunRequest {
                items,
                ..RunRequest::default()
            };
            Content::asked(&request).with_share(&waiting)
        };
        let mut all: Vec<_> = (0..WAITING / ROOM).map(|_| content().unwrap()).collect();
        assert!(content().is_none());
        all.pop();
        assert!(content().is_some());
    }

    #[test]
    fn what_is_kept_is_bounded_and_a_cut_leaves_nothing_of_a_value() {
        let long = |end: usize| format!("{}ada.lovelace@example.com", ". ".repeat(end / 2));
        for into in 1..22 {
            let text = long(ROOM - into);
            let request = RunRequest {
                items: vec![
                    Item::text(Role::User, "older"),
                    Item::text(Role::User, text.as_str()),
                ],
                ..RunRequest::default()
            };
            let mut content = Content::asked(&request);
            content.says(&said(&text));
            content.says(&said("more"));
            let redaction = Redaction::default();
            for shown in [content.input(&redaction), content.output(None, &redaction)] {
                let shown = shown.to_string();
                assert!(!shown.contains("ada") && !shown.contains("older"), "{into}");
                assert!(shown.contains('…') && shown.len() < ROOM + 100, "{into}");
            }
        }
    }
}
