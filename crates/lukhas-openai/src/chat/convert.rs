// SPDX-License-Identifier: Apache-2.0
//! A request's meaning in core's terms.

use std::sync::Arc;

use lukhas_core::{Hints, OutputFormat, RunRequest, Sampling, ToolChoice, Truncation};
use serde_json::Value;

use super::history;
use super::message::ChatMessage;
use super::request::{ChatResponseFormat, CreateChatCompletion, JsonSchemaOptions};
use super::tool::ChatTool;
use crate::path::Path;
use crate::responses::{ReasoningEffort, ServiceTier, Verbosity, is_whole};
use crate::tool::{self, Fields, check_name};
use crate::{TextOr, WireError};

/// A request, ready to run.
#[derive(Clone, Debug)]
pub struct ChatCall {
    /// What to run, for each choice.
    pub run: RunRequest,
    /// Number of choices, 1 to [`crate::MAX_CHOICES`].
    pub n: u32,
    /// Whether to answer as chunks.
    pub stream: bool,
    /// Whether a last chunk tells what was used; false unless `stream`.
    pub include_usage: bool,
    /// The tier asked for. Every request is served alike.
    pub service_tier: Option<ServiceTier>,
    /// Whether a provider that speaks this API may be given the body as it came: everything in it
    /// is for the model, and nothing refers to what somebody else may own.
    pub is_plain: bool,
}

impl ChatCall {
    /// One request for each choice, in order. They are alike but for the seed, which counts up
    /// from the one asked for, so that choices differ and a repeated request does not.
    pub fn into_runs(self) -> impl Iterator<Item = RunRequest> {
        let seed = self.run.sampling.seed;
        std::iter::repeat_n(self.run, self.n as usize)
            .zip(0_i64..)
            .map(move |(mut run, choice)| {
                run.sampling.seed = seed.map(|seed| seed.wrapping_add(choice));
                run
            })
    }
}

impl TryFrom<CreateChatCompletion> for ChatCall {
    type Error = WireError;

    fn try_from(request: CreateChatCompletion) -> Result<Self, WireError> {
        let is_plain = is_plain(&request);
        let functions = request.tools.unwrap_or_default().into_iter();
        let functions = functions.map(|ChatTool::Function(tool)| tool.function);
        let tools = tool::specs(functions, Fields::Nested)?;
        let tool_choice = match request.tool_choice {
            Some(choice) => choice.into_core(&tools)?,
            None => ToolChoice::Auto,
        };
        let stream = request.stream.unwrap_or(false);
        let include_usage = request.stream_options.and_then(|o| o.include_usage);
        let run = RunRequest {
            model: request.model,
            instructions: None,
            previous: None,
            items: history::into_items(request.messages)?,
            tools,
            tool_choice,
            parallel_tool_calls: request.parallel_tool_calls.unwrap_or(true),
            format: core_format(request.response_format)?,
            sampling: Sampling {
                temperature: request.temperature,
                top_p: request.top_p,
                presence_penalty: request.presence_penalty,
                frequency_penalty: request.frequency_penalty,
                seed: request.seed,
                stop: request.stop.map(stop_texts).unwrap_or_default(),
            },
            max_output_tokens: request.max_completion_tokens.or(request.max_tokens),
            truncation: Truncation::Disabled,
            hints: Hints {
                effort: request.reasoning_effort.map(ReasoningEffort::as_str),
                summary: None,
                verbosity: request.verbosity.map(Verbosity::as_str),
                end_user: request.safety_identifier.or(request.user),
                cache_key: request.prompt_cache_key,
            },
            whole: !stream,
            original: None,
        };
        Ok(Self {
            is_plain: is_plain && run.items.iter().all(is_whole),
            run,
            n: request.n.unwrap_or(1),
            stream,
            include_usage: stream && include_usage.unwrap_or(false),
            service_tier: request.service_tier,
        })
    }
}

/// Whether every parameter means the same to any server of this API. What is accepted here without
/// effect, or answered here, may be refused or mean something elsewhere, and a URL in a member that
/// is unknown here may be fetched there, unchecked.
fn is_plain(request: &CreateChatCompletion) -> bool {
    let CreateChatCompletion {
        model: _,
        messages,
        n,
        stream: _,
        stream_options: _,
        tools: _,
        tool_choice: _,
        parallel_tool_calls: _,
        response_format: _,
        max_completion_tokens: _,
        max_tokens: _,
        stop: _,
        temperature: _,
        top_p: _,
        presence_penalty: _,
        frequency_penalty: _,
        seed: _,
        reasoning_effort: _,
        verbosity: _,
        modalities,
        logprobs,
        top_logprobs,
        logit_bias,
        store,
        metadata,
        user: _,
        safety_identifier,
        prompt_cache_key: _,
        prompt_cache_retention,
        service_tier,
    } = request;
    n.is_none_or(|n| n == 1)
        && modalities.is_none()
        && logprobs.is_none()
        && top_logprobs.is_none()
        && logit_bias.is_none()
        && store.is_none()
        && metadata.is_none()
        && safety_identifier.is_none()
        && prompt_cache_retention.is_none()
        && service_tier.is_none()
        && !messages.iter().any(ChatMessage::hides_url)
}

fn stop_texts(stop: TextOr<String>) -> Vec<String> {
    match stop {
        TextOr::Text(text) => vec![text],
        TextOr::Many(texts) => texts,
    }
}

fn core_format(format: Option<ChatResponseFormat>) -> Result<OutputFormat, WireError> {
    match format {
        None | Some(ChatResponseFormat::Text(_)) => Ok(OutputFormat::Text),
        Some(ChatResponseFormat::JsonObject(_)) => Ok(OutputFormat::JsonObject),
        Some(ChatResponseFormat::JsonSchema(JsonSchemaOptions { json_schema })) => {
            let at = Path::ROOT;
            let at = at.key("response_format");
            check_name(&at.key("json_schema").key("name"), &json_schema.name)?;
            Ok(OutputFormat::JsonSchema {
                name: json_schema.name,
                schema: Arc::new(Value::Object(json_schema.schema)),
                strict: json_schema.strict.unwrap_or(false),
            })
        }
    }
}

#[cfg(test)]
mod tests;
