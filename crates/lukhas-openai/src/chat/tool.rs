// SPDX-License-Identifier: Apache-2.0
//! Tools and tool choice of the Chat Completions API.

use std::sync::Arc;

use lukhas_core::{ToolChoice, ToolSpec};

use crate::WireError;
use crate::json::Json;
use crate::path::Path;
use crate::read::{FromJson, wire_object, wire_union};
use crate::tool::{self, AllowedMode, Fields, FunctionTool, NamedTool, ToolChoiceMode};

wire_union! {
    /// A tool of the Chat Completions API.
    pub enum ChatTool {
        /// A function that the caller runs.
        "function" => Function(ChatFunctionTool),
    }
    unsupported ["custom"] "use `function` tools, which your application runs."
}

wire_object! {
    deny
    /// A function that the caller runs.
    pub struct ChatFunctionTool {
        /// The function.
        pub function: FunctionTool,
    }
}

/// Which tools the model may or must call.
#[derive(Clone, Debug, PartialEq, serde::Serialize, schemars::JsonSchema)]
#[serde(untagged)]
pub enum ChatToolChoice {
    /// `none`, `auto` or `required`.
    Mode(ToolChoiceMode),
    /// Named tools.
    Specific(ChatSpecificChoice),
}

wire_union! {
    /// A tool choice that names tools.
    pub enum ChatSpecificChoice {
        /// This function.
        "function" => Function(NestedFunction),
        /// Some of the tools.
        "allowed_tools" => Allowed(ChatAllowedTools),
    }
    unsupported ["custom"] "use `function` tools, which your application runs."
}

wire_object! {
    deny
    /// A function by its name.
    pub struct NestedFunction {
        /// The function.
        pub function: NamedTool,
    }
}

/// Some of the tools, as chat completions write it or as responses do.
#[derive(Clone, Debug, PartialEq, serde::Serialize, schemars::JsonSchema)]
#[serde(untagged)]
pub enum ChatAllowedTools {
    /// Under a key of its own.
    Nested(NestedAllowedTools),
    /// Beside `type`.
    Flat(AllowedChatTools),
}

wire_object! {
    deny
    /// Some of the tools.
    pub struct NestedAllowedTools {
        /// Which, and whether they must be called.
        pub allowed_tools: AllowedChatTools,
    }
}

wire_object! {
    deny
    /// Some of the tools.
    pub struct AllowedChatTools {
        /// Whether one of them must be called.
        pub mode: AllowedMode,
        /// The tools.
        #[schemars(length(min = 1))]
        pub tools: Vec<AllowedChatTool>,
    }
}

wire_union! {
    /// One of the allowed tools.
    pub enum AllowedChatTool {
        /// A function.
        "function" => Function(AllowedFunction),
    }
    unsupported ["custom"] "use `function` tools, which your application runs."
}

/// A function by its name, as chat completions write it or as responses do.
#[derive(Clone, Debug, PartialEq, serde::Serialize, schemars::JsonSchema)]
#[serde(untagged)]
pub enum AllowedFunction {
    /// Under a key of its own.
    Nested(NestedFunction),
    /// Beside `type`.
    Flat(NamedTool),
}

impl FromJson for ChatToolChoice {
    fn from_json(at: &Path<'_>, value: Json<'_>) -> Result<Self, WireError> {
        if value.is_string() {
            return ToolChoiceMode::from_json(at, value).map(Self::Mode);
        }
        if value.is_object() {
            return ChatSpecificChoice::from_json(at, value).map(Self::Specific);
        }
        Err(at.wrong_type("a string or an object", &value))
    }
}

impl FromJson for ChatAllowedTools {
    fn from_json(at: &Path<'_>, value: Json<'_>) -> Result<Self, WireError> {
        // Without either key, the missing one to name is that of chat completions.
        match value.has("mode") || value.has("tools") {
            true => AllowedChatTools::from_json(at, value).map(Self::Flat),
            false => NestedAllowedTools::from_json(at, value).map(Self::Nested),
        }
    }
}

impl FromJson for AllowedFunction {
    fn from_json(at: &Path<'_>, value: Json<'_>) -> Result<Self, WireError> {
        match value.has("name") {
            true => NamedTool::from_json(at, value).map(Self::Flat),
            false => NestedFunction::from_json(at, value).map(Self::Nested),
        }
    }
}

impl ChatToolChoice {
    /// The choice in core's terms, every name checked against `tools`.
    pub(super) fn into_core(self, tools: &[Arc<ToolSpec>]) -> Result<ToolChoice, WireError> {
        let at = Path::ROOT;
        let at = at.key("tool_choice");
        match self {
            Self::Mode(mode) => tool::mode(&at, mode, tools),
            Self::Specific(ChatSpecificChoice::Function(choice)) => {
                tool::known(&at, choice.function, Fields::Nested, tools).map(ToolChoice::Function)
            }
            Self::Specific(ChatSpecificChoice::Allowed(ChatAllowedTools::Flat(allowed))) => {
                allowed.into_core(&at, tools)
            }
            Self::Specific(ChatSpecificChoice::Allowed(ChatAllowedTools::Nested(choice))) => choice
                .allowed_tools
                .into_core(&at.key("allowed_tools"), tools),
        }
    }
}

impl AllowedChatTools {
    fn into_core(self, at: &Path<'_>, tools: &[Arc<ToolSpec>]) -> Result<ToolChoice, WireError> {
        let named = |AllowedChatTool::Function(tool)| match tool {
            AllowedFunction::Nested(tool) => (tool.function, Fields::Nested),
            AllowedFunction::Flat(tool) => (tool, Fields::Flat),
        };
        tool::allowed(at, self.mode, self.tools.into_iter().map(named), tools)
    }
}
