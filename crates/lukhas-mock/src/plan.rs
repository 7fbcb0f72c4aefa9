// SPDX-License-Identifier: Apache-2.0
//! From an answer and its faults to what happens on the wire, step by step.

mod edit;
mod gzip;

use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;

use crate::frame::Frame;
use crate::{Dialect, Fault};

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

/// Where the usage of a streamed answer stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum UsagePlace {
    /// Where the dialect has it.
    Usual,
    /// Behind the finish, and nowhere else.
    Tail,
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

    /// An answer with everything that the faults do to it.
    pub(crate) fn new_answer(dialect: Dialect, answer: Answer, faults: &[Fault]) -> Self {
        let mut head = Head::new(200, JSON);
        let steps = match (replaced(&mut head, faults), answer) {
            (Some(steps), _) => steps,
            (None, Answer::Stream(frames)) => {
                head.content_type = EVENTS;
                edit::stream(dialect, frames, faults)
            }
            (None, Answer::Whole(body)) => edit::whole(dialect, body, faults),
        };
        Self::new(head, steps).with_faults(faults)
    }

    /// What happens instead of an answer, if a fault says so.
    pub(crate) fn refusal(dialect: Dialect, faults: &[Fault]) -> Option<Self> {
        let plan = faults.iter().find_map(|fault| match *fault {
            Fault::Status {
                status,
                retry_after,
            } => {
                let mut plan = Self::status(dialect, status);
                if let Some(head) = &mut plan.head {
                    head.retry_after = retry_after;
                }
                Some(plan)
            }
            Fault::Redirect => {
                let mut head = Head::new(302, "text/plain");
                head.redirect = true;
                Some(Self::new(head, Vec::new()))
            }
            Fault::ResetBeforeHead => Some(Self {
                head: None,
                ..Self::new(Head::new(200, JSON), Vec::new())
            }),
            _ => None,
        })?;
        Some(plan.with_faults(faults))
    }

    /// The error of that status.
    pub(crate) fn status(dialect: Dialect, status: u16) -> Self {
        let message = format!("The mock was told to answer {status}.");
        Self::json(status, &dialect.error(status, &message))
    }

    fn new(head: Head, steps: Vec<Step>) -> Self {
        Self {
            wait: Duration::ZERO,
            head: Some(head),
            length: length(&head, &steps),
            steps,
        }
    }

    /// The same with what faults do to any answer.
    fn with_faults(mut self, faults: &[Fault]) -> Self {
        for fault in faults {
            match *fault {
                Fault::SlowHead(duration) => self.wait = duration,
                Fault::SlowFirst(duration) => self.steps.insert(0, Step::Wait(duration)),
                _ => {}
            }
        }
        let Some(head) = &mut self.head else {
            return self;
        };
        if faults.contains(&Fault::WrongContentType) {
            head.content_type = "text/plain";
        }
        if faults.contains(&Fault::Gzip) {
            head.gzip = true;
            self.steps = gzip::compress(self.steps);
        }
        self.length = self.length.and_then(|_| length(head, &self.steps));
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

/// The body that comes instead of the answer, if a fault says so.
fn replaced(head: &mut Head, faults: &[Fault]) -> Option<Vec<Step>> {
    faults.iter().find_map(|fault| match fault {
        Fault::ResetAfterHead => Some(vec![Step::Reset]),
        Fault::EmptyBody => Some(Vec::new()),
        Fault::EmptyStream => {
            head.content_type = EVENTS;
            Some(Vec::new())
        }
        Fault::Html => {
            head.content_type = "text/html";
            Some(vec![Step::Send(PAGE.into())])
        }
        _ => None,
    })
}

/// The length of a body of `steps`: streams do not say theirs, nor do bodies that come to no
/// proper end.
fn length(head: &Head, steps: &[Step]) -> Option<u64> {
    if head.content_type == EVENTS {
        return None;
    }
    steps.iter().try_fold(0, |sum, step| match step {
        Step::Send(bytes) => Some(sum + bytes.len() as u64),
        Step::Wait(_) => Some(sum),
        Step::Repeat(_) | Step::Stall | Step::Reset => None,
    })
}
