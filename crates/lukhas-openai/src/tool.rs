// SPDX-License-Identifier: Apache-2.0
//! What both APIs say of tools and tool choices, and the rules they share.

use std::sync::Arc;

use lukhas_core::{ToolChoice, ToolMode, ToolSpec};
use serde_json::{Map, Value};

use crate::WireError;
use crate::path::{Path, shorten};
use crate::read::{wire_enum, wire_object};

/// Most tools of one request.
pub(crate) const MAX_TOOLS: usize = 128;

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

/// Where the fields of a function stand.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fields {
    /// Beside `type`, as in the Responses API.
    Flat,
    /// Under `function`, as in the Chat Completions API.
    Nested,
}

impl Fields {
    /// What `check` finds at the name of the function at `at`.
    fn name<T>(self, at: &Path<'_>, check: impl FnOnce(&Path<'_>) -> T) -> T {
        match self {
            Self::Flat => check(&at.key("name")),
            Self::Nested => check(&at.key("function").key("name")),
        }
    }
}

/// The functions of `tools` in core's terms, their names checked.
pub(crate) fn specs(
    functions: impl ExactSizeIterator<Item = FunctionTool>,
    fields: Fields,
) -> Result<Vec<Arc<ToolSpec>>, WireError> {
    let at = Path::ROOT;
    let at = at.key("tools");
    let count = functions.len();
    if count > MAX_TOOLS {
        let rule = format!("must have at most {MAX_TOOLS} entries, but has {count}");
        return Err(at.invalid(rule));
    }
    let mut specs: Vec<Arc<ToolSpec>> = Vec::with_capacity(count);
    for (index, function) in functions.enumerate() {
        fields.name(&at.index(index), |at| {
            check_name(at, &function.name)?;
            match specs.iter().any(|other| other.name == function.name) {
                true => Err(at.invalid(format!("`{}` is named twice", function.name))),
                false => Ok(()),
            }
        })?;
        specs.push(Arc::new(ToolSpec {
            name: function.name,
            description: function.description,
            parameters: function.parameters.map(Value::Object),
            strict: function.strict,
        }));
    }
    Ok(specs)
}

/// The choice that `mode` is, where there are `tools`.
pub(crate) fn mode(
    at: &Path<'_>,
    mode: ToolChoiceMode,
    tools: &[Arc<ToolSpec>],
) -> Result<ToolChoice, WireError> {
    match mode {
        ToolChoiceMode::None => Ok(ToolChoice::None),
        ToolChoiceMode::Auto => Ok(ToolChoice::Auto),
        ToolChoiceMode::Required if tools.is_empty() => {
            Err(at.invalid("`required` needs at least one entry in `tools`"))
        }
        ToolChoiceMode::Required => Ok(ToolChoice::Required),
    }
}

/// The choice among `allowed` functions, written at `at` as `tools`, each of which must be one of
/// `tools`.
pub(crate) fn allowed(
    at: &Path<'_>,
    mode: AllowedMode,
    allowed: impl ExactSizeIterator<Item = (NamedTool, Fields)>,
    tools: &[Arc<ToolSpec>],
) -> Result<ToolChoice, WireError> {
    let at = at.key("tools");
    if allowed.len() == 0 {
        return Err(at.invalid("must name at least one tool"));
    }
    let names = allowed
        .enumerate()
        .map(|(index, (tool, fields))| known(&at.index(index), tool, fields, tools));
    let names = names.collect::<Result<_, _>>()?;
    let mode = match mode {
        AllowedMode::Auto => ToolMode::Auto,
        AllowedMode::Required => ToolMode::Required,
    };
    Ok(ToolChoice::Allowed { mode, names })
}

/// The name of `tool`, which must be one of `tools`.
pub(crate) fn known(
    at: &Path<'_>,
    tool: NamedTool,
    fields: Fields,
    tools: &[Arc<ToolSpec>],
) -> Result<String, WireError> {
    if tools.iter().any(|other| other.name == tool.name) {
        return Ok(tool.name);
    }
    let name = shorten(&tool.name);
    let rule = format!("no tool named `{name}` is in `tools`");
    Err(fields.name(at, |at| at.invalid(rule)))
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
