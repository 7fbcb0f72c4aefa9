// SPDX-License-Identifier: Apache-2.0
//! `POST /v1/responses` and `POST /v1/responses/input_tokens`.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{InputItem, ResponseTool, ResponseToolChoice};
use crate::WireError;
use crate::json::{Json, Object, parse_tree};
use crate::path::Path;
use crate::read::{FromJson, TextOr, wire_enum, wire_object, wire_union};

wire_object! {
    deny
    /// A request to create a response.
    pub struct CreateResponse {
        /// Name of the model, as `GET /v1/models` lists it.
        pub model: String,
        /// A text, or the items of the conversation, oldest first.
        pub input: TextOr<InputItem>,
        /// Instructions that stand before the conversation; not carried over by
        /// `previous_response_id`.
        pub instructions: Option<String>,
        /// The stored response that this one continues.
        pub previous_response_id: Option<String>,
        /// Whether to answer as server-sent events.
        pub stream: Option<bool>,
        /// How to stream.
        pub stream_options: Option<StreamOptions>,
        /// Whether the response can be fetched and continued later; true when absent.
        pub store: Option<bool>,
        /// Functions the model may call.
        #[schemars(length(max = 128))]
        pub tools: Option<Vec<ResponseTool>>,
        /// Which of them it may or must call; `auto` when absent.
        pub tool_choice: Option<ResponseToolChoice>,
        /// Whether one turn may hold several calls; true when absent.
        pub parallel_tool_calls: Option<bool>,
        /// Most calls of hosted tools; there are none, so it has no effect.
        #[schemars(range(min = 1))]
        pub max_tool_calls: Option<u32>,
        /// The shape of the text.
        pub text: Option<TextConfig>,
        /// How much to reason, for models that do.
        pub reasoning: Option<Reasoning>,
        /// Most tokens to generate.
        #[schemars(range(min = 1))]
        pub max_output_tokens: Option<u32>,
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
        /// Only 0: token probabilities are not offered.
        #[schemars(range(min = 0, max = 0))]
        pub top_logprobs: Option<u32>,
        /// Same seed and request, same answer, as far as the model can (an extension).
        pub seed: Option<i64>,
        /// What to do when the conversation exceeds the context window; `disabled` when absent.
        pub truncation: Option<TruncationName>,
        /// Further data to send.
        pub include: Option<Vec<Include>>,
        /// Up to 16 pairs of the caller's own.
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
        /// Only false: background runs are not offered.
        #[schemars(extend("enum" = [false, null]))]
        pub background: Option<bool>,
    }
}

/// Parameters of the API that this server does not offer, and what to do instead.
const ABSENT: &[(&str, &str)] = &[
    (
        "conversation",
        "Continue with `previous_response_id`, or send the whole conversation as `input`.",
    ),
    (
        "prompt",
        "Stored prompts are not offered: send `instructions` and `input`.",
    ),
    (
        "context_management",
        "Set `truncation` to `auto` to drop the oldest items.",
    ),
    ("moderation", "Moderation is not offered."),
    (
        "prompt_cache_options",
        "Prompt caching is left to the provider.",
    ),
];

/// Parameters that do not change how many tokens the input has.
const NOT_COUNTED: &[&str] = &[
    "stream",
    "stream_options",
    "store",
    "max_tool_calls",
    "max_output_tokens",
    "temperature",
    "top_p",
    "presence_penalty",
    "frequency_penalty",
    "top_logprobs",
    "seed",
    "include",
    "metadata",
    "user",
    "safety_identifier",
    "prompt_cache_key",
    "prompt_cache_retention",
    "service_tier",
    "background",
];

wire_object! {
    deny
    /// A request to count the input tokens of a response that is not made.
    pub struct CountInputTokens {
        /// Name of the model.
        pub model: String,
        /// A text, or the items of the conversation.
        pub input: TextOr<InputItem>,
        /// Instructions that stand before the conversation.
        pub instructions: Option<String>,
        /// The stored response that the conversation continues.
        pub previous_response_id: Option<String>,
        /// Functions the model may call.
        #[schemars(length(max = 128))]
        pub tools: Option<Vec<ResponseTool>>,
        /// Which of them it may or must call.
        pub tool_choice: Option<ResponseToolChoice>,
        /// Whether one turn may hold several calls.
        pub parallel_tool_calls: Option<bool>,
        /// The shape of the text.
        pub text: Option<TextConfig>,
        /// How much to reason.
        pub reasoning: Option<Reasoning>,
        /// What to do when the conversation exceeds the context window.
        pub truncation: Option<TruncationName>,
    }
}

impl CreateResponse {
    /// Reads the body of a request.
    ///
    /// # Errors
    /// [`WireError`] as of [`crate::parse_json`] when it is not JSON; otherwise naming the field
    /// that is unknown, absent, of a wrong type, out of range, or not offered here.
    pub fn parse(body: &[u8]) -> Result<Self, WireError> {
        Self::read(parse_tree(body)?)
    }

    fn read(mut body: Json<'_>) -> Result<Self, WireError> {
        if let Json::Object(members) = &mut body {
            refuse_absent(members)?;
        }
        let request = Self::from_json(&Path::ROOT, body)?;
        super::convert::check(&request)?;
        Ok(request)
    }
}

/// Refuses parameters that are not offered, and drops those that are null.
fn refuse_absent(members: &mut Object<'_>) -> Result<(), WireError> {
    let mut nulls = false;
    for (key, value) in members.iter() {
        if let Some((_, why)) = ABSENT.iter().find(|(absent, _)| absent == key) {
            if !value.is_null() {
                return Err(Path::ROOT.key(key).unsupported(why));
            }
            nulls = true;
        }
    }
    if nulls {
        members.retain(|(key, _)| ABSENT.iter().all(|(absent, _)| absent != key));
    }
    Ok(())
}

impl CountInputTokens {
    /// Reads the body of a request, as the request that it would count.
    ///
    /// # Errors
    /// As [`CreateResponse::parse`].
    pub fn parse(body: &[u8]) -> Result<CreateResponse, WireError> {
        let body = parse_tree(body)?;
        if let Some(key) = NOT_COUNTED.iter().find(|key| body.has(key)) {
            return Err(Path::ROOT.key(key).unknown());
        }
        CreateResponse::read(body)
    }
}

wire_object! {
    deny
    /// How to stream.
    pub struct StreamOptions {
        /// Accepted for the clients that send it; events are never padded.
        pub include_obfuscation: Option<bool>,
    }
}

wire_object! {
    deny
    /// The shape of the text.
    pub struct TextConfig {
        /// Free text or JSON; text when absent.
        pub format: Option<TextFormat>,
        /// How long-winded to be, for models that can choose.
        pub verbosity: Option<Verbosity>,
    }
}

wire_enum! {
    /// How long-winded to be.
    pub enum Verbosity {
        /// Short.
        "low" => Low,
        /// Usual.
        "medium" => Medium,
        /// Long.
        "high" => High,
    }
}

wire_object! {
    deny
    /// Nothing further.
    pub struct NoOptions {}
}

wire_object! {
    deny
    /// JSON under a schema.
    pub struct JsonSchemaFormat {
        /// Name of the schema: 1 to 64 characters of `[A-Za-z0-9_-]`.
        #[schemars(regex(pattern = r"^[A-Za-z0-9_-]{1,64}$"))]
        pub name: String,
        /// What it is for, for the model.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub description: Option<String>,
        /// The JSON Schema.
        pub schema: Map<String, Value>,
        /// Whether a violation is an error.
        pub strict: Option<bool>,
    }
}

wire_union! {
    /// Free text or JSON.
    pub enum TextFormat {
        /// Free text.
        "text" => Text(NoOptions),
        /// Any JSON object.
        "json_object" => JsonObject(NoOptions),
        /// JSON under a schema.
        "json_schema" => JsonSchema(JsonSchemaFormat),
    }
    unsupported ["grammar", "python"] "use `text`, `json_object` or `json_schema`."
}

wire_object! {
    keep
    /// How much to reason.
    pub struct Reasoning {
        /// How hard.
        pub effort: Option<ReasoningEffort>,
        /// Which summary of it to send.
        pub summary: Option<ReasoningSummary>,
    }
}

wire_enum! {
    /// How hard to reason.
    pub enum ReasoningEffort {
        /// Not at all.
        "none" => None,
        /// As little as possible.
        "minimal" => Minimal,
        /// A little.
        "low" => Low,
        /// Usual.
        "medium" => Medium,
        /// Much.
        "high" => High,
        /// Very much.
        "xhigh" => ExtraHigh,
        /// As much as possible.
        "max" => Max,
    }
}

wire_enum! {
    /// Which summary of the reasoning to send.
    pub enum ReasoningSummary {
        /// The model's choice.
        "auto" => Auto,
        /// Short.
        "concise" => Concise,
        /// Long.
        "detailed" => Detailed,
    }
}

wire_enum! {
    /// What to do when the conversation exceeds the context window.
    pub enum TruncationName {
        /// Drop the oldest items.
        "auto" => Auto,
        /// Fail.
        "disabled" => Disabled,
    }
}

wire_enum! {
    /// How long a provider may keep a cached prompt.
    pub enum CacheRetention {
        /// In memory.
        "in_memory" => InMemory,
        /// In memory, as older clients spell it.
        "in-memory" => InMemoryDashed,
        /// A day.
        "24h" => Day,
    }
}

wire_enum! {
    /// Processing tier.
    pub enum ServiceTier {
        /// The server's choice.
        "auto" => Auto,
        /// Usual.
        "default" => Default,
        /// Slower and cheaper.
        "flex" => Flex,
        /// Reserved.
        "scale" => Scale,
        /// Faster.
        "priority" => Priority,
        /// Faster.
        "fast" => Fast,
    }
}

wire_enum! {
    /// Further data to send.
    pub enum Include {
        /// Events of this server's own on streams: the steps of the pipeline
        /// (`lukhas:step.started`, `lukhas:step.completed`), and where a text broke off and another
        /// attempt goes on with it (`lukhas:continued`).
        "lukhas:steps" => Steps,
        /// Encrypted reasoning: accepted for the clients that send it; none is sent.
        "reasoning.encrypted_content" => EncryptedReasoning,
        /// Results of a hosted tool; no such tool runs here.
        "file_search_call.results" => FileSearchResults,
        /// Results of a hosted tool; no such tool runs here.
        "web_search_call.results" => WebSearchResults,
        /// Sources of a hosted tool; no such tool runs here.
        "web_search_call.action.sources" => WebSearchSources,
        /// Images of the input.
        "message.input_image.image_url" => InputImageUrl,
        /// Images of a hosted tool; no such tool runs here.
        "computer_call_output.output.image_url" => ComputerImageUrl,
        /// Outputs of a hosted tool; no such tool runs here.
        "code_interpreter_call.outputs" => CodeInterpreterOutputs,
        /// Token probabilities: refused, they are not offered.
        #[schemars(skip)]
        "message.output_text.logprobs" => Logprobs,
    }
}
