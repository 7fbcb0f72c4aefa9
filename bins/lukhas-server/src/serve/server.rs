// SPDX-License-Identifier: Apache-2.0
//! The accept loop, and its end.

use std::convert::Infallible;
use std::io;
use std::net::IpAddr;
use std::time::Duration;

use hyper::body::{Body, Incoming};
use hyper::service::Service;
use hyper::{Request, Response};
use lukhas_gateway::Peer;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::{JoinError, JoinSet};
use tokio::time::timeout;

use super::connection::{self, Answers, ConnectionLimits, Stage};
use super::listener::Listener;
use super::workers::Workers;

/// Accepts connections and serves them with its answers.
///
/// When `max_connections` are open, further ones are left in the kernel's queue: a burst waits
/// instead of failing, and every open connection is bound to end, by the timeouts at the latest.
#[derive(Debug)]
pub(crate) struct Server<S> {
    listener: Listener,
    answers: Answers<S>,
    limits: ConnectionLimits,
    max_connections: usize,
    connections: JoinSet<()>,
    stage: watch::Sender<Stage>,
    workers: Workers,
}

impl<S, B> Server<S>
where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible>,
    S: Clone + Send + 'static,
    S::Future: Send + 'static,
    B: Body + Unpin + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    /// A server that has not accepted anything yet.
    ///
    /// # Errors
    /// When its threads cannot be started.
    pub(crate) fn new(
        listener: Listener,
        answers: Answers<S>,
        limits: ConnectionLimits,
        max_connections: usize,
    ) -> io::Result<Self> {
        Ok(Self {
            listener,
            answers,
            limits,
            max_connections,
            connections: JoinSet::new(),
            stage: watch::Sender::new(Stage::Open),
            workers: Workers::start()?,
        })
    }

    /// Serves until `end` resolves. Connections live on and are served by the next call.
    pub(crate) async fn serve_until<T>(&mut self, end: impl Future<Output = T>) -> T {
        tokio::pin!(end);
        loop {
            let full = self.connections.len() >= self.max_connections;
            tokio::select! {
                biased;
                output = &mut end => return output,
                Some(joined) = self.connections.join_next() => report(joined),
                (stream, peer) = self.listener.accept(), if !full => {
                    if let Err(error) = self.spawn(stream, peer) {
                        tracing::warn!(%error, "a connection could not be handed to its thread");
                    }
                }
            }
        }
    }

    /// Serves `stream` on one of the threads. It leaves the runtime it was accepted on for good: the
    /// thread's own watches its socket.
    fn spawn(&mut self, stream: TcpStream, peer: IpAddr) -> io::Result<()> {
        let stream = stream.into_std()?;
        let Some(place) = self.workers.place() else {
            return Err(io::Error::other("there is no thread"));
        };
        let (answers, limits, stage) = (self.answers.clone(), self.limits, self.stage.subscribe());
        let runtime = place.runtime().clone();
        let connection = async move {
            let _place = place;
            let served = match TcpStream::from_std(stream) {
                Ok(stream) => connection::serve(stream, Peer(peer), answers, limits, stage).await,
                Err(error) => Err(error.into()),
            };
            if let Err(error) = served {
                tracing::debug!(%error, "a connection ended early");
            }
        };
        self.connections.spawn_on(connection, &runtime);
        Ok(())
    }

    /// From now on connections close when they are at rest; new ones serve one request.
    pub(crate) fn drain(&self) {
        self.stage.send_replace(Stage::Draining);
    }

    /// Accepts no more, closes every connection that is at rest, and waits for the others, at most
    /// for `patience`. Those that are left then are cut.
    pub(crate) async fn close(self, patience: Duration) {
        let Self {
            listener,
            stage,
            mut connections,
            workers,
            ..
        } = self;
        drop(listener);
        stage.send_replace(Stage::Closing);
        let all = async {
            while let Some(joined) = connections.join_next().await {
                report(joined);
            }
        };
        if timeout(patience, all).await.is_err() {
            let left = connections.len();
            tracing::warn!(left, "connections were cut: their clients took too long");
        }
        drop(workers);
    }
}

/// A panic ends its connection and nothing else.
fn report(joined: Result<(), JoinError>) {
    if let Err(error) = joined {
        tracing::error!(%error, "a connection's task failed");
    }
}
