// SPDX-License-Identifier: Apache-2.0
//! The chunks of a streamed chat completion.

use bytes::{Bytes, BytesMut};
use lukhas_core::{
    ItemKind, Outcome, OutputEvent, RunEnd, RunError, RunErrorKind, Usage, Verbatim,
};
use schemars::JsonSchema;
use serde::Serialize;

use super::answer::{ChatHead, ChatUsage, FinishReason, is_never};
use super::fold::without_end;
use crate::responses::ServiceTier;
use crate::write_event;

/// Writes the choices of one answer as server-sent events, interleaved as they come.
///
/// Each choice begins with a chunk that carries its role, together with the first thing it has to
/// say, and ends with one that carries its finish reason. Where it broke off and another attempt
/// goes on, a chunk without text says so. Adding the chunks up gives the same
/// message as [`crate::ChatFold`]. An event may write nothing.
///
/// A whole answer is `output` for every event of every choice, `finish`, then [`crate::DONE`]. When
/// `output` or `finish` gives an error, `fail` takes its place.
#[derive(Debug)]
pub struct ChatStream {
    head: ChatHead,
    include_usage: bool,
    choices: Vec<ChoiceState>,
    /// How the answer ends in the words of the request's original, if it comes in them.
    verbatim: Option<Bytes>,
}

/// How far a choice is.
#[derive(Clone, Debug, Default)]
struct ChoiceState {
    /// Whether its role has been sent.
    begun: bool,
    /// Whether it has said, refused or called anything: reasoning is none of it.
    answered: bool,
    /// Number of its calls so far.
    calls: u32,
    /// How often it broke off and was gone on with.
    continuations: u32,
    /// What it used, once it has ended.
    ended: Option<Option<Usage>>,
}

impl ChatStream {
    /// A stream of `n` choices; with a last chunk for the usage when `include_usage`.
    #[must_use]
    pub fn new(head: ChatHead, n: u32, include_usage: bool) -> Self {
        Self {
            head,
            include_usage,
            choices: vec![ChoiceState::default(); n as usize],
            verbatim: None,
        }
    }

    /// Takes chunks that are there already, if they are to be shown as they are, in place of
    /// [`Self::output`]. The last ones are not: they wait for the end.
    pub fn passes(&mut self, said: &Verbatim) -> bool {
        if !said.ends {
            self.verbatim.get_or_insert_default();
        }
        !said.ends
    }

    /// Takes the next event of the choice with that number, from 0, and writes what it changes.
    ///
    /// # Errors
    /// The error of a run that failed; nothing is written then.
    pub fn output(
        &mut self,
        choice: u32,
        event: &OutputEvent,
        out: &mut BytesMut,
    ) -> Result<(), RunError> {
        if let OutputEvent::Verbatim(said) = event {
            if self.passes(said) {
                out.extend_from_slice(&said.bytes);
            } else {
                self.verbatim = Some(said.bytes.clone());
            }
            return Ok(());
        }
        if let Some(last) = &self.verbatim {
            return match event {
                OutputEvent::Ended(end) => match &end.outcome {
                    Outcome::Failed(error) => Err(error.clone()),
                    Outcome::Completed | Outcome::Incomplete(_) => {
                        out.extend_from_slice(last);
                        Ok(())
                    }
                },
                _ => Ok(()),
            };
        }
        self.state(choice)?.answered |= match event {
            OutputEvent::TextDelta(_) | OutputEvent::RefusalDelta(_) => true,
            OutputEvent::ItemAdded { kind, .. } => matches!(kind, ItemKind::FunctionCall { .. }),
            OutputEvent::ArgumentsDelta(_)
            | OutputEvent::ReasoningDelta(_)
            | OutputEvent::Continued
            | OutputEvent::ItemDone
            | OutputEvent::Verbatim(_)
            | OutputEvent::Ended(_) => false,
        };
        match event {
            OutputEvent::ItemAdded { kind, .. } => match kind {
                ItemKind::Message | ItemKind::Reasoning => Ok(()),
                ItemKind::FunctionCall { call_id, name } => {
                    self.begin(choice, None, out)?;
                    self.add_call(choice, call_id, name, out)
                }
            },
            OutputEvent::TextDelta(text) => {
                let delta = ChatDelta {
                    content: Some(Some(text)),
                    ..ChatDelta::default()
                };
                self.say(choice, Some(""), delta, out)
            }
            OutputEvent::RefusalDelta(text) => {
                let delta = ChatDelta {
                    refusal: Some(Some(text)),
                    ..ChatDelta::default()
                };
                self.say(choice, None, delta, out)
            }
            OutputEvent::ReasoningDelta(text) => {
                let delta = ChatDelta {
                    reasoning_content: Some(text),
                    ..ChatDelta::default()
                };
                self.say(choice, None, delta, out)
            }
            OutputEvent::ArgumentsDelta(arguments) => self.grow_call(choice, arguments, out),
            OutputEvent::Continued => {
                self.state(choice)?.continuations += 1;
                self.say(choice, None, ChatDelta::default(), out)
            }
            OutputEvent::ItemDone | OutputEvent::Verbatim(_) => Ok(()),
            OutputEvent::Ended(end) => self.end(choice, end, out),
        }
    }

    /// Writes what follows the last choice: the usage, if it was asked for and counted.
    ///
    /// # Errors
    /// [`RunErrorKind::UpstreamTruncated`] when a choice has not ended; nothing is written then.
    pub fn finish(&self, out: &mut BytesMut) -> Result<(), RunError> {
        if self.verbatim.is_some() {
            return Ok(());
        }
        let ended = self.choices.iter().map(|choice| choice.ended);
        let usages: Vec<_> = ended.collect::<Option<_>>().ok_or_else(without_end)?;
        match ChatUsage::sum(usages) {
            Some(usage) if self.include_usage => self.write_chunk(&[], Some(Some(usage)), out),
            Some(_) | None => Ok(()),
        }
    }

    /// Writes `error` as the last event: `{"error": …}`. Nothing but [`crate::DONE`] may follow.
    ///
    /// # Errors
    /// When `error` cannot be written as JSON; nothing is written then.
    pub fn fail<E: Serialize>(error: &E, out: &mut BytesMut) -> Result<(), serde_json::Error> {
        #[derive(Serialize)]
        struct Failure<'e, E> {
            error: &'e E,
        }
        write_event(out, None, &Failure { error })
    }

    /// Sends `delta`, and before it the role of a choice that has not begun.
    fn say(
        &mut self,
        choice: u32,
        content: Option<&str>,
        delta: ChatDelta<'_>,
        out: &mut BytesMut,
    ) -> Result<(), RunError> {
        self.begin(choice, content, out)?;
        self.write(choice, delta, None, out)
    }

    /// Sends the role of a choice that has not begun, with what its content begins with.
    fn begin(
        &mut self,
        choice: u32,
        content: Option<&str>,
        out: &mut BytesMut,
    ) -> Result<(), RunError> {
        let state = self.state(choice)?;
        if std::mem::replace(&mut state.begun, true) {
            return Ok(());
        }
        let delta = ChatDelta {
            role: Some("assistant"),
            content: Some(content),
            refusal: Some(None),
            ..ChatDelta::default()
        };
        self.write(choice, delta, None, out)
    }

    fn add_call(
        &mut self,
        choice: u32,
        id: &str,
        name: &str,
        out: &mut BytesMut,
    ) -> Result<(), RunError> {
        let state = self.state(choice)?;
        let index = state.calls;
        state.calls += 1;
        let call = ChatCallDelta {
            index,
            id: Some(id),
            kind: Some("function"),
            function: ChatFunctionDelta {
                name: Some(name),
                arguments: "",
            },
        };
        self.write_call(choice, call, out)
    }

    fn grow_call(
        &mut self,
        choice: u32,
        arguments: &str,
        out: &mut BytesMut,
    ) -> Result<(), RunError> {
        let Some(index) = self.state(choice)?.calls.checked_sub(1) else {
            return Ok(());
        };
        let call = ChatCallDelta {
            index,
            id: None,
            kind: None,
            function: ChatFunctionDelta {
                name: None,
                arguments,
            },
        };
        self.write_call(choice, call, out)
    }

    fn end(&mut self, choice: u32, end: &RunEnd, out: &mut BytesMut) -> Result<(), RunError> {
        let has_calls = self.state(choice)?.calls > 0;
        let reason = FinishReason::new(&end.outcome, has_calls).map_err(Clone::clone)?;
        let content = match self.state(choice)? {
            // Whoever only reasoned has an empty text, which no chunk has carried yet.
            state if state.begun && !state.answered => Some(Some("")),
            _ => None,
        };
        self.begin(choice, Some(""), out)?;
        let delta = ChatDelta {
            content,
            ..ChatDelta::default()
        };
        self.write(choice, delta, Some(reason), out)?;
        self.state(choice)?.ended = Some(end.usage);
        Ok(())
    }

    fn state(&mut self, choice: u32) -> Result<&mut ChoiceState, RunError> {
        self.choices.get_mut(choice as usize).ok_or_else(|| {
            let message = format!("There is no choice {choice} in this answer.");
            RunError::new(RunErrorKind::Internal, message)
        })
    }

    fn write_call(
        &self,
        choice: u32,
        call: ChatCallDelta<'_>,
        out: &mut BytesMut,
    ) -> Result<(), RunError> {
        let tool_calls = Some([call]);
        self.write(
            choice,
            ChatDelta {
                tool_calls,
                ..ChatDelta::default()
            },
            None,
            out,
        )
    }

    fn write(
        &self,
        choice: u32,
        delta: ChatDelta<'_>,
        finish_reason: Option<FinishReason>,
        out: &mut BytesMut,
    ) -> Result<(), RunError> {
        let is_mark = delta == ChatDelta::default() || finish_reason.is_some();
        let continuations = self.choices.get(choice as usize);
        let continuations = continuations.map_or(0, |choice| choice.continuations);
        let choice = ChatChunkChoice {
            index: choice,
            delta,
            logprobs: (),
            finish_reason,
            lukhas_continuations: if is_mark { continuations } else { 0 },
        };
        self.write_chunk(&[choice], self.include_usage.then_some(None), out)
    }

    fn write_chunk(
        &self,
        choices: &[ChatChunkChoice<'_>],
        usage: Option<Option<ChatUsage>>,
        out: &mut BytesMut,
    ) -> Result<(), RunError> {
        let chunk = ChatChunk {
            id: &self.head.id,
            object: "chat.completion.chunk",
            created: self.head.created,
            model: &self.head.model,
            service_tier: self.head.service_tier,
            system_fingerprint: self.head.system_fingerprint.as_deref(),
            choices,
            usage,
        };
        write_event(out, None, &chunk)
            .map_err(|_| RunError::new(RunErrorKind::Internal, "The answer could not be written."))
    }
}

/// One chunk of a streamed answer.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct ChatChunk<'a> {
    /// Identifier (`chatcmpl-…`), the same in every chunk.
    pub id: &'a str,
    /// Always `chat.completion.chunk`.
    #[schemars(extend("const" = "chat.completion.chunk"))]
    pub object: &'static str,
    /// Unix time in seconds at which the answer was made.
    pub created: u64,
    /// The model, as the request names it.
    pub model: &'a str,
    /// The tier that served it.
    pub service_tier: ServiceTier,
    /// Names the configuration that answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub system_fingerprint: Option<&'a str>,
    /// What has grown: one choice, or none in the chunk that carries the usage.
    pub choices: &'a [ChatChunkChoice<'a>],
    /// What was used, in the last chunk; null in the others; absent unless asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usage: Option<Option<ChatUsage>>,
}

/// How one choice has grown.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct ChatChunkChoice<'a> {
    /// Its number, from 0.
    pub index: u32,
    /// What is new.
    pub delta: ChatDelta<'a>,
    /// Token probabilities: always null.
    pub logprobs: (),
    /// Why it ended, in its last chunk.
    pub finish_reason: Option<FinishReason>,
    /// How often the choice has broken off and another attempt gone on with it, in a chunk of its
    /// own where that happens, and in the last one; absent elsewhere, and when never (an extension).
    #[serde(skip_serializing_if = "is_never")]
    pub lukhas_continuations: u32,
}

/// What is new in a message.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
pub struct ChatDelta<'a> {
    /// `assistant`, in the first chunk of a choice.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<&'static str>,
    /// More text; null at the beginning of a choice that has none yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content: Option<Option<&'a str>>,
    /// More of the refusal; null at the beginning.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refusal: Option<Option<&'a str>>,
    /// More of what the model shows of its thinking, as other servers name it (an extension).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reasoning_content: Option<&'a str>,
    /// A call that begins or grows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool_calls: Option<[ChatCallDelta<'a>; 1]>,
}

/// A call that begins or grows.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct ChatCallDelta<'a> {
    /// Its number among the calls of the choice, from 0.
    pub index: u32,
    /// Identifier that the output refers to, when it begins.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<&'a str>,
    /// `function`, when it begins.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<&'static str>,
    /// What is called.
    pub function: ChatFunctionDelta<'a>,
}

/// A function whose arguments grow.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct ChatFunctionDelta<'a> {
    /// The function's name, when the call begins.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<&'a str>,
    /// More of the arguments' JSON text.
    pub arguments: &'a str,
}

#[cfg(test)]
mod tests;
