// SPDX-License-Identifier: Apache-2.0
//! Budgets: what may be used in a day or a month.

mod books;
mod shared;
mod window;

use std::error::Error;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use self::books::Books;

pub use self::books::Page;
pub use self::shared::{SharedLedger, SharedRefused, SharedReservation};
pub use self::window::{Period, Window, WindowError};

/// Most accounts with something in them when nobody says.
const DEFAULT_MAX_ACCOUNTS: usize = 1 << 20;

/// Accounts with a limit for each calendar window, in tokens or in the smallest unit of money.
///
/// What a call may use is reserved before it begins, of each of its accounts as much as it may use of
/// that, from all of them or from none, and settled with what it used at its end. At every moment and
/// for every account and window
///
/// > settled + reserved <= limit
///
/// as long as no call uses more than it reserved. One that does is booked all the same: the account
/// is over its limit then, [`AccountBalance::overrun`] says by how much, and it grants nothing until its
/// window ends. The window of a reservation is the one it began in, however long it lasts. A clock
/// that goes backwards does not open a window again.
///
/// Accounts that hold nothing are not kept; when `max_accounts` hold something, a further one is
/// refused. Clones share the accounts.
///
/// ```
/// use std::time::SystemTime;
/// use lukhas_reliability::{Account, Ledger, Period};
///
/// let ledger = Ledger::new();
/// let now = SystemTime::now();
/// let key = Account::new("key:alice", Period::Day, 1_000);
/// let project = Account::new("project:search", Period::Month, 20_000);
///
/// let call = ledger.reserve(&[(&key, 800), (&project, 800)], now)?;
/// assert!(ledger.reserve(&[(&project, 800), (&key, 201)], now).is_err());
/// call.settle(|_| 150)?;
/// assert_eq!(ledger.balance(&key, now).remaining(), 850);
/// assert_eq!(ledger.balance(&project, now).settled, 150);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Ledger {
    shared: Arc<Shared>,
}

/// An account: its name and period say which, and its limit how much it may hold in each window. The
/// same account may come with another limit: what it holds is counted against that from then on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    name: Arc<str>,
    period: Period,
    limit: u64,
}

/// How an account stands in one window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccountBalance {
    /// Most it may hold.
    pub limit: u64,
    /// What was used.
    pub settled: u64,
    /// What is reserved for calls under way.
    pub reserved: u64,
    /// The window. When it ends the account is empty again.
    pub window: Window,
}

/// What a call may use. Dropped without being settled, as when the call did not happen, it gives
/// everything back.
#[must_use = "it is given back when it is dropped"]
pub struct Reservation {
    shared: Arc<Shared>,
    lines: Vec<Line>,
    /// What was used, line by line; empty until somebody says.
    used: Vec<Line>,
}

/// An amount of one account in one window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The account and the window.
    pub page: Page,
    /// How much.
    pub amount: u64,
}

/// Why a reservation is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// An account would be over its limit.
    #[error("the budget is used up")]
    Exceeded {
        /// Which of the call's accounts; of several the one whose window ends last.
        index: usize,
        /// How it stands.
        balance: AccountBalance,
    },
    /// As many accounts as there may be hold something.
    #[error("there are too many accounts")]
    TooManyAccounts,
    /// What the call uses could be forgotten in a crash: its log says that it cannot be written now.
    #[error("what is used cannot be recorded now")]
    Unrecorded,
}

/// Makes what is settled outlast the process.
///
/// Callers wait for it, and tell nobody of a settlement before it has returned. Implementers append
/// the spend so that it is there after a crash; it may be called from several threads at a time, and
/// the order of spends does not matter. [`Ledger::restore`] takes them in again.
pub trait SpendLog: Send + Sync {
    /// Keeps `spend`.
    ///
    /// # Errors
    /// [`SpendLogError`] when it may not be there after a crash.
    fn append(&self, spend: &Spend<'_>) -> Result<(), SpendLogError>;

    /// Whether it could keep a spend now. It is asked before every reservation, so it must be quick.
    ///
    /// # Errors
    /// [`SpendLogError`] when it could not. Nothing is reserved then.
    fn check(&self) -> Result<(), SpendLogError>;
}

/// What one call used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spend<'s> {
    /// Every account and window it is booked in, and how much; of some of them it may be nothing.
    pub lines: &'s [Line],
}

/// A settlement may be lost in a crash. It counts in this process all the same.
#[derive(Debug, thiserror::Error)]
#[error("what was used could not be recorded")]
pub struct SpendLogError(#[source] Box<dyn Error + Send + Sync>);

struct Shared {
    books: Mutex<Books>,
    log: Option<Box<dyn SpendLog>>,
}

impl Ledger {
    /// A ledger of up to a million accounts, kept in memory alone.
    #[must_use]
    pub fn new() -> Self {
        Self::with(DEFAULT_MAX_ACCOUNTS, None)
    }

    /// A ledger of up to `max_accounts`, which tells `log` of each settlement before it counts as
    /// acknowledged.
    #[must_use]
    pub fn with(max_accounts: usize, log: Option<Box<dyn SpendLog>>) -> Self {
        Self {
            shared: Arc::new(Shared {
                books: Mutex::new(Books::new(max_accounts)),
                log,
            }),
        }
    }

    /// Reserves in each account of `wanted` so much, in the windows of `now`. An account that is named
    /// twice has to have both.
    ///
    /// # Errors
    /// [`Refused`] when one of them cannot grant it, or it could not be recorded. Nothing is reserved
    /// then.
    pub fn reserve(
        &self,
        wanted: &[(&Account, u64)],
        now: SystemTime,
    ) -> Result<Reservation, Refused> {
        self.check().map_err(|_| Refused::Unrecorded)?;
        let lines = self.shared.lock().reserve(wanted, now)?;
        Ok(Reservation {
            shared: Arc::clone(&self.shared),
            lines,
            used: Vec::new(),
        })
    }

    /// Whether what is settled now would outlast the process, if it has to at all.
    ///
    /// # Errors
    /// [`SpendLogError`] when it would not.
    pub fn check(&self) -> Result<(), SpendLogError> {
        self.shared.log.as_ref().map_or(Ok(()), |log| log.check())
    }

    /// How `account` stands in the window of `now`.
    #[must_use]
    pub fn balance(&self, account: &Account, now: SystemTime) -> AccountBalance {
        self.shared.lock().balance(account, now)
    }

    /// Takes in what was settled in `page` before the process began, over the limit too: it has been
    /// used. Spends of windows that are over may be left out.
    ///
    /// # Errors
    /// [`Refused::TooManyAccounts`] when there is no room for the account.
    pub fn restore(&self, page: &Page, amount: u64) -> Result<(), Refused> {
        self.shared.lock().restore(page, amount)
    }
}

impl Default for Ledger {
    fn default() -> Self {
        Self::new()
    }
}

impl Account {
    /// The account `name` of `period`, which may hold `limit` in each window.
    pub fn new(name: impl Into<Arc<str>>, period: Period, limit: u64) -> Self {
        Self {
            name: name.into(),
            period,
            limit,
        }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// Most it may hold in each window.
    #[must_use]
    pub fn limit(&self) -> u64 {
        self.limit
    }

    /// The account in the window of `now`.
    #[must_use]
    pub fn page(&self, now: SystemTime) -> Page {
        Page {
            account: Arc::clone(&self.name),
            window: Window::of(self.period, now),
        }
    }
}

impl AccountBalance {
    /// What could be reserved now.
    #[must_use]
    pub fn remaining(&self) -> u64 {
        self.limit.saturating_sub(self.taken())
    }

    /// By how much calls used more than there was; 0 while the account is within its limit.
    #[must_use]
    pub fn overrun(&self) -> u64 {
        self.settled.saturating_sub(self.limit)
    }

    fn taken(&self) -> u64 {
        self.settled.saturating_add(self.reserved)
    }
}

impl Reservation {
    /// What is reserved: a line for every account of the call, in its order, in the window in which it
    /// began.
    #[must_use]
    pub fn lines(&self) -> &[Line] {
        &self.lines
    }

    /// Ends the call, which used `actual(i)` of the account of line `i`: the rest is given back, and
    /// more than was reserved is booked all the same.
    ///
    /// # Errors
    /// [`SpendLogError`] when it may be forgotten in a crash; here it counts.
    pub fn settle(mut self, actual: impl Fn(usize) -> u64) -> Result<(), SpendLogError> {
        // Whatever the log does, the drop of `self` books it: what was used is never given back.
        let lines = self.lines.iter().enumerate();
        self.used = lines
            .map(|(index, line)| Line {
                page: line.page.clone(),
                amount: actual(index),
            })
            .collect();
        match &self.shared.log {
            Some(log) if self.used.iter().any(|line| line.amount > 0) => {
                log.append(&Spend { lines: &self.used })
            }
            Some(_) | None => Ok(()),
        }
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.shared.lock().close(&self.lines, &self.used);
    }
}

impl SpendLogError {
    /// It could not be recorded because of `cause`.
    pub fn new(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self(cause.into())
    }
}

impl Shared {
    /// Nothing under the lock panics, and no change leaves the books half done.
    fn lock(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ledger")
            .field("accounts", &self.shared.lock().len())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Reservation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reservation")
            .field("lines", &self.lines)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
