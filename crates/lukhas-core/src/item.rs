// SPDX-License-Identifier: Apache-2.0
//! What a conversation is made of.

use serde_json::Value;

/// Who speaks in a [`Message`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// The operator of the application, highest authority.
    System,
    /// The developer of the application.
    Developer,
    /// The person or program that asks.
    User,
    /// The model.
    Assistant,
}

/// One entry of a conversation, oldest first.
#[derive(Clone, Debug, PartialEq)]
pub enum Item {
    /// Something said.
    Message(Message),
    /// The model asks for a function to be called.
    FunctionCall(FunctionCall),
    /// What that call gave.
    FunctionOutput(FunctionOutput),
    /// An item this build has no type for (reasoning, a hosted tool's record), kept
    /// whole for the provider that made it. Providers that do not know it skip it.
    Opaque(Value),
}

/// The kind of an output [`Item`] that has just begun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ItemKind {
    /// An assistant message.
    Message,
    /// A function call, whose arguments follow.
    FunctionCall {
        /// Identifier that the caller's output refers to.
        call_id: String,
        /// The function's name.
        name: String,
    },
    /// What the model shows of its thinking. It is no part of what is said: once whole it is an
    /// [`Item::Opaque`].
    Reasoning,
}

/// Something said by one speaker.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// Identifier, when it has one already.
    pub id: Option<String>,
    /// Which of several speakers in that role, where they have names.
    pub name: Option<String>,
    /// Who speaks.
    pub role: Role,
    /// What is said, in order.
    pub parts: Vec<Part>,
}

/// A piece of a [`Message`] or of a [`FunctionOutput`].
#[derive(Clone, Debug, PartialEq)]
pub enum Part {
    /// Text.
    Text(String),
    /// The model's refusal.
    Refusal(String),
    /// An image.
    Image(Media),
    /// A file.
    File(Media),
    /// Audio.
    Audio(Media),
}

/// Something that is not text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Media {
    /// Where its bytes are.
    pub source: MediaSource,
    /// Detail (`auto`, `low`, `high`) of an image, format (`wav`, `mp3`) of audio, or
    /// name of a file.
    pub hint: Option<String>,
}

/// Where the bytes of a [`Media`] are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MediaSource {
    /// A URL, `data:` included. Nobody has fetched it.
    Url(String),
    /// Base64 text.
    Inline(String),
    /// The identifier of an uploaded file.
    FileId(String),
}

/// A function call made by the model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FunctionCall {
    /// Identifier of the item (`fc_…`), when it has one already.
    pub id: Option<String>,
    /// Identifier that the output refers to (`call_…`).
    pub call_id: String,
    /// The function's name.
    pub name: String,
    /// Arguments: JSON text, as the model wrote it.
    pub arguments: String,
}

/// The output of a function call, given back by the caller.
#[derive(Clone, Debug, PartialEq)]
pub struct FunctionOutput {
    /// Identifier of the item, when it has one already.
    pub id: Option<String>,
    /// The call it answers.
    pub call_id: String,
    /// What the function gave.
    pub parts: Vec<Part>,
}

impl Item {
    /// A text message without an identifier.
    #[must_use]
    pub fn text(role: Role, text: impl Into<String>) -> Self {
        Self::Message(Message {
            id: None,
            name: None,
            role,
            parts: vec![Part::Text(text.into())],
        })
    }

    /// The texts of this item in order: message and output parts, names and arguments.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        let (parts, others): (&[Part], [Option<&str>; 2]) = match self {
            Self::Message(message) => (&message.parts, [message.name.as_deref(), None]),
            Self::FunctionOutput(output) => (&output.parts, [None; 2]),
            Self::FunctionCall(call) => (&[], [Some(&call.name), Some(&call.arguments)]),
            Self::Opaque(_) => (&[], [None; 2]),
        };
        let parts = parts.iter().filter_map(Part::as_text);
        parts.chain(others.into_iter().flatten())
    }
}

impl Message {
    /// Its text parts, joined by nothing.
    #[must_use]
    pub fn text(&self) -> String {
        self.parts.iter().filter_map(Part::as_text).collect()
    }
}

impl Part {
    /// The text of a text or refusal part.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) | Self::Refusal(text) => Some(text),
            Self::Image(_) | Self::File(_) | Self::Audio(_) => None,
        }
    }
}
