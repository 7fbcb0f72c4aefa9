// SPDX-License-Identifier: Apache-2.0
//! Holds the events of a provider to the invariant of [`OutputEvent`] and to the intent.

use std::borrow::Cow;
use std::mem;
use std::sync::Arc;

use lukhas_core::{
    ItemKind, Outcome, OutputEvent, RunError, RunErrorKind, ToolSpec, ValidationError, Verbatim,
};
use serde_json::Value;

use crate::json::Checker;
use crate::node::intent::{Calls, Intent, Text};

/// What a provider must not do.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Breach {
    /// An item that does not follow the last one, or a delta or end of none.
    OutOfOrder,
    /// More output after the end.
    AfterEnd,
    /// A call of a tool that the request does not offer or allow.
    ToolNotAllowed,
    /// A second call where one is allowed.
    SeveralCalls,
    /// An answer without the call that the tool choice requires.
    NoCall,
    /// Arguments that are not JSON.
    BadArguments,
    /// Text that is not the JSON that the format requires.
    BadText,
    /// JSON that breaks the rule of its schema that stands there.
    Invalid(Strict, String),
    /// JSON with a schema that nothing can be held to.
    NoSchema(Strict, RunError),
}

/// What has a strict schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Strict {
    Format,
    Tool,
}

/// A whole text that passes once it is known to be an instance of a schema.
#[derive(Debug)]
pub(super) struct Claim {
    pub(super) schema: Arc<Value>,
    pub(super) json: String,
    pub(super) of: Strict,
}

/// JSON that comes in pieces.
#[derive(Debug)]
struct Pieces {
    checker: Checker,
    /// What it must be an instance of; only then is it kept.
    schema: Option<Arc<Value>>,
    text: String,
}

/// What has been seen of an answer.
#[derive(Debug)]
pub(super) struct Guard {
    intent: Intent,
    next_index: u32,
    open: Open,
    calls: u32,
    /// Whether a whole message holds the text that the format requires.
    has_text: bool,
    has_refusal: bool,
    words: Words,
}

/// In whose words an answer comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Words {
    /// Nothing has come yet, and the request has an original.
    Undecided,
    /// In those of the original's API, too.
    Original,
    /// In those, and they have said how it ends.
    OriginalEnded,
    /// In ours alone.
    Ours,
}

/// The item that has begun and not ended.
#[derive(Debug)]
enum Open {
    None,
    Message {
        /// Follows the text; `None` when it is free.
        json: Option<Pieces>,
        is_empty: bool,
    },
    Call(Pieces),
    /// Reasoning is no answer: nothing is asked of it, and it stands for nothing that is.
    Reasoning,
}

impl Guard {
    /// `may_be_verbatim`: whether the request has an original.
    pub(super) fn new(intent: Intent, may_be_verbatim: bool) -> Self {
        Self {
            intent,
            next_index: 0,
            open: Open::None,
            calls: 0,
            has_text: false,
            has_refusal: false,
            words: match may_be_verbatim {
                true => Words::Undecided,
                false => Words::Ours,
            },
        }
    }

    /// Lets `event` pass, perhaps once a claim has been seen to hold, or says what is wrong with it.
    ///
    /// JSON that cannot become valid any more is refused with the piece that spoils it.
    pub(super) fn admit(&mut self, event: &OutputEvent) -> Result<Option<Claim>, Breach> {
        if let OutputEvent::Verbatim(said) = event {
            return self.speak(said).map(|()| None);
        }
        self.words = match self.words {
            Words::Undecided => Words::Ours,
            Words::OriginalEnded => return Err(Breach::AfterEnd),
            now @ (Words::Original | Words::Ours) => now,
        };
        match event {
            OutputEvent::ItemAdded { index, kind, .. } => self.begin(*index, kind),
            OutputEvent::TextDelta(text) => self.text(text),
            OutputEvent::RefusalDelta(text) => match self.open {
                Open::Message { .. } => {
                    self.has_refusal |= !text.is_empty();
                    Ok(())
                }
                Open::None | Open::Call(_) | Open::Reasoning => Err(Breach::OutOfOrder),
            },
            OutputEvent::ArgumentsDelta(piece) => match &mut self.open {
                Open::Call(json) => require(json.push(piece), Breach::BadArguments),
                Open::None | Open::Message { .. } | Open::Reasoning => Err(Breach::OutOfOrder),
            },
            OutputEvent::ReasoningDelta(_) => match self.open {
                Open::Reasoning => Ok(()),
                Open::None | Open::Message { .. } | Open::Call(_) => Err(Breach::OutOfOrder),
            },
            OutputEvent::Continued => match self.open {
                // Two halves of JSON are no JSON by anybody's word.
                Open::Message { json: None, .. } => Ok(()),
                Open::Message { json: Some(_), .. }
                | Open::None
                | Open::Call(_)
                | Open::Reasoning => Err(Breach::OutOfOrder),
            },
            OutputEvent::ItemDone => return self.close(),
            OutputEvent::Verbatim(said) => self.speak(said),
            OutputEvent::Ended(end) => self.admit_end(&end.outcome),
        }
        .map(|()| None)
    }

    /// Lets words of the original's API pass. What they say has been let pass before.
    fn speak(&mut self, said: &Verbatim) -> Result<(), Breach> {
        self.words = match self.words {
            Words::Undecided | Words::Original if said.ends => Words::OriginalEnded,
            Words::Undecided | Words::Original => Words::Original,
            Words::OriginalEnded | Words::Ours => return Err(Breach::OutOfOrder),
        };
        Ok(())
    }

    /// Lets an end pass. Only a completed answer has to be all that was asked for; a refusal is an
    /// answer to everything.
    pub(super) fn admit_end(&self, outcome: &Outcome) -> Result<(), Breach> {
        match outcome {
            Outcome::Incomplete(_) | Outcome::Failed(_) => return Ok(()),
            Outcome::Completed => {}
        }
        if !matches!(self.open, Open::None) {
            return Err(Breach::OutOfOrder);
        }
        if self.calls > 0 || self.has_refusal {
            return Ok(());
        }
        match (&self.intent.calls, &self.intent.text) {
            (Calls::Must(_), _) => Err(Breach::NoCall),
            (Calls::Never | Calls::May(_), Text::Instance(_) | Text::JsonObject)
                if !self.has_text =>
            {
                Err(Breach::BadText)
            }
            (Calls::Never | Calls::May(_), _) => Ok(()),
        }
    }

    fn begin(&mut self, index: u32, kind: &ItemKind) -> Result<(), Breach> {
        if !matches!(self.open, Open::None) || index != self.next_index {
            return Err(Breach::OutOfOrder);
        }
        self.open = match kind {
            ItemKind::Message => Open::Message {
                json: match &self.intent.text {
                    Text::Free => None,
                    Text::Instance(schema) => {
                        Some(Pieces::new(Checker::value(), Some(Arc::clone(schema))))
                    }
                    Text::JsonObject => Some(Pieces::new(Checker::object(), None)),
                },
                is_empty: true,
            },
            ItemKind::FunctionCall { name, .. } => {
                let tool = self.callable(name).ok_or(Breach::ToolNotAllowed)?;
                let is_strict = tool.strict == Some(true);
                let schema = tool.parameters.clone().filter(|_| is_strict).map(Arc::new);
                if self.calls > 0 && !self.intent.parallel {
                    return Err(Breach::SeveralCalls);
                }
                self.calls += 1;
                Open::Call(Pieces::new(Checker::value(), schema))
            }
            ItemKind::Reasoning => Open::Reasoning,
        };
        self.next_index += 1;
        Ok(())
    }

    fn callable(&self, name: &str) -> Option<&ToolSpec> {
        let tools: &[Arc<ToolSpec>] = match &self.intent.calls {
            Calls::Never => &[],
            Calls::May(tools) | Calls::Must(tools) => tools,
        };
        tools
            .iter()
            .find(|tool| tool.name == name)
            .map(AsRef::as_ref)
    }

    fn text(&mut self, text: &str) -> Result<(), Breach> {
        let Open::Message { json, is_empty } = &mut self.open else {
            return Err(Breach::OutOfOrder);
        };
        *is_empty &= text.is_empty();
        let is_valid = json.as_mut().is_none_or(|json| json.push(text));
        require(is_valid, Breach::BadText)
    }

    fn close(&mut self) -> Result<Option<Claim>, Breach> {
        match mem::replace(&mut self.open, Open::None) {
            Open::None => Err(Breach::OutOfOrder),
            Open::Reasoning => Ok(None),
            Open::Call(json) => json.close(Strict::Tool).ok_or(Breach::BadArguments),
            // An empty message holds nothing wrong; the end shows whether something is missing.
            Open::Message { is_empty: true, .. } => Ok(None),
            Open::Message { json, .. } => {
                self.has_text = true;
                let Some(json) = json else {
                    return Ok(None);
                };
                json.close(Strict::Format).ok_or(Breach::BadText)
            }
        }
    }
}

impl Pieces {
    fn new(checker: Checker, schema: Option<Arc<Value>>) -> Self {
        Self {
            checker,
            schema,
            text: String::new(),
        }
    }

    /// Takes the next piece; false when no continuation of it all is valid.
    fn push(&mut self, piece: &str) -> bool {
        if self.schema.is_some() {
            self.text.push_str(piece);
        }
        self.checker.push(piece)
    }

    /// What it claims to be, now that it has ended; `None` when it is not whole.
    fn close(self, of: Strict) -> Option<Option<Claim>> {
        let json = self.text;
        let claim = self.schema.map(|schema| Claim { schema, json, of });
        self.checker.is_whole().then_some(claim)
    }
}

fn require(holds: bool, breach: Breach) -> Result<(), Breach> {
    if holds { Ok(()) } else { Err(breach) }
}

impl Breach {
    /// What validating a claim of that kind has shown.
    pub(super) fn of(claim: Strict, error: ValidationError) -> Self {
        match error {
            ValidationError::Instance { rule } => Self::Invalid(claim, rule),
            ValidationError::Schema(error) => Self::NoSchema(claim, error),
        }
    }

    /// One sentence for the client. Nothing the model wrote is in it: it would pass every mask.
    fn message(&self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::OutOfOrder => "The model's answer came out of order.",
            Self::AfterEnd => "The model's answer went on after its end.",
            Self::ToolNotAllowed => "The model called a tool that this request does not allow.",
            Self::SeveralCalls => {
                "The model made several calls, but `parallel_tool_calls` is false."
            }
            Self::NoCall => "The model made no call, but `tool_choice` requires one.",
            Self::BadArguments => "The model called a tool with arguments that are not JSON.",
            Self::BadText => "The model's answer is not the JSON that the output format requires.",
            Self::Invalid(Strict::Format, rule) => {
                return format!("The model's answer breaks the strict schema at `{rule}`.").into();
            }
            Self::Invalid(Strict::Tool, rule) => {
                let what = "The model called a tool with arguments that break its strict schema";
                return format!("{what} at `{rule}`.").into();
            }
            Self::NoSchema(_, error) => return error.message.clone().into(),
        })
    }
}

impl From<Breach> for RunError {
    fn from(breach: Breach) -> Self {
        let message = breach.message();
        match breach {
            // The request is at fault.
            Breach::NoSchema(Strict::Format, error) => error.with_param("text.format.schema"),
            Breach::NoSchema(Strict::Tool, error) => error.with_param("tools"),
            Breach::OutOfOrder
            | Breach::AfterEnd
            | Breach::ToolNotAllowed
            | Breach::SeveralCalls
            | Breach::NoCall
            | Breach::BadArguments
            | Breach::BadText
            | Breach::Invalid(..) => Self::new(RunErrorKind::Upstream, message),
        }
    }
}
