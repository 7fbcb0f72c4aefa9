// SPDX-License-Identifier: Apache-2.0
//! What one request takes of the budgets.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use lukhas_core::{Picodollars, Price, Usage};
use lukhas_reliability::{Reservation, SharedReservation};

use super::{BudgetUnit, Rule};

/// What is reserved, and where.
#[derive(Debug)]
pub(super) enum Reserved {
    Own(Reservation),
    Shared(Box<dyn SharedReservation>),
}

/// What a request reserved, until it has ended: settled with what it used when this is dropped.
pub(crate) struct Outlay {
    /// `None` once it is settled.
    reserved: Option<Reserved>,
    /// The budget of each line of what is reserved, and what it counts.
    bookings: Vec<(Arc<Rule>, BudgetUnit)>,
    /// Of answers that say no cost.
    price: Price,
    tokens: AtomicU64,
    money: AtomicU64,
}

impl Outlay {
    pub(super) fn new(
        reserved: Reserved,
        bookings: Vec<(Arc<Rule>, BudgetUnit)>,
        price: Price,
    ) -> Self {
        Self {
            reserved: Some(reserved),
            bookings,
            price,
            tokens: AtomicU64::new(0),
            money: AtomicU64::new(0),
        }
    }

    /// Takes note of a run of the request, of which so many `tokens` count, and `usage` is paid for.
    pub(crate) fn record(&self, tokens: u64, usage: &Usage) {
        let Picodollars(cost) = usage.cost.unwrap_or_else(|| self.price.of(usage));
        for (sum, more) in [(&self.tokens, tokens), (&self.money, cost)] {
            // It always is some.
            let _ = sum.fetch_update(Relaxed, Relaxed, |sum| Some(sum.saturating_add(more)));
        }
    }
}

impl Drop for Outlay {
    fn drop(&mut self) {
        let Some(reserved) = self.reserved.take() else {
            return;
        };
        let (tokens, money) = (*self.tokens.get_mut(), *self.money.get_mut());
        let used = |unit| match unit {
            BudgetUnit::Tokens => tokens,
            BudgetUnit::Money => money,
        };
        let bookings = &self.bookings;
        let actual = |line| bookings.get(line).map_or(0, |(_, unit)| used(*unit));
        match reserved {
            // A log that cannot be written has said so, and holds on to what it was told.
            Reserved::Own(own) => drop(own.settle(actual)),
            Reserved::Shared(shared) => shared.settle(&actual),
        }
        for (rule, unit) in bookings {
            match unit {
                BudgetUnit::Tokens => rule.metrics.spent_tokens(tokens),
                BudgetUnit::Money => rule.metrics.spent_money(Picodollars(money)),
            }
        }
    }
}

impl fmt::Debug for Outlay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outlay")
            .field("reserved", &self.reserved)
            .finish_non_exhaustive()
    }
}
