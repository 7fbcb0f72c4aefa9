// SPDX-License-Identifier: Apache-2.0
//! From core's events to one choice.

use bytes::Bytes;
use lukhas_core::{ItemKind, OutputEvent, RunEnd, RunError, RunErrorKind, Usage};

use super::answer::{
    ChatAnswerCall, ChatAnswerFunction, ChatAnswerMessage, ChatChoice, FinishReason,
};

/// Builds one choice out of the events of its run.
///
/// Chat completions know one text a choice, so the texts of several messages follow each other in
/// it. A call that was cut short keeps the arguments it has, as in the official API.
#[derive(Clone, Debug, Default)]
pub struct ChatFold {
    content: Option<String>,
    refusal: Option<String>,
    reasoning: Option<String>,
    calls: Vec<ChatAnswerCall>,
    continuations: u32,
    end: Option<RunEnd>,
    verbatim: Option<Bytes>,
}

impl ChatFold {
    /// A fold that has seen nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The answer in the words of the request's original, if it came in them: the body of a chat
    /// completion. To be asked for once the run has ended well.
    #[must_use]
    pub fn verbatim(&self) -> Option<&Bytes> {
        self.verbatim.as_ref()
    }

    /// Takes the next event.
    pub fn apply(&mut self, event: &OutputEvent) {
        match event {
            OutputEvent::ItemAdded { kind, .. } => match kind {
                ItemKind::Message | ItemKind::Reasoning => {}
                ItemKind::FunctionCall { call_id, name } => self.calls.push(ChatAnswerCall {
                    id: call_id.clone(),
                    kind: "function",
                    function: ChatAnswerFunction {
                        name: name.clone(),
                        arguments: String::new(),
                    },
                }),
            },
            OutputEvent::TextDelta(delta) => grow(&mut self.content, delta),
            OutputEvent::RefusalDelta(delta) => grow(&mut self.refusal, delta),
            OutputEvent::ArgumentsDelta(delta) => {
                if let Some(call) = self.calls.last_mut() {
                    call.function.arguments.push_str(delta);
                }
            }
            OutputEvent::ReasoningDelta(delta) => grow(&mut self.reasoning, delta),
            OutputEvent::Continued => self.continuations += 1,
            OutputEvent::ItemDone => {}
            OutputEvent::Verbatim(said) if said.ends => self.verbatim = Some(said.bytes.clone()),
            OutputEvent::Verbatim(_) => {}
            OutputEvent::Ended(end) => self.end = Some(end.clone()),
        }
    }

    /// The choice, once its run has ended.
    pub(super) fn finish(self, index: u32) -> Result<(ChatChoice, Option<Usage>), RunError> {
        let end = self.end.ok_or_else(without_end)?;
        let has_calls = !self.calls.is_empty();
        let finish_reason = FinishReason::new(&end.outcome, has_calls).map_err(Clone::clone)?;
        let nothing = (!has_calls && self.refusal.is_none()).then(String::new);
        let message = ChatAnswerMessage {
            role: "assistant",
            content: self.content.or(nothing),
            refusal: self.refusal,
            reasoning_content: self.reasoning,
            annotations: Vec::new(),
            tool_calls: self.calls,
        };
        let choice = ChatChoice {
            index,
            message,
            logprobs: (),
            finish_reason,
            lukhas_continuations: self.continuations,
        };
        Ok((choice, end.usage))
    }
}

fn grow(text: &mut Option<String>, delta: &str) {
    text.get_or_insert_default().push_str(delta);
}

/// The failure of a run whose events stop before its end.
pub(super) fn without_end() -> RunError {
    RunError::new(
        RunErrorKind::UpstreamTruncated,
        "The model stopped before the end of its answer.",
    )
}
