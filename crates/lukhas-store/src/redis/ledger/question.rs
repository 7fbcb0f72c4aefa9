// SPDX-License-Identifier: Apache-2.0
//! What is asked of the scripts of budgets, as the comments of each say it.

use std::time::{Duration, SystemTime};

use lukhas_reliability::{Account, AccountBalance, Page as PageOf, Window};
use redis::{Script, Value};
use sha2::{Digest, Sha256};

use super::amount;
use crate::redis::holdings::{name, name_before};
use crate::redis::scale::{Amount, Scale};
use crate::redis::script::{Question, micros};

/// How long a page is kept after its window: what began in it may end much later.
const KEPT: Duration = Duration::from_hours(48);

/// An account in a window, as it is found.
#[derive(Clone, Copy, Debug)]
pub(super) struct Page {
    pub(super) id: u128,
    /// How long it is kept after it was last touched.
    kept: Duration,
}

/// What is wanted of one account.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line {
    pub(super) page: Page,
    pub(super) amount: u64,
    limit: u64,
    window: Window,
}

/// What is said of one page at the end of a call: how much is reserved no more, and what was used in its
/// place.
#[derive(Clone, Copy, Debug)]
pub(super) struct Settlement {
    pub(super) page: Page,
    pub(super) held: Amount,
    pub(super) used: Amount,
}

/// The scripts of budgets.
pub(super) struct Scripts {
    hold: Duration,
    reserve: Script,
    settle: Script,
    renew: Script,
    spent: Script,
}

impl Page {
    pub(super) fn new(page: &PageOf, now: SystemTime) -> Self {
        let mut hash = Sha256::new();
        for part in [&*page.account, &page.window.to_string()] {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        let hash = hash.finalize();
        let half = hash.iter().take(16);
        let rest = page.window.end().duration_since(now).unwrap_or_default();
        Self {
            id: half.fold(0, |id, byte| id << 8 | u128::from(*byte)),
            // From its clock to that of the store: whatever day that thinks it is.
            kept: rest + KEPT,
        }
    }

    pub(super) fn key(self, prefix: &str) -> String {
        format!("{prefix}:budget:{:032x}", self.id)
    }

    fn kept(self) -> u64 {
        u64::try_from(self.kept.as_millis()).unwrap_or(u64::MAX)
    }
}

impl Line {
    pub(super) fn new(account: &Account, amount: u64, now: SystemTime) -> Self {
        let page = account.page(now);
        Self {
            page: Page::new(&page, now),
            amount,
            limit: account.limit(),
            window: page.window,
        }
    }
}

impl Scripts {
    /// Scripts made by `script` of their parts.
    pub(super) fn new(hold: Duration, script: impl Fn(&[&str]) -> Script) -> Self {
        let parts = [include_str!("../amount.lua"), include_str!("page.lua")];
        let script = |body| script(&[parts[0], parts[1], body]);
        Self {
            hold,
            reserve: script(include_str!("reserve.lua")),
            settle: script(include_str!("settle.lua")),
            renew: script(include_str!("renew.lua")),
            spent: script(include_str!("spent.lua")),
        }
    }

    pub(super) fn reserve(&'static self, prefix: &str, session: u64, lines: &[Line]) -> Question {
        let mut question = Question::of(&self.reserve);
        question.arg(name(session)).arg(micros(self.hold));
        question.arg(Scale::BUDGET.parts());
        for line in lines {
            question.key(line.page.key(prefix));
            question
                .arg(&amount(line.limit).split())
                .arg(&amount(line.amount).split());
            question.arg(line.page.kept());
        }
        question
    }

    pub(super) fn settle(
        &'static self,
        prefix: &str,
        session: u64,
        settlements: &[Settlement],
    ) -> Question {
        let mut question = Question::of(&self.settle);
        question.arg(name(session)).arg(Scale::BUDGET.parts());
        for Settlement { page, held, used } in settlements {
            question.key(page.key(prefix));
            question
                .arg(&held.split())
                .arg(&used.split())
                .arg(page.kept());
        }
        question
    }

    pub(super) fn renew(
        &'static self,
        prefix: &str,
        sessions: [u64; 2],
        held: &[(Page, Amount)],
    ) -> Question {
        let mut question = Question::of(&self.renew);
        question.arg(name(sessions[0])).arg(name_before(sessions));
        question.arg(micros(self.hold)).arg(Scale::BUDGET.parts());
        for (page, amount) in held {
            question.key(page.key(prefix));
            question.arg(&amount.split()).arg(page.kept());
        }
        question
    }

    pub(super) fn spent(&'static self, prefix: &str, pages: &[Page]) -> Question {
        let mut question = Question::of(&self.spent);
        question.arg(Scale::BUDGET.parts());
        for page in pages {
            question.key(page.key(prefix));
        }
        question
    }
}

/// What `answer` says of a reservation of `lines`: that it is made; or else which of them is refused, of
/// several the one whose window ends last, and how its account stands.
pub(super) fn read(answer: &Value, lines: &[Line]) -> Option<Result<(), (usize, AccountBalance)>> {
    let numbers = numbers(answer)?;
    let (fits, amounts) = numbers.split_first()?;
    if *fits == 1 {
        return Some(Ok(()));
    }
    let balances = lines.iter().zip(amounts.chunks_exact(4));
    let balances = balances.map(|(line, it)| AccountBalance {
        limit: line.limit,
        settled: units([it[0], it[1]]),
        reserved: units([it[2], it[3]]),
        window: line.window,
    });
    let refused = balances.enumerate().filter(|(index, balance)| {
        let page = lines[*index].page.id;
        let wanted = lines[..=*index].iter().filter(|it| it.page.id == page);
        let wanted = wanted.map(|it| it.amount);
        let all: u128 = wanted
            .chain([balance.settled, balance.reserved])
            .map(u128::from)
            .sum();
        all > u128::from(balance.limit)
    });
    // The first of those that end at the same time.
    let longest = refused.reduce(
        |one, other| match other.1.window.end() > one.1.window.end() {
            true => other,
            false => one,
        },
    );
    longest.map(Err)
}

/// What `answer` says is settled of so many pages, each.
pub(super) fn read_spent(answer: &Value, pages: usize) -> Option<Vec<u64>> {
    let numbers = numbers(answer)?;
    let amounts: Vec<u64> = numbers
        .chunks_exact(2)
        .map(|it| units([it[0], it[1]]))
        .collect();
    (amounts.len() == pages).then_some(amounts)
}

fn numbers(answer: &Value) -> Option<Vec<u64>> {
    let Value::Array(numbers) = answer else {
        return None;
    };
    let numbers = numbers.iter().map(|number| match number {
        Value::Int(number) => u64::try_from(*number).ok(),
        _ => None,
    });
    numbers.collect()
}

fn units(amount: [u64; 2]) -> u64 {
    u64::try_from(Scale::BUDGET.join(amount)).unwrap_or(u64::MAX)
}
