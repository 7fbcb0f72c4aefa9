// SPDX-License-Identifier: Apache-2.0
//! HTTP/2 streams: the tasks hyper wants for them, tracked, and ended when nobody reads.
//!
//! A stalled HTTP/2 client need not stall its socket: it grants one stream no window and goes on
//! with the others. hyper then stops asking that answer for more, and nothing else happens. So each
//! answer notes whether it waits for its upstream or for its client, and its task ends when that is
//! the client for too long.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hyper::rt::Executor;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};

tokio::task_local! {
    static WAITING: Arc<Waiting>;
}

/// Since when the answer of this task waits for its client.
#[derive(Debug, Default)]
pub(crate) struct Waiting(Mutex<Option<Instant>>);

/// Runs the streams of one connection.
#[derive(Clone, Debug)]
pub(crate) struct Streams {
    tasks: Arc<Mutex<JoinSet<()>>>,
    patience: Duration,
}

/// Ends the streams of a connection when dropped.
#[derive(Debug)]
pub(crate) struct StreamsGuard(Streams);

impl Waiting {
    /// The answer of this task has given something, which its client has to take.
    pub(crate) fn for_client() {
        Self::set(|| Some(Instant::now()));
    }

    /// The answer of this task is asked for more.
    pub(crate) fn for_upstream() {
        Self::set(|| None);
    }

    fn set(since: impl FnOnce() -> Option<Instant>) {
        // HTTP/1 answers have no task of their own, and no need of one: their socket stalls.
        let _ = WAITING.try_with(|waiting| *waiting.get() = since());
    }

    fn get(&self) -> MutexGuard<'_, Option<Instant>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends when the answer has waited for its client for `patience`.
    async fn exceeded(&self, patience: Duration) {
        loop {
            let since = *self.get();
            match since {
                None => sleep(patience).await,
                Some(since) if since.elapsed() >= patience => return,
                Some(since) => sleep_until(since + patience).await,
            }
        }
    }
}

impl Streams {
    /// No streams; of those that come, each may wait for its client for `patience`.
    pub(crate) fn new(patience: Duration) -> Self {
        Self {
            tasks: Arc::default(),
            patience,
        }
    }

    /// Ends all of them when dropped: they hold this value, so nothing else would.
    pub(crate) fn guard(&self) -> StreamsGuard {
        StreamsGuard(self.clone())
    }

    fn tasks(&self) -> MutexGuard<'_, JoinSet<()>> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<F> Executor<F> for Streams
where
    F: Future + Send + 'static,
{
    fn execute(&self, stream: F) {
        let waiting = Arc::new(Waiting::default());
        let patience = self.patience;
        let mut tasks = self.tasks();
        while tasks.try_join_next().is_some() {}
        tasks.spawn(async move {
            tokio::select! {
                _ = WAITING.scope(Arc::clone(&waiting), stream) => {}
                // Dropping the stream resets it and cancels what runs under it.
                () = waiting.exceeded(patience) => {
                    tracing::info!("a stream was reset: its client reads nothing of it");
                }
            }
        });
    }
}

impl Drop for StreamsGuard {
    fn drop(&mut self) {
        self.0.tasks().abort_all();
    }
}
