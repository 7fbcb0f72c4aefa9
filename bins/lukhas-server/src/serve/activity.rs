// SPDX-License-Identifier: Apache-2.0
//! What a connection is doing, as its timeouts see it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Waker};
use std::time::Duration;

use tokio::time::Instant;

/// Most bytes of what HTTP/2 writes by itself between requests: pings and their like.
const CONTROL: usize = 64;

/// How long a connection may be in a phase.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    /// From the first byte of a request to the end of its headers.
    pub(crate) header: Duration,
    /// Without a request.
    pub(crate) idle: Duration,
}

/// What a connection is doing. Shared between its bytes, its requests and the task that times it.
#[derive(Debug)]
pub(crate) struct Activity(Mutex<State>);

#[derive(Debug)]
struct State {
    phase: Phase,
    http2: bool,
    /// It is to close when it is at rest.
    drains: bool,
    /// At the end, more bytes may come from the client.
    lingers: bool,
    /// A request has begun, and its answer may not have left whole.
    owes_answer: bool,
    waker: Option<Waker>,
}

/// What a connection is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// It is new and no byte has come.
    New(Instant),
    /// The head of a request is on its way.
    Head(Instant),
    /// That many requests are under way.
    Busy(usize),
    /// The last request has ended, and was still being written at this instant; no byte of the next
    /// has come. One that came with the last request is noticed when another follows it.
    Idle(Instant),
}

/// A request under way; until it is dropped its connection is busy.
#[derive(Debug)]
pub(crate) struct RequestGuard(Arc<Activity>);

impl Activity {
    /// A connection that has just been accepted.
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self(Mutex::new(State {
            phase: Phase::New(Instant::now()),
            http2: false,
            drains: false,
            lingers: true,
            owes_answer: false,
            waker: None,
        })))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // The state is whole between any two statements, so a panic elsewhere does not spoil it.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Bytes have come; none means that the client has closed its side.
    pub(crate) fn read(&self, bytes: usize) {
        let mut state = self.state();
        if bytes == 0 {
            state.lingers = false;
            return;
        }
        match state.phase {
            // The clock of a first request runs from the connection: whoever connects wants to ask.
            Phase::New(since) => state.phase = Phase::Head(since),
            // Between requests HTTP/2 sends pings and window updates, which begin nothing.
            Phase::Idle(_) if !state.http2 => state.phase = Phase::Head(Instant::now()),
            Phase::Idle(_) | Phase::Head(_) | Phase::Busy(_) => {}
        }
    }

    /// Bytes have gone. Until the rest of an answer has, the connection is not at rest, although
    /// the request has ended: it was done when hyper had taken the last of it.
    pub(crate) fn wrote(&self, bytes: usize) {
        let mut state = self.state();
        if let Phase::Idle(since) = &mut state.phase
            && bytes > CONTROL
        {
            *since = Instant::now();
        }
    }

    /// The head of a request is complete.
    pub(crate) fn request(self: &Arc<Self>, http2: bool) -> RequestGuard {
        let mut state = self.state();
        state.http2 = http2;
        state.owes_answer = true;
        state.phase = match state.phase {
            Phase::Busy(requests) => Phase::Busy(requests + 1),
            Phase::New(_) | Phase::Head(_) | Phase::Idle(_) => Phase::Busy(1),
        };
        RequestGuard(Arc::clone(self))
    }

    /// All that was to be written has been. Gives whether that is the whole of every answer.
    pub(crate) fn flushed(&self) -> bool {
        let mut state = self.state();
        if !matches!(state.phase, Phase::Busy(_)) {
            state.owes_answer = false;
        }
        !state.owes_answer
    }

    /// Whether what is written next may belong to the answer to a request.
    ///
    /// A request ends when hyper has taken the last of its answer, which it has yet to write: so
    /// the answer is owed until the first flush after that.
    pub(crate) fn owes_answer(&self) -> bool {
        self.state().owes_answer
    }

    /// What it is doing; a change from outside of the task that polls wakes that task.
    pub(crate) fn poll_phase(&self, cx: &Context<'_>) -> Phase {
        let mut state = self.state();
        match &mut state.waker {
            Some(waker) => waker.clone_from(cx.waker()),
            none => *none = Some(cx.waker().clone()),
        }
        state.phase
    }

    /// The connection is to close when it is at rest.
    pub(crate) fn drain(&self) {
        self.state().drains = true;
    }

    /// Whether the connection is to close when it is at rest.
    pub(crate) fn drains(&self) -> bool {
        self.state().drains
    }

    /// The connection is closed between two requests: nothing of the client is on its way.
    pub(crate) fn close_at_rest(&self) {
        self.state().lingers = false;
    }

    /// Whether more bytes may come from the client although we close.
    pub(crate) fn lingers(&self) -> bool {
        self.state().lingers
    }
}

impl Phase {
    /// When the connection has been in it for too long.
    pub(crate) fn deadline(self, patience: Patience) -> Option<Instant> {
        match self {
            Self::New(since) | Self::Head(since) => Some(since + patience.header),
            Self::Idle(since) => Some(since + patience.idle),
            Self::Busy(_) => None,
        }
    }
}

impl RequestGuard {
    /// The connection of the request.
    pub(crate) fn activity(&self) -> &Activity {
        &self.0
    }
}

impl Drop for RequestGuard {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.phase = match state.phase {
            Phase::Busy(requests) if requests > 1 => Phase::Busy(requests - 1),
            Phase::Busy(_) | Phase::New(_) | Phase::Head(_) | Phase::Idle(_) => {
                Phase::Idle(Instant::now())
            }
        };
        // HTTP/2 runs requests in tasks of their own.
        let waker = if state.http2 {
            state.waker.take()
        } else {
            None
        };
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

#[cfg(test)]
mod tests;
