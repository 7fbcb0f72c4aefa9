// SPDX-License-Identifier: Apache-2.0
//! Runs: started, peeked at before the status is committed, then folded or streamed.

mod events;
mod failures;
mod heartbeat;
mod meter;

use std::borrow::Cow;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::task::{Context, Poll, ready};

use lukhas_core::{
    BoxFuture, Outcome, OutputEvent, RunEnd, RunError, RunErrorKind, RunEvent, RunStream,
};
use lukhas_observability::Redaction;

use crate::ApiError;
use crate::admission::Permit;

pub(crate) use events::{EventWriter, stream};
pub(crate) use failures::Failures;
pub(crate) use heartbeat::Heartbeat;
pub(crate) use meter::{Held, Meter, ToldRuns};

/// Events handled before other tasks of the thread get a turn.
const TURN: usize = 128;

/// The runs behind one request: one, or one for each choice of a chat completion.
///
/// INVARIANT: each run gives exactly one `Ended`, last, whatever its stream does.
pub(crate) struct Runs {
    runs: Vec<Run>,
    next: usize,
    /// Made when a run first has to be waited for: most whole answers are there at once.
    stop: Option<BoxFuture<'static, ()>>,
    stopped: bool,
    meter: Meter,
    permit: Permit,
}

/// One run.
struct Run {
    stream: RunStream,
    held: VecDeque<RunEvent>,
    begun: bool,
    ended: bool,
}

/// What came of waiting for the runs.
enum Next {
    /// An event, and the run it is of.
    Event(usize, RunEvent),
    /// Nothing, for an interval of the heartbeat.
    Silence,
    /// All have ended.
    End,
}

/// What a run is polled for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pass {
    /// To see how it begins. A run that has begun waits for the others.
    Peek,
    /// To give its events out.
    Give,
}

impl Runs {
    /// The runs of an admitted request.
    pub(crate) fn new(
        permit: Permit,
        meter: Meter,
        streams: impl Iterator<Item = RunStream>,
    ) -> Self {
        let run = |stream| Run {
            stream,
            held: VecDeque::new(),
            begun: false,
            ended: false,
        };
        Self {
            runs: streams.map(run).collect(),
            next: 0,
            stop: None,
            stopped: false,
            meter,
            permit,
        }
    }

    /// Starts them; returns when each has begun to answer, or when `heartbeat` comes due, so that the
    /// client hears of it. The first output of each is held back, with the steps before it.
    ///
    /// # Errors
    /// The failure of the first run that failed before it answered anything, so that the client gets
    /// its true status.
    pub(crate) async fn start(&mut self, heartbeat: &mut Heartbeat) -> Result<(), ApiError> {
        while let Next::Event(index, event) = self.wait(Pass::Peek, heartbeat).await {
            if let RunEvent::Output(output) = &event {
                if let Some(error) = failure(output) {
                    return Err(error.clone().into());
                }
                self.runs[index].begun = true;
            }
            self.runs[index].held.push_back(event);
        }
        Ok(())
    }

    /// The next event, and the run it is of; `None` when all have ended.
    pub(crate) async fn next(&mut self) -> Option<(usize, RunEvent)> {
        poll_fn(|cx| self.poll_at(cx, Pass::Give)).await
    }

    /// The next event, or silence.
    async fn next_or_silence(&mut self, heartbeat: &mut Heartbeat) -> Next {
        let next = self.wait(Pass::Give, heartbeat).await;
        heartbeat.reset();
        next
    }

    /// Whether each has begun to answer.
    fn have_begun(&self) -> bool {
        self.runs.iter().all(|run| run.begun)
    }

    /// The next event if it is there already.
    fn next_ready(&mut self) -> Option<(usize, RunEvent)> {
        let mut cx = Context::from_waker(std::task::Waker::noop());
        match self.poll_runs(&mut cx, Pass::Give) {
            Poll::Ready(event) => event,
            Poll::Pending => None,
        }
    }

    /// Gives back what the runs held, before the client reads that they are over: what it asks next
    /// finds it there.
    fn close(&mut self) {
        self.runs.clear();
        self.meter.release();
    }

    /// Whether all have ended and nothing is held back.
    fn done(&self) -> bool {
        self.runs.iter().all(|run| run.ended && run.held.is_empty())
    }

    async fn wait(&mut self, pass: Pass, heartbeat: &mut Heartbeat) -> Next {
        poll_fn(|cx| match self.poll_at(cx, pass) {
            Poll::Ready(Some((index, event))) => Poll::Ready(Next::Event(index, event)),
            Poll::Ready(None) => Poll::Ready(Next::End),
            Poll::Pending => heartbeat.poll(cx).map(|()| Next::Silence),
        })
        .await
    }

    fn poll_at(&mut self, cx: &mut Context<'_>, pass: Pass) -> Poll<Option<(usize, RunEvent)>> {
        self.stopped = self.stopped || self.permit.is_revoked();
        let polled = self.poll_runs(cx, pass);
        if polled.is_ready() {
            return polled;
        }
        let permit = &self.permit;
        let stop = self.stop.get_or_insert_with(|| permit.revoked());
        ready!(stop.as_mut().poll(cx));
        self.stopped = true;
        self.poll_runs(cx, pass)
    }

    fn poll_runs(&mut self, cx: &mut Context<'_>, pass: Pass) -> Poll<Option<(usize, RunEvent)>> {
        let count = self.runs.len();
        let mut open = false;
        for index in (0..count).map(|offset| (self.next + offset) % count) {
            let run = &mut self.runs[index];
            let event = match run.take_held(pass) {
                Some(event) => event,
                None if run.is_done(pass) => continue,
                None if self.stopped => run.end(RunErrorKind::ShuttingDown, STOPPED),
                None => match run.poll(index, &mut self.meter, cx) {
                    Poll::Ready(event) => {
                        if let RunEvent::Output(output) = &event
                            && let Some(error) = failure(output)
                        {
                            self.permit.failed(error.kind);
                        }
                        event
                    }
                    Poll::Pending => {
                        open = true;
                        continue;
                    }
                },
            };
            self.next = (index + 1) % count;
            return Poll::Ready(Some((index, event)));
        }
        if open {
            Poll::Pending
        } else {
            Poll::Ready(None)
        }
    }

    /// Runs to the end, handing every output event of run `i` to `apply(i, ..)`, ends included.
    ///
    /// # Errors
    /// The failure of the first run that fails.
    pub(crate) async fn fold(
        &mut self,
        mut apply: impl FnMut(usize, &OutputEvent),
    ) -> Result<(), ApiError> {
        while let Some((index, event)) = self.next().await {
            let mut next = Some((index, event));
            for _ in 0..TURN {
                let Some((index, event)) = next else { break };
                if let RunEvent::Output(output) = &event {
                    if let Some(error) = failure(output) {
                        return Err(ApiError::from(error.clone()).after_beginning());
                    }
                    apply(index, output);
                }
                next = self.next_ready();
            }
            if let Some((index, event)) = next {
                // The turn is over with an event in hand.
                self.runs[index].held.push_front(event);
                tokio::task::yield_now().await;
            }
        }
        Ok(())
    }
}

const STOPPED: &str = "The server is shutting down.";
const TRUNCATED: &str = "The answer stopped before its end.";

impl Run {
    fn take_held(&mut self, pass: Pass) -> Option<RunEvent> {
        match pass {
            Pass::Peek => None,
            Pass::Give => self.held.pop_front(),
        }
    }

    fn is_done(&self, pass: Pass) -> bool {
        self.ended || (pass == Pass::Peek && self.begun)
    }

    /// The next event that the client is shown; `meter` hears of all of them.
    fn poll(&mut self, index: usize, meter: &mut Meter, cx: &mut Context<'_>) -> Poll<RunEvent> {
        loop {
            let event = ready!(self.poll_any(meter.redaction(), cx));
            meter.note(index, &event);
            if !meter.hides(&event) {
                return Poll::Ready(event);
            }
        }
    }

    fn poll_any(&mut self, redaction: &Redaction, cx: &mut Context<'_>) -> Poll<RunEvent> {
        Poll::Ready(match ready!(self.stream.as_mut().poll_next(cx)) {
            Some(mut event) => {
                if let RunEvent::Output(OutputEvent::Ended(end)) = &mut event {
                    self.ended = true;
                    if let Outcome::Failed(error) = &mut end.outcome
                        && let Cow::Owned(message) = redaction.text(&error.message)
                    {
                        error.message = message;
                    }
                }
                event
            }
            None => self.end(RunErrorKind::UpstreamTruncated, TRUNCATED),
        })
    }

    fn end(&mut self, kind: RunErrorKind, message: &str) -> RunEvent {
        self.ended = true;
        RunEvent::Output(OutputEvent::Ended(RunEnd::failed(RunError::new(
            kind, message,
        ))))
    }
}

/// The error of an event that ends its run in failure.
fn failure(event: &OutputEvent) -> Option<&RunError> {
    match event {
        OutputEvent::Ended(RunEnd {
            outcome: Outcome::Failed(error),
            ..
        }) => Some(error),
        OutputEvent::Ended(_)
        | OutputEvent::ItemAdded { .. }
        | OutputEvent::TextDelta(_)
        | OutputEvent::RefusalDelta(_)
        | OutputEvent::ArgumentsDelta(_)
        | OutputEvent::ReasoningDelta(_)
        | OutputEvent::Continued
        | OutputEvent::Verbatim(_)
        | OutputEvent::ItemDone => None,
    }
}

#[cfg(test)]
mod tests;
