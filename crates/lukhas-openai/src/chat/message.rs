// SPDX-License-Identifier: Apache-2.0
//! Messages of the Chat Completions API.

use schemars::{Schema, SchemaGenerator, json_schema};
use serde_json::{Map, Value};

use super::request::content_schema;
use crate::extra::{Extra, hides_url, parts_hide_url};
use crate::read::{TextOr, wire_enum, wire_object, wire_union};
use crate::responses::ImageDetail;

wire_union! {
    by "role"
    /// One message of a conversation.
    pub enum ChatMessage {
        /// Instructions of the operator.
        "system" => System(InstructionMessage),
        /// Instructions of the developer.
        "developer" => Developer(InstructionMessage),
        /// The person or program that asks.
        "user" => User(UserMessage),
        /// An earlier answer.
        "assistant" => Assistant(Box<AssistantMessage>),
        /// What a tool call gave.
        "tool" => Tool(ToolMessage),
        /// What a call of the deprecated `functions` gave.
        "function" => Function(FunctionMessage),
    }
}

wire_object! {
    deny
    /// Instructions.
    pub struct InstructionMessage {
        /// What is said.
        #[schemars(schema_with = "content_schema::<TextOnlyPart>")]
        pub content: TextOr<TextOnlyPart>,
        /// Name of the speaker, for models behind Chat Completions; the other APIs have no place for
        /// it.
        pub name: Option<String>,
    }
}

wire_object! {
    deny
    /// What is asked.
    pub struct UserMessage {
        /// What is said.
        #[schemars(schema_with = "content_schema::<UserPart>")]
        pub content: TextOr<UserPart>,
        /// Name of the speaker, for models behind Chat Completions; the other APIs have no place for
        /// it.
        pub name: Option<String>,
    }
}

wire_object! {
    keep
    /// An earlier answer, given back. It may hold further keys, as clients give back what other
    /// servers and versions answered; they are not passed on.
    pub struct AssistantMessage {
        /// What is said; null or absent if there are calls or a refusal.
        #[serde(default)]
        #[schemars(schema_with = "optional_content_schema")]
        pub content: Option<TextOr<AssistantPart>>,
        /// The refusal, if it refused.
        pub refusal: Option<String>,
        /// Name of the speaker, for models behind Chat Completions; the other APIs have no place for
        /// it.
        pub name: Option<String>,
        /// Only null: spoken answers are not offered.
        #[serde(default)]
        #[schemars(schema_with = "null_schema")]
        pub audio: Option<Value>,
        /// The calls it made; `tool` messages with their outputs must follow.
        pub tool_calls: Option<Vec<ChatToolCall>>,
        /// The call it made of the deprecated `functions`.
        pub function_call: Option<CalledFunction>,
    }
}

wire_object! {
    deny
    /// What a tool call gave.
    pub struct ToolMessage {
        /// Its output.
        #[schemars(schema_with = "content_schema::<TextOnlyPart>")]
        pub content: TextOr<TextOnlyPart>,
        /// The call it answers.
        pub tool_call_id: String,
        /// Name of the function, as older clients repeat it.
        pub name: Option<String>,
    }
}

wire_object! {
    deny
    /// What a call of the deprecated `functions` gave.
    pub struct FunctionMessage {
        /// Its output.
        pub content: Option<String>,
        /// Name of the function.
        pub name: String,
    }
}

wire_union! {
    /// A call that an earlier answer made.
    pub enum ChatToolCall {
        /// Of a function.
        "function" => Function(FunctionToolCall),
    }
    default "function"
    unsupported ["custom"] "use `function` tools."
}

wire_object! {
    keep
    /// A function call that an earlier answer made.
    pub struct FunctionToolCall {
        /// Identifier that its output refers to.
        pub id: String,
        /// What was called.
        pub function: CalledFunction,
    }
}

wire_object! {
    keep
    /// A function and its arguments.
    pub struct CalledFunction {
        /// Its name.
        #[schemars(regex(pattern = r"^[A-Za-z0-9_-]{1,64}$"))]
        pub name: String,
        /// Arguments: JSON text, as the model wrote it.
        pub arguments: String,
    }
}

wire_union! {
    /// A piece of instructions or of an output.
    pub enum TextOnlyPart {
        /// A text.
        "text" => Text(TextPart),
    }
    unsupported ["image_url", "input_audio", "file"] "only `user` messages may hold it."
}

wire_union! {
    /// A piece of what is asked.
    pub enum UserPart {
        /// A text.
        "text" => Text(TextPart),
        /// An image.
        "image_url" => Image(ImagePart),
        /// Speech.
        "input_audio" => Audio(AudioPart),
        /// A file.
        "file" => File(FilePart),
    }
}

wire_union! {
    /// A piece of an earlier answer.
    pub enum AssistantPart {
        /// A text.
        "text" => Text(TextPart),
        /// A refusal.
        "refusal" => Refusal(RefusalPart),
    }
}

wire_object! {
    keep
    /// A text.
    pub struct TextPart {
        /// The text.
        pub text: String,
    }
}

wire_object! {
    keep
    /// A refusal.
    pub struct RefusalPart {
        /// The text.
        pub refusal: String,
    }
}

wire_object! {
    keep
    /// An image.
    pub struct ImagePart {
        /// Where it is, and how to look at it.
        pub image_url: ImageUrl,
    }
}

wire_object! {
    deny
    /// Where an image is, and how to look at it.
    pub struct ImageUrl {
        /// An `http`, `https` or `data` URL.
        #[schemars(regex(pattern = r"^([Hh][Tt][Tt][Pp][Ss]?|[Dd][Aa][Tt][Aa]):"))]
        pub url: String,
        /// How closely to look.
        pub detail: Option<ImageDetail>,
    }
}

wire_object! {
    keep
    /// Speech.
    pub struct AudioPart {
        /// The recording.
        pub input_audio: InputAudio,
    }
}

wire_object! {
    deny
    /// A recording.
    pub struct InputAudio {
        /// Its bytes, base64.
        pub data: String,
        /// Their format.
        pub format: AudioFormat,
    }
}

wire_enum! {
    /// Format of a recording.
    pub enum AudioFormat {
        /// WAV.
        "wav" => Wav,
        /// MP3.
        "mp3" => Mp3,
    }
}

wire_object! {
    keep
    /// A file.
    pub struct FilePart {
        /// Its name and content.
        pub file: FileContent,
    }
}

wire_object! {
    deny
    /// Name and content of a file.
    pub struct FileContent {
        /// Its name.
        pub filename: Option<String>,
        /// Its content: base64, or a `data` URL.
        #[schemars(required)]
        pub file_data: Option<String>,
        /// Only null: this server keeps no files.
        #[serde(default)]
        #[schemars(schema_with = "null_schema")]
        pub file_id: Option<String>,
    }
}

impl ChatMessage {
    /// Whether a URL may stand in a member that this build does not know.
    pub(super) fn hides_url(&self) -> bool {
        match self {
            Self::System(message) | Self::Developer(message) => parts_hide_url(&message.content),
            Self::User(message) => parts_hide_url(&message.content),
            Self::Assistant(message) => {
                let content = message.content.as_ref();
                hides_url(&message.extra) || content.is_some_and(parts_hide_url)
            }
            Self::Tool(message) => parts_hide_url(&message.content),
            Self::Function(_) => false,
        }
    }
}

impl Extra for TextOnlyPart {
    fn extra(&self) -> &Map<String, Value> {
        let Self::Text(part) = self;
        &part.extra
    }
}

impl Extra for UserPart {
    fn extra(&self) -> &Map<String, Value> {
        match self {
            Self::Text(part) => &part.extra,
            Self::Image(part) => &part.extra,
            Self::Audio(part) => &part.extra,
            Self::File(part) => &part.extra,
        }
    }
}

impl Extra for AssistantPart {
    fn extra(&self) -> &Map<String, Value> {
        match self {
            Self::Text(part) => &part.extra,
            Self::Refusal(part) => &part.extra,
        }
    }
}

fn null_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "null" })
}

fn optional_content_schema(generator: &mut SchemaGenerator) -> Schema {
    json_schema!({ "anyOf": [content_schema::<AssistantPart>(generator), { "type": "null" }] })
}
