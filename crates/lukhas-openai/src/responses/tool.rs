// SPDX-License-Identifier: Apache-2.0
//! Tools and tool choice of the Responses API.

use std::sync::Arc;

use lukhas_core::{ToolChoice, ToolMode, ToolSpec};
use serde_json::{Map, Value};

use crate::WireError;
use crate::json::Json;
use crate::path::Path;
use crate::read::{FromJson, wire_enum, wire_object, wire_union};

wire_object! {
    keep
    /// A function the model may call.
    pub struct FunctionTool {
        /// Name: 1 to 64 characters of `[A-Za-z0-9_-]`.
        #[schemars(regex(pattern = r"^[A-Za-z0-9_-]{1,64}$"))]
        pub name: String,
        /// What it does, for the model.
        pub description: Option<String>,
        /// JSON Schema of the arguments; absent or null is an object without properties.
        pub parameters: Option<Map<String, Value>>,
        /// Whether the arguments must match the schema exactly.
        pub strict: Option<bool>,
    }
}

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

wire_enum! {
    /// Whether the model may or must call.
    pub enum ToolChoiceMode {
        /// Never call.
        "none" => None,
        /// Call or answer.
        "auto" => Auto,
        /// Call at least one.
        "required" => Required,
    }
}

wire_enum! {
    /// Whether one of the allowed tools must be called.
    pub enum AllowedMode {
        /// May.
        "auto" => Auto,
        /// Must.
        "required" => Required,
    }
}

wire_object! {
    deny
    /// One named tool.
    pub struct NamedTool {
        /// Its name.
        pub name: String,
    }
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
        let choice = match self {
            Self::Mode(ToolChoiceMode::None) => ToolChoice::None,
            Self::Mode(ToolChoiceMode::Auto) => ToolChoice::Auto,
            Self::Mode(ToolChoiceMode::Required) => ToolChoice::Required,
            Self::Specific(SpecificChoice::Function(tool)) => {
                known(&at, &tool.name, tools)?;
                ToolChoice::Function(tool.name.clone())
            }
            Self::Specific(SpecificChoice::Allowed(allowed)) => allowed.to_core(&at, tools)?,
        };
        if tools.is_empty() && choice == ToolChoice::Required {
            return Err(at.invalid("`required` needs at least one entry in `tools`"));
        }
        Ok(choice)
    }
}

impl AllowedTools {
    fn to_core(&self, at: &Path<'_>, tools: &[Arc<ToolSpec>]) -> Result<ToolChoice, WireError> {
        let at = at.key("tools");
        if self.tools.is_empty() {
            return Err(at.invalid("must name at least one tool"));
        }
        let mut names = Vec::with_capacity(self.tools.len());
        for (index, ToolReference::Function(tool)) in self.tools.iter().enumerate() {
            known(&at.index(index), &tool.name, tools)?;
            names.push(tool.name.clone());
        }
        let mode = match self.mode {
            AllowedMode::Auto => ToolMode::Auto,
            AllowedMode::Required => ToolMode::Required,
        };
        Ok(ToolChoice::Allowed { mode, names })
    }
}

fn known(at: &Path<'_>, name: &str, tools: &[Arc<ToolSpec>]) -> Result<(), WireError> {
    if tools.iter().any(|tool| tool.name == name) {
        return Ok(());
    }
    let name = crate::path::shorten(name);
    Err(at
        .key("name")
        .invalid(format!("no tool named `{name}` is in `tools`")))
}

impl FunctionTool {
    /// The function in core's terms, its name checked.
    pub(crate) fn to_core(&self, at: &Path<'_>) -> Result<ToolSpec, WireError> {
        check_name(&at.key("name"), &self.name)?;
        Ok(ToolSpec {
            name: self.name.clone(),
            description: self.description.clone(),
            parameters: self.parameters.clone().map(Value::Object),
            strict: self.strict,
        })
    }
}

/// Checks a name that is sent to models: 1 to 64 characters of `[A-Za-z0-9_-]`.
pub(crate) fn check_name(at: &Path<'_>, name: &str) -> Result<(), WireError> {
    let plain = name
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
    if plain && (1..=64).contains(&name.len()) {
        return Ok(());
    }
    Err(at.invalid("must be 1 to 64 characters of `a-z`, `A-Z`, `0-9`, `_` and `-`"))
}
