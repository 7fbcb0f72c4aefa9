// SPDX-License-Identifier: Apache-2.0
//! Budgets of all replicas together.

mod question;

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use futures_util::future::BoxFuture;
use lukhas_reliability::{
    Account, Line as Spent, Page as PageOf, SharedLedger, SharedRefused, SharedReservation,
    Unreachable,
};
use redis::Value;
use tokio::sync::oneshot;

use self::question::{Line, Page, Scripts, Settlement};
use super::Redis;
use super::client::{Asked, Call, Tenant, away};
use super::holdings::Holdings;
use super::scale::{Amount, Scale};
use super::script::script;

/// Most pages that one call is about, so that none takes long.
const AT_ONCE: usize = 256;

/// How long a session reserves things without saying so again, which it does every second: what a replica
/// had reserved that was killed counts as used after that.
const HOLD: Duration = Duration::from_secs(10);

static SCRIPTS: LazyLock<Scripts> = LazyLock::new(|| Scripts::new(HOLD, script));

/// Budgets of all replicas that ask the same Redis under the same prefix, in one round trip for each
/// call.
///
/// Spends last as long as that Redis remembers: give it `appendonly`. Whatever goes wrong in between, no
/// budget is spent twice. What a call used that ends while the Redis is gone is booked when it is back;
/// what was being booked when it went may count twice, and what a replica had reserved that is not heard
/// of for ten seconds counts as used.
#[derive(Clone)]
pub struct RedisLedger(Arc<Books>);

struct Books {
    redis: Redis,
    scripts: &'static Scripts,
    open: Mutex<Open>,
}

/// What this process has to say of which pages.
#[derive(Default)]
struct Open {
    holdings: Holdings,
    /// Those that something is held or owed of.
    pages: HashMap<u128, Page>,
    /// The session before this one. What it has reserved is reserved no more.
    before: u64,
}

struct Reserved {
    books: Arc<Books>,
    lines: Vec<Line>,
}

type Answer = Result<Box<dyn SharedReservation>, SharedRefused>;

impl RedisLedger {
    /// Budgets that are counted in `redis`.
    #[must_use]
    pub fn new(redis: Redis) -> Self {
        Self::with_scripts(redis, &SCRIPTS)
    }

    fn with_scripts(redis: Redis, scripts: &'static Scripts) -> Self {
        let books = Arc::new(Books {
            redis,
            scripts,
            open: Mutex::default(),
        });
        let tenant: Arc<dyn Tenant> = Arc::clone(&books) as _;
        books.redis.client().add(&tenant);
        Self(books)
    }

    /// What was settled of those of `pages` that anything was settled of. What is reserved is not in it.
    ///
    /// # Errors
    /// [`Unreachable`] when it cannot be asked.
    pub async fn spent(&self, pages: Vec<PageOf>) -> Result<Vec<Spent>, Unreachable> {
        let mut spent = Vec::new();
        for some in pages.chunks(AT_ONCE) {
            // They are found by their names, whatever time it is.
            let found: Vec<_> = some
                .iter()
                .map(|it| Page::new(it, SystemTime::UNIX_EPOCH))
                .collect();
            let client = self.0.redis.client();
            let question = self.0.scripts.spent(client.prefix(), &found);
            let answer = client.ask(question).await?;
            spent.extend(question::read_spent(&answer, some.len()).ok_or_else(away)?);
        }
        let lines = pages.into_iter().zip(spent);
        let lines = lines.filter(|(_, amount)| *amount > 0);
        Ok(lines.map(|(page, amount)| Spent { page, amount }).collect())
    }
}

impl SharedLedger for RedisLedger {
    fn reserve(&self, wanted: &[(Account, u64)], now: SystemTime) -> BoxFuture<'_, Answer> {
        let lines = wanted
            .iter()
            .map(|(account, amount)| Line::new(account, *amount, now));
        let answer = self.0.ask(lines.collect());
        Box::pin(async {
            let answer = answer.await;
            answer.unwrap_or_else(|_| Err(SharedRefused::Unreachable(away())))
        })
    }
}

fn amount(units: u64) -> Amount {
    Amount {
        scale: Scale::BUDGET,
        ticks: units.into(),
    }
}

impl Books {
    /// Nothing under the lock panics, and no change leaves it half done.
    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn prefix(&self) -> &str {
        self.redis.client().prefix()
    }

    /// Asks for a reservation. When nobody waits for it any more, it is dropped, and given back.
    fn ask(self: &Arc<Self>, lines: Vec<Line>) -> oneshot::Receiver<Answer> {
        let (sender, receiver) = oneshot::channel();
        let session = self.lock().holdings.session();
        let question = self.scripts.reserve(self.prefix(), session, &lines);
        let books = Arc::clone(self);
        let reply = Box::new(move |answer: Asked| {
            let answer = match answer {
                Ok(answer) => books.answered(lines, &answer),
                Err(unreachable) => {
                    books.lock().doubt(&lines);
                    Err(SharedRefused::Unreachable(unreachable))
                }
            };
            drop(sender.send(answer));
        });
        let call = Call { question, reply };
        self.redis.client().submit(session, call);
        receiver
    }

    /// What `answer` says of a reservation.
    fn answered(self: &Arc<Self>, lines: Vec<Line>, answer: &Value) -> Answer {
        match question::read(answer, &lines) {
            Some(Ok(())) => {}
            Some(Err((index, balance))) => {
                return Err(SharedRefused::Exceeded { index, balance });
            }
            None => {
                tracing::error!("redis says nothing that makes sense of a budget");
                self.lock().doubt(&lines);
                return Err(SharedRefused::Unreachable(away()));
            }
        }
        let mut open = self.lock();
        for line in &lines {
            open.holdings.more(line.page.id, amount(line.amount));
            open.pages.insert(line.page.id, line.page);
        }
        drop(open);
        let books = Arc::clone(self);
        Ok(Box::new(Reserved { books, lines }))
    }

    /// Books the end of a call.
    fn settle(self: &Arc<Self>, settlements: Vec<Settlement>) {
        let mut open = self.lock();
        let session = open.holdings.session();
        for Settlement { page, held, .. } in &settlements {
            open.holdings.less(page.id, *held);
            open.forget(page.id);
        }
        drop(open);
        let call = self.settlement(session, settlements);
        self.redis.client().submit(session, call);
    }

    /// Has `settlements` booked; what was used is owed if that cannot be told.
    fn settlement(self: &Arc<Self>, session: u64, settlements: Vec<Settlement>) -> Call {
        let question = self.scripts.settle(self.prefix(), session, &settlements);
        let books = Arc::clone(self);
        let reply = Box::new(move |answer: Asked| {
            if answer.is_err() {
                let mut open = books.lock();
                for Settlement { page, used, .. } in settlements {
                    open.owe(page, used);
                }
            }
        });
        Call { question, reply }
    }

    /// What there is to say in this session: what goes on being reserved, and what is owed.
    fn say(self: &Arc<Self>, mut open: MutexGuard<'_, Open>) -> Vec<Call> {
        let sessions = [open.holdings.session(), open.before];
        let owed = open.holdings.take_owed();
        let owed = open.paged(owed);
        let mut held = open.paged(open.holdings.held());
        for (page, _) in &owed {
            open.forget(page.id);
        }
        drop(open);
        // What the session before had reserved of a page is to go, even if nothing is held of it any more.
        held.extend(owed.iter().map(|(page, used)| (*page, used.nothing())));
        let renewals = held.chunks(AT_ONCE).map(|held| Call {
            question: self.scripts.renew(self.prefix(), sessions, held),
            // When it fails, the session ends, and the next one says it again.
            reply: Box::new(drop),
        });
        let owed = owed.into_iter().map(|(page, used)| Settlement {
            page,
            held: used.nothing(),
            used,
        });
        let owed: Vec<Settlement> = owed.collect();
        let owed = owed.chunks(AT_ONCE);
        let owed = owed.map(|some| self.settlement(sessions[0], some.to_vec()));
        renewals.chain(owed).collect()
    }
}

impl Open {
    fn owe(&mut self, page: Page, used: Amount) {
        self.holdings.owe(page.id, used);
        self.pages.insert(page.id, page);
    }

    /// Nobody knows whether `lines` are reserved. They are not to be.
    fn doubt(&mut self, lines: &[Line]) {
        for line in lines {
            self.owe(line.page, amount(0));
        }
    }

    /// Forgets the page `id` if there is nothing to say of it.
    fn forget(&mut self, id: u128) {
        if !self.holdings.holds(id) {
            self.pages.remove(&id);
        }
    }

    /// Amounts, each with its page.
    fn paged(&self, amounts: Vec<(u128, Amount)>) -> Vec<(Page, Amount)> {
        let paged = amounts.into_iter();
        let paged = paged.filter_map(|(id, amount)| Some((*self.pages.get(&id)?, amount)));
        paged.collect()
    }
}

impl Tenant for Books {
    fn open(self: Arc<Self>, session: u64) -> Vec<Call> {
        let mut open = self.lock();
        open.before = open.holdings.begin(session);
        self.say(open)
    }

    fn beat(self: Arc<Self>) -> Vec<Call> {
        self.say(self.lock())
    }
}

impl Reserved {
    fn end(&mut self, used: &dyn Fn(usize) -> u64) {
        let lines = std::mem::take(&mut self.lines).into_iter().enumerate();
        let settlements = lines.map(|(index, line)| Settlement {
            page: line.page,
            held: amount(line.amount),
            used: amount(used(index)),
        });
        let settlements: Vec<_> = settlements.collect();
        if !settlements.is_empty() {
            self.books.settle(settlements);
        }
    }
}

impl SharedReservation for Reserved {
    fn settle(mut self: Box<Self>, actual: &dyn Fn(usize) -> u64) {
        self.end(actual);
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        self.end(&|_| 0);
    }
}

impl fmt::Debug for RedisLedger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RedisLedger").field(&self.0.redis).finish()
    }
}

#[cfg(test)]
mod tests;
