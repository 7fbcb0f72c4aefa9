// SPDX-License-Identifier: Apache-2.0
//! The response object.

use std::collections::BTreeMap;

use lukhas_core::Usage;
use schemars::JsonSchema;
use serde::Serialize;

use super::item::ItemObject;
use super::request::TruncationName;
use super::{Reasoning, ResponseOptions, ResponseTool, ResponseToolChoice, TextConfig};
use crate::CountedBy;
use crate::chat::is_never;
use crate::tool::ToolChoiceMode;

/// A response. Every key is always present, null where empty.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct ResponseObject {
    /// Identifier (`resp_…`).
    pub id: String,
    /// Always `response`.
    #[schemars(extend("const" = "response"))]
    pub object: &'static str,
    /// Unix time in seconds.
    pub created_at: u64,
    /// Unix time in seconds at which it was completed.
    pub completed_at: Option<u64>,
    /// How it stands.
    pub status: ResponseStatus,
    /// Why it is incomplete.
    pub incomplete_details: Option<IncompleteDetails>,
    /// Name of the model, as asked for.
    pub model: String,
    /// The response it continued.
    pub previous_response_id: Option<String>,
    /// As asked for.
    pub instructions: Option<String>,
    /// What was answered.
    pub output: Vec<ItemObject>,
    /// Why it failed.
    pub error: Option<ResponseError>,
    /// As asked for.
    pub tools: Vec<ResponseTool>,
    /// As asked for.
    pub tool_choice: ResponseToolChoice,
    /// As asked for.
    pub truncation: TruncationName,
    /// As asked for.
    pub parallel_tool_calls: bool,
    /// As asked for.
    pub text: TextConfig,
    /// As asked for.
    pub top_p: f64,
    /// As asked for.
    pub presence_penalty: f64,
    /// As asked for.
    pub frequency_penalty: f64,
    /// Always 0.
    pub top_logprobs: u32,
    /// As asked for.
    pub temperature: f64,
    /// As asked for.
    pub reasoning: Reasoning,
    /// What was used; null while it runs.
    pub usage: Option<ResponseUsage>,
    /// As asked for.
    pub max_output_tokens: Option<u32>,
    /// As asked for.
    pub max_tool_calls: Option<u32>,
    /// Whether it can be fetched and continued.
    pub store: bool,
    /// Always false.
    pub background: bool,
    /// Always `default`.
    pub service_tier: &'static str,
    /// The caller's own pairs.
    pub metadata: BTreeMap<String, String>,
    /// As asked for.
    pub safety_identifier: Option<String>,
    /// As asked for.
    pub prompt_cache_key: Option<String>,
    /// As asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// How often it broke off and another attempt went on with it; absent when never (an
    /// extension).
    #[serde(skip_serializing_if = "is_never")]
    pub lukhas_continuations: u32,
}

/// How a response stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ResponseStatus {
    /// It runs.
    InProgress,
    /// It is whole.
    Completed,
    /// It was cut short for a named reason.
    Incomplete,
    /// It failed.
    Failed,
}

/// Why a response is incomplete.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct IncompleteDetails {
    /// `max_output_tokens` or `content_filter`.
    pub reason: &'static str,
}

/// Why a response failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ResponseError {
    /// A code of the official set.
    pub code: &'static str,
    /// One sentence.
    pub message: String,
}

/// What a response used, in tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ResponseUsage {
    /// Of the input.
    pub input_tokens: u64,
    /// Of those.
    pub input_tokens_details: InputDetails,
    /// Of the output.
    pub output_tokens: u64,
    /// Of those.
    pub output_tokens_details: OutputDetails,
    /// Both together.
    pub total_tokens: u64,
    /// Who counted, where it was not the model's own server (an extension).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<CountedBy>,
}

/// Of the input tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct InputDetails {
    /// Read from a cache.
    pub cached_tokens: u64,
    /// Written to a cache.
    pub cache_write_tokens: u64,
}

/// Of the output tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct OutputDetails {
    /// Spent on reasoning.
    pub reasoning_tokens: u64,
}

/// The answer to a deletion.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct DeletedResponse {
    /// What was deleted.
    pub id: String,
    /// Always `response`.
    #[schemars(extend("const" = "response"))]
    pub object: &'static str,
    /// Always true.
    pub deleted: bool,
}

/// Number of input tokens a request would use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct InputTokens {
    /// Always `response.input_tokens`.
    #[schemars(extend("const" = "response.input_tokens"))]
    pub object: &'static str,
    /// How many.
    pub input_tokens: u64,
}

impl ResponseObject {
    /// The members that are always present, in the official order.
    pub const MEMBERS: [&'static str; 31] = [
        "id",
        "object",
        "created_at",
        "completed_at",
        "status",
        "incomplete_details",
        "model",
        "previous_response_id",
        "instructions",
        "output",
        "error",
        "tools",
        "tool_choice",
        "truncation",
        "parallel_tool_calls",
        "text",
        "top_p",
        "presence_penalty",
        "frequency_penalty",
        "top_logprobs",
        "temperature",
        "reasoning",
        "usage",
        "max_output_tokens",
        "max_tool_calls",
        "store",
        "background",
        "service_tier",
        "metadata",
        "safety_identifier",
        "prompt_cache_key",
    ];

    /// What those of them are, as JSON, that nothing in a request has set which is passed on
    /// ([`ResponseCall::is_plain`](super::ResponseCall::is_plain)); of `prompt_cache_key`, where the
    /// request has none.
    pub const NEUTRAL: [(&'static str, &'static str); 11] = [
        ("completed_at", "null"),
        ("previous_response_id", "null"),
        ("presence_penalty", "0.0"),
        ("frequency_penalty", "0.0"),
        ("top_logprobs", "0"),
        ("max_tool_calls", "null"),
        ("background", "false"),
        ("service_tier", "\"default\""),
        ("metadata", "{}"),
        ("safety_identifier", "null"),
        ("prompt_cache_key", "null"),
    ];

    /// A response that has just begun.
    #[must_use]
    pub fn new(id: String, created_at: u64, options: ResponseOptions) -> Self {
        Self {
            id,
            object: "response",
            created_at,
            completed_at: None,
            status: ResponseStatus::InProgress,
            incomplete_details: None,
            model: options.model,
            previous_response_id: options.previous_response_id,
            instructions: options.instructions,
            output: Vec::new(),
            error: None,
            tools: options.tools,
            tool_choice: options
                .tool_choice
                .unwrap_or(ResponseToolChoice::Mode(ToolChoiceMode::Auto)),
            truncation: options.truncation,
            parallel_tool_calls: options.parallel_tool_calls,
            text: options.text,
            top_p: options.top_p,
            presence_penalty: options.presence_penalty,
            frequency_penalty: options.frequency_penalty,
            top_logprobs: 0,
            temperature: options.temperature,
            reasoning: options.reasoning,
            usage: None,
            max_output_tokens: options.max_output_tokens,
            max_tool_calls: options.max_tool_calls,
            store: options.store,
            background: false,
            service_tier: "default",
            metadata: options.metadata,
            safety_identifier: options.safety_identifier,
            prompt_cache_key: options.prompt_cache_key,
            user: options.user,
            lukhas_continuations: 0,
        }
    }
}

impl From<Usage> for ResponseUsage {
    fn from(usage: Usage) -> Self {
        Self {
            input_tokens: usage.input_tokens,
            input_tokens_details: InputDetails {
                cached_tokens: usage.cached_tokens,
                cache_write_tokens: 0,
            },
            output_tokens: usage.output_tokens,
            output_tokens_details: OutputDetails {
                reasoning_tokens: usage.reasoning_tokens,
            },
            total_tokens: usage.total(),
            source: CountedBy::of(usage.source),
        }
    }
}

impl DeletedResponse {
    /// The answer for `id`.
    #[must_use]
    pub fn new(id: &str) -> Self {
        Self {
            id: id.to_owned(),
            object: "response",
            deleted: true,
        }
    }
}

impl InputTokens {
    /// The answer for a count.
    #[must_use]
    pub fn new(input_tokens: u64) -> Self {
        Self {
            object: "response.input_tokens",
            input_tokens,
        }
    }
}
