// SPDX-License-Identifier: Apache-2.0
//! From messages to items, and what makes a conversation whole.

use std::collections::HashMap;

use lukhas_core::{FunctionCall, FunctionOutput, Item, Media, MediaSource, Message, Part, Role};

use super::message::{
    AssistantMessage, AssistantPart, AudioPart, CalledFunction, ChatMessage, ChatToolCall,
    FileContent, FunctionMessage, ImagePart, TextOnlyPart, ToolMessage, UserPart,
};
use crate::path::{Path, shorten};
use crate::responses::check_url;
use crate::tool::check_name;
use crate::{TextOr, WireError};

/// The items that the messages stand for, in order.
///
/// Every `tool` message must answer a call of the assistant message before it, and every such call
/// must be answered before anyone else speaks, as in the official API.
pub(super) fn into_items(messages: Vec<ChatMessage>) -> Result<Vec<Item>, WireError> {
    let root = Path::ROOT;
    let at = root.key("messages");
    if messages.is_empty() {
        return Err(at.invalid("must hold at least one message"));
    }
    let mut history = History {
        items: Vec::with_capacity(messages.len()),
        ..History::default()
    };
    for (index, message) in messages.into_iter().enumerate() {
        history.add(&at, index, message)?;
    }
    history.end_turn(&at)?;
    Ok(history.items)
}

/// The items so far, and the calls that wait for an output.
#[derive(Default)]
struct History {
    items: Vec<Item>,
    /// Calls of the last assistant message, and whether a `tool` message has answered them.
    calls: HashMap<String, bool>,
    /// Where that message is.
    caller: usize,
    /// The last call of the deprecated `functions`.
    function: Option<FunctionCallName>,
}

/// A call of the deprecated `functions`, which has no identifier of its own.
struct FunctionCallName {
    name: String,
    call_id: String,
}

impl History {
    fn add(
        &mut self,
        messages: &Path<'_>,
        index: usize,
        message: ChatMessage,
    ) -> Result<(), WireError> {
        let at = messages.index(index);
        match message {
            ChatMessage::Tool(_) => {}
            ChatMessage::System(_)
            | ChatMessage::Developer(_)
            | ChatMessage::User(_)
            | ChatMessage::Assistant(_)
            | ChatMessage::Function(_) => self.end_turn(messages)?,
        }
        match message {
            ChatMessage::System(m) => {
                self.say(Role::System, m.name, parts(m.content, &at, plain)?);
            }
            ChatMessage::Developer(m) => {
                self.say(Role::Developer, m.name, parts(m.content, &at, plain)?);
            }
            ChatMessage::User(m) => {
                let parts = parts(m.content, &at, UserPart::into_core)?;
                self.say(Role::User, m.name, parts);
            }
            ChatMessage::Assistant(m) => return self.add_answer(&at, index, *m),
            ChatMessage::Tool(m) => return self.add_output(&at, m),
            ChatMessage::Function(m) => return self.add_function_output(&at, m),
        }
        Ok(())
    }

    fn say(&mut self, role: Role, name: Option<String>, parts: Vec<Part>) {
        self.items.push(Item::Message(Message {
            id: None,
            name,
            role,
            parts,
        }));
    }

    fn add_answer(
        &mut self,
        at: &Path<'_>,
        index: usize,
        message: AssistantMessage,
    ) -> Result<(), WireError> {
        if message.audio.is_some() {
            return Err(at
                .key("audio")
                .unsupported("Spoken answers are not offered."));
        }
        let mut said = match message.content {
            Some(content) => parts(content, at, AssistantPart::into_core)?,
            None => Vec::new(),
        };
        said.extend(message.refusal.map(Part::Refusal));
        let calls = message.tool_calls.unwrap_or_default();
        let has_calls = !calls.is_empty() || message.function_call.is_some();
        if said.is_empty() && !has_calls {
            let rule = "must be given when there are neither `tool_calls` nor a `refusal`";
            return Err(at.key("content").invalid(rule));
        }
        // Clients give back an empty text beside calls, which nobody has said.
        if !has_calls || said.iter().any(|part| part.as_text() != Some("")) {
            self.say(Role::Assistant, message.name, said);
        }
        self.caller = index;
        for (call, ChatToolCall::Function(tool_call)) in calls.into_iter().enumerate() {
            let at = at.key("tool_calls");
            let at = at.index(call);
            self.calls.insert(tool_call.id.clone(), false);
            self.call(&at.key("function"), tool_call.id, tool_call.function)?;
        }
        let Some(function) = message.function_call else {
            return Ok(());
        };
        let call_id = format!("call_function_{index}");
        self.function = Some(FunctionCallName {
            name: function.name.clone(),
            call_id: call_id.clone(),
        });
        self.call(&at.key("function_call"), call_id, function)
    }

    fn call(
        &mut self,
        at: &Path<'_>,
        call_id: String,
        function: CalledFunction,
    ) -> Result<(), WireError> {
        check_name(&at.key("name"), &function.name)?;
        self.items.push(Item::FunctionCall(FunctionCall {
            id: None,
            call_id,
            name: function.name,
            arguments: function.arguments,
        }));
        Ok(())
    }

    fn add_output(&mut self, at: &Path<'_>, message: ToolMessage) -> Result<(), WireError> {
        let Some(answered) = self.calls.get_mut(&message.tool_call_id) else {
            let id = shorten(&message.tool_call_id);
            let rule = format!(
                "a `tool` message must answer one of the `tool_calls` of the assistant message \
                 before it, and `{id}` is none of them"
            );
            return Err(at.key("tool_call_id").invalid(rule));
        };
        *answered = true;
        self.items.push(Item::FunctionOutput(FunctionOutput {
            id: None,
            call_id: message.tool_call_id,
            parts: parts(message.content, at, plain)?,
        }));
        Ok(())
    }

    fn add_function_output(
        &mut self,
        at: &Path<'_>,
        message: FunctionMessage,
    ) -> Result<(), WireError> {
        let same_name = |call: &FunctionCallName| call.name == message.name;
        let Some(call) = self.function.take_if(|call| same_name(call)) else {
            let name = shorten(&message.name);
            let rule = format!(
                "a `function` message must answer the `function_call` before it, \
                 and none calls `{name}`"
            );
            return Err(at.key("name").invalid(rule));
        };
        self.items.push(Item::FunctionOutput(FunctionOutput {
            id: None,
            call_id: call.call_id,
            parts: vec![Part::Text(message.content.unwrap_or_default())],
        }));
        Ok(())
    }

    /// Checks that every call of the last assistant message is answered, and forgets them.
    fn end_turn(&mut self, messages: &Path<'_>) -> Result<(), WireError> {
        let waits = |item: &Item| match item {
            Item::FunctionCall(call) => self.calls.get(&call.call_id) == Some(&false),
            Item::Message(_) | Item::FunctionOutput(_) | Item::Opaque(_) => false,
        };
        if self.calls.values().any(|answered| !answered) {
            let at = messages.index(self.caller);
            let call = self.items.iter().rev().find(|item| waits(item));
            let id = match call {
                Some(Item::FunctionCall(call)) => shorten(&call.call_id),
                Some(Item::Message(_) | Item::FunctionOutput(_) | Item::Opaque(_)) | None => {
                    String::new()
                }
            };
            let rule = format!("no `tool` message that follows answers the call `{id}`");
            return Err(at.key("tool_calls").invalid(rule));
        }
        self.calls.clear();
        Ok(())
    }
}

/// The parts of a message's `content`, of which there must be one.
fn parts<P>(
    content: TextOr<P>,
    message: &Path<'_>,
    into_core: fn(P, &Path<'_>) -> Result<Part, WireError>,
) -> Result<Vec<Part>, WireError> {
    let at = message.key("content");
    match content {
        TextOr::Text(text) => Ok(vec![Part::Text(text)]),
        TextOr::Many(parts) if parts.is_empty() => Err(at.invalid("must hold at least one part")),
        TextOr::Many(parts) => parts
            .into_iter()
            .enumerate()
            .map(|(index, part)| into_core(part, &at.index(index)))
            .collect(),
    }
}

fn plain(TextOnlyPart::Text(part): TextOnlyPart, _: &Path<'_>) -> Result<Part, WireError> {
    Ok(Part::Text(part.text))
}

impl AssistantPart {
    fn into_core(self, _: &Path<'_>) -> Result<Part, WireError> {
        Ok(match self {
            Self::Text(part) => Part::Text(part.text),
            Self::Refusal(part) => Part::Refusal(part.refusal),
        })
    }
}

impl UserPart {
    fn into_core(self, at: &Path<'_>) -> Result<Part, WireError> {
        match self {
            Self::Text(part) => Ok(Part::Text(part.text)),
            Self::Image(ImagePart { image_url, .. }) => Ok(Part::Image(Media {
                source: MediaSource::Url(check_url(
                    &at.key("image_url").key("url"),
                    image_url.url,
                )?),
                hint: image_url.detail.map(|detail| detail.as_str().to_owned()),
            })),
            Self::Audio(AudioPart { input_audio, .. }) => Ok(Part::Audio(Media {
                source: MediaSource::Inline(input_audio.data),
                hint: Some(input_audio.format.as_str().to_owned()),
            })),
            Self::File(part) => part.file.into_core(&at.key("file")).map(Part::File),
        }
    }
}

impl FileContent {
    fn into_core(self, at: &Path<'_>) -> Result<Media, WireError> {
        if self.file_id.is_some() {
            let why = "This server keeps no files: send the content itself as `file_data`.";
            return Err(at.key("file_id").unsupported(why));
        }
        let data = self.file_data.ok_or_else(|| at.missing("file_data"))?;
        let source = match data.get(..5) {
            Some(scheme) if scheme.eq_ignore_ascii_case("data:") => MediaSource::Url(data),
            Some(_) | None => MediaSource::Inline(data),
        };
        Ok(Media {
            source,
            hint: self.filename,
        })
    }
}

#[cfg(test)]
mod tests;
