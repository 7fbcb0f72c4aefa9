// SPDX-License-Identifier: Apache-2.0
//! How budgets stand, by the journal, or by what replicas share.

use std::collections::BTreeSet;
use std::time::SystemTime;

use lukhas_auth::KeySet;
use lukhas_gateway::BudgetUnit;
use lukhas_reliability::{Account, Line, Page, Period, Window};
use lukhas_store::SpendJournal;

use crate::config::{Origin, Problem};
use crate::{AppError, Loaded};

/// How one account of a budget stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BudgetStanding {
    /// The budget.
    pub budget: String,
    /// Whose account it is: `key ID`, `project TENANT/PROJECT`, both, or `all`.
    pub account: String,
    /// The day or month, as `2026-11-25` or `2026-11`.
    pub window: String,
    /// The day on which the next window begins, at 00:00 UTC.
    pub renews: String,
    /// What is counted.
    pub unit: BudgetUnit,
    /// Most there may be, in tokens or picodollars.
    pub limit: u64,
    /// What was settled. It may be more than there may be: answers that were longer than what they
    /// were expected to be.
    pub spent: u64,
}

impl BudgetStanding {
    /// What may still be spent.
    #[must_use]
    pub fn left(&self) -> u64 {
        self.limit.saturating_sub(self.spent)
    }
}

impl Loaded {
    /// How every account of the configured budgets stands at `now` that something was spent of: by the
    /// journal, whether or not a server has it open; where replicas share a Redis, by that, for the keys
    /// that are configured. Budgets with one account for all are always there.
    ///
    /// # Errors
    /// [`AppError::Config`] when the budgets are kept in memory, or that Redis will not do;
    /// [`AppError::Journal`] when the journal cannot be read; [`AppError::Unreachable`] when the Redis
    /// cannot be asked.
    pub async fn budget_standings(
        mut self,
        now: SystemTime,
    ) -> Result<Vec<BudgetStanding>, AppError> {
        let lines = match (self.redis.take(), self.settings.data_dir()) {
            (Some(setup), _) => setup.ledger()?.spent(self.pages(now)).await?,
            (None, Some(folder)) => SpendJournal::read(folder)?,
            (None, None) => {
                let message = "budgets are kept in the memory of the server that runs";
                let problem = Problem::new(Origin::Default, message).with_key("store.dir");
                let help = "name a folder, so that they are kept in a file that can be read";
                return Err(problem.with_help(help).into());
            }
        };
        let mut standings = Vec::new();
        for rule in &self.budgets.rules {
            let window = Window::of(rule.period, now);
            for (unit, limit) in rule.limits() {
                let prefix = rule.account_prefix(unit);
                let standing = |account: String, spent| BudgetStanding {
                    budget: rule.name.clone(),
                    account,
                    window: window.to_string(),
                    renews: Window::of(Period::Day, window.end()).to_string(),
                    unit,
                    limit,
                    spent,
                };
                let before = standings.len();
                let current = lines.iter().filter(|line| line.page.window == window);
                standings.extend(current.filter_map(|line| {
                    let account = account(line, &prefix, !rule.per.is_empty())?;
                    Some(standing(account, line.amount))
                }));
                if rule.per.is_empty() && standings.len() == before {
                    standings.push(standing(ALL.to_owned(), 0));
                }
            }
        }
        Ok(standings)
    }

    /// Every account that the configured keys can have, in the window of `now`.
    fn pages(&self, now: SystemTime) -> Vec<Page> {
        let mut pages = BTreeSet::new();
        for rule in &self.budgets.rules {
            for (unit, limit) in rule.limits() {
                if rule.per.is_empty() {
                    let all = Account::new(rule.account_prefix(unit), rule.period, limit);
                    pages.insert(all.page(now));
                }
                let holders = self.keys.iter().flat_map(KeySet::principals);
                pages.extend(holders.map(|it| rule.account(unit, limit, it).page(now)));
            }
        }
        pages.into_iter().collect()
    }
}

const ALL: &str = "all";

/// Whose account a line is of, if it is one of those that begin with `prefix`: each of its kind, or the
/// one for all. What a budget counted by before it was changed is none of them.
fn account(line: &Line, prefix: &str, is_each: bool) -> Option<String> {
    let rest = line.page.account.strip_prefix(prefix)?;
    if !is_each {
        return rest.is_empty().then(|| ALL.to_owned());
    }
    if let Some(project) = rest.strip_prefix("/project/") {
        return Some(format!("project {project}"));
    }
    let key = rest.strip_prefix("/key/")?;
    Some(match key.split_once("/project/") {
        Some((key, project)) => format!("key {key}, project {project}"),
        None => format!("key {key}"),
    })
}
