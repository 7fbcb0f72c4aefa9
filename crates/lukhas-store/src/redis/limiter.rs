// SPDX-License-Identifier: Apache-2.0
//! How often, how much and how many at a time, of all replicas together.

mod answer;
mod lease;
mod permit;
mod question;

use std::fmt;
use std::future::ready;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;
use lukhas_reliability::{SharedCall, SharedLimiter, SharedPermit, SharedRefusal, Unreachable};
use redis::Value;
use tokio::sync::oneshot;

use self::answer::Verdict;
use self::lease::{Leases, Taken};
use self::permit::Permit;
use self::question::{Scripts, Settlement};
use super::Redis;
use super::client::{Asked, Call, Tenant, away};
use super::holdings::Holdings;
use super::scale::Amount;
use super::script::script;

/// Most buckets that one call is about, so that none takes long.
const AT_ONCE: usize = 256;

/// How long a session holds things without saying so again, which it does every second: what a replica
/// held that was killed comes back after that.
const HOLD: Duration = Duration::from_secs(10);

static SCRIPTS: LazyLock<Scripts> = LazyLock::new(|| Scripts::new(HOLD, script));

/// Limits of all replicas that ask the same Redis under the same prefix, in one round trip for each
/// call, by the clock of that Redis.
///
/// The arithmetic is that of [`Limiter`](lukhas_reliability::Limiter), in whole numbers (the generic cell
/// rate algorithm); scripts run it where the counts are, so that nothing comes between a question and
/// its answer. A bucket is kept until it is full. Its name is its identifier, which callers make, so that
/// no key and no address has to be in it.
///
/// A clock that is set back makes calls wait longer, and one that is set forward lets them come sooner.
/// What a call used that ends while the Redis is gone is booked when it is back; what was being booked
/// when it went may count twice.
#[derive(Clone)]
pub struct RedisLimiter(Arc<Limits>);

struct Limits {
    redis: Redis,
    scripts: &'static Scripts,
    holdings: Mutex<Holdings>,
    leases: Leases,
}

type Answer = Result<Box<dyn SharedPermit>, SharedRefusal>;

impl RedisLimiter {
    /// Limits that are counted in `redis`, of which each replica takes a lease: so many thousandths of a
    /// burst at a time, to spend them without asking. Without (0) the limits are exact. With it,
    /// `N` replicas admit in any window of time `T`
    ///
    /// > units admitted <= burst + rate x T + N x lease
    ///
    /// and what one of them does not need is given back after a second or two. What is held, and calls at
    /// a time, are exact with it, too.
    #[must_use]
    pub fn new(redis: Redis, lease: u32) -> Self {
        Self::with_scripts(redis, lease, &SCRIPTS)
    }

    fn with_scripts(redis: Redis, lease: u32, scripts: &'static Scripts) -> Self {
        let limits = Arc::new(Limits {
            redis,
            scripts,
            holdings: Mutex::default(),
            leases: Leases::new(lease),
        });
        let tenant: Arc<dyn Tenant> = Arc::clone(&limits) as _;
        limits.redis.client().add(&tenant);
        Self(limits)
    }
}

impl SharedLimiter for RedisLimiter {
    fn name(&self) -> &'static str {
        "redis"
    }

    fn admit(&self, mut call: SharedCall) -> BoxFuture<'_, Answer> {
        let besides = match self.0.leases.take(&mut call) {
            Taken::All => return Box::pin(ready(Ok(self.0.permit(call)))),
            Taken::Nothing(besides) => besides,
        };
        let answer = self.0.ask(call, besides);
        Box::pin(async {
            let answer = answer.await;
            answer.unwrap_or_else(|_| Err(SharedRefusal::Unreachable(away())))
        })
    }

    fn check(&self) -> Result<(), Unreachable> {
        self.0.redis.check()
    }
}

impl Limits {
    /// Nothing under the lock panics, and no change leaves it half done.
    fn holdings(&self) -> MutexGuard<'_, Holdings> {
        self.holdings.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn prefix(&self) -> &str {
        self.redis.client().prefix()
    }

    /// Asks whether `call` is admitted, and for units `besides` of its charges. When nobody waits for the
    /// answer any more, it is dropped, and gives back what it holds.
    fn ask(self: &Arc<Self>, mut call: SharedCall, besides: Vec<u64>) -> oneshot::Receiver<Answer> {
        let (sender, receiver) = oneshot::channel();
        let session = self.holdings().session();
        let question = self.scripts.admit(self.prefix(), session, &call, &besides);
        let limits = Arc::clone(self);
        let reply = Box::new(move |answer: Asked| {
            let answer = match answer {
                Ok(answer) => limits.answered(call, &besides, &answer),
                Err(unreachable) => {
                    limits.leases.answered(&mut call.charges, &besides, false);
                    Err(SharedRefusal::Unreachable(unreachable))
                }
            };
            drop(sender.send(answer));
        });
        let call = Call { question, reply };
        self.redis.client().submit(session, call);
        receiver
    }

    /// What `answer` says of `call`.
    fn answered(self: &Arc<Self>, mut call: SharedCall, besides: &[u64], answer: &Value) -> Answer {
        let verdict = answer::read(answer, &mut call);
        let is_granted = matches!(verdict, Some(Verdict::Admitted { with_besides: true }));
        self.leases.answered(&mut call.charges, besides, is_granted);
        let Some(verdict) = verdict else {
            tracing::error!("redis says nothing that makes sense of a limit");
            return Err(SharedRefusal::Unreachable(away()));
        };
        match verdict {
            Verdict::Admitted { .. } => {}
            Verdict::NoSlot(no_slot) => {
                let spent = call.spent;
                return Err(SharedRefusal::NoSlot { no_slot, spent });
            }
            Verdict::Denied(denied) => {
                return Err(SharedRefusal::Denied {
                    denied,
                    charges: call.charges,
                    spent: call.spent,
                });
            }
        }
        let mut holdings = self.holdings();
        for slot in &call.slots {
            holdings.more(slot.id(), Amount::SLOT);
        }
        for charge in call.charges.iter().filter(|charge| charge.is_held()) {
            let amount = Amount::of(charge.bucket().quota(), charge.cost());
            holdings.more(charge.bucket().id(), amount);
        }
        drop(holdings);
        Ok(self.permit(call))
    }

    fn permit(self: &Arc<Self>, call: SharedCall) -> Box<dyn SharedPermit> {
        Box::new(Permit {
            limits: Arc::clone(self),
            slots: call.slots,
            charges: call.charges,
        })
    }

    /// Books the end of a call.
    fn settle(self: &Arc<Self>, settlements: Vec<Settlement>) {
        let mut holdings = self.holdings();
        let session = holdings.session();
        for settlement in &settlements {
            holdings.less(settlement.id, settlement.held);
        }
        drop(holdings);
        let call = self.settlement(session, settlements);
        self.redis.client().submit(session, call);
    }

    /// Has `settlements` booked. What is held no more is no longer held by a session that begins after
    /// this; what was used is owed if it cannot be told.
    fn settlement(self: &Arc<Self>, session: u64, settlements: Vec<Settlement>) -> Call {
        let question = self.scripts.settle(self.prefix(), session, &settlements);
        let limits = Arc::clone(self);
        let reply = Box::new(move |answer: Asked| {
            if answer.is_err() {
                let mut holdings = limits.holdings();
                for Settlement { id, used, .. } in settlements {
                    holdings.owe(id, used);
                }
            }
        });
        Call { question, reply }
    }

    /// What there is to say in this session: what goes on being held, by the session `before` it until
    /// now, and what is owed.
    fn say(self: &Arc<Self>, before: u64, mut holdings: MutexGuard<'_, Holdings>) -> Vec<Call> {
        let session = holdings.session();
        let (held, owed) = (holdings.held(), holdings.take_owed());
        drop(holdings);
        let renewals = held.chunks(AT_ONCE).map(|held| Call {
            question: self.scripts.renew(self.prefix(), [session, before], held),
            // When it fails, the session ends, and the next one says it again.
            reply: Box::new(drop),
        });
        let owed = owed.into_iter().map(|(id, used)| Settlement {
            id,
            held: used.nothing(),
            used,
        });
        let owed: Vec<Settlement> = owed.collect();
        let owed = owed.chunks(AT_ONCE);
        let owed = owed.map(|some| self.settlement(session, some.to_vec()));
        renewals.chain(owed).collect()
    }
}

impl Tenant for Limits {
    fn open(self: Arc<Self>, session: u64) -> Vec<Call> {
        let mut holdings = self.holdings();
        let before = holdings.begin(session);
        self.say(before, holdings)
    }

    fn beat(self: Arc<Self>) -> Vec<Call> {
        let holdings = self.holdings();
        let session = holdings.session();
        let mut calls = self.say(session, holdings);
        let unneeded = self.leases.unneeded();
        calls.extend(unneeded.chunks(AT_ONCE).map(|spent| Call {
            question: self.scripts.give_back(self.prefix(), spent),
            // What cannot be given back comes back by waiting, as all that is spent.
            reply: Box::new(drop),
        }));
        calls
    }
}

impl fmt::Debug for RedisLimiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RedisLimiter").field(&self.0.redis).finish()
    }
}

#[cfg(test)]
mod tests;
