// SPDX-License-Identifier: Apache-2.0
//! What this process has taken of limits and budgets until its calls end.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use super::scale::Amount;

/// What this process has taken until its calls end, and what it has yet to tell. Redis is told of each
/// change; here it is known what to tell a new session.
///
/// INVARIANT: `held` is what the calls under way hold that were admitted, whichever session admitted
/// them; so a new session can take it all over.
#[derive(Debug, Default)]
pub(super) struct Holdings {
    session: u64,
    held: HashMap<u128, Amount>,
    /// What calls have used that could not be told when they ended.
    owed: HashMap<u128, Amount>,
}

impl Holdings {
    /// The session in which all of it is held; 0 before the first.
    pub(super) fn session(&self) -> u64 {
        self.session
    }

    /// Has `session` hold it all from now on. The session before it.
    pub(super) fn begin(&mut self, session: u64) -> u64 {
        std::mem::replace(&mut self.session, session)
    }

    pub(super) fn more(&mut self, id: u128, amount: Amount) {
        add(&mut self.held, id, amount);
    }

    pub(super) fn less(&mut self, id: u128, amount: Amount) {
        if let Entry::Occupied(mut entry) = self.held.entry(id) {
            let held = entry.get_mut();
            held.ticks = held.ticks.saturating_sub(amount.ticks);
            if held.ticks == 0 {
                entry.remove();
            }
        }
    }

    pub(super) fn holds(&self, id: u128) -> bool {
        self.held.contains_key(&id) || self.owed.contains_key(&id)
    }

    pub(super) fn owe(&mut self, id: u128, amount: Amount) {
        add(&mut self.owed, id, amount);
    }

    pub(super) fn held(&self) -> Vec<(u128, Amount)> {
        self.held.iter().map(|(id, it)| (*id, *it)).collect()
    }

    /// What is owed, and is no more: it is told now.
    pub(super) fn take_owed(&mut self) -> Vec<(u128, Amount)> {
        std::mem::take(&mut self.owed).into_iter().collect()
    }
}

/// What a session goes by.
pub(super) fn name(session: u64) -> String {
    format!("s{session:016x}")
}

/// The name of the session `before` this one, of which there is nothing to be taken over where there was
/// none, or where it is the same; then it is empty.
pub(super) fn name_before([session, before]: [u64; 2]) -> String {
    match before {
        0 => String::new(),
        _ if before == session => String::new(),
        before => name(before),
    }
}

fn add(amounts: &mut HashMap<u128, Amount>, id: u128, more: Amount) {
    let amount = amounts.entry(id).or_insert(Amount { ticks: 0, ..more });
    amount.ticks = amount.ticks.saturating_add(more.ticks);
}
