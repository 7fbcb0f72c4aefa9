// SPDX-License-Identifier: Apache-2.0
//! A request's bounds, and its meaning in core's terms.

use std::collections::BTreeMap;
use std::sync::Arc;

use lukhas_core::{Hints, Item, MediaSource, OutputFormat, Part, RunRequest, Sampling, Truncation};
use serde_json::Value;

use super::request::{ReasoningEffort, ReasoningSummary, TruncationName, Verbosity};
use super::{
    CreateResponse, Include, Reasoning, ResponseTool, ResponseToolChoice, TextConfig, TextFormat,
};
use crate::path::Path;
use crate::tool::{self, Fields};
use crate::{WireError, WireErrorKind};

/// A request, ready to run.
#[derive(Clone, Debug)]
pub struct ResponseCall {
    /// What to run.
    pub run: RunRequest,
    /// What the answer repeats; boxed, because a call is moved often.
    pub options: Box<ResponseOptions>,
    /// Whether to answer as events.
    pub stream: bool,
    /// Whether to send the events of this server's own.
    pub steps: bool,
    /// Whether a provider that speaks this API may be given the body as it came, `store` aside:
    /// everything in it is for the model, and nothing refers to what somebody else may own.
    pub is_plain: bool,
}

/// The parameters that an answer repeats.
#[derive(Clone, Debug, PartialEq)]
pub struct ResponseOptions {
    pub(crate) model: String,
    pub(crate) previous_response_id: Option<String>,
    pub(crate) instructions: Option<String>,
    pub(crate) tools: Vec<ResponseTool>,
    pub(crate) tool_choice: Option<ResponseToolChoice>,
    pub(crate) truncation: TruncationName,
    pub(crate) parallel_tool_calls: bool,
    pub(crate) text: TextConfig,
    pub(crate) top_p: f64,
    pub(crate) presence_penalty: f64,
    pub(crate) frequency_penalty: f64,
    pub(crate) temperature: f64,
    pub(crate) reasoning: Reasoning,
    pub(crate) max_output_tokens: Option<u32>,
    pub(crate) max_tool_calls: Option<u32>,
    pub(crate) store: bool,
    pub(crate) metadata: BTreeMap<String, String>,
    pub(crate) safety_identifier: Option<String>,
    pub(crate) prompt_cache_key: Option<String>,
    pub(crate) user: Option<String>,
}

/// Checks what the types alone do not say.
pub(super) fn check(request: &CreateResponse) -> Result<(), WireError> {
    let root = Path::ROOT;
    in_range(&root.key("temperature"), request.temperature, 0.0, 2.0)?;
    in_range(&root.key("top_p"), request.top_p, 0.0, 1.0)?;
    in_range(
        &root.key("presence_penalty"),
        request.presence_penalty,
        -2.0,
        2.0,
    )?;
    in_range(
        &root.key("frequency_penalty"),
        request.frequency_penalty,
        -2.0,
        2.0,
    )?;
    at_least_one(&root.key("max_output_tokens"), request.max_output_tokens)?;
    at_least_one(&root.key("max_tool_calls"), request.max_tool_calls)?;
    at_most(
        &root.key("safety_identifier"),
        request.safety_identifier.as_deref(),
        64,
    )?;
    check_metadata(&root.key("metadata"), request.metadata.as_ref())?;
    check_absent(request)
}

fn check_absent(request: &CreateResponse) -> Result<(), WireError> {
    let root = Path::ROOT;
    if request.background == Some(true) {
        return Err(root
            .key("background")
            .unsupported("Background runs are not offered: use `stream`."));
    }
    if request.top_logprobs.is_some_and(|n| n > 0) {
        return Err(root
            .key("top_logprobs")
            .unsupported("Token probabilities are not offered."));
    }
    let include = root.key("include");
    for (index, name) in request.include.iter().flatten().enumerate() {
        if *name == Include::Logprobs {
            return Err(include
                .index(index)
                .unsupported("Token probabilities are not offered."));
        }
    }
    if request.stream_options.is_some() && request.stream != Some(true) {
        return Err(root
            .key("stream_options")
            .invalid("is only allowed when `stream` is true"));
    }
    Ok(())
}

/// Checks that a number is finite and within its bounds.
pub(crate) fn in_range(
    at: &Path<'_>,
    value: Option<f64>,
    min: f64,
    max: f64,
) -> Result<(), WireError> {
    match value {
        Some(value) if !(min..=max).contains(&value) => {
            Err(at.invalid(format!("must be between {min} and {max}, but got {value}")))
        }
        Some(_) | None => Ok(()),
    }
}

/// Checks that a count is not zero.
pub(crate) fn at_least_one(at: &Path<'_>, value: Option<u32>) -> Result<(), WireError> {
    if value == Some(0) {
        Err(at.invalid("must be at least 1, but got 0"))
    } else {
        Ok(())
    }
}

/// Checks the length of a text, in characters.
pub(crate) fn at_most(at: &Path<'_>, text: Option<&str>, max: usize) -> Result<(), WireError> {
    match text {
        Some(text) if text.chars().count() > max => {
            Err(at.invalid(format!("must be at most {max} characters")))
        }
        Some(_) | None => Ok(()),
    }
}

/// Checks the caller's own pairs: 16 of them, keys of 64 and values of 512 characters.
pub(crate) fn check_metadata(
    at: &Path<'_>,
    metadata: Option<&BTreeMap<String, String>>,
) -> Result<(), WireError> {
    let Some(metadata) = metadata else {
        return Ok(());
    };
    if metadata.len() > 16 {
        return Err(at.invalid(format!(
            "must have at most 16 keys, but has {}",
            metadata.len()
        )));
    }
    for (key, value) in metadata {
        let at = at.key(key);
        if key.chars().count() > 64 {
            return Err(at.invalid("its key must be at most 64 characters"));
        }
        at_most(&at, Some(value), 512)?;
    }
    Ok(())
}

impl TryFrom<CreateResponse> for ResponseCall {
    type Error = WireError;

    fn try_from(request: CreateResponse) -> Result<Self, WireError> {
        let is_plain = is_plain(&request);
        let functions = request.tools.as_deref().unwrap_or_default().iter();
        let functions = functions.map(|ResponseTool::Function(function)| function.clone());
        let tools = tool::specs(functions, Fields::Flat)?;
        let tool_choice = match &request.tool_choice {
            Some(choice) => choice.to_core(&tools)?,
            None => lukhas_core::ToolChoice::Auto,
        };
        let text = request.text.unwrap_or(TextConfig {
            format: None,
            verbosity: None,
        });
        let steps = request
            .include
            .iter()
            .flatten()
            .any(|name| *name == Include::Steps);
        let truncation = request.truncation.unwrap_or(TruncationName::Disabled);
        let parallel_tool_calls = request.parallel_tool_calls.unwrap_or(true);
        let effort = request.reasoning.as_ref().and_then(|r| r.effort);
        let summary = request.reasoning.as_ref().and_then(|r| r.summary);
        let run = RunRequest {
            model: request.model.clone(),
            instructions: request.instructions.clone(),
            previous: request.previous_response_id.clone(),
            items: request.input.into_core()?,
            tools,
            tool_choice,
            parallel_tool_calls,
            format: core_format(text.format.as_ref())?,
            sampling: Sampling {
                temperature: request.temperature,
                top_p: request.top_p,
                presence_penalty: request.presence_penalty,
                frequency_penalty: request.frequency_penalty,
                seed: request.seed,
                stop: Vec::new(),
            },
            max_output_tokens: request.max_output_tokens,
            truncation: match truncation {
                TruncationName::Auto => Truncation::Auto,
                TruncationName::Disabled => Truncation::Disabled,
            },
            hints: Hints {
                effort: effort.map(ReasoningEffort::as_str),
                summary: summary.map(ReasoningSummary::as_str),
                verbosity: text.verbosity.map(Verbosity::as_str),
                end_user: request.safety_identifier.clone().or(request.user.clone()),
                cache_key: request.prompt_cache_key.clone(),
            },
            whole: request.stream != Some(true),
            original: None,
        };
        let options = Box::new(ResponseOptions {
            model: request.model,
            previous_response_id: request.previous_response_id,
            instructions: request.instructions,
            tools: request.tools.unwrap_or_default(),
            tool_choice: request.tool_choice,
            truncation,
            parallel_tool_calls,
            text: TextConfig {
                format: text
                    .format
                    .or(Some(TextFormat::Text(super::request::NoOptions {}))),
                verbosity: text.verbosity.or(Some(Verbosity::Medium)),
            },
            top_p: request.top_p.unwrap_or(1.0),
            presence_penalty: request.presence_penalty.unwrap_or(0.0),
            frequency_penalty: request.frequency_penalty.unwrap_or(0.0),
            temperature: request.temperature.unwrap_or(1.0),
            reasoning: request.reasoning.unwrap_or(Reasoning {
                effort: None,
                summary: None,
                extra: serde_json::Map::new(),
            }),
            max_output_tokens: request.max_output_tokens,
            max_tool_calls: request.max_tool_calls,
            store: request.store.unwrap_or(true),
            metadata: request.metadata.unwrap_or_default(),
            safety_identifier: request.safety_identifier,
            prompt_cache_key: request.prompt_cache_key,
            user: request.user,
        });
        Ok(Self {
            is_plain: is_plain && run.items.iter().all(is_whole),
            run,
            options,
            stream: request.stream.unwrap_or(false),
            steps,
        })
    }
}

/// Whether every parameter means the same to any server of this API, and the answer is all the
/// model's. What is accepted here without effect, or answered here, may be refused or mean something
/// elsewhere, and a URL in a member that is unknown here may be fetched there, unchecked.
fn is_plain(request: &CreateResponse) -> bool {
    let CreateResponse {
        model: _,
        input,
        instructions: _,
        previous_response_id,
        stream: _,
        stream_options,
        store: _,
        tools: _,
        tool_choice: _,
        parallel_tool_calls: _,
        max_tool_calls,
        text: _,
        reasoning,
        max_output_tokens: _,
        temperature: _,
        top_p: _,
        presence_penalty,
        frequency_penalty,
        top_logprobs,
        seed,
        truncation: _,
        include,
        metadata,
        user: _,
        safety_identifier,
        prompt_cache_key: _,
        prompt_cache_retention,
        service_tier,
        background,
    } = request;
    previous_response_id.is_none()
        && stream_options.is_none()
        && max_tool_calls.is_none()
        && reasoning.as_ref().is_none_or(|r| r.extra.is_empty())
        && presence_penalty.is_none()
        && frequency_penalty.is_none()
        && top_logprobs.is_none()
        && seed.is_none()
        && include.is_none()
        && metadata.is_none()
        && safety_identifier.is_none()
        && prompt_cache_retention.is_none()
        && service_tier.is_none()
        && background.is_none()
        && !input.hides_url()
}

/// Whether `item` is whole in itself. Identifiers of files and of stored items are looked up in an
/// account that all clients of this server share.
pub(crate) fn is_whole(item: &Item) -> bool {
    let parts: &[Part] = match item {
        Item::Message(message) => &message.parts,
        Item::FunctionOutput(output) => &output.parts,
        Item::FunctionCall(_) => &[],
        Item::Opaque(_) => return false,
    };
    parts.iter().all(|part| match part {
        Part::Text(_) | Part::Refusal(_) => true,
        Part::Image(media) | Part::File(media) | Part::Audio(media) => match media.source {
            MediaSource::Url(_) | MediaSource::Inline(_) => true,
            MediaSource::FileId(_) => false,
        },
    })
}

impl ResponseOptions {
    /// Whether the answer is to be kept.
    #[must_use]
    pub fn store(&self) -> bool {
        self.store
    }
}

fn core_format(format: Option<&TextFormat>) -> Result<OutputFormat, WireError> {
    Ok(match format {
        None | Some(TextFormat::Text(_)) => OutputFormat::Text,
        Some(TextFormat::JsonObject(_)) => OutputFormat::JsonObject,
        Some(TextFormat::JsonSchema(format)) => {
            let at = Path::ROOT;
            let at = at.key("text");
            tool::check_name(&at.key("format").key("name"), &format.name)?;
            OutputFormat::JsonSchema {
                name: format.name.clone(),
                schema: Arc::new(Value::Object(format.schema.clone())),
                strict: format.strict.unwrap_or(false),
            }
        }
    })
}

impl WireError {
    /// A value that a stored object or another part of the server refuses.
    #[must_use]
    pub fn invalid_value(param: &str, message: impl Into<String>) -> Self {
        Self {
            kind: WireErrorKind::InvalidValue,
            message: message.into(),
            param: Some(param.to_owned()),
        }
    }
}
