// SPDX-License-Identifier: Apache-2.0
//! Input items of the Responses API, and their meaning in core's terms.

use lukhas_core::{FunctionCall, FunctionOutput, Item, Media, MediaSource, Message, Part, Role};
use serde_json::{Map, Value, json};

use crate::extra::{Extra, drop_urls, drop_urls_in_parts, hides_url, parts_hide_url};
use crate::path::Path;
use crate::read::{TextOr, wire_enum, wire_object, wire_union};
use crate::{WireError, WireErrorKind};

wire_enum! {
    /// Who speaks.
    pub enum InputRole {
        /// The person or program that asks.
        "user" => User,
        /// The model.
        "assistant" => Assistant,
        /// The operator.
        "system" => System,
        /// The developer.
        "developer" => Developer,
    }
}

wire_object! {
    keep
    /// Something said.
    pub struct InputMessage {
        /// Who speaks.
        pub role: InputRole,
        /// What is said.
        pub content: TextOr<InputContent>,
        /// Identifier, when it is an earlier answer.
        pub id: Option<String>,
    }
}

wire_object! {
    keep
    /// A text.
    pub struct InputText {
        /// The text.
        pub text: String,
    }
}

wire_object! {
    keep
    /// A refusal of the model.
    pub struct InputRefusal {
        /// The text.
        pub refusal: String,
    }
}

wire_enum! {
    /// How closely to look at an image.
    pub enum ImageDetail {
        /// The model's choice.
        "auto" => Auto,
        /// Coarsely.
        "low" => Low,
        /// Closely.
        "high" => High,
        /// In its own size.
        "original" => Original,
    }
}

wire_object! {
    keep
    /// An image: a URL (`data:` included) or an uploaded file.
    pub struct InputImage {
        /// Where it is.
        pub image_url: Option<String>,
        /// Identifier of an uploaded file: refused, none can be uploaded.
        #[schemars(skip)]
        pub file_id: Option<String>,
        /// How closely to look.
        pub detail: Option<ImageDetail>,
    }
}

wire_object! {
    keep
    /// A file: its content, a URL, or an uploaded file.
    pub struct InputFile {
        /// Its name.
        pub filename: Option<String>,
        /// Its content, base64.
        pub file_data: Option<String>,
        /// Where it is.
        pub file_url: Option<String>,
        /// Identifier of an uploaded file: refused, none can be uploaded.
        #[schemars(skip)]
        pub file_id: Option<String>,
    }
}

wire_union! {
    /// A piece of a message or of a function's output.
    pub enum InputContent {
        /// A text.
        "input_text" => Text(InputText),
        /// An image.
        "input_image" => Image(InputImage),
        /// A file.
        "input_file" => File(InputFile),
        /// A text of an earlier answer.
        "output_text" => OutputText(InputText),
        /// A refusal of an earlier answer.
        "refusal" => Refusal(InputRefusal),
    }
    unsupported ["input_audio", "input_video"] "use `input_text`, `input_image` or `input_file`."
}

wire_object! {
    keep
    /// A function call of an earlier answer.
    pub struct InputFunctionCall {
        /// Identifier of the item.
        pub id: Option<String>,
        /// Identifier that the output refers to.
        #[schemars(length(min = 1, max = 64))]
        pub call_id: String,
        /// The function.
        pub name: String,
        /// Arguments: JSON text.
        pub arguments: String,
    }
}

wire_object! {
    keep
    /// What a function call gave.
    pub struct InputFunctionOutput {
        /// Identifier of the item.
        pub id: Option<String>,
        /// The call it answers.
        #[schemars(length(min = 1, max = 64))]
        pub call_id: String,
        /// What it gave.
        pub output: TextOr<InputContent>,
    }
}

wire_object! {
    keep
    /// Reasoning of an earlier answer, given back as it came.
    pub struct InputReasoning {
        /// Identifier of the item.
        pub id: Option<String>,
    }
}

wire_union! {
    /// An item of the conversation.
    pub enum InputItem {
        /// Something said.
        "message" => Message(InputMessage),
        /// A function call of an earlier answer.
        "function_call" => FunctionCall(InputFunctionCall),
        /// What a function call gave.
        "function_call_output" => FunctionOutput(InputFunctionOutput),
        /// Reasoning of an earlier answer.
        "reasoning" => Reasoning(InputReasoning),
    }
    default "message"
    unsupported [
        "item_reference", "file_search_call", "computer_call", "computer_call_output",
        "web_search_call", "tool_search_call", "tool_search_output", "additional_tools",
        "compaction", "compaction_trigger", "image_generation_call", "code_interpreter_call",
        "local_shell_call", "local_shell_call_output", "shell_call", "shell_call_output",
        "apply_patch_call", "apply_patch_call_output", "mcp_list_tools", "mcp_approval_request",
        "mcp_approval_response", "mcp_call", "custom_tool_call", "custom_tool_call_output",
        "program", "program_output"
    ] "send messages, function calls, their outputs and reasoning."
}

impl TextOr<InputItem> {
    /// Whether a URL may stand in a member that this build does not know.
    pub(super) fn hides_url(&self) -> bool {
        match self {
            Self::Text(_) => false,
            Self::Many(items) => items.iter().any(InputItem::hides_url),
        }
    }

    /// The items in core's terms; a plain text is one message of the user.
    pub(crate) fn into_core(self) -> Result<Vec<Item>, WireError> {
        let at = Path::ROOT;
        let at = at.key("input");
        match self {
            Self::Text(text) => Ok(vec![Item::text(Role::User, text)]),
            Self::Many(items) if items.is_empty() => Err(at.invalid("must hold at least one item")),
            Self::Many(items) => items
                .into_iter()
                .enumerate()
                .map(|(index, item)| item.into_core(&at.index(index)))
                .collect(),
        }
    }
}

impl InputItem {
    fn hides_url(&self) -> bool {
        match self {
            Self::Message(message) => hides_url(&message.extra) || parts_hide_url(&message.content),
            Self::FunctionCall(call) => hides_url(&call.extra),
            Self::FunctionOutput(output) => {
                hides_url(&output.extra) || parts_hide_url(&output.output)
            }
            Self::Reasoning(reasoning) => hides_url(&reasoning.extra),
        }
    }

    fn into_core(self, at: &Path<'_>) -> Result<Item, WireError> {
        Ok(match self {
            Self::Message(message) => Item::Message(Message {
                id: message.id,
                name: None,
                role: message.role.to_core(),
                parts: into_parts(message.content, &at.key("content"))?,
            }),
            Self::FunctionCall(call) => {
                check_call_id(at, &call.call_id)?;
                crate::tool::check_name(&at.key("name"), &call.name)?;
                Item::FunctionCall(FunctionCall {
                    id: call.id,
                    call_id: call.call_id,
                    name: call.name,
                    arguments: call.arguments,
                })
            }
            Self::FunctionOutput(output) => {
                check_call_id(at, &output.call_id)?;
                Item::FunctionOutput(FunctionOutput {
                    id: output.id,
                    call_id: output.call_id,
                    parts: into_parts(output.output, &at.key("output"))?,
                })
            }
            Self::Reasoning(reasoning) => Item::Opaque(reasoning.into_value()),
        })
    }
}

fn check_call_id(at: &Path<'_>, call_id: &str) -> Result<(), WireError> {
    if (1..=64).contains(&call_id.chars().count()) {
        return Ok(());
    }
    Err(at.key("call_id").invalid("must be 1 to 64 characters"))
}

impl InputReasoning {
    /// The item as it came, but for URLs that nobody has checked: reasoning has none.
    fn into_value(self) -> Value {
        let mut object = Map::from_iter([("type".to_owned(), json!("reasoning"))]);
        object.extend(self.id.map(|id| ("id".to_owned(), Value::String(id))));
        let mut extra = self.extra;
        for name in ["summary", "content"] {
            if let Some(Value::Array(parts)) = extra.get_mut(name) {
                let mut parts = std::mem::take(parts);
                drop_urls_in_parts(&mut parts, &["text"]);
                object.insert(name.to_owned(), Value::Array(parts));
                extra.remove(name);
            }
        }
        drop_urls(&mut extra, &["encrypted_content"]);
        object.extend(extra);
        Value::Object(object)
    }
}

impl InputRole {
    fn to_core(self) -> Role {
        match self {
            Self::User => Role::User,
            Self::Assistant => Role::Assistant,
            Self::System => Role::System,
            Self::Developer => Role::Developer,
        }
    }
}

fn into_parts(content: TextOr<InputContent>, at: &Path<'_>) -> Result<Vec<Part>, WireError> {
    match content {
        TextOr::Text(text) => Ok(vec![Part::Text(text)]),
        TextOr::Many(parts) => parts
            .into_iter()
            .enumerate()
            .map(|(index, part)| part.into_core(&at.index(index)))
            .collect(),
    }
}

impl InputContent {
    fn into_core(self, at: &Path<'_>) -> Result<Part, WireError> {
        match self {
            Self::Text(part) | Self::OutputText(part) => Ok(Part::Text(part.text)),
            Self::Refusal(part) => Ok(Part::Refusal(part.refusal)),
            Self::Image(image) => image.into_core(at).map(Part::Image),
            Self::File(file) => file.into_core(at).map(Part::File),
        }
    }
}

impl InputImage {
    fn into_core(self, at: &Path<'_>) -> Result<Media, WireError> {
        let source = match (self.image_url, self.file_id) {
            (Some(url), None) => MediaSource::Url(check_url(&at.key("image_url"), url)?),
            (None, Some(_)) => return Err(no_files(&at.key("file_id"))),
            (None, None) => return Err(at.missing("image_url")),
            (Some(_), Some(_)) => return Err(one_source(at)),
        };
        let hint = self.detail.map(|detail| detail.as_str().to_owned());
        Ok(Media { source, hint })
    }
}

impl InputFile {
    fn into_core(self, at: &Path<'_>) -> Result<Media, WireError> {
        let source = match (self.file_data, self.file_url, self.file_id) {
            (Some(data), None, None) => MediaSource::Inline(data),
            (None, Some(url), None) => MediaSource::Url(check_url(&at.key("file_url"), url)?),
            (None, None, Some(_)) => return Err(no_files(&at.key("file_id"))),
            (None, None, None) => return Err(at.missing("file_data")),
            _ => return Err(one_source(at)),
        };
        Ok(Media {
            source,
            hint: self.filename,
        })
    }
}

impl Extra for InputContent {
    fn extra(&self) -> &Map<String, Value> {
        match self {
            Self::Text(part) | Self::OutputText(part) => &part.extra,
            Self::Refusal(part) => &part.extra,
            Self::Image(part) => &part.extra,
            Self::File(part) => &part.extra,
        }
    }
}

fn one_source(at: &Path<'_>) -> WireError {
    at.error(
        WireErrorKind::InvalidValue,
        format!("`{at}` must name exactly one source."),
    )
}

/// Files cannot be uploaded here, so no identifier can be valid.
fn no_files(at: &Path<'_>) -> WireError {
    at.unsupported("This server keeps no files: send the content itself, or a URL.")
}

/// Accepts `http`, `https` and `data` URLs; nothing is fetched here.
pub(crate) fn check_url(at: &Path<'_>, url: String) -> Result<String, WireError> {
    let scheme = url
        .split_once(':')
        .map(|(scheme, _)| scheme.to_ascii_lowercase());
    match scheme.as_deref() {
        Some("http" | "https" | "data") => Ok(url),
        _ => Err(at.invalid("must be an `http`, `https` or `data` URL")),
    }
}
