// SPDX-License-Identifier: Apache-2.0
//! Heavy answers, made where they hold up nobody else.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::thread::available_parallelism;

use futures_core::Stream;
use lukhas_core::{BoxFuture, Item, OutputEvent, OutputFormat, RunError, RunErrorKind, RunRequest};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;

use super::failed;
use crate::stream::AnswerStream;

/// Bytes of a conversation that are answered in place: some 100 us of work.
const LIGHT_BYTES: usize = 16 << 10;

/// Items of a conversation that are answered in place.
const LIGHT_ITEMS: usize = 256;

/// Whether the work for `request` may take longer than other requests of the thread should wait.
///
/// What a schema costs does not show in its size, so a request with one always may.
pub(super) fn is_heavy(request: &RunRequest) -> bool {
    let has_schema = match &request.format {
        OutputFormat::Text | OutputFormat::JsonObject => false,
        OutputFormat::JsonSchema { .. } => true,
    };
    if has_schema || request.tools.iter().any(|tool| tool.parameters.is_some()) {
        return true;
    }
    let instructions = request.instructions.as_deref().map_or(0, str::len);
    let items = request.items.iter().flat_map(Item::texts).map(str::len);
    request.items.len() > LIGHT_ITEMS || instructions + items.sum::<usize>() > LIGHT_BYTES
}

/// Places for heavy work: as many at a time as there are processors; more waits its turn.
#[derive(Debug)]
pub(crate) struct Planners(Arc<Semaphore>);

impl Planners {
    /// The result of `work`, which runs on a thread that may block.
    ///
    /// Dropping the future before the work has begun takes it back; work that has begun comes to
    /// its end, which the engine's bounds keep near, and its result is thrown away.
    pub(crate) fn plan<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> BoxFuture<'static, Result<T, RunError>> {
        let Ok(runtime) = Handle::try_current() else {
            return Box::pin(std::future::ready(Ok(work())));
        };
        let places = Arc::clone(&self.0);
        Box::pin(async move {
            // The semaphore is never closed.
            let place = places.acquire_owned().await.map_err(|_| broken())?;
            let planned = runtime.spawn_blocking(move || {
                let result = work();
                drop(place);
                result
            });
            planned.await.map_err(|_| broken())
        })
    }
}

impl Default for Planners {
    fn default() -> Self {
        let places = available_parallelism().map_or(1, usize::from);
        Self(Arc::new(Semaphore::new(places)))
    }
}

fn broken() -> RunError {
    let message = "The engine could not make its answer.";
    RunError::new(RunErrorKind::Internal, message)
}

/// An answer that is on its way, then its events.
pub(super) struct PlannedStream(State);

enum State {
    Planning(BoxFuture<'static, Result<AnswerStream, RunError>>),
    Answering(Box<AnswerStream>),
}

impl PlannedStream {
    /// The events of `answer`.
    pub(super) fn new(answer: BoxFuture<'static, Result<AnswerStream, RunError>>) -> Self {
        Self(State::Planning(answer))
    }
}

impl Stream for PlannedStream {
    type Item = OutputEvent;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<OutputEvent>> {
        loop {
            match &mut self.0 {
                State::Planning(answer) => {
                    let answer = ready!(answer.as_mut().poll(cx));
                    self.0 = State::Answering(Box::new(answer.unwrap_or_else(failed)));
                }
                State::Answering(answer) => return Pin::new(&mut **answer).poll_next(cx),
            }
        }
    }
}
