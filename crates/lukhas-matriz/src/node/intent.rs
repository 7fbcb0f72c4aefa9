// SPDX-License-Identifier: Apache-2.0
//! Intent: decides what this turn may do.

#[cfg(test)]
mod tests;

use std::mem;
use std::sync::Arc;

use lukhas_core::{OutputFormat, RunRequest, ToolChoice, ToolMode, ToolSpec};
use serde_json::Value;

/// What a turn may do.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Intent {
    pub(crate) calls: Calls,
    /// Whether several calls may be made.
    pub(crate) parallel: bool,
    pub(crate) text: Text,
}

/// Whether a turn calls tools.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Calls {
    /// It answers in text.
    Never,
    /// It answers in text or calls these.
    May(Vec<Arc<ToolSpec>>),
    /// It calls at least one of these.
    Must(Vec<Arc<ToolSpec>>),
}

/// What the text of an answer is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Text {
    Free,
    /// A JSON object.
    JsonObject,
    /// An instance of this JSON Schema.
    Instance(Arc<Value>),
}

/// Decides it, and leaves the request with the tools that may be called and a choice that agrees
/// with them.
///
/// Tool outputs that wait for the model change nothing: under `auto` a turn may always end in
/// text, so that agent loops end, and a hard choice holds until the caller lifts it.
pub(crate) fn decide(request: &mut RunRequest) -> Intent {
    let mode = narrow(request);
    let calls = match (mode, request.tools.is_empty()) {
        (Some(ToolMode::Auto) | None, true) | (None, false) => Calls::Never,
        (Some(ToolMode::Auto), false) => Calls::May(request.tools.clone()),
        (Some(ToolMode::Required), _) => Calls::Must(request.tools.clone()),
    };
    let text = match &request.format {
        OutputFormat::Text | OutputFormat::JsonSchema { strict: false, .. } => Text::Free,
        OutputFormat::JsonObject => Text::JsonObject,
        OutputFormat::JsonSchema {
            strict: true,
            schema,
            ..
        } => Text::Instance(Arc::clone(schema)),
    };
    Intent {
        calls,
        parallel: request.parallel_tool_calls,
        text,
    }
}

/// Drops the tools that may not be called; `None` when none may.
fn narrow(request: &mut RunRequest) -> Option<ToolMode> {
    let (mode, choice) = match mem::take(&mut request.tool_choice) {
        ToolChoice::None => {
            request.original = None;
            request.tools.clear();
            (None, ToolChoice::None)
        }
        ToolChoice::Auto => (Some(ToolMode::Auto), ToolChoice::Auto),
        ToolChoice::Required => (Some(ToolMode::Required), ToolChoice::Required),
        ToolChoice::Function(name) => {
            request.original = None;
            request.tools.retain(|tool| tool.name == name);
            (Some(ToolMode::Required), ToolChoice::Function(name))
        }
        ToolChoice::Allowed { mode, names } => {
            request.original = None;
            request.tools.retain(|tool| names.contains(&tool.name));
            let choice = match mode {
                ToolMode::Auto => ToolChoice::Auto,
                ToolMode::Required => ToolChoice::Required,
            };
            (Some(mode), choice)
        }
    };
    request.tool_choice = choice;
    mode
}
