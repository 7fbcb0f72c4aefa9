// SPDX-License-Identifier: Apache-2.0
//! Tools and tool choice of the Responses API.

use std::sync::Arc;

use lukhas_core::{ToolChoice, ToolSpec};

use crate::WireError;
use crate::json::Json;
use crate::path::Path;
use crate::read::{FromJson, wire_object, wire_union};
use crate::tool::{self, AllowedMode, Fields, FunctionTool, NamedTool, ToolChoiceMode};

wire_union! {
    /// A tool of the Responses API.
    pub enum ResponseTool {
        /// A function that the caller runs.
        "function" => Function(FunctionTool),
    }
    unsupported [
        "file_search", "web_search", "web_search_preview", "web_search_2025_08_26",
        "web_search_preview_2025_03_11", "code_interpreter", "image_generation", "mcp",
        "local_shell", "shell", "apply_patch", "computer", "computer_use_preview", "custom",
        "namespace", "tool_search", "programmatic_tool_calling"
    ] "use `function` tools, which your application runs."
}

wire_union! {
    /// A reference to one tool of the request.
    pub enum ToolReference {
        /// A function.
        "function" => Function(NamedTool),
    }
    unsupported [
        "file_search", "web_search", "web_search_preview", "code_interpreter", "image_generation",
        "mcp", "local_shell", "shell", "apply_patch", "computer", "computer_use_preview", "custom"
    ] "use `function` tools, which your application runs."
}

wire_object! {
    deny
    /// Only some of the request's tools.
    pub struct AllowedTools {
        /// Whether one of them must be called.
        pub mode: AllowedMode,
        /// The tools.
        #[schemars(length(min = 1))]
        pub tools: Vec<ToolReference>,
    }
}

wire_union! {
    /// A tool choice that names tools.
    pub enum SpecificChoice {
        /// This function.
        "function" => Function(NamedTool),
        /// Some of the tools.
        "allowed_tools" => Allowed(AllowedTools),
    }
    unsupported [
        "file_search", "web_search", "web_search_preview", "code_interpreter", "image_generation",
        "mcp", "local_shell", "shell", "apply_patch", "computer", "computer_use_preview", "custom"
    ] "use `function` tools, which your application runs."
}

/// Which tools the model may or must call.
#[derive(Clone, Debug, PartialEq, serde::Serialize, schemars::JsonSchema)]
#[serde(untagged)]
pub enum ResponseToolChoice {
    /// `none`, `auto` or `required`.
    Mode(ToolChoiceMode),
    /// Named tools.
    Specific(SpecificChoice),
}

impl FromJson for ResponseToolChoice {
    fn from_json(at: &Path<'_>, value: Json<'_>) -> Result<Self, WireError> {
        if value.is_string() {
            return ToolChoiceMode::from_json(at, value).map(Self::Mode);
        }
        if value.is_object() {
            return SpecificChoice::from_json(at, value).map(Self::Specific);
        }
        Err(at.wrong_type("a string or an object", &value))
    }
}

impl ResponseToolChoice {
    /// The choice in core's terms, every name checked against `tools`.
    pub(crate) fn to_core(&self, tools: &[Arc<ToolSpec>]) -> Result<ToolChoice, WireError> {
        let at = Path::ROOT;
        let at = at.key("tool_choice");
        match self {
            Self::Mode(mode) => tool::mode(&at, *mode, tools),
            Self::Specific(SpecificChoice::Function(tool)) => {
                tool::known(&at, tool.clone(), Fields::Flat, tools).map(ToolChoice::Function)
            }
            Self::Specific(SpecificChoice::Allowed(allowed)) => {
                let names = allowed.tools.iter();
                let names = names.map(|ToolReference::Function(tool)| (tool.clone(), Fields::Flat));
                tool::allowed(&at, allowed.mode, names, tools)
            }
        }
    }
}
