// SPDX-License-Identifier: Apache-2.0
//! Attention: finds what the turn is about, and makes the conversation fit the context window.

mod shorten;
mod units;
mod weight;

#[cfg(test)]
mod tests;

use std::mem;
use std::sync::Arc;

use lukhas_core::{Principal, RunError, RunErrorKind, RunRequest, Tokenizer, Truncation};

use super::Wait;
use crate::matriz::Parts;

use self::units::Pairs;

/// Room for an answer that a shortened conversation leaves when the request does not say.
const ROOMY_ANSWER: u64 = 4_096;

/// How many input tokens a model takes.
#[derive(Clone, Copy, Debug)]
struct Limits {
    /// Most tokens of the conversation, output included.
    window: u64,
    /// Tokens kept free for the output.
    reserved: u64,
    /// Most tokens of the input.
    hard: u64,
    /// To what a conversation is shortened once it is: leaves room for an answer worth having.
    soft: u64,
}

/// Makes sure that the conversation fits the model's context window.
///
/// `None` when it does at sight: a text has at most as many tokens as bytes, so nothing needs
/// counting while the bytes fit. Counting and shortening are left to the [`Wait`].
///
/// A model that nobody offers `principal` has no window; the next node refuses it.
pub(crate) fn fit(
    parts: &Parts,
    principal: &Principal,
    request: &mut RunRequest,
) -> Result<Option<Wait>, RunError> {
    let pairs = Pairs::find(&request.items);
    if let Some(output) = pairs.certain_orphan(&request.items) {
        return Err(orphan(output));
    }
    let Some(route) = parts.catalog.route(principal, &request.model) else {
        return Ok(None);
    };
    let limits = Limits::new(route.context_window, request)?;
    if weight::most(request) <= limits.soft {
        return Ok(None);
    }
    let tokenizer: Arc<dyn Tokenizer> = Arc::clone(&parts.tokenizer);
    let mut request = mem::take(request);
    Ok(Some(Box::pin(async move {
        match request.truncation {
            Truncation::Disabled => shorten::refuse(&*tokenizer, limits, &request).await?,
            Truncation::Auto => {
                request.original = None;
                shorten::shorten(&*tokenizer, limits, &mut request).await?;
            }
        }
        Ok(request)
    })))
}

impl Limits {
    fn new(window: u64, request: &RunRequest) -> Result<Self, RunError> {
        let asked = request.max_output_tokens.map(u64::from);
        let reserved = asked.unwrap_or(1);
        if reserved >= window {
            let message = format!(
                "This model's context window is {window} tokens, which leaves no room for an \
                 input beside {reserved} tokens of output."
            );
            return Err(
                RunError::new(RunErrorKind::ContextLength, message).with_param("max_output_tokens")
            );
        }
        let hard = window - reserved;
        let soft = match (request.truncation, asked) {
            (Truncation::Auto, None) => hard.min(window - ROOMY_ANSWER.min(window / 8)),
            (Truncation::Auto, Some(_)) | (Truncation::Disabled, _) => hard,
        };
        Ok(Self {
            window,
            reserved,
            hard,
            soft,
        })
    }

    /// The input has `tokens` tokens, or more.
    fn exceeded(self, tokens: u64) -> RunError {
        let Self {
            window, reserved, ..
        } = self;
        let message = format!(
            "This model's context window is {window} tokens, {reserved} of them kept for the \
             output, but the input has at least {tokens} tokens."
        );
        RunError::new(RunErrorKind::ContextLength, message).with_param("input")
    }
}

fn orphan(call_id: &str) -> RunError {
    let message = format!("No tool call found for function call output with call_id `{call_id}`.");
    RunError::invalid("input", message)
}
