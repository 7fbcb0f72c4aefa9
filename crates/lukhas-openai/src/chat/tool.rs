// SPDX-License-Identifier: Apache-2.0
//! Tools and tool choice of the Chat Completions API.

use std::sync::Arc;

use lukhas_core::{ToolChoice, ToolMode, ToolSpec};
use serde_json::Value;

use crate::WireError;
use crate::json::Json;
use crate::path::{Path, shorten};
use crate::read::{FromJson, wire_object, wire_union};
use crate::responses::{
    AllowedMode, FunctionTool, MAX_TOOLS, NamedTool, ToolChoiceMode, check_name,
};

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

/// The tools in core's terms, their names checked.
pub(super) fn core_tools(tools: Vec<ChatTool>) -> Result<Vec<Arc<ToolSpec>>, WireError> {
    let at = Path::ROOT;
    let at = at.key("tools");
    if tools.len() > MAX_TOOLS {
        let rule = format!(
            "must have at most {MAX_TOOLS} entries, but has {}",
            tools.len()
        );
        return Err(at.invalid(rule));
    }
    let mut specs: Vec<Arc<ToolSpec>> = Vec::with_capacity(tools.len());
    for (index, ChatTool::Function(ChatFunctionTool { function })) in tools.into_iter().enumerate()
    {
        let at = at.index(index);
        let at = at.key("function");
        let at = at.key("name");
        check_name(&at, &function.name)?;
        if specs.iter().any(|other| other.name == function.name) {
            return Err(at.invalid(format!("`{}` is named twice", function.name)));
        }
        specs.push(Arc::new(ToolSpec {
            name: function.name,
            description: function.description,
            parameters: function.parameters.map(Value::Object),
            strict: function.strict,
        }));
    }
    Ok(specs)
}

impl ChatToolChoice {
    /// The choice in core's terms, every name checked against `tools`.
    pub(super) fn into_core(self, tools: &[Arc<ToolSpec>]) -> Result<ToolChoice, WireError> {
        let at = Path::ROOT;
        let at = at.key("tool_choice");
        match self {
            Self::Mode(ToolChoiceMode::None) => Ok(ToolChoice::None),
            Self::Mode(ToolChoiceMode::Auto) => Ok(ToolChoice::Auto),
            Self::Mode(ToolChoiceMode::Required) if tools.is_empty() => {
                Err(at.invalid("`required` needs at least one entry in `tools`"))
            }
            Self::Mode(ToolChoiceMode::Required) => Ok(ToolChoice::Required),
            Self::Specific(ChatSpecificChoice::Function(choice)) => {
                known(&at.key("function"), choice.function, tools).map(ToolChoice::Function)
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
        let at = at.key("tools");
        if self.tools.is_empty() {
            return Err(at.invalid("must name at least one tool"));
        }
        let mut names = Vec::with_capacity(self.tools.len());
        for (index, AllowedChatTool::Function(tool)) in self.tools.into_iter().enumerate() {
            let at = at.index(index);
            names.push(match tool {
                AllowedFunction::Nested(tool) => known(&at.key("function"), tool.function, tools)?,
                AllowedFunction::Flat(tool) => known(&at, tool, tools)?,
            });
        }
        let mode = match self.mode {
            AllowedMode::Auto => ToolMode::Auto,
            AllowedMode::Required => ToolMode::Required,
        };
        Ok(ToolChoice::Allowed { mode, names })
    }
}

fn known(at: &Path<'_>, tool: NamedTool, tools: &[Arc<ToolSpec>]) -> Result<String, WireError> {
    if tools.iter().any(|other| other.name == tool.name) {
        return Ok(tool.name);
    }
    let name = shorten(&tool.name);
    Err(at
        .key("name")
        .invalid(format!("no tool named `{name}` is in `tools`")))
}
