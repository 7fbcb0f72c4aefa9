// SPDX-License-Identifier: Apache-2.0
//! A Redis that comes and goes: one connection at a time, and what is asked over it.
//!
//! A thread of its own keeps the connection, so that it belongs to no request and to no thread that
//! serves them. A connection is a *session*: whatever goes wrong with it ends it, and the next one
//! begins when the Redis works again. Nothing is asked while there is none, so a Redis that is gone
//! costs no request its time.

mod calls;
mod session;

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use futures_util::FutureExt;
use lukhas_reliability::Unreachable;
use redis::Value;
use tokio::runtime::Builder;
use tokio::sync::{mpsc, oneshot};

use self::session::Keeper;
use super::connection::{Target, trust};
use super::script::Question;
use super::{RedisError, RedisUrl};

/// Most calls that wait to be sent.
const WAITING: usize = 16_384;

/// How a [`Redis`] is reached.
#[derive(Debug)]
pub struct RedisOptions {
    /// Where it is, and who asks it.
    pub url: RedisUrl,
    /// Certificate authorities in PEM form, to trust instead of the public ones.
    pub ca: Option<Vec<u8>>,
    /// What the name of each key begins with; `:` follows. Replicas that have it in common share.
    pub prefix: String,
    /// Most time until there is a connection.
    pub connect: Duration,
    /// Most time for a command.
    pub timeout: Duration,
}

/// A Redis or Valkey that replicas share. Clones are one.
///
/// It need not be there: what needs it fails at once while it is not, and works again when it is.
#[derive(Clone)]
pub struct Redis(Arc<Client>);

/// What is asked, and who is told of the answer.
pub(super) struct Call {
    pub(super) question: Question,
    pub(super) reply: Reply,
}

/// Is told of an answer, on the thread of the connection or on the one that asked.
///
/// INVARIANT: answers of a session are told before the next one begins, or not at all.
pub(super) type Reply = Box<dyn FnOnce(Asked) + Send>;

/// What comes of a question.
pub(super) type Asked = Result<Value, Unreachable>;

/// What is asked of one session. Dropped before its time, it cannot be had.
struct Job {
    session: u64,
    question: Question,
    reply: Option<Reply>,
}

/// What has something in a Redis for as long as a session lasts.
pub(super) trait Tenant: Send + Sync {
    /// A session begins; what was asked of the ones before it counts no more. These come first in it.
    fn open(self: Arc<Self>, session: u64) -> Vec<Call>;

    /// The session goes on; what there is to be said again, every [second](BEAT).
    fn beat(self: Arc<Self>) -> Vec<Call>;
}

/// Between two signs of life.
pub(super) const BEAT: Duration = Duration::from_secs(1);

pub(super) struct Client {
    prefix: String,
    state: Arc<State>,
    /// `None` once it is dropped.
    jobs: Option<mpsc::Sender<Job>>,
    thread: Option<JoinHandle<()>>,
}

/// What the thread of the connection shows of itself.
pub(super) struct State {
    /// The number of the session; 0 while there is none.
    session: AtomicU64,
    tenants: Mutex<Vec<Weak<dyn Tenant>>>,
}

impl Redis {
    /// The Redis that `options` name. Waits until it is known whether it will do, at most for twice
    /// `connect`; one that is not there yet may come later.
    ///
    /// # Errors
    /// [`RedisError`] when it will not do, however long one waits: what answers is no Redis, or too
    /// old a one, or refuses the password.
    pub fn open(options: RedisOptions) -> Result<Self, RedisError> {
        let target = Target {
            trust: trust(options.ca.as_deref())?,
            probe: format!("{}:probe", options.prefix),
            url: options.url,
            patience: options.connect,
        };
        let (jobs, receiver) = mpsc::channel(WAITING);
        let state = Arc::new(State {
            session: AtomicU64::new(0),
            tenants: Mutex::default(),
        });
        let keeper = Keeper {
            target,
            timeout: options.timeout,
            state: Arc::clone(&state),
            jobs: receiver,
        };
        let (sender, first) = std::sync::mpsc::channel();
        let system = |error: std::io::Error| {
            let help = "the machine has too few threads or files";
            RedisError::new(format!("it cannot be watched: {error}"), help)
        };
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(system)?;
        let thread = thread::Builder::new().name("redis".to_owned());
        let thread = thread.spawn(move || runtime.block_on(keeper.run(sender)));
        let thread = thread.map_err(system)?;
        let client = Client {
            prefix: options.prefix,
            state,
            jobs: Some(jobs),
            thread: Some(thread),
        };
        match first.recv() {
            Ok(Err(unfit)) => Err(unfit),
            Ok(Ok(())) | Err(_) => Ok(Self(Arc::new(client))),
        }
    }

    /// Whether it can be asked now.
    ///
    /// # Errors
    /// [`Unreachable`] when it cannot. The log says why.
    pub fn check(&self) -> Result<(), Unreachable> {
        match self.0.state.session() {
            0 => Err(away()),
            _ => Ok(()),
        }
    }

    pub(super) fn client(&self) -> &Arc<Client> {
        &self.0
    }
}

impl Client {
    /// What the name of each key begins with.
    pub(super) fn prefix(&self) -> &str {
        &self.prefix
    }

    /// The number of the session, if there is one.
    pub(super) fn session(&self) -> Option<u64> {
        Some(self.state.session()).filter(|it| *it != 0)
    }

    /// Has `tenant` take part in this session, if there is one, and in all that follow.
    pub(super) fn add(&self, tenant: &Arc<dyn Tenant>) {
        let mut tenants = self.state.tenants();
        if let Some(session) = self.session() {
            for call in Arc::clone(tenant).open(session) {
                self.submit(session, call);
            }
        }
        tenants.push(Arc::downgrade(tenant));
    }

    /// Has `call` answered in `session`, after everything that was submitted before. Waits for nothing.
    pub(super) fn submit(&self, session: u64, call: Call) {
        if let Err(call) = self.try_submit(session, call) {
            (call.reply)(Err(away()));
        }
    }

    /// The same, for callers whose locks the reply takes, too.
    ///
    /// # Errors
    /// The call, when it cannot be had.
    pub(super) fn try_submit(&self, session: u64, call: Call) -> Result<(), Call> {
        let jobs = self.jobs.as_ref();
        let jobs = jobs.filter(|_| self.session() == Some(session));
        match jobs.map(mpsc::Sender::try_reserve) {
            Some(Ok(place)) => {
                place.send(Job::new(session, call));
                Ok(())
            }
            Some(Err(_)) | None => Err(call),
        }
    }

    /// What a script answers, in whichever session there is.
    pub(super) fn ask(&self, question: Question) -> impl Future<Output = Asked> + Send + use<> {
        self.ask_in(self.state.session(), question)
    }

    /// What a script answers in `session`. It is asked now, whether or not anybody waits.
    pub(super) fn ask_in(
        &self,
        session: u64,
        question: Question,
    ) -> impl Future<Output = Asked> + Send + use<> {
        let (sender, receiver) = oneshot::channel();
        let reply = Box::new(move |answer| drop(sender.send(answer)));
        self.submit(session, Call { question, reply });
        receiver.map(|answer| answer.unwrap_or_else(|_| Err(away())))
    }
}

impl Job {
    fn new(session: u64, call: Call) -> Self {
        Self {
            session,
            question: call.question,
            reply: Some(call.reply),
        }
    }

    fn answer(mut self, answer: Value) {
        if let Some(reply) = self.reply.take() {
            reply(Ok(answer));
        }
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        if let Some(reply) = self.reply.take() {
            reply(Err(away()));
        }
    }
}

impl State {
    fn session(&self) -> u64 {
        self.session.load(Ordering::Acquire)
    }

    fn set_session(&self, session: u64) {
        self.session.store(session, Ordering::Release);
    }

    fn tenants(&self) -> MutexGuard<'_, Vec<Weak<dyn Tenant>>> {
        self.tenants.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What everybody may know of a Redis that cannot be asked.
pub(super) fn away() -> Unreachable {
    Unreachable("the Redis that replicas share cannot be reached".into())
}

impl Drop for Client {
    /// Waits until what was submitted has been answered, for at most as long as a command may take.
    fn drop(&mut self) {
        self.jobs = None;
        let Some(thread) = self.thread.take() else {
            return;
        };
        // The last reply may hold the last reference.
        if thread.thread().id() != thread::current().id() && thread.join().is_err() {
            tracing::error!("the thread that keeps the connection to Redis had failed");
        }
    }
}

impl fmt::Debug for Redis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redis")
            .field("prefix", &self.0.prefix)
            .field("is_up", &self.check().is_ok())
            .finish_non_exhaustive()
    }
}
