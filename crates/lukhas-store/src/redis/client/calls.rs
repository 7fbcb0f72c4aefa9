// SPDX-License-Identifier: Apache-2.0
//! What is asked over one connection, and not yet answered.

use std::collections::HashSet;
use std::future::{pending, poll_fn, ready};
use std::task::Poll;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use redis::aio::MultiplexedConnection;
use redis::{RedisResult, Script, Value};
use tokio::time::error::Elapsed;
use tokio::time::timeout;

use super::Job;
use crate::redis::connection::trouble;
use crate::redis::error::Failure;

/// Calls that are sent in their order, and answered as it comes. Whatever goes wrong with one ends them
/// all: so nothing is waited for twice.
pub(super) struct Calls {
    commands: MultiplexedConnection,
    /// Most time for each.
    limit: Duration,
    /// The scripts that this connection has brought along.
    known: HashSet<&'static str>,
    running: FuturesUnordered<Running>,
}

/// One call on its way.
type Running = BoxFuture<'static, Result<(), Failure>>;

impl Calls {
    /// None, over `commands`, to be answered within `limit` each.
    pub(super) fn new(commands: MultiplexedConnection, limit: Duration) -> Self {
        Self {
            commands,
            limit,
            known: HashSet::new(),
            running: FuturesUnordered::new(),
        }
    }

    /// Sends what `job` asks, before anything that is started later. Where its script is new, that goes
    /// ahead: were it asked for only when it is missing, others would overtake it.
    pub(super) async fn start(&mut self, job: Job) {
        let (commands, limit) = (self.commands.clone(), self.limit);
        let script = job.question.script;
        if self.known.insert(script.get_hash()) {
            self.send(Box::pin(load(commands.clone(), script, limit)))
                .await;
        }
        self.send(Box::pin(execute(commands, job, limit))).await;
    }

    /// Asks for a sign of life.
    pub(super) async fn ping(&mut self) {
        let ping = ping(self.commands.clone(), self.limit);
        self.send(Box::pin(ping)).await;
    }

    /// Waits for the next answer; for ever while there is none to come.
    pub(super) async fn next(&mut self) -> Result<(), Failure> {
        match self.running.next().await {
            Some(result) => result,
            None => pending().await,
        }
    }

    /// Waits for all that are started.
    pub(super) async fn finish(&mut self) {
        while self.running.next().await.is_some() {}
    }

    /// Calls are sent when they are first looked at, so that happens here.
    async fn send(&mut self, mut call: Running) {
        match poll_fn(|cx| Poll::Ready(call.as_mut().poll(cx))).await {
            Poll::Ready(result) => self.running.push(Box::pin(ready(result))),
            Poll::Pending => self.running.push(call),
        }
    }
}

async fn execute(
    mut commands: MultiplexedConnection,
    job: Job,
    limit: Duration,
) -> Result<(), Failure> {
    let invocation = &job.question.invocation;
    let answered = timeout(limit, invocation.invoke_async(&mut commands)).await;
    let answer = in_time(answered)?;
    job.answer(answer);
    Ok(())
}

async fn load(
    mut commands: MultiplexedConnection,
    script: &'static Script,
    limit: Duration,
) -> Result<(), Failure> {
    in_time(timeout(limit, script.load_async(&mut commands)).await).map(drop)
}

async fn ping(mut commands: MultiplexedConnection, limit: Duration) -> Result<(), Failure> {
    let ping = redis::cmd("PING");
    let answered = timeout(limit, ping.query_async(&mut commands)).await;
    in_time::<Value>(answered).map(drop)
}

fn in_time<T>(answered: Result<RedisResult<T>, Elapsed>) -> Result<T, Failure> {
    let answered = answered.map_err(|_| Failure::down("it does not answer in time"))?;
    answered.map_err(|error| trouble(&error))
}
