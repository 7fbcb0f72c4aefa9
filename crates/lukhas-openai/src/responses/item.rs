// SPDX-License-Identifier: Apache-2.0
//! Items as answers and lists show them.

use lukhas_core::{FunctionCall, FunctionOutput, Item, Media, MediaSource, Message, Part, Role};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use super::ReasoningObject;
use crate::TextOr;

/// An item of an answer, or of a list of input items.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum ItemObject {
    /// An item this build has a type for.
    Known(KnownItem),
    /// An item kept whole for the provider that made it.
    Opaque(Value),
}

/// An item this build has a type for.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(tag = "type")]
pub enum KnownItem {
    /// Something said.
    #[serde(rename = "message")]
    Message(MessageObject),
    /// A function call.
    #[serde(rename = "function_call")]
    FunctionCall(FunctionCallObject),
    /// What a function call gave.
    #[serde(rename = "function_call_output")]
    FunctionOutput(FunctionOutputObject),
    /// What the model shows of its thinking.
    #[serde(rename = "reasoning")]
    Reasoning(ReasoningObject),
}

/// Whether an item is whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ItemStatus {
    /// It grows.
    InProgress,
    /// It is whole.
    Completed,
    /// It was cut short.
    Incomplete,
}

/// Something said.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct MessageObject {
    /// Identifier (`msg_…`).
    pub id: String,
    /// Whether it is whole.
    pub status: ItemStatus,
    /// `user`, `assistant`, `system` or `developer`.
    pub role: &'static str,
    /// What is said.
    pub content: Vec<PartObject>,
}

/// A function call.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct FunctionCallObject {
    /// Identifier of the item (`fc_…`).
    pub id: String,
    /// Identifier that the output refers to (`call_…`).
    pub call_id: String,
    /// The function.
    pub name: String,
    /// Arguments: JSON text.
    pub arguments: String,
    /// Whether it is whole.
    pub status: ItemStatus,
}

/// What a function call gave.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct FunctionOutputObject {
    /// Identifier of the item (`fco_…`).
    pub id: String,
    /// The call it answers.
    pub call_id: String,
    /// What it gave.
    pub output: TextOr<PartObject>,
    /// Whether it is whole.
    pub status: ItemStatus,
}

/// A piece of a message.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(tag = "type")]
pub enum PartObject {
    /// Text of an answer.
    #[serde(rename = "output_text")]
    OutputText {
        /// The text.
        text: String,
        /// Citations; none.
        #[schemars(extend("items" = {}))]
        annotations: [(); 0],
        /// Token probabilities; none.
        #[schemars(extend("items" = {}))]
        logprobs: [(); 0],
    },
    /// A refusal.
    #[serde(rename = "refusal")]
    Refusal {
        /// The text.
        refusal: String,
    },
    /// Text of the input.
    #[serde(rename = "input_text")]
    InputText {
        /// The text.
        text: String,
    },
    /// An image.
    #[serde(rename = "input_image")]
    InputImage {
        /// Where it is.
        image_url: Option<String>,
        /// Identifier of an uploaded file.
        file_id: Option<String>,
        /// How closely to look.
        detail: String,
    },
    /// A file.
    #[serde(rename = "input_file")]
    InputFile {
        /// Its name.
        #[serde(skip_serializing_if = "Option::is_none")]
        filename: Option<String>,
        /// Its content, base64.
        #[serde(skip_serializing_if = "Option::is_none")]
        file_data: Option<String>,
        /// Where it is.
        #[serde(skip_serializing_if = "Option::is_none")]
        file_url: Option<String>,
        /// Identifier of an uploaded file.
        #[serde(skip_serializing_if = "Option::is_none")]
        file_id: Option<String>,
    },
}

/// A page of items.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct ItemList {
    /// Always `list`.
    #[schemars(extend("const" = "list"))]
    pub object: &'static str,
    /// The items.
    pub data: Vec<ItemObject>,
    /// Identifier of the first; null when the page is empty.
    pub first_id: Option<String>,
    /// Identifier of the last; null when the page is empty.
    pub last_id: Option<String>,
    /// Whether there are more after the last.
    pub has_more: bool,
}

impl ItemList {
    /// A page.
    #[must_use]
    pub fn new(data: Vec<ItemObject>, has_more: bool) -> Self {
        let id = |item: Option<&ItemObject>| item.and_then(ItemObject::id).map(str::to_owned);
        Self {
            object: "list",
            first_id: id(data.first()),
            last_id: id(data.last()),
            data,
            has_more,
        }
    }
}

impl ItemObject {
    /// Its identifier.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        match self {
            Self::Known(KnownItem::Message(item)) => Some(&item.id),
            Self::Known(KnownItem::FunctionCall(item)) => Some(&item.id),
            Self::Known(KnownItem::FunctionOutput(item)) => Some(&item.id),
            Self::Known(KnownItem::Reasoning(item)) => Some(&item.id),
            Self::Opaque(item) => item.get("id").and_then(Value::as_str),
        }
    }

    /// The same item in core's terms.
    #[must_use]
    pub fn into_core(self) -> Item {
        let parts = |parts: Vec<PartObject>| parts.into_iter().filter_map(PartObject::into_core);
        match self {
            Self::Known(KnownItem::Message(message)) => Item::Message(Message {
                id: Some(message.id),
                name: None,
                role: Role::Assistant,
                parts: parts(message.content).collect(),
            }),
            Self::Known(KnownItem::FunctionCall(call)) => Item::FunctionCall(FunctionCall {
                id: Some(call.id),
                call_id: call.call_id,
                name: call.name,
                arguments: call.arguments,
            }),
            Self::Known(KnownItem::FunctionOutput(output)) => {
                Item::FunctionOutput(FunctionOutput {
                    id: Some(output.id),
                    call_id: output.call_id,
                    parts: match output.output {
                        TextOr::Text(text) => vec![Part::Text(text)],
                        TextOr::Many(many) => parts(many).collect(),
                    },
                })
            }
            Self::Known(KnownItem::Reasoning(reasoning)) => reasoning.to_core(),
            Self::Opaque(item) => Item::Opaque(item),
        }
    }
}

/// A whole item with its identifier; the identifier is empty when it has none.
impl From<&Item> for ItemObject {
    fn from(item: &Item) -> Self {
        let id = |id: &Option<String>| id.clone().unwrap_or_default();
        let status = ItemStatus::Completed;
        match item {
            Item::Message(message) => Self::Known(KnownItem::Message(MessageObject {
                id: id(&message.id),
                status,
                role: role_name(message.role),
                content: message
                    .parts
                    .iter()
                    .map(|p| PartObject::new(p, message.role))
                    .collect(),
            })),
            Item::FunctionCall(call) => Self::Known(KnownItem::FunctionCall(FunctionCallObject {
                id: id(&call.id),
                call_id: call.call_id.clone(),
                name: call.name.clone(),
                arguments: call.arguments.clone(),
                status,
            })),
            Item::FunctionOutput(output) => {
                Self::Known(KnownItem::FunctionOutput(FunctionOutputObject {
                    id: id(&output.id),
                    call_id: output.call_id.clone(),
                    output: match output.parts.as_slice() {
                        [Part::Text(text)] => TextOr::Text(text.clone()),
                        parts => TextOr::Many(
                            parts
                                .iter()
                                .map(|p| PartObject::new(p, Role::User))
                                .collect(),
                        ),
                    },
                    status,
                }))
            }
            Item::Opaque(value) => Self::Opaque(value.clone()),
        }
    }
}

fn role_name(role: Role) -> &'static str {
    match role {
        Role::System => "system",
        Role::Developer => "developer",
        Role::User => "user",
        Role::Assistant => "assistant",
    }
}

impl PartObject {
    /// A text of an answer.
    #[must_use]
    pub fn output_text(text: String) -> Self {
        Self::OutputText {
            text,
            annotations: [],
            logprobs: [],
        }
    }

    fn new(part: &Part, role: Role) -> Self {
        match part {
            Part::Text(text) if role == Role::Assistant => Self::output_text(text.clone()),
            Part::Text(text) => Self::InputText { text: text.clone() },
            Part::Refusal(text) => Self::Refusal {
                refusal: text.clone(),
            },
            Part::Image(media) => Self::image(media),
            Part::File(media) | Part::Audio(media) => Self::file(media),
        }
    }

    fn image(media: &Media) -> Self {
        let (image_url, file_id) = match &media.source {
            MediaSource::Url(url) | MediaSource::Inline(url) => (Some(url.clone()), None),
            MediaSource::FileId(id) => (None, Some(id.clone())),
        };
        let detail = media.hint.clone().unwrap_or_else(|| "auto".to_owned());
        Self::InputImage {
            image_url,
            file_id,
            detail,
        }
    }

    fn file(media: &Media) -> Self {
        let (mut file_data, mut file_url, mut file_id) = (None, None, None);
        match &media.source {
            MediaSource::Inline(data) => file_data = Some(data.clone()),
            MediaSource::Url(url) => file_url = Some(url.clone()),
            MediaSource::FileId(id) => file_id = Some(id.clone()),
        }
        Self::InputFile {
            filename: media.hint.clone(),
            file_data,
            file_url,
            file_id,
        }
    }

    /// The text or refusal in core's terms.
    fn into_core(self) -> Option<Part> {
        match self {
            Self::OutputText { text, .. } | Self::InputText { text } => Some(Part::Text(text)),
            Self::Refusal { refusal } => Some(Part::Refusal(refusal)),
            Self::InputImage { .. } | Self::InputFile { .. } => None,
        }
    }
}
