// SPDX-License-Identifier: Apache-2.0
//! The languages that upstreams speak.
//!
//! A dialect is two things: a request in its words ([`Dialect::request`]), and a [`Reader`] that
//! puts its answer, whole or event by event, into an [`Answer`].

mod chat;
mod messages;
mod responses;

#[cfg(test)]
mod tests;

use http::HeaderMap;
use http::header::{AUTHORIZATION, HeaderName, HeaderValue};
use lukhas_core::{Api, Outcome, RunError, RunErrorKind, RunRequest, ToolChoice, ToolSpec, Usage};
use lukhas_openai::SseEvent;
use lukhas_redact::Secret;
use serde_json::{Map, Value};

use crate::answer::Answer;
use crate::error::{Unreadable, UpstreamError};

/// The language an upstream speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// OpenAI's Chat Completions, which most servers of models offer.
    Chat,
    /// OpenAI's Responses.
    Responses,
    /// Anthropic's Messages, version 2023-06-01.
    Messages,
}

/// Reads one answer.
pub(crate) trait Reader: Send {
    /// A whole answer of the commonest kind, read without a tree; `None` when it is of another.
    fn plain<'t>(&self, text: &'t str) -> Option<Plain<'t>> {
        let _ = text;
        None
    }

    /// A whole answer. It must be over afterwards.
    fn whole(&mut self, body: &Value, answer: &mut Answer) -> Result<(), Unreadable>;

    /// The next event of a streamed answer.
    fn event(&mut self, event: &SseEvent, answer: &mut Answer) -> Result<(), Unreadable>;

    /// Where the event of a stream has the text that it adds, if it does nothing else.
    fn text_in<'d>(&self, event: &'d SseEvent) -> Option<TextIn<'d>> {
        let _ = event;
        None
    }

    /// Another event like the last one that only added a text, with this text in its place.
    fn more(&mut self, text: String, answer: &mut Answer) -> Result<(), Unreadable> {
        answer.text(text);
        Ok(())
    }

    /// The stream has ended, or will not go on; gives the end if the terminal marker has been seen.
    fn finish(&mut self, answer: &mut Answer);

    /// What it has said so far of what was used.
    fn usage(&self) -> Option<Usage>;
}

/// A whole answer that is one text.
pub(crate) struct Plain<'t> {
    pub(crate) text: String,
    /// What the upstream calls its message, if it has a name.
    pub(crate) id: Option<String>,
    pub(crate) outcome: Outcome,
    pub(crate) usage: Usage,
    /// Its members that are this server's own once it is passed on, or have to be there, as they are
    /// written.
    pub(crate) places: Vec<(&'static str, Option<&'t str>)>,
    /// What may be another string or another number in the next answer, as it is written.
    pub(crate) gaps: Vec<(Gap, &'t str)>,
}

/// What differs from one answer to the next that is like it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Gap {
    Text,
    MessageId,
    InputTokens,
    CachedTokens,
    OutputTokens,
    ReasoningTokens,
    /// It is not looked at.
    Other,
}

impl Plain<'_> {
    /// Gives all of it to `answer`.
    pub(crate) fn give(self, answer: &mut Answer) {
        answer.name_next(self.id.as_deref());
        answer.text(self.text);
        answer.end(self.outcome, Some(self.usage));
    }
}

/// Parts of the data of an event that only adds a text.
#[derive(Default)]
pub(crate) struct TextIn<'d> {
    /// The text: a JSON string, with its quotes.
    pub(crate) string: &'d str,
    /// The number that counts the event.
    pub(crate) number: Option<&'d str>,
}

impl Dialect {
    /// Every dialect.
    pub const ALL: [Self; 3] = [Self::Chat, Self::Responses, Self::Messages];

    /// Its name in configuration.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Responses => "responses",
            Self::Messages => "messages",
        }
    }

    /// The API that clients speak in the same words, if there is one.
    pub(crate) fn api(self) -> Option<Api> {
        match self {
            Self::Chat => Some(Api::ChatCompletions),
            Self::Responses => Some(Api::Responses),
            Self::Messages => None,
        }
    }

    /// Where requests go, behind the base URL.
    pub(crate) fn path(self) -> &'static str {
        match self {
            Self::Chat => "/chat/completions",
            Self::Responses => "/responses",
            Self::Messages => "/messages",
        }
    }

    /// Whether its upstreams embed, too.
    pub(crate) fn embeds(self) -> bool {
        match self {
            Self::Chat | Self::Responses => true,
            Self::Messages => false,
        }
    }

    /// The headers that every request carries, the key among them.
    pub(crate) fn headers(self, key: Option<&Secret<String>>) -> Result<HeaderMap, UpstreamError> {
        let mut headers = HeaderMap::new();
        if let Some(key) = key {
            let (name, prefix) = match self {
                Self::Chat | Self::Responses => (AUTHORIZATION, "Bearer "),
                Self::Messages => (HeaderName::from_static("x-api-key"), ""),
            };
            let value = Secret::new([prefix, key.expose()].concat());
            let mut value = HeaderValue::from_str(value.expose()).map_err(|_| {
                let message = "holds a character that no HTTP header can hold";
                UpstreamError::new("key", message)
            })?;
            value.set_sensitive(true);
            headers.insert(name, value);
        }
        match self {
            Self::Chat | Self::Responses => {}
            Self::Messages => {
                headers.insert("anthropic-version", HeaderValue::from_static("2023-06-01"));
            }
        }
        Ok(headers)
    }

    /// The request for `model`, in its words.
    pub(crate) fn request(self, model: &str, request: &RunRequest) -> Result<Value, RunError> {
        match self {
            Self::Chat => chat::request(model, request),
            Self::Responses => responses::request(model, request),
            Self::Messages => messages::request(model, request),
        }
    }

    /// A reader for the answer to one request.
    pub(crate) fn reader(self) -> Box<dyn Reader> {
        match self {
            Self::Chat => Box::new(chat::ChatReader::default()),
            Self::Responses => Box::new(responses::ResponsesReader::default()),
            Self::Messages => Box::new(messages::MessagesReader::default()),
        }
    }
}

/// The JSON of an event, within the bounds of every other body.
pub(crate) fn parse(data: &str) -> Result<Value, Unreadable> {
    lukhas_openai::parse_json(data.as_bytes())
        .map_err(|_| Unreadable::new("an event is not JSON, or is nested too deeply or too large"))
}

/// A count that a well-behaved upstream never leaves out, but some do.
pub(crate) fn count(value: &Value, path: &str) -> u64 {
    value.pointer(path).and_then(Value::as_u64).unwrap_or(0)
}

/// The text of a member that may be absent.
fn owned_text(value: Option<&Value>) -> String {
    value.and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// The error that an answer ended with. Its text may hold anything, so only its code is repeated.
fn ended_with(error: &Value) -> RunError {
    let code = ["code", "type"].iter().find_map(|key| error[*key].as_str());
    let message = match code.and_then(crate::upstream::word) {
        Some(code) => format!("The upstream ended its answer with the error `{code}`."),
        None => "The upstream ended its answer with an error.".to_owned(),
    };
    RunError::new(RunErrorKind::Upstream, message)
}

/// Content that a dialect has no place for.
fn no_place(what: &str) -> RunError {
    let message = format!("The upstream of this model has no place for {what}.");
    RunError::unsupported("input", message)
}

/// Adds the tools and the choice among them, in the words that both of OpenAI's APIs share.
fn add_tools(
    body: &mut Map<String, Value>,
    request: &RunRequest,
    tool: fn(&ToolSpec) -> Value,
    tool_choice: fn(&ToolChoice) -> Value,
) {
    if request.tools.is_empty() {
        return;
    }
    let tools: Vec<_> = request.tools.iter().map(|spec| tool(spec)).collect();
    body.insert("tools".into(), tools.into());
    body.insert("tool_choice".into(), tool_choice(&request.tool_choice));
    if !request.parallel_tool_calls {
        body.insert("parallel_tool_calls".into(), false.into());
    }
}

/// Refuses the first of `settings` that is set, by its name: a setting is never silently dropped.
fn refuse(settings: &[(&'static str, bool)]) -> Result<(), RunError> {
    match settings.iter().find(|(_, is_set)| *is_set) {
        None => Ok(()),
        Some((name, _)) => {
            let message = format!("The upstream of this model does not know `{name}`.");
            Err(RunError::unsupported(*name, message))
        }
    }
}

/// Whether a penalty changes anything.
fn is_penalty(value: Option<f64>) -> bool {
    value.is_some_and(|value| value != 0.0)
}
