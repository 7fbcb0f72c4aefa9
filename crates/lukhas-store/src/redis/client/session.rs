// SPDX-License-Identifier: Apache-2.0
//! One session after the other.

use std::sync::mpsc::Sender;
use std::sync::{Arc, Weak};
use std::time::Duration;

use lukhas_reliability::{Attempt, Backoff, BackoffConfig, Jitter};
use tokio::sync::mpsc::Receiver;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};

use super::calls::Calls;
use super::{BEAT, Call, Job, State, Tenant};
use crate::redis::RedisError;
use crate::redis::connection::{Connection, Target};
use crate::redis::error::Failure;

/// Waits between two attempts to connect: none after a session that lasted, and then up to a second, so
/// that a Redis that is back is soon found.
const WAITS: BackoffConfig = BackoffConfig {
    base: 0.05,
    factor: 2.0,
    max: 1.0,
    jitter: Jitter::Shorten(0.5),
};

/// A session that was so long has lasted: what ended it is not there from the start.
const LASTED: Duration = Duration::from_secs(5);

/// Keeps a connection, and makes another when it ends.
pub(super) struct Keeper {
    pub(super) target: Target,
    pub(super) timeout: Duration,
    pub(super) state: Arc<State>,
    pub(super) jobs: Receiver<Job>,
}

/// A session, from its beginning.
struct Session {
    number: u64,
    connection: Connection,
    /// What comes first in it.
    first: Vec<Job>,
}

/// How long to wait before each attempt to connect.
#[derive(Default)]
struct Waits(Option<Attempt>);

/// How a session ended.
enum Ended {
    /// Nobody asks any more.
    Unwanted,
    Failed(Failure),
}

impl Waits {
    fn next(&mut self) -> Duration {
        let backoff = Backoff::new(WAITS).unwrap_or_default();
        let wait = match self.0 {
            None => Duration::ZERO,
            Some(attempt) => backoff.delay(attempt, &mut rand::rng()),
        };
        self.0 = Some(self.0.map_or(Attempt::FIRST, |attempt| attempt.next(wait)));
        wait
    }
}

impl Keeper {
    /// Keeps connections until nobody asks any more. Says in `first` how the first attempt went.
    pub(super) async fn run(mut self, first: Sender<Result<(), RedisError>>) {
        // Whoever waits for the first attempt has gone only if it is told already.
        let tell = |result| drop(first.send(result));
        let mut connected = match self.target.connect().await {
            Ok(connection) => Ok(connection),
            Err(failure) => Err(self.target.explain(failure).await),
        };
        if let Err(Failure::Unfit(error)) = connected {
            return tell(Err(error));
        }
        let mut waits = Waits::default();
        loop {
            let ended = match connected {
                Ok(connection) => {
                    let session = self.begin(connection);
                    tell(Ok(()));
                    let begun = Instant::now();
                    let ended = self.serve(session).await;
                    if begun.elapsed() >= LASTED {
                        waits = Waits::default();
                    }
                    ended
                }
                Err(failure) => {
                    tell(Ok(()));
                    Ended::Failed(failure)
                }
            };
            let Ended::Failed(failure) = ended else {
                return;
            };
            let Some(connection) = self.wait_for(failure, &mut waits).await else {
                return;
            };
            tracing::info!(redis = %self.target.url, "redis can be asked again");
            connected = Ok(connection);
        }
    }

    /// Connects again, as often as it takes; `None` when nobody asks any more.
    async fn wait_for(&mut self, mut failure: Failure, waits: &mut Waits) -> Option<Connection> {
        let mut told = String::new();
        loop {
            if told != failure.reason() {
                failure.reason().clone_into(&mut told);
                tracing::error!(redis = %self.target.url, reason = told, "redis cannot be asked");
            }
            let target = &self.target;
            let wait = waits.next();
            let connecting = async {
                sleep(wait).await;
                target.connect().await
            };
            tokio::pin!(connecting);
            let connected = loop {
                tokio::select! {
                    connected = &mut connecting => break connected,
                    // Dropped: it was meant for the session that has ended.
                    job = self.jobs.recv() => drop(job?),
                }
            };
            match connected {
                Ok(connection) => return Some(connection),
                Err(again) => failure = again,
            }
        }
    }

    /// Begins a session over `connection`.
    fn begin(&self, connection: Connection) -> Session {
        for warning in &connection.warnings {
            tracing::warn!(redis = %self.target.url, "{warning}");
        }
        let number = rand::random::<u64>() | 1;
        let mut tenants = self.state.tenants();
        tenants.retain(|tenant| tenant.strong_count() > 0);
        // From here on they can ask, and what they ask comes after what they say first.
        self.state.set_session(number);
        let first = calls(&tenants, number, |tenant| tenant.open(number));
        Session {
            number,
            connection,
            first,
        }
    }

    /// Has everything that is asked in `session` answered, until it ends.
    async fn serve(&mut self, session: Session) -> Ended {
        let Session {
            number,
            connection,
            first,
        } = session;
        let (commands, mut driver) = (connection.commands, connection.driver);
        let (limit, state) = (self.timeout, Arc::clone(&self.state));
        let mut running = Calls::new(commands, limit);
        for job in first {
            running.start(job).await;
        }
        let mut beats = interval(BEAT);
        beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let ended = loop {
            tokio::select! {
                job = self.jobs.recv() => match job {
                    Some(job) if job.session == number => running.start(job).await,
                    Some(other) => drop(other),
                    None => break Ended::Unwanted,
                },
                result = running.next() => if let Err(failure) = result {
                    break Ended::Failed(failure);
                },
                () = &mut driver => break Ended::Failed(Failure::down("it closed the connection")),
                _ = beats.tick() => {
                    let jobs = calls(&state.tenants(), number, Tenant::beat);
                    for job in jobs {
                        running.start(job).await;
                    }
                    running.ping().await;
                }
            }
        };
        self.state.set_session(0);
        if matches!(ended, Ended::Unwanted) {
            // Each has its own time limit.
            tokio::select! {
                () = running.finish() => {}
                () = &mut driver => {}
            }
        }
        ended
    }
}

/// What all of `tenants` have to say in a session.
fn calls(
    tenants: &[Weak<dyn Tenant>],
    session: u64,
    say: impl Fn(Arc<dyn Tenant>) -> Vec<Call>,
) -> Vec<Job> {
    let tenants = tenants.iter().filter_map(Weak::upgrade);
    let calls = tenants.flat_map(say);
    calls.map(|call| Job::new(session, call)).collect()
}
