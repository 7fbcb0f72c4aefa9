// SPDX-License-Identifier: Apache-2.0
//! The threads that serve connections: one for each processor, each with a runtime of its own.
//!
//! A connection stays on its thread. Between threads that share their work, most requests wake a
//! thread that sleeps, only to find that another one has served them: for requests as short as
//! ours that is a third of their cost (`cargo xtask bench echo`). Work that could hold up a
//! thread's other connections runs on threads that may block, see `lukhas_engine::Engine`.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};

use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

/// Threads that serve connections. Dropping it ends them, and what still runs there.
#[derive(Debug)]
pub(crate) struct Workers(Vec<Worker>);

#[derive(Debug)]
struct Worker {
    runtime: Handle,
    connections: Arc<AtomicUsize>,
    /// Ends the thread when dropped.
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// A connection's place on a thread; given back when dropped.
#[derive(Debug)]
pub(crate) struct Place {
    runtime: Handle,
    connections: Arc<AtomicUsize>,
}

impl Workers {
    /// As many threads as this process may use at a time.
    ///
    /// # Errors
    /// When a thread cannot be started.
    pub(crate) fn start() -> io::Result<Self> {
        let count = thread::available_parallelism().map_or(1, usize::from);
        let workers: io::Result<Vec<_>> = (0..count).map(|_| Worker::start()).collect();
        workers.map(Self)
    }

    /// A place on the thread with the fewest connections.
    pub(crate) fn place(&self) -> Option<Place> {
        let load = |worker: &&Worker| worker.connections.load(Ordering::Relaxed);
        let worker = self.0.iter().min_by_key(load)?;
        worker.connections.fetch_add(1, Ordering::Relaxed);
        Some(Place {
            runtime: worker.runtime.clone(),
            connections: Arc::clone(&worker.connections),
        })
    }
}

impl Worker {
    fn start() -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel::<()>();
        let thread = thread::Builder::new().name("lukhas".to_owned());
        let thread = thread.spawn(move || {
            // Either way the sender is gone.
            let _ = runtime.block_on(stopped);
            // Work on blocking threads belongs to runs that have ended or were cut: nobody waits
            // for it.
            runtime.shutdown_background();
        })?;
        Ok(Self {
            runtime: handle,
            connections: Arc::default(),
            stop: Some(stop),
            thread: Some(thread),
        })
    }
}

impl Place {
    /// The runtime of the thread.
    pub(crate) fn runtime(&self) -> &Handle {
        &self.runtime
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.stop = None;
        if let Some(Err(_)) = self.thread.take().map(JoinHandle::join) {
            tracing::error!("a thread that serves connections had failed");
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.connections.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_go_to_the_thread_with_the_fewest() {
        let workers = Workers((0..3).map(|_| Worker::start().unwrap()).collect());
        let mut places: Vec<_> = (0..6).map(|_| workers.place().unwrap()).collect();
        let load = || {
            let counts = workers.0.iter();
            counts.map(|worker| worker.connections.load(Ordering::Relaxed))
        };
        assert!(load().all(|connections| connections == 2));
        let freed = places.swap_remove(0).runtime().id();
        assert_eq!(workers.place().unwrap().runtime().id(), freed);
    }

    #[test]
    fn dropping_them_ends_what_runs_there() {
        let workers = Workers::start().unwrap();
        let place = workers.place().unwrap();
        let runtime = place.runtime().clone();
        let (sender, receiver) = std::sync::mpsc::channel::<()>();
        let task = async move {
            std::future::pending::<()>().await;
            drop(sender);
        };
        let task = runtime.spawn(task);
        drop(workers);
        assert!(receiver.recv().is_err());
        assert!(task.is_finished());
    }
}
