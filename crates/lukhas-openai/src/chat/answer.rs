// SPDX-License-Identifier: Apache-2.0
//! The chat completion object.

use lukhas_core::{IncompleteReason, Outcome, RunError, Usage};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use super::ChatFold;
use crate::CountedBy;
use crate::responses::ServiceTier;

/// What the object and every chunk of one answer repeat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChatHead {
    /// Identifier (`chatcmpl-…`).
    pub id: String,
    /// Unix time in seconds at which it was made.
    pub created: u64,
    /// The model, as the request names it.
    pub model: String,
    /// The tier that served it.
    pub service_tier: ServiceTier,
    /// Names the configuration that answered; answers with one seed and one fingerprint are alike.
    pub system_fingerprint: Option<String>,
}

/// A whole answer.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct ChatCompletion {
    /// Identifier (`chatcmpl-…`).
    pub id: String,
    /// Always `chat.completion`.
    #[schemars(extend("const" = "chat.completion"))]
    pub object: &'static str,
    /// Unix time in seconds at which it was made.
    pub created: u64,
    /// The model, as the request names it.
    pub model: String,
    /// The answers, as many as asked for.
    pub choices: Vec<ChatChoice>,
    /// What was used; absent when nobody counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usage: Option<ChatUsage>,
    /// The tier that served it.
    pub service_tier: ServiceTier,
    /// Names the configuration that answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub system_fingerprint: Option<String>,
}

/// One of the answers.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct ChatChoice {
    /// Its number, from 0.
    pub index: u32,
    /// What is said and called.
    pub message: ChatAnswerMessage,
    /// Token probabilities: always null.
    pub logprobs: (),
    /// Why it ended.
    pub finish_reason: FinishReason,
    /// How often it broke off and another attempt went on with it; absent when never (an
    /// extension).
    #[serde(skip_serializing_if = "is_never")]
    pub lukhas_continuations: u32,
}

/// What one answer says and calls.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct ChatAnswerMessage {
    /// Always `assistant`.
    #[schemars(extend("const" = "assistant"))]
    pub role: &'static str,
    /// The text; null when there are only calls or a refusal.
    pub content: Option<String>,
    /// The refusal, if it refused.
    pub refusal: Option<String>,
    /// What the model shows of its thinking, as other servers name it (an extension); absent when
    /// it shows nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reasoning_content: Option<String>,
    /// Citations: always empty.
    #[schemars(extend("maxItems" = 0))]
    pub annotations: Vec<Value>,
    /// The calls, in order; absent when there is none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tool_calls: Vec<ChatAnswerCall>,
}

/// A call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ChatAnswerCall {
    /// Identifier that the output refers to (`call_…`).
    pub id: String,
    /// Always `function`.
    #[serde(rename = "type")]
    #[schemars(extend("const" = "function"))]
    pub kind: &'static str,
    /// What is called.
    pub function: ChatAnswerFunction,
}

/// What is called, and with what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ChatAnswerFunction {
    /// The function's name.
    pub name: String,
    /// Arguments: JSON text.
    pub arguments: String,
}

/// Why an answer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FinishReason {
    /// It came to its own end.
    Stop,
    /// The limit on tokens was reached.
    Length,
    /// It calls.
    ToolCalls,
    /// A content filter stopped it.
    ContentFilter,
}

/// Tokens used by all choices together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ChatUsage {
    /// Tokens of the conversation, counted once however many choices there are.
    pub prompt_tokens: u64,
    /// Tokens generated.
    pub completion_tokens: u64,
    /// Both together.
    pub total_tokens: u64,
    /// Of what the conversation's tokens were.
    pub prompt_tokens_details: PromptTokensDetails,
    /// Of what the generated tokens were.
    pub completion_tokens_details: CompletionTokensDetails,
    /// Who counted, where it was not the model's own server (an extension).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<CountedBy>,
}

/// Of what the tokens of the conversation were.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct PromptTokensDetails {
    /// Read from a cache.
    pub cached_tokens: u64,
    /// Audio.
    pub audio_tokens: u64,
}

/// Of what the generated tokens were.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct CompletionTokensDetails {
    /// Spent on reasoning.
    pub reasoning_tokens: u64,
    /// Audio.
    pub audio_tokens: u64,
    /// Of a prediction, and right.
    pub accepted_prediction_tokens: u64,
    /// Of a prediction, and wrong.
    pub rejected_prediction_tokens: u64,
}

impl ChatCompletion {
    /// The answer whose choices are `folds`, in order.
    ///
    /// # Errors
    /// The error of the first choice whose run failed, or stopped without an end.
    pub fn new(head: ChatHead, folds: Vec<ChatFold>) -> Result<Self, RunError> {
        let mut choices = Vec::with_capacity(folds.len());
        let mut usages = Vec::with_capacity(folds.len());
        for (index, fold) in (0..).zip(folds) {
            let (choice, usage) = fold.finish(index)?;
            choices.push(choice);
            usages.push(usage);
        }
        Ok(Self {
            id: head.id,
            object: "chat.completion",
            created: head.created,
            model: head.model,
            choices,
            usage: ChatUsage::sum(usages),
            service_tier: head.service_tier,
            system_fingerprint: head.system_fingerprint,
        })
    }
}

/// Whether something happened never.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
pub(crate) fn is_never(times: &u32) -> bool {
    *times == 0
}

impl FinishReason {
    /// How a choice with or without calls ended.
    pub(super) fn new(outcome: &Outcome, has_calls: bool) -> Result<Self, &RunError> {
        match outcome {
            Outcome::Completed if has_calls => Ok(Self::ToolCalls),
            Outcome::Completed => Ok(Self::Stop),
            Outcome::Incomplete(IncompleteReason::MaxOutputTokens) => Ok(Self::Length),
            Outcome::Incomplete(IncompleteReason::ContentFilter) => Ok(Self::ContentFilter),
            Outcome::Failed(error) => Err(error),
        }
    }
}

impl ChatUsage {
    /// What all choices used; `None` when one of them was not counted.
    ///
    /// The conversation is the same for all, so its tokens are those of the choice with the most,
    /// with the fewest of them read from a cache: the first choice fills the cache of the others.
    pub(super) fn sum(choices: impl IntoIterator<Item = Option<Usage>>) -> Option<Self> {
        let all: Vec<Usage> = choices.into_iter().collect::<Option<_>>()?;
        let prompt_tokens = all.iter().map(|usage| usage.input_tokens).max()?;
        let cached_tokens = all.iter().map(|usage| usage.cached_tokens).min()?;
        let total = |count: fn(&Usage) -> u64| all.iter().map(count).fold(0, u64::saturating_add);
        let completion_tokens = total(|usage| usage.output_tokens);
        Some(Self {
            prompt_tokens,
            completion_tokens,
            total_tokens: prompt_tokens.saturating_add(completion_tokens),
            prompt_tokens_details: PromptTokensDetails {
                cached_tokens,
                audio_tokens: 0,
            },
            completion_tokens_details: CompletionTokensDetails {
                reasoning_tokens: total(|usage| usage.reasoning_tokens),
                ..CompletionTokensDetails::default()
            },
            source: all.iter().filter_map(|u| CountedBy::of(u.source)).max(),
        })
    }
}
