// SPDX-License-Identifier: Apache-2.0
//! Runs as server-sent events.

use std::convert::Infallible;
use std::future::poll_fn;
use std::panic::AssertUnwindSafe;
use std::task::Poll;

use axum::body::Body;
use axum::response::Response;
use bytes::{BufMut, Bytes, BytesMut};
use futures_util::FutureExt;
use lukhas_core::{
    BoxFuture, Outcome, OutputEvent, RunEnd, RunError, RunErrorKind, RunEvent, Usage, Verbatim,
};
use lukhas_openai::DONE;

use super::{Failures, Heartbeat, Next, Runs};
use crate::{ApiError, answer};

/// Bytes that are gathered into one write, of events that are there already.
const BATCH: usize = 8 << 10;

/// What says that a silent stream is alive: a comment, which clients read over. (WHATWG HTML,
/// section 9.2.6.)
const KEEP_ALIVE: &[u8] = b": keep-alive\n\n";

/// Writes the events of one dialect.
pub(crate) trait EventWriter: Send + 'static {
    /// What comes before the first event, which is `first`.
    fn begin(&mut self, first: &RunEvent, out: &mut BytesMut) -> Result<(), RunError>;

    /// Takes a piece of the answer in its own words, if it is to be shown as it is. What is not goes to
    /// [`Self::event`].
    fn passes(&mut self, said: &Verbatim) -> bool;

    /// One event of run `index`, its end included unless it failed.
    fn event(&mut self, index: usize, event: &RunEvent, out: &mut BytesMut)
    -> Result<(), RunError>;

    /// The last word of an answer that failed.
    fn fail(
        &mut self,
        error: &RunError,
        usage: Option<Usage>,
        out: &mut BytesMut,
    ) -> Result<(), RunError>;

    /// What comes after all runs have ended well.
    fn finish(&mut self, out: &mut BytesMut) -> Result<(), RunError>;

    /// Keeps what has to outlive the stream. Called before the client is told of the end, so that
    /// it finds what it then asks for.
    fn keep(&mut self) -> BoxFuture<'_, Result<(), ApiError>>;
}

/// The answer that streams `runs`, and says that it is alive when `heartbeat` comes due. Dropping its
/// body cancels them.
pub(crate) fn stream(runs: Runs, heartbeat: Heartbeat, writer: impl EventWriter) -> Response {
    let mut out = BytesMut::new();
    if !runs.have_begun() {
        // Some intermediaries hold the head back until the first byte of the body.
        out.put_slice(KEEP_ALIVE);
    }
    let failures = Failures::default();
    let frames = Frames {
        runs,
        heartbeat,
        writer,
        passed: Bytes::new(),
        out,
        failures: failures.clone(),
        begun: false,
        has_written: false,
        over: false,
    };
    let frames = futures_util::stream::unfold(frames, |mut frames| async move {
        let frame = frames.next().await?;
        Some((Ok::<_, Infallible>(frame), frames))
    });
    let mut response = answer::events(Body::from_stream(frames));
    response.extensions_mut().insert(failures);
    response
}

/// What is left of a streamed answer.
///
/// Memory is bounded: events are pulled when the client has taken the ones before.
struct Frames<W> {
    runs: Runs,
    heartbeat: Heartbeat,
    writer: W,
    /// A piece that is shown as it is, and not copied unless there is more to be written with it.
    ///
    /// INVARIANT: while there is one, `out` is empty.
    passed: Bytes,
    out: BytesMut,
    failures: Failures,
    begun: bool,
    /// Whether the client has been sent anything: the first piece waits for nothing.
    has_written: bool,
    over: bool,
}

impl<W: EventWriter> Frames<W> {
    /// The next write: the next event, and those after it that are there already.
    async fn next(&mut self) -> Option<Bytes> {
        if self.over {
            return None;
        }
        if !self.is_empty() {
            return Some(self.take());
        }
        // A panic below must not look like an end: the client gets the dialect's error.
        let filled = AssertUnwindSafe(self.fill()).catch_unwind().await;
        let filled = filled.unwrap_or_else(|_| Err(internal("a panic while streaming")));
        if let Err(error) = filled {
            self.fail(&error, None);
        }
        self.has_written = true;
        Some(self.take())
    }

    fn is_empty(&self) -> bool {
        self.passed.is_empty() && self.out.is_empty()
    }

    /// What there is to be written.
    fn take(&mut self) -> Bytes {
        if self.passed.is_empty() {
            self.out.split().freeze()
        } else {
            std::mem::take(&mut self.passed)
        }
    }

    /// Where more is written, behind what there is.
    fn out(&mut self) -> (&mut W, &mut BytesMut) {
        if !self.passed.is_empty() {
            self.out.extend_from_slice(&self.passed);
            self.passed = Bytes::new();
        }
        (&mut self.writer, &mut self.out)
    }

    async fn fill(&mut self) -> Result<(), RunError> {
        let mut next = self.wait().await;
        loop {
            let (index, event) = match next {
                Next::Event(index, event) => (index, event),
                Next::Silence => {
                    self.out().1.put_slice(KEEP_ALIVE);
                    return Ok(());
                }
                Next::End => break,
            };
            if !self.begun {
                self.begun = true;
                let (writer, out) = self.out();
                writer.begin(&event, out)?;
            }
            match &event {
                RunEvent::Output(OutputEvent::Ended(end)) => self.end(index, end, &event).await?,
                RunEvent::Output(_) | RunEvent::Step(_) => self.write(index, &event)?,
            }
            // The last word waits for `close`: whoever reads it finds settled what the answer used.
            let gathered = self.passed.len() + self.out.len();
            if self.over || (gathered >= BATCH && !self.runs.done()) {
                return Ok(());
            }
            // What an upstream says in its own words comes in pieces that are gathered already.
            let ready = match event {
                RunEvent::Output(OutputEvent::Verbatim(_)) => None,
                RunEvent::Output(_) | RunEvent::Step(_) => self.runs.next_ready(),
            };
            next = match ready {
                Some((index, event)) => Next::Event(index, event),
                None if self.is_empty() || self.runs.done() => self.wait().await,
                None if !self.has_written => return Ok(()),
                None => {
                    others_first().await;
                    match self.runs.next_ready() {
                        Some((index, event)) => Next::Event(index, event),
                        None => return Ok(()),
                    }
                }
            };
        }
        let (writer, out) = self.out();
        writer.finish(out)?;
        self.close();
        Ok(())
    }

    fn write(&mut self, index: usize, event: &RunEvent) -> Result<(), RunError> {
        if let RunEvent::Output(OutputEvent::Verbatim(said)) = event
            && self.is_empty()
            && self.writer.passes(said)
        {
            self.passed = said.bytes.clone();
            return Ok(());
        }
        let (writer, out) = self.out();
        writer.event(index, event, out)
    }

    async fn wait(&mut self) -> Next {
        self.runs.next_or_silence(&mut self.heartbeat).await
    }

    /// Writes the end of one run. What has to be kept is kept before the client reads of it;
    /// where that fails, so does the answer.
    async fn end(&mut self, index: usize, end: &RunEnd, event: &RunEvent) -> Result<(), RunError> {
        if let Outcome::Failed(error) = &end.outcome {
            self.fail(error, end.usage);
            // The failure is the news, whether or not what there is could be kept.
            if let Err(error) = self.writer.keep().await {
                self.failures.note(error);
            }
            return Ok(());
        }
        let (writer, out) = self.out();
        let before = out.len();
        writer.event(index, event, out)?;
        if let Err(error) = self.writer.keep().await {
            self.out.truncate(before);
            let told = internal(&error.to_string());
            self.failures.note(error);
            self.tell(&told, end.usage);
        }
        Ok(())
    }

    /// The answer has failed.
    fn fail(&mut self, error: &RunError, usage: Option<Usage>) {
        self.failures.note(error.clone().into());
        self.tell(error, usage);
    }

    /// Says that the answer failed, as its last word.
    fn tell(&mut self, error: &RunError, usage: Option<Usage>) {
        let (writer, out) = self.out();
        if let Err(error) = writer.fail(error, usage, out) {
            self.failures.note(error.into());
        }
        self.close();
    }

    fn close(&mut self) {
        self.runs.close();
        self.out().1.put_slice(DONE);
        self.over = true;
    }
}

/// Turns that the other tasks of a thread get before a write. One is not enough: a connection may ask
/// for more of its answer again before its turn is over.
const TURNS: u32 = 2;

/// Lets the other tasks of this thread run. What they have for an answer by then goes out in the same
/// write as what is there already: writes are most of what a busy server spends on a stream. A thread
/// that has nothing else to do is back at once.
async fn others_first() {
    let mut left = TURNS;
    poll_fn(|cx| {
        let Some(less) = left.checked_sub(1) else {
            return Poll::Ready(());
        };
        left = less;
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

fn internal(message: &str) -> RunError {
    RunError::new(RunErrorKind::Internal, message)
}
