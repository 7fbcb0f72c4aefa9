// SPDX-License-Identifier: Apache-2.0
//! From an answer and its faults to what happens on the wire, step by step.

mod edit;
mod effects;
mod gzip;

use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;

use crate::Dialect;
use crate::frame::Frame;

pub(crate) use effects::{Effects, UsagePlace};

use effects::{Instead, Replacement};

const JSON: &str = "application/json";
const EVENTS: &str = "text/event-stream";

/// A page as a broken proxy answers it.
const PAGE: &str = "<!doctype html>\n<title>Not the API</title>\n<p>This is a page for people.\n";

/// Everything that happens to one request once it is known.
#[derive(Debug)]
pub(crate) struct Plan {
    /// How long nothing happens at first.
    pub(crate) wait: Duration,
    /// The head; `None` resets the connection instead.
    pub(crate) head: Option<Head>,
    /// Then the body.
    pub(crate) steps: Vec<Step>,
    /// Length of the body, when it is known and said.
    pub(crate) length: Option<u64>,
}

/// The head of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) status: u16,
    pub(crate) content_type: &'static str,
    /// Seconds.
    pub(crate) retry_after: Option<u32>,
    /// Whether it sends the client to where it is already.
    pub(crate) redirect: bool,
    pub(crate) gzip: bool,
}

/// One thing that happens to a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Bytes are written, by themselves.
    Send(Bytes),
    /// The same bytes are written until the client leaves.
    Repeat(Bytes),
    /// Nothing happens for so long.
    Wait(Duration),
    /// Nothing happens any more.
    Stall,
    /// The connection is reset.
    Reset,
}

/// An answer without faults.
#[derive(Debug)]
pub(crate) enum Answer {
    /// A stream of events.
    Stream(Vec<Frame>),
    /// A document.
    Whole(Value),
}

impl Plan {
    /// A document with that status, and nothing wrong.
    pub(crate) fn json(status: u16, body: &Value) -> Self {
        let bytes = Bytes::from(body.to_string());
        Self::new(Head::new(status, JSON), vec![Step::Send(bytes)])
    }

    /// The error of that status.
    pub(crate) fn status(dialect: Dialect, status: u16) -> Self {
        let message = format!("The mock was told to answer {status}.");
        Self::json(status, &dialect.error(status, &message))
    }

    /// What happens instead of an answer, if a fault says so.
    pub(crate) fn instead(dialect: Dialect, effects: &Effects) -> Option<Self> {
        let plan = match effects.instead? {
            Instead::Status {
                status,
                retry_after,
            } => {
                let mut plan = Self::status(dialect, status);
                if let Some(head) = &mut plan.head {
                    head.retry_after = retry_after;
                }
                plan
            }
            Instead::Redirect => {
                let mut head = Head::new(302, "text/plain");
                head.redirect = true;
                Self::new(head, Vec::new())
            }
            Instead::Reset => Self {
                head: None,
                ..Self::new(Head::new(200, JSON), Vec::new())
            },
        };
        Some(plan.with(effects))
    }

    /// An answer with everything that happens to it.
    pub(crate) fn answer(dialect: Dialect, answer: Answer, effects: &Effects) -> Self {
        let (content_type, steps) = match (effects.replacement, answer) {
            (Some(replacement), _) => replacement.body(),
            (None, Answer::Stream(frames)) => (EVENTS, edit::stream(dialect, frames, effects)),
            (None, Answer::Whole(body)) => (JSON, edit::whole(dialect, body, effects)),
        };
        Self::new(Head::new(200, content_type), steps).with(effects)
    }

    fn new(head: Head, steps: Vec<Step>) -> Self {
        Self {
            wait: Duration::ZERO,
            head: Some(head),
            // Streams do not say how long they are.
            length: if head.content_type == EVENTS {
                None
            } else {
                length(&steps)
            },
            steps,
        }
    }

    /// The same with what can happen to any answer.
    fn with(mut self, effects: &Effects) -> Self {
        self.wait = effects.before_head;
        if !effects.before_body.is_zero() {
            self.steps.insert(0, Step::Wait(effects.before_body));
        }
        let Some(head) = &mut self.head else {
            return self;
        };
        if effects.wrong_content_type {
            head.content_type = "text/plain";
        }
        if effects.gzip {
            head.gzip = true;
            self.steps = gzip::compress(self.steps);
            self.length = self.length.and_then(|_| length(&self.steps));
        }
        self
    }
}

impl Head {
    fn new(status: u16, content_type: &'static str) -> Self {
        Self {
            status,
            content_type,
            retry_after: None,
            redirect: false,
            gzip: false,
        }
    }
}

impl Replacement {
    /// Its content type and what is sent.
    fn body(self) -> (&'static str, Vec<Step>) {
        match self {
            Self::Reset => (JSON, vec![Step::Reset]),
            Self::Nothing => (JSON, Vec::new()),
            Self::NoEvents => (EVENTS, Vec::new()),
            Self::Page => ("text/html", vec![Step::Send(PAGE.into())]),
        }
    }
}

/// The length of a body of `steps`; `None` when it comes to no proper end.
fn length(steps: &[Step]) -> Option<u64> {
    steps.iter().try_fold(0, |sum, step| match step {
        Step::Send(bytes) => Some(sum + bytes.len() as u64),
        Step::Wait(_) => Some(sum),
        Step::Repeat(_) | Step::Stall | Step::Reset => None,
    })
}
