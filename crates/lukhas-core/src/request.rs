// SPDX-License-Identifier: Apache-2.0
//! What is asked of a run.

use std::sync::Arc;

use bytes::Bytes;
use serde_json::Value;

use crate::Item;

/// A request, valid and independent of the wire it came by.
#[derive(Clone, Debug, Default)]
pub struct RunRequest {
    /// Public name of the model.
    pub model: String,
    /// Instructions that stand before the conversation.
    pub instructions: Option<String>,
    /// Identifier of the stored response that this one continues.
    pub previous: Option<String>,
    /// The new items, oldest first.
    pub items: Vec<Item>,
    /// Functions the model may call, names unique.
    pub tools: Vec<Arc<ToolSpec>>,
    /// Which of them it may or must call.
    pub tool_choice: ToolChoice,
    /// Whether one turn may hold several calls.
    pub parallel_tool_calls: bool,
    /// The shape the answer must have.
    pub format: OutputFormat,
    /// How the next token is drawn.
    pub sampling: Sampling,
    /// Most tokens to generate; `None` leaves it to the model.
    pub max_output_tokens: Option<u32>,
    /// What to do when the conversation exceeds the model's context window.
    pub truncation: Truncation,
    /// Wishes that change nothing for models that do not know them.
    pub hints: Hints,
    /// Whether nobody reads the answer as it grows. A provider may then give each text in one
    /// delta; the answer is the same.
    pub whole: bool,
    /// The request as it came, for a provider that can be given it as it is. Whoever changes
    /// anything of the request, or may change anything of its answer, takes it away.
    pub original: Option<Arc<Original>>,
}

/// A request in the words of the API that it came by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Original {
    /// The API.
    pub api: Api,
    /// The body: a JSON object.
    pub body: Bytes,
    /// Members that the answer has from this server, whatever its provider calls them: names, and
    /// values as JSON.
    pub own: Vec<(&'static str, Bytes)>,
}

/// The APIs that a request can come by and be passed on to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Api {
    /// OpenAI's Chat Completions.
    ChatCompletions,
    /// OpenAI's Responses.
    Responses,
}

/// A function the model may call.
#[derive(Clone, Debug, PartialEq)]
pub struct ToolSpec {
    /// Name, at most 64 characters of `[A-Za-z0-9_-]`.
    pub name: String,
    /// What it does, for the model.
    pub description: Option<String>,
    /// JSON Schema of its arguments; `None` is an object without properties.
    pub parameters: Option<Value>,
    /// Whether the arguments must match the schema exactly; `None` leaves it to the provider.
    pub strict: Option<bool>,
}

/// Which tools the model may or must call.
///
/// INVARIANT: every name in it is a tool of the same request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ToolChoice {
    /// Answer in text.
    None,
    /// Answer in text or call.
    #[default]
    Auto,
    /// Call at least one.
    Required,
    /// Call this one.
    Function(String),
    /// As `mode` says, but only these.
    Allowed {
        /// May or must.
        mode: ToolMode,
        /// Names of the tools.
        names: Vec<String>,
    },
}

/// Whether a tool may or must be called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ToolMode {
    /// May.
    Auto,
    /// Must.
    Required,
}

/// The shape the text of an answer must have.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum OutputFormat {
    /// Free text.
    #[default]
    Text,
    /// Any JSON object.
    JsonObject,
    /// JSON that is valid under a schema.
    JsonSchema {
        /// Name of the schema.
        name: String,
        /// The schema.
        schema: Arc<Value>,
        /// Whether a violation is an error.
        strict: bool,
    },
}

/// How the next token is drawn. `None` leaves it to the model.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sampling {
    /// 0 to 2.
    pub temperature: Option<f64>,
    /// 0 to 1.
    pub top_p: Option<f64>,
    /// -2 to 2.
    pub presence_penalty: Option<f64>,
    /// -2 to 2.
    pub frequency_penalty: Option<f64>,
    /// Same seed and request, same answer, as far as the model can.
    pub seed: Option<i64>,
    /// Texts that end the answer, themselves left out; at most 4.
    pub stop: Vec<String>,
}

/// Wishes for models that know them, in the words of the OpenAI API.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hints {
    /// How hard to reason: `none`, `minimal`, `low`, `medium`, `high`, `xhigh` or `max`.
    pub effort: Option<&'static str>,
    /// Which summary of the reasoning to show: `auto`, `concise` or `detailed`.
    pub summary: Option<&'static str>,
    /// How long-winded to be: `low`, `medium` or `high`.
    pub verbosity: Option<&'static str>,
    /// The caller's name for its end user.
    pub end_user: Option<String>,
    /// Groups requests that share a prompt, for providers that cache.
    pub cache_key: Option<String>,
}

/// What to do when a conversation exceeds the model's context window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Truncation {
    /// Drop the oldest items.
    Auto,
    /// Fail with [`crate::RunErrorKind::ContextLength`].
    #[default]
    Disabled,
}

impl RunRequest {
    /// The tool with that name.
    #[must_use]
    pub fn tool(&self, name: &str) -> Option<&Arc<ToolSpec>> {
        self.tools.iter().find(|tool| tool.name == name)
    }
}
