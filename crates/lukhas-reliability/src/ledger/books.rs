// SPDX-License-Identifier: Apache-2.0
//! What is reserved and settled, under the ledger's lock.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::SystemTime;

use super::{Account, AccountBalance, Line, Period, Refused, Window};

/// One account in one window.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Page {
    /// Name of the account.
    pub account: Arc<str>,
    /// The window.
    pub window: Window,
}

/// The pages that hold something.
#[derive(Debug)]
pub(super) struct Books {
    pages: HashMap<Page, Entry>,
    most: usize,
    /// The latest window of each period that anything was asked of.
    latest: [Window; Period::ALL.len()],
}

#[derive(Clone, Copy, Debug, Default)]
struct Entry {
    settled: u64,
    reserved: u64,
}

impl Books {
    pub(super) fn new(most: usize) -> Self {
        Self {
            pages: HashMap::new(),
            most,
            latest: Period::ALL.map(|period| Window::of(period, SystemTime::UNIX_EPOCH)),
        }
    }

    pub(super) fn reserve(
        &mut self,
        wanted: &[(&Account, u64)],
        now: SystemTime,
    ) -> Result<Vec<Line>, Refused> {
        self.turn_to(now);
        let line = |(account, amount): &(&Account, u64)| Line {
            page: self.page(account),
            amount: *amount,
        };
        let lines: Vec<_> = wanted.iter().map(line).collect();
        let mut refused = None;
        let mut fresh = 0;
        for (index, line) in lines.iter().enumerate() {
            let balance = self.balance_of(wanted[index].0.limit, &line.page);
            let before = lines[..index].iter().filter(|it| it.page == line.page);
            let is_first = before.clone().next().is_none();
            fresh += usize::from(is_first && !self.pages.contains_key(&line.page));
            let before: u128 = before.map(|it| u128::from(it.amount)).sum();
            let taken = u128::from(balance.settled) + u128::from(balance.reserved) + before;
            let ends_last = |other: &Window| other.end() < line.page.window.end();
            if taken + u128::from(line.amount) > u128::from(balance.limit)
                && refused
                    .as_ref()
                    .is_none_or(|(_, it): &(_, AccountBalance)| ends_last(&it.window))
            {
                refused = Some((index, balance));
            }
        }
        if let Some((index, balance)) = refused {
            return Err(Refused::Exceeded { index, balance });
        }
        if self.pages.len() + fresh > self.most {
            return Err(Refused::TooManyAccounts);
        }
        for line in &lines {
            self.pages.entry(line.page.clone()).or_default().reserved += line.amount;
        }
        Ok(lines)
    }

    /// Ends a reservation of `lines`, of which `used` was used, line by line; nothing where it is
    /// shorter.
    pub(super) fn close(&mut self, lines: &[Line], used: &[Line]) {
        for (index, Line { page, amount }) in lines.iter().enumerate() {
            let is_over = page.window < self.latest[page.window.period() as usize];
            // A reservation of nothing does not keep its page.
            let entry = self.pages.entry(page.clone()).or_default();
            let used = used.get(index).map_or(0, |line| line.amount);
            entry.reserved -= amount;
            entry.settled = entry.settled.saturating_add(used);
            if entry.reserved == 0 && (is_over || entry.settled == 0) {
                self.pages.remove(page);
            }
        }
    }

    pub(super) fn restore(&mut self, page: &Page, amount: u64) -> Result<(), Refused> {
        let is_over = page.window < self.latest[page.window.period() as usize];
        if is_over || amount == 0 {
            return Ok(());
        }
        if !self.pages.contains_key(page) && self.pages.len() >= self.most {
            return Err(Refused::TooManyAccounts);
        }
        let entry = self.pages.entry(page.clone()).or_default();
        entry.settled = entry.settled.saturating_add(amount);
        Ok(())
    }

    pub(super) fn balance(&mut self, account: &Account, now: SystemTime) -> AccountBalance {
        self.turn_to(now);
        self.balance_of(account.limit, &self.page(account))
    }

    pub(super) fn len(&self) -> usize {
        self.pages.len()
    }

    /// Opens the windows of `now`. What is over is forgotten, except where calls are under way.
    fn turn_to(&mut self, now: SystemTime) {
        let windows = Period::ALL.map(|period| Window::of(period, now));
        if windows
            .iter()
            .zip(&self.latest)
            .all(|(new, old)| new <= old)
        {
            return;
        }
        for (latest, window) in self.latest.iter_mut().zip(windows) {
            *latest = window.max(*latest);
        }
        let latest = self.latest;
        self.pages.retain(|page, entry| {
            entry.reserved > 0 || page.window >= latest[page.window.period() as usize]
        });
    }

    fn page(&self, account: &Account) -> Page {
        Page {
            account: Arc::clone(&account.name),
            window: self.latest[account.period as usize],
        }
    }

    fn balance_of(&self, limit: u64, page: &Page) -> AccountBalance {
        let Entry { settled, reserved } = self.pages.get(page).copied().unwrap_or_default();
        AccountBalance {
            limit,
            settled,
            reserved,
            window: page.window,
        }
    }
}
