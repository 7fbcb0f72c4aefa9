// SPDX-License-Identifier: Apache-2.0
//! The provider.

mod planner;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use lukhas_core::{
    BoxFuture, Id, IncompleteReason, ItemKind, ModelInfo, Outcome, OutputFormat, OutputStream,
    Provider, RunCx, RunEnd, RunError, RunErrorKind, RunRequest, Tokenizer as _, Usage,
    UsageSource,
};

use crate::schema::{Wishes, instance};
use crate::stream::{AnswerStream, OutputItem, Pace};
use crate::turn::Turn;
use crate::usage::{count, count_answer, input_tokens};
use crate::{Cl100k, answer, call};

use self::planner::PlannedStream;
pub(crate) use self::planner::Planners;

/// Public name of the engine's model.
pub const MODEL_ID: &str = "lukhas-matriz";

/// The request field that holds the schema of an answer.
const SCHEMA_PARAM: &str = "text.format.schema";

/// How an [`Engine`] behaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EngineOptions {
    /// Pause between two deltas of an item; none by default. Makes streams look like a model's.
    pub token_delay: Duration,
    /// Most tokens of a conversation, output included.
    pub context_window: u64,
    /// Most tokens of an answer when the request sets no limit; no limit by default.
    pub max_output_tokens: Option<u32>,
    /// Unix time in seconds at which the model was made, as the list of models shows it.
    pub created: u64,
}

impl Default for EngineOptions {
    fn default() -> Self {
        Self {
            token_delay: Duration::ZERO,
            context_window: 128_000,
            max_output_tokens: None,
            created: 1_767_225_600,
        }
    }
}

/// A provider that works without a network and without a model.
///
/// It follows rules: it calls the tool whose words match the request, fills schemas with values
/// from the request, does arithmetic, recalls what it was told, and else echoes, saying so. The
/// same request with the same seed gives the same bytes, but for the identifiers of calls, which
/// come from the run's entropy.
///
/// A light answer is made when [`Provider::run`] is called; the stream only cuts it into deltas. A
/// heavy one (a long conversation, or a schema to fill) is made on a thread that may block, a few at
/// a time, so that it holds up nobody else; without a tokio runtime it is made in place. Tokio's
/// timers are needed only with a delay.
#[derive(Debug)]
pub struct Engine {
    options: Arc<EngineOptions>,
    models: [ModelInfo; 1],
    planners: Planners,
}

/// An answer before it is cut to what the request allows.
#[derive(Debug)]
enum Answer {
    Text(String),
    Calls(Vec<Call>),
}

#[derive(Debug)]
struct Call {
    name: String,
    arguments: String,
}

impl Engine {
    /// An engine that behaves as `options` say.
    #[must_use]
    pub fn new(options: EngineOptions) -> Self {
        let model = ModelInfo {
            id: MODEL_ID.to_owned(),
            created: options.created,
            owned_by: "lukhas".to_owned(),
            description: "Deterministic offline engine that follows rules: tool calls, structured \
                output, arithmetic, recall and echo. It is not a language model."
                .to_owned(),
            context_window: options.context_window,
        };
        Self {
            options: Arc::new(options),
            models: [model],
            planners: Planners::default(),
        }
    }
}

impl EngineOptions {
    /// The answer to `request`; a failure is an answer that ends at once.
    fn answer(&self, cx: &RunCx, request: &RunRequest) -> AnswerStream {
        let answer = self.try_answer(cx, request).unwrap_or_else(failed);
        answer.with_sink(cx.abandoned.clone())
    }

    fn try_answer(&self, cx: &RunCx, request: &RunRequest) -> Result<AnswerStream, RunError> {
        let input_tokens = input_tokens(request);
        let room = self.room(request, input_tokens)?;
        let mut items = match plan(request)? {
            Answer::Text(text) => {
                vec![OutputItem {
                    kind: ItemKind::Message,
                    text: stopped(request, text)?,
                    cut: false,
                }]
            }
            Answer::Calls(calls) => calls.into_iter().map(|call| call.into_item(cx)).collect(),
        };
        let output_tokens = cut(&mut items, room);
        let outcome = if items.last().is_some_and(|item| item.cut) {
            Outcome::Incomplete(IncompleteReason::MaxOutputTokens)
        } else {
            Outcome::Completed
        };
        let usage = Usage {
            input_tokens,
            output_tokens,
            source: UsageSource::Provider,
            ..Usage::default()
        };
        let end = RunEnd {
            outcome,
            usage: Some(usage),
        };
        Ok(AnswerStream::new(items, end, self.pace(request)))
    }

    fn pace(&self, request: &RunRequest) -> Pace {
        if request.whole && self.token_delay.is_zero() {
            Pace::Whole
        } else {
            Pace::Pieces(self.token_delay)
        }
    }

    /// Most tokens that the answer may have.
    fn room(&self, request: &RunRequest, input_tokens: u64) -> Result<u64, RunError> {
        let window = self.context_window;
        let room = window.checked_sub(input_tokens).ok_or_else(|| {
            let message = format!(
                "the conversation has {input_tokens} tokens, and the context window {window}"
            );
            RunError::new(RunErrorKind::ContextLength, message)
        })?;
        let limit = request.max_output_tokens.or(self.max_output_tokens);
        Ok(limit.map_or(room, |limit| room.min(u64::from(limit))))
    }
}

impl Default for Engine {
    fn default() -> Self {
        Self::new(EngineOptions::default())
    }
}

impl Provider for Engine {
    fn models(&self) -> &[ModelInfo] {
        &self.models
    }

    fn run(&self, cx: &RunCx, request: RunRequest) -> OutputStream {
        if !planner::is_heavy(&request) {
            return Box::pin(self.options.answer(cx, &request));
        }
        let (options, cx) = (Arc::clone(&self.options), cx.clone());
        let answer = self.planners.plan(move || options.answer(&cx, &request));
        Box::pin(PlannedStream::new(answer))
    }

    fn count_input<'a>(&'a self, request: &'a RunRequest) -> BoxFuture<'a, Result<u64, RunError>> {
        if !planner::is_heavy(request) {
            return Box::pin(std::future::ready(Ok(input_tokens(request))));
        }
        let request = request.clone();
        self.planners.plan(move || input_tokens(&request))
    }
}

fn failed(error: RunError) -> AnswerStream {
    AnswerStream::new(Vec::new(), RunEnd::failed(error), Pace::Whole)
}

impl Call {
    fn into_item(self, cx: &RunCx) -> OutputItem {
        let call_id = Id::new("call_", cx.entropy.as_ref()).into();
        OutputItem {
            kind: ItemKind::FunctionCall {
                call_id,
                name: self.name,
            },
            text: self.arguments,
            cut: false,
        }
    }
}

/// Decides between calls, structured output and text.
fn plan(request: &RunRequest) -> Result<Answer, RunError> {
    let turn = Turn::new(request);
    let calls: Vec<Call> = call::tools(&turn)?
        .into_iter()
        .map(|(index, tool)| {
            let arguments = call::arguments(&turn, index, tool)?;
            Ok(Call {
                name: tool.name.clone(),
                arguments,
            })
        })
        .collect::<Result<_, RunError>>()?;
    if !calls.is_empty() {
        return Ok(Answer::Calls(calls));
    }
    Ok(Answer::Text(match &request.format {
        OutputFormat::Text => answer::text(&turn),
        OutputFormat::JsonObject => answer::object(&turn).to_string(),
        OutputFormat::JsonSchema { schema, strict, .. } => {
            let text = &turn.material();
            let wishes = Wishes {
                text,
                seed: turn.seed(),
                complete: *strict,
                object: true,
            };
            let value = instance(schema, wishes);
            value
                .map_err(|error| RunError::from(error).with_param(SCHEMA_PARAM))?
                .to_string()
        }
    }))
}

/// `text` up to the first of the request's stop texts.
fn stopped(request: &RunRequest, mut text: String) -> Result<String, RunError> {
    let stops = request.sampling.stop.iter().filter(|stop| !stop.is_empty());
    let Some(at) = stops.filter_map(|stop| text.find(stop.as_str())).min() else {
        return Ok(text);
    };
    if request.format != OutputFormat::Text {
        // Half of a JSON text must not look like a whole answer.
        let error = "a stop text would cut the JSON of the answer";
        return Err(RunError::unsupported("stop", error));
    }
    text.truncate(at);
    Ok(text)
}

/// Cuts `items` to `room` tokens. Gives how many tokens that is.
fn cut(items: &mut Vec<OutputItem>, room: u64) -> u64 {
    let mut used = 0;
    for index in 0..items.len() {
        let item = &mut items[index];
        let tokens = count_answer(&item.text);
        if tokens <= room - used {
            used += tokens;
            continue;
        }
        let left = usize::try_from(room - used).unwrap_or(usize::MAX);
        let len = Cl100k.truncate(&item.text, left).len();
        item.text.truncate(len);
        item.cut = true;
        used += count(&item.text);
        items.truncate(index + 1);
        break;
    }
    used
}
