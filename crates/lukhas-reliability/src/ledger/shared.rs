// SPDX-License-Identifier: Apache-2.0
//! Budgets that several processes share.

use std::fmt;
use std::time::SystemTime;

use futures_core::future::BoxFuture;

use super::{Account, AccountBalance};
use crate::Unreachable;

/// Budgets that several processes share: what [`Ledger`](super::Ledger) is for one, kept in one place
/// that all of them ask. Accounts of one name and window are one account.
///
/// At every moment and for every account and window, `settled + reserved <= limit` over all processes,
/// as long as no call uses more than it reserved. What a process has reserved that is gone counts as
/// used soon after: nobody knows better, and a budget is not to be spent twice.
pub trait SharedLedger: Send + Sync {
    /// Reserves in each account of `wanted` so much, in the windows of `now`; from all of them or none.
    ///
    /// Waits no longer than a bound of the implementer's. When the future is dropped, everything is given
    /// back.
    ///
    /// # Errors
    /// [`SharedRefused`]. Nothing is reserved then.
    fn reserve(
        &self,
        wanted: &[(Account, u64)],
        now: SystemTime,
    ) -> BoxFuture<'_, Result<Box<dyn SharedReservation>, SharedRefused>>;
}

/// What a call may use. Dropped without being settled, it gives everything back.
#[must_use = "it is given back when it is dropped"]
pub trait SharedReservation: Send + Sync {
    /// Ends the call, which used `actual(i)` of the account that was named at `i`: as
    /// [`Reservation::settle`](super::Reservation::settle). Waits for nothing: what it used is told
    /// before anything that is asked later.
    fn settle(self: Box<Self>, actual: &dyn Fn(usize) -> u64);
}

/// Why a shared reservation is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SharedRefused {
    /// An account would be over its limit.
    Exceeded {
        /// Which of the call's accounts; of several the one whose window ends last.
        index: usize,
        /// How it stands.
        balance: AccountBalance,
    },
    /// Nobody knows: the accounts cannot be asked now.
    Unreachable(Unreachable),
}

impl fmt::Debug for dyn SharedReservation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SharedReservation")
    }
}
