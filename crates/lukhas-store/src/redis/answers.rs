// SPDX-License-Identifier: Apache-2.0
//! Answers to requests with an idempotency key, of all replicas together.

mod claim;
mod question;
mod reader;

use std::collections::HashMap;
use std::fmt;
use std::future::ready;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use lukhas_core::{AnswerPieces, BoxFuture, Claimed, Fingerprint, IdempotencyStore, StoreError};
use redis::Value;
use tokio::sync::oneshot;

use self::claim::{Making, RedisClaim};
use self::question::{Id, Scripts};
use self::reader::Reader;
use super::Redis;
use super::client::{Asked, Call, Tenant};
use crate::idempotency::log::Log;
use crate::idempotency::pieces;
use crate::{IdempotencyLimits, MemoryIdempotency};

/// Most answers that one call is about, so that none takes long.
const AT_ONCE: usize = 256;

/// How long a claim lasts without being renewed, which is done every second.
const LEASE: Duration = Duration::from_secs(10);

/// Answers to requests with an idempotency key, of all replicas that ask the same Redis under the same
/// prefix, within [`IdempotencyLimits`] for all of them together.
///
/// Whoever makes an answer has its pieces here as well, for those who read it here; they cost no round
/// trip. Who reads it elsewhere looks for more of it ten times a second at least. A claim whose replica
/// is gone lapses after ten seconds, and the key is new; its readers elsewhere get an error.
///
/// An answer that becomes too large to be kept reaches those who read it here, and nobody elsewhere. One
/// that is under way when the Redis goes does so, too: it is not kept, and its key is new after ten
/// seconds.
pub struct RedisIdempotency {
    answers: Arc<Answers>,
    /// Where answers are kept while the Redis cannot be asked, if that is wanted.
    alone: Option<MemoryIdempotency>,
}

struct Answers {
    redis: Redis,
    limits: IdempotencyLimits,
    /// [`LEASE`], except in tests.
    lease: Duration,
    /// Those that are made here.
    making: Mutex<HashMap<Id, Arc<Making>>>,
}

impl RedisIdempotency {
    /// A store in `redis`. While that cannot be asked, answers are kept in `alone`, and told to nobody
    /// else; without it, claims are [`Claimed::Unreachable`].
    #[must_use]
    pub fn new(redis: Redis, limits: IdempotencyLimits, alone: Option<MemoryIdempotency>) -> Self {
        Self::with_lease(LEASE, redis, limits, alone)
    }

    fn with_lease(
        lease: Duration,
        redis: Redis,
        limits: IdempotencyLimits,
        alone: Option<MemoryIdempotency>,
    ) -> Self {
        let answers = Arc::new(Answers {
            redis,
            limits,
            lease,
            making: Mutex::default(),
        });
        let tenant: Arc<dyn Tenant> = Arc::clone(&answers) as _;
        answers.redis.client().add(&tenant);
        Self { answers, alone }
    }
}

impl IdempotencyStore for RedisIdempotency {
    fn claim<'a>(
        &'a self,
        tenant: &'a str,
        key_id: &'a str,
        key: &'a str,
        fingerprint: Fingerprint,
    ) -> BoxFuture<'a, Result<Claimed, StoreError>> {
        let id = Id::new(tenant, key_id, key);
        if let Some(found) = self.answers.here(&id, fingerprint) {
            return Box::pin(ready(Ok(found)));
        }
        let claimed = self.answers.claim(id, fingerprint);
        Box::pin(async move {
            match (claimed.await, &self.alone) {
                (Ok(Claimed::Unreachable) | Err(_), Some(alone)) => {
                    alone.claim(tenant, key_id, key, fingerprint).await
                }
                (Ok(claimed), _) => Ok(claimed),
                (Err(_), None) => Ok(Claimed::Unreachable),
            }
        })
    }
}

impl Answers {
    /// Nothing under the lock panics, and no change leaves it half done.
    fn making(&self) -> MutexGuard<'_, HashMap<Id, Arc<Making>>> {
        self.making.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn scripts(&self) -> Scripts<'_> {
        Scripts {
            prefix: self.redis.client().prefix(),
            limits: &self.limits,
            lease: self.lease,
        }
    }

    /// What a request finds that is being made here.
    fn here(&self, id: &Id, fingerprint: Fingerprint) -> Option<Claimed> {
        let making = self.making();
        let found = making.get(id)?;
        if found.fingerprint != fingerprint {
            return Some(Claimed::Reused);
        }
        let reader = found.log.reader();
        Some(reader.map_or(Claimed::TooLarge, |it| Claimed::Running(pieces(it))))
    }

    /// Claims what is not being made here. When nobody waits for the answer any more, a claim that is
    /// made is given up with it.
    fn claim(self: &Arc<Self>, id: Id, fingerprint: Fingerprint) -> oneshot::Receiver<Claimed> {
        let (sender, receiver) = oneshot::channel();
        let session = self.redis.client().session().unwrap_or_default();
        let instance = format!("{:032x}", rand::random::<u128>());
        let question = self.scripts().claim(&id, fingerprint, &instance);
        let answers = Arc::clone(self);
        let reply = Box::new(move |answer: Asked| {
            let found = answer.as_ref().ok().and_then(question::read_found);
            let claimed = match found {
                Some(("new", _)) => answers.begin(session, id, fingerprint, instance),
                Some(("running", by)) => answers
                    .here(&id, fingerprint)
                    .unwrap_or_else(|| Claimed::Running(answers.read(id, by))),
                Some(("done", by)) => Claimed::Done(answers.read(id, by)),
                Some(("large", _)) => Claimed::TooLarge,
                Some(("reused", _)) => Claimed::Reused,
                Some(("full", _)) => Claimed::Full,
                Some(_) | None => Claimed::Unreachable,
            };
            drop(sender.send(claimed));
        });
        let call = Call { question, reply };
        self.redis.client().submit(session, call);
        receiver
    }

    /// Begins an answer that has been claimed in `session`.
    fn begin(
        self: &Arc<Self>,
        session: u64,
        id: Id,
        fingerprint: Fingerprint,
        instance: String,
    ) -> Claimed {
        let (log, reader) = Log::new();
        let making = Arc::new(Making::new(session, fingerprint, instance, log));
        self.making().insert(id.clone(), Arc::clone(&making));
        let claim = RedisClaim::new(Arc::clone(self), id, making);
        Claimed::New(Box::new(claim), pieces(reader))
    }

    /// Reads what is or was made by `instance`.
    fn read(self: &Arc<Self>, id: Id, instance: &str) -> AnswerPieces {
        Reader::new(Arc::clone(self), id, instance.to_owned()).into_pieces()
    }

    /// It is made here no more.
    fn end(&self, id: &Id, making: &Arc<Making>) {
        let mut all = self.making();
        if all.get(id).is_some_and(|other| Arc::ptr_eq(other, making)) {
            all.remove(id);
        }
    }
}

impl Tenant for Answers {
    fn open(self: Arc<Self>, _session: u64) -> Vec<Call> {
        // What was made in the session before is not kept: nobody knows what of it has arrived.
        Vec::new()
    }

    fn beat(self: Arc<Self>) -> Vec<Call> {
        let session = self.redis.client().session();
        let making = self.making();
        let mine = making.iter().filter(|(_, it)| Some(it.session) == session);
        let mine: Vec<_> = mine.map(|(id, it)| (id.clone(), Arc::clone(it))).collect();
        drop(making);
        let renewals = mine.chunks(AT_ONCE).map(|some| Call {
            question: self.scripts().renew(some),
            reply: Box::new(|_: Asked| ()),
        });
        renewals.collect()
    }
}

/// A word that a script says.
fn word(answer: &Value) -> &str {
    match answer {
        Value::BulkString(bytes) => std::str::from_utf8(bytes).unwrap_or_default(),
        Value::SimpleString(text) => text,
        _ => "",
    }
}

impl fmt::Debug for RedisIdempotency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisIdempotency")
            .field("limits", &self.answers.limits)
            .field("making", &self.answers.making().len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
