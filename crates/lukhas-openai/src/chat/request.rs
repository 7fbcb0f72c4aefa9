// SPDX-License-Identifier: Apache-2.0
//! `POST /v1/chat/completions`.

use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Map, Value};

use super::{ChatMessage, ChatTool, ChatToolChoice};
use crate::WireError;
use crate::json::{Json, Object, parse_tree};
use crate::path::Path;
use crate::read::{FromJson, TextOr, wire_enum, wire_object, wire_union};
use crate::responses::{
    CacheRetention, JsonSchemaFormat, NoOptions, ReasoningEffort, ServiceTier, Verbosity,
    at_least_one, at_most, check_metadata, in_range,
};
use crate::tool::MAX_TOOLS;

/// Most choices of one request. Each is a run of its own.
pub const MAX_CHOICES: u32 = 8;

wire_object! {
    deny
    /// A request to create a chat completion.
    pub struct CreateChatCompletion {
        /// Name of the model, as `GET /v1/models` lists it.
        pub model: String,
        /// The conversation so far, oldest first.
        #[schemars(length(min = 1))]
        pub messages: Vec<ChatMessage>,
        /// Number of answers to make, each with its own draw; 1 when absent.
        #[schemars(range(min = 1, max = MAX_CHOICES))]
        pub n: Option<u32>,
        /// Whether to answer as server-sent events.
        pub stream: Option<bool>,
        /// How to stream; only with `stream`.
        pub stream_options: Option<ChatStreamOptions>,
        /// Functions the model may call.
        #[schemars(length(max = MAX_TOOLS))]
        pub tools: Option<Vec<ChatTool>>,
        /// Which of them it may or must call; `auto` when absent.
        pub tool_choice: Option<ChatToolChoice>,
        /// Whether one answer may hold several calls; true when absent.
        pub parallel_tool_calls: Option<bool>,
        /// The shape of the text.
        pub response_format: Option<ChatResponseFormat>,
        /// Most tokens to generate, reasoning included.
        #[schemars(range(min = 1, max = u32::MAX))]
        pub max_completion_tokens: Option<u32>,
        /// The older name of `max_completion_tokens`; if both are given they must be equal.
        #[schemars(range(min = 1, max = u32::MAX))]
        pub max_tokens: Option<u32>,
        /// One text, or up to four, that end the answer, themselves left out.
        #[serde(default)]
        #[schemars(schema_with = "stop_schema")]
        pub stop: Option<TextOr<String>>,
        /// 0 to 2.
        #[schemars(range(min = 0.0, max = 2.0))]
        pub temperature: Option<f64>,
        /// 0 to 1.
        #[schemars(range(min = 0.0, max = 1.0))]
        pub top_p: Option<f64>,
        /// -2 to 2.
        #[schemars(range(min = -2.0, max = 2.0))]
        pub presence_penalty: Option<f64>,
        /// -2 to 2.
        #[schemars(range(min = -2.0, max = 2.0))]
        pub frequency_penalty: Option<f64>,
        /// Same seed and request, same answer, as far as the model can.
        #[schemars(range(min = i64::MIN, max = i64::MAX))]
        pub seed: Option<i64>,
        /// How hard to reason; a hint that models without reasoning ignore.
        pub reasoning_effort: Option<ReasoningEffort>,
        /// How long-winded to be; a hint for models that can choose.
        pub verbosity: Option<Verbosity>,
        /// Kinds of output; only text is offered.
        pub modalities: Option<Vec<Modality>>,
        /// Only false: token probabilities are not offered.
        #[schemars(extend("enum" = [false, null]))]
        pub logprobs: Option<bool>,
        /// Only 0: token probabilities are not offered.
        #[schemars(range(min = 0, max = 0))]
        pub top_logprobs: Option<u32>,
        /// Only empty: the odds of single tokens cannot be changed.
        #[schemars(extend("maxProperties" = 0))]
        pub logit_bias: Option<Map<String, Value>>,
        /// Only false: chat completions are not stored.
        #[schemars(extend("enum" = [false, null]))]
        pub store: Option<bool>,
        /// Up to 16 pairs of the caller's own: keys of at most 64, values of at most 512 characters.
        #[schemars(extend(
            "maxProperties" = 16,
            "propertyNames" = { "maxLength": 64 },
            "additionalProperties" = { "type": "string", "maxLength": 512 }
        ))]
        pub metadata: Option<BTreeMap<String, String>>,
        /// The caller's name for its end user; `safety_identifier` replaces it.
        pub user: Option<String>,
        /// The caller's name for its end user.
        #[schemars(length(max = 64))]
        pub safety_identifier: Option<String>,
        /// Groups requests that share a prompt, for providers that cache.
        pub prompt_cache_key: Option<String>,
        /// For providers that cache; no effect here.
        pub prompt_cache_retention: Option<CacheRetention>,
        /// Processing tier; every request is served alike.
        pub service_tier: Option<ServiceTier>,
    }
}

/// Parameters of the API that this server does not offer, and what to do instead.
///
/// `functions` and `function_call` are among them: their answers cannot hold several calls, and
/// every client of the last years sends `tools`. Old conversations that hold such calls are read.
const ABSENT: &[(&str, &str)] = &[
    ("audio", "Spoken answers are not offered."),
    (
        "function_call",
        "It is deprecated: use `tools` and `tool_choice`.",
    ),
    (
        "functions",
        "It is deprecated: use `tools` and `tool_choice`.",
    ),
    ("moderation", "Moderation is not offered."),
    ("prediction", "Predicted outputs are not offered."),
    (
        "prompt_cache_options",
        "Prompt caching is left to the provider.",
    ),
    ("web_search_options", "Web search is not offered."),
];

wire_object! {
    deny
    /// How to stream.
    pub struct ChatStreamOptions {
        /// Whether a last chunk tells what was used; every other chunk then has `usage: null`.
        pub include_usage: Option<bool>,
        /// Accepted for the clients that send it; chunks are never padded.
        pub include_obfuscation: Option<bool>,
    }
}

wire_enum! {
    /// A kind of output.
    pub enum Modality {
        /// Text.
        "text" => Text,
        /// Speech: refused, it is not offered.
        #[schemars(skip)]
        "audio" => Audio,
    }
}

wire_object! {
    deny
    /// JSON under a schema.
    pub struct JsonSchemaOptions {
        /// The schema.
        pub json_schema: JsonSchemaFormat,
    }
}

wire_union! {
    /// Free text or JSON.
    pub enum ChatResponseFormat {
        /// Free text.
        "text" => Text(NoOptions),
        /// Any JSON object.
        "json_object" => JsonObject(NoOptions),
        /// JSON under a schema.
        "json_schema" => JsonSchema(JsonSchemaOptions),
    }
    unsupported ["grammar", "python"] "use `text`, `json_object` or `json_schema`."
}

impl CreateChatCompletion {
    /// Reads the body of a request.
    ///
    /// # Errors
    /// [`WireError`] as of [`crate::parse_json`] when it is not JSON; otherwise naming the field
    /// that is unknown, absent, of a wrong type, out of range, or not offered here.
    pub fn parse(body: &[u8]) -> Result<Self, WireError> {
        let mut body = parse_tree(body)?;
        if let Json::Object(members) = &mut body {
            refuse_absent(members)?;
        }
        let request = Self::from_json(&Path::ROOT, body)?;
        request.check_ranges()?;
        request.check_agreement()?;
        request.check_offered()?;
        Ok(request)
    }

    fn check_ranges(&self) -> Result<(), WireError> {
        let root = Path::ROOT;
        if !(1..=MAX_CHOICES).contains(&self.n.unwrap_or(1)) {
            return Err(root.key("n").invalid(format!(
                "must be between 1 and {MAX_CHOICES} on this server"
            )));
        }
        at_least_one(
            &root.key("max_completion_tokens"),
            self.max_completion_tokens,
        )?;
        at_least_one(&root.key("max_tokens"), self.max_tokens)?;
        check_stop(&root.key("stop"), self.stop.as_ref())?;
        in_range(&root.key("temperature"), self.temperature, 0.0, 2.0)?;
        in_range(&root.key("top_p"), self.top_p, 0.0, 1.0)?;
        let presence = root.key("presence_penalty");
        in_range(&presence, self.presence_penalty, -2.0, 2.0)?;
        let frequency = root.key("frequency_penalty");
        in_range(&frequency, self.frequency_penalty, -2.0, 2.0)?;
        check_metadata(&root.key("metadata"), self.metadata.as_ref())?;
        let safety_identifier = self.safety_identifier.as_deref();
        at_most(&root.key("safety_identifier"), safety_identifier, 64)
    }

    /// Refuses parameters that contradict each other.
    fn check_agreement(&self) -> Result<(), WireError> {
        let root = Path::ROOT;
        if let (Some(new), Some(old)) = (self.max_completion_tokens, self.max_tokens)
            && new != old
        {
            let rule = format!("must equal `max_completion_tokens`, which is {new}, but got {old}");
            return Err(root.key("max_tokens").invalid(rule));
        }
        if self.stream_options.is_some() && self.stream != Some(true) {
            let at = root.key("stream_options");
            return Err(at.invalid("is only allowed when `stream` is true"));
        }
        Ok(())
    }

    /// Refuses the values that would need what this server does not have.
    fn check_offered(&self) -> Result<(), WireError> {
        const PROBABILITIES: &str = "Token probabilities are not offered.";
        let refuse = |key: &str, why| Err(Path::ROOT.key(key).unsupported(why));
        if self.logprobs == Some(true) {
            return refuse("logprobs", PROBABILITIES);
        }
        if self.top_logprobs.is_some_and(|n| n > 0) {
            return refuse("top_logprobs", PROBABILITIES);
        }
        if self.logit_bias.iter().any(|bias| !bias.is_empty()) {
            return refuse("logit_bias", "The odds of single tokens cannot be changed.");
        }
        if self
            .modalities
            .iter()
            .flatten()
            .any(|kind| *kind == Modality::Audio)
        {
            return refuse("modalities", "Spoken answers are not offered.");
        }
        if self.store == Some(true) {
            let why = "Chat completions are not stored: use `POST /v1/responses`, \
                       or set `store` to `false`.";
            return refuse("store", why);
        }
        Ok(())
    }
}

/// Refuses the parameters of [`ABSENT`], and drops those that are null.
fn refuse_absent(members: &mut Object<'_>) -> Result<(), WireError> {
    for (key, why) in ABSENT {
        if let Some(at) = members.iter().position(|(name, _)| name == key)
            && !members.remove(at).1.is_null()
        {
            return Err(Path::ROOT.key(key).unsupported(why));
        }
    }
    Ok(())
}

fn check_stop(at: &Path<'_>, stop: Option<&TextOr<String>>) -> Result<(), WireError> {
    let empty = |at: &Path<'_>| at.invalid("must not be empty");
    match stop {
        Some(TextOr::Text(text)) if text.is_empty() => Err(empty(at)),
        Some(TextOr::Many(texts)) => {
            if !(1..=4).contains(&texts.len()) {
                let rule = format!("must hold 1 to 4 texts, but holds {}", texts.len());
                return Err(at.invalid(rule));
            }
            match texts.iter().position(String::is_empty) {
                Some(index) => Err(empty(&at.index(index))),
                None => Ok(()),
            }
        }
        Some(TextOr::Text(_)) | None => Ok(()),
    }
}

fn stop_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "anyOf": [
        { "type": "string", "minLength": 1 },
        { "type": "array", "minItems": 1, "maxItems": 4, "items": { "type": "string", "minLength": 1 } },
        { "type": "null" },
    ] })
}

/// Schema of a text, or of parts of which there is at least one.
pub(super) fn content_schema<P: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    json_schema!({ "anyOf": [
        { "type": "string" },
        { "type": "array", "minItems": 1, "items": generator.subschema_for::<P>() },
    ] })
}

#[cfg(test)]
mod tests;
