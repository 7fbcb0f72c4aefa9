// SPDX-License-Identifier: Apache-2.0
//! An answer that has begun.

use std::collections::VecDeque;
use std::pin::Pin;

use hyper::body::{Body as _, Incoming};
use lukhas_core::{Outcome, OutputEvent, Usage};
use lukhas_openai::{SseDecoder, SseEvent};
use lukhas_reliability::{Deadline, FailureKind, Timeouts};

use super::Upstream;
use super::patience::{Elapsed, Limit, Patience};
use crate::answer::Answer;
use crate::client::Connection;
use crate::dialect::Reader;
use crate::error::{Failed, Unreadable};
use crate::passage::{self, Passage};

/// An answer that has begun: its events so far, and where the others come from.
///
/// Dropping it closes the connection.
pub(crate) struct Answering {
    answer: Answer,
    source: Option<Source>,
}

/// A stream of events.
struct Source {
    body: Incoming,
    connection: Connection,
    decoder: SseDecoder,
    events: VecDeque<SseEvent>,
    patience: Patience,
    reader: Box<dyn Reader>,
    passage: Option<Passage>,
    timeouts: Timeouts,
    deadline: Deadline,
    max_bytes: usize,
}

/// What came of waiting for the next bytes.
enum Next {
    /// An event.
    Event(SseEvent),
    /// The end of the body, clean or not.
    End,
    /// Nothing, for too long.
    Silence(Failed),
}

impl Answering {
    /// An answer that is there already.
    pub(super) fn whole(answer: Answer) -> Self {
        Self {
            answer,
            source: None,
        }
    }

    pub(super) fn streamed(
        upstream: &Upstream,
        (body, connection): (Incoming, Connection),
        passage: Option<Passage>,
        deadline: Deadline,
    ) -> Self {
        let mut answer = Answer::default();
        if passage.is_some() {
            answer.begin_speech();
        }
        let source = Source {
            body,
            connection,
            decoder: SseDecoder::new(upstream.0.max_answer_bytes),
            max_bytes: upstream.0.max_answer_bytes,
            events: VecDeque::new(),
            patience: Patience::default(),
            reader: upstream.0.dialect.reader(),
            passage,
            timeouts: upstream.0.timeouts,
            deadline,
        };
        Self {
            answer,
            source: Some(source),
        }
    }

    /// Waits for the first event that a client would see. A failure before it is the failure of
    /// the attempt.
    pub(super) async fn begin(&mut self) -> Result<(), Failed> {
        let Some(source) = &mut self.source else {
            return Ok(());
        };
        let first = source.timeouts.first_byte();
        let until = source.deadline.within(first).moment();
        while !self.answer.has_events() {
            source
                .advance(&mut self.answer, Limit::Until(until))
                .await?;
        }
        let failed = match self.answer.peek() {
            Some(OutputEvent::Ended(end)) => match &end.outcome {
                Outcome::Failed(error) => Some(error.clone()),
                Outcome::Completed | Outcome::Incomplete(_) => None,
            },
            _ => None,
        };
        match failed {
            Some(error) => Err(Failed::new(FailureKind::ServerError, error)),
            None => Ok(()),
        }
    }

    /// What the upstream has said so far of what was used.
    pub(crate) fn usage(&self) -> Option<Usage> {
        self.source.as_ref()?.reader.usage()
    }

    /// The next event; `None` after the end. A failure is an end, too.
    pub(crate) async fn next(&mut self) -> Option<OutputEvent> {
        loop {
            if let Some(event) = self.answer.next() {
                if let OutputEvent::Ended(end) = &event
                    && let Some(source) = self.source.take()
                    && !matches!(end.outcome, Outcome::Failed(_))
                {
                    source.connection.keep();
                }
                return Some(event);
            }
            let source = self.source.as_mut()?;
            let idle = Limit::For(source.deadline.limit(source.timeouts.idle()));
            if let Err(failed) = source.advance(&mut self.answer, idle).await {
                let usage = source.reader.usage();
                self.answer.end(Outcome::Failed(failed.error), usage);
                self.source = None;
                return self.answer.next();
            }
        }
    }
}

impl Source {
    /// Takes in what comes next, within `limit`.
    async fn advance(&mut self, answer: &mut Answer, limit: Limit) -> Result<(), Failed> {
        match self.next(limit).await? {
            Next::Event(event) => {
                let has_more = !self.events.is_empty();
                let reader = &mut *self.reader;
                passage::read(&mut self.passage, reader, &event, has_more, answer)?;
                if answer.size() > self.max_bytes {
                    let what = format!("it is larger than {} bytes", self.max_bytes);
                    return Err(Unreadable::new(what).into());
                }
            }
            // With the terminal marker seen, the answer is whole, whatever became of the rest.
            Next::End => {
                self.reader.finish(answer);
                if !answer.is_over() {
                    return Err(Failed::truncated());
                }
            }
            Next::Silence(failed) => {
                self.reader.finish(answer);
                if !answer.is_over() {
                    return Err(failed);
                }
            }
        }
        Ok(())
    }

    async fn next(&mut self, limit: Limit) -> Result<Next, Failed> {
        loop {
            if let Some(event) = self.events.pop_front() {
                return Ok(Next::Event(event));
            }
            let body = &mut self.body;
            let frame = self
                .patience
                .wait(limit, |cx| Pin::new(&mut *body).poll_frame(cx));
            let frame = match frame.await {
                Ok(frame) => frame,
                Err(Elapsed(time)) => {
                    return Ok(Next::Silence(Failed::timeout("sent nothing more", time)));
                }
            };
            let Some(Ok(frame)) = frame else {
                return Ok(Next::End);
            };
            if let Ok(data) = frame.into_data() {
                let events = self.decoder.push(&data);
                self.events
                    .extend(events.map_err(|error| Unreadable::new(error.to_string()))?);
            }
        }
    }
}
