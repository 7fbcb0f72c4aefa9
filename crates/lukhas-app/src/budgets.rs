// SPDX-License-Identifier: Apache-2.0
//! From what is configured to budgets, and to what they are kept with.

pub(crate) mod standing;

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use lukhas_auth::KeySet;
use lukhas_core::{Picodollars, Principal};
use lukhas_gateway::{BudgetPer, BudgetRule, Budgets, ModelPrice, OnFailure};
use lukhas_observability::Metrics;
use lukhas_reliability::{Ledger, Period};
use lukhas_store::SpendJournal;

use crate::config::{
    Bounded, BudgetConfig, BudgetPerConfig, Config, Origins, Problems, WindowConfig, excerpt,
};
use crate::models::{CHAT_MODEL, EMBEDDING_MODEL};
use crate::rules::RuleChecker;
use crate::upstreams::{Upstreams, millionths};
use crate::{AppError, Settings};

/// Most accounts with something in them.
const MAX_ACCOUNTS: usize = 1 << 20;

/// The budgets of `config`.
///
/// # Errors
/// [`Problems`] with everything that is wrong, each at its place.
pub(crate) fn build(
    config: &Config,
    origins: &Origins,
    keys: Option<&KeySet>,
    upstreams: &Upstreams,
) -> Result<Budgets, Problems> {
    let prices = prices(upstreams);
    // The pepper of a store stays what it is; without one, each start makes another.
    let is_forgetful = config.store.dir.is_some() && config.auth.key_store.is_none();
    let nameless = keys.into_iter().flat_map(KeySet::nameless);
    let mut builder = Builder {
        nameless: nameless.filter(|_| is_forgetful).collect(),
        unpriced: prices
            .iter()
            .find_map(|(name, price)| price.is_none().then_some(*name)),
        checker: RuleChecker::new(origins, keys),
    };
    let rules = builder.rules(&config.budgets);
    Problems::none_of(builder.checker.problems)?;
    let known = prices
        .into_iter()
        .filter_map(|(name, price)| Some((name.to_owned(), price?)));
    let mut prices: HashMap<_, _> = known.collect();
    for (alias, model) in &config.models.aliases {
        if let Some(price) = prices.get(model).copied() {
            prices.insert(alias.clone(), price);
        }
    }
    Ok(Budgets { rules, prices })
}

/// What each listed model costs; `None` where nobody says. Those of this process cost nothing.
fn prices(upstreams: &Upstreams) -> BTreeMap<&str, Option<ModelPrice>> {
    let own = [CHAT_MODEL, EMBEDDING_MODEL].map(|name| (name, Some(ModelPrice::default())));
    let routed = upstreams.models.iter().flat_map(|model| {
        let price = model.dearest().map(|most| ModelPrice {
            most,
            max_output_tokens: model.max_output_tokens(),
        });
        model.listed().map(move |name| (name, price))
    });
    own.into_iter().chain(routed).collect()
}

/// Where a process keeps what budgets were spent, from its start to its end.
#[derive(Debug)]
pub(crate) enum Kept {
    /// In its memory.
    Memory,
    /// In the journal of this folder.
    Folder(PathBuf),
    /// In a Redis that replicas share.
    Redis,
    /// In a Redis; in the journal of this folder what is spent while that is gone.
    RedisAndFolder(PathBuf),
    /// In a Redis, and nothing in the folder that is named.
    RedisNotFolder,
}

impl Kept {
    /// As `settings` say. A process that shares a Redis does as `sharing` says while that is gone.
    pub(crate) fn new(settings: &Settings, sharing: Option<OnFailure>) -> Self {
        let folder = settings.data_dir().map(Path::to_path_buf);
        match (sharing, folder) {
            (None, None) => Self::Memory,
            (None, Some(folder)) => Self::Folder(folder),
            (Some(OnFailure::Deny | OnFailure::Local), None) => Self::Redis,
            (Some(OnFailure::Deny), Some(_)) => Self::RedisNotFolder,
            (Some(OnFailure::Local), Some(folder)) => Self::RedisAndFolder(folder),
        }
    }

    /// What this process counts itself, in its journal if it has one, whether or not there are budgets
    /// yet; and what whoever runs the server should know of it.
    ///
    /// # Errors
    /// [`AppError::Journal`] when the journal cannot be used.
    pub(crate) fn open(&self, metrics: &Metrics) -> Result<(Ledger, Option<String>), AppError> {
        let folder = match self {
            Self::Folder(folder) | Self::RedisAndFolder(folder) => folder,
            Self::Memory | Self::Redis | Self::RedisNotFolder => return Ok((Ledger::new(), None)),
        };
        let (journal, restored) = SpendJournal::open(folder, SystemTime::now)?;
        let ledger = Ledger::with(MAX_ACCOUNTS, Some(Box::new(journal)));
        for line in &restored.lines {
            ledger.restore(&line.page, line.amount)?;
        }
        let asked = ledger.clone();
        metrics.budget_journal(move || asked.check().is_ok());
        let torn = restored.torn_at.map(|offset| {
            format!(
                "the journal of budgets ended in a torn write, which was cut off at byte {offset}"
            )
        });
        Ok((ledger, torn))
    }

    /// What whoever runs a server with `budgets` should know.
    pub(crate) fn warning(&self, budgets: &Budgets) -> Option<String> {
        let warning = match self {
            Self::Memory => IN_MEMORY,
            Self::RedisNotFolder => NOT_IN_FOLDER,
            Self::Folder(_) | Self::Redis | Self::RedisAndFolder(_) => return None,
        };
        (!budgets.rules.is_empty()).then(|| warning.to_owned())
    }
}

const IN_MEMORY: &str =
    "budgets are kept in memory and begin anew with each start: set `store.dir` to keep them";
const NOT_IN_FOLDER: &str = "budgets are kept in Redis, and nothing of them in `store.dir`: what its \
                             journal says was spent does not count";

struct Builder<'c> {
    /// Keys whose holders have another identifier after each start, by where they come from.
    nameless: Vec<(&'c str, &'c Principal)>,
    /// A listed model without a price.
    unpriced: Option<&'c str>,
    checker: RuleChecker<'c>,
}

impl Builder<'_> {
    fn rules(&mut self, budgets: &[BudgetConfig]) -> Vec<BudgetRule> {
        if !self.checker.number("budgets", "budgets", budgets.len()) {
            return Vec::new();
        }
        let numbered = budgets.iter().enumerate();
        let rules = numbered.filter_map(|(index, budget)| {
            let at = format!("budgets.{index}");
            let before = &budgets[..index];
            let names = before.iter().map(|other| &*other.name);
            self.checker.name(&at, "budget", &budget.name, names);
            self.covers(&at, budget);
            for other in before {
                self.overlap(&at, budget, other);
            }
            self.rule(&at, budget)
        });
        rules.collect()
    }

    /// Checks that whom a budget covers is there.
    fn covers(&mut self, at: &str, budget: &BudgetConfig) {
        let checker = &mut self.checker;
        checker.once(&format!("{at}.per"), &budget.per);
        checker.names(&format!("{at}.projects"), &budget.projects);
        checker.names(&format!("{at}.keys"), &budget.keys);
        checker.holders(at, &budget.projects, &budget.keys);
        self.lasts(at, budget);
    }

    /// Checks that a restart is no way around a budget that outlasts it.
    fn lasts(&mut self, at: &str, budget: &BudgetConfig) {
        if !budget.per.contains(&BudgetPerConfig::Key) || !budget.keys.is_empty() {
            return;
        }
        let covers = |holder: &Principal| {
            let mut projects = budget.projects.iter();
            budget.projects.is_empty() || projects.any(|it| **it == *holder.project)
        };
        let mut covered = self.nameless.iter().filter(|(_, holder)| covers(holder));
        if let Some((origin, _)) = covered.next() {
            let message = format!(
                "the key of {origin} has no name, so its account would begin anew with each start"
            );
            let help = "name keys in `auth.keys_file`, one a line: the key, then its name; or make \
                        them with `lukhas keys create`";
            self.problem(&format!("{at}.per"), message, Some(help.to_owned()));
        }
    }

    /// Two budgets that count the same of the same requests: one of them never has an effect.
    fn overlap(&mut self, at: &str, budget: &BudgetConfig, other: &BudgetConfig) {
        let same = sorted(&budget.projects) == sorted(&other.projects)
            && sorted(&budget.keys) == sorted(&other.keys)
            && sorted(&budget.per) == sorted(&other.per)
            && budget.per_window == other.per_window;
        let twice = [
            ("tokens", budget.tokens.is_some() && other.tokens.is_some()),
            ("usd", budget.usd.is_some() && other.usd.is_some()),
        ];
        for (name, _) in twice.into_iter().filter(|(_, is_twice)| same && *is_twice) {
            let message = format!(
                "budget `{}` counts the same requests in the same way",
                other.name
            );
            let help = Some("keep one of the two".to_owned());
            self.problem(&format!("{at}.{name}"), message, help);
        }
    }

    fn rule(&mut self, at: &str, budget: &BudgetConfig) -> Option<BudgetRule> {
        let money = budget.usd.as_deref().map(|usd| self.money(at, usd));
        if budget.tokens.is_none() && budget.usd.is_none() {
            let help = "write `tokens: 1000000` or `usd: \"12.50\"`";
            self.problem(at, "the budget bounds nothing", Some(help.to_owned()));
        }
        let Some(window) = budget.per_window else {
            let help = "write `per_window: day` or `per_window: month`";
            self.problem(at, "a budget needs a `per_window`", Some(help.to_owned()));
            return None;
        };
        let money = match money {
            Some(money) => Some(money?),
            None => None,
        };
        Some(BudgetRule {
            name: budget.name.clone(),
            projects: budget.projects.clone(),
            keys: budget.keys.clone(),
            per: budget.per.iter().map(|per| (*per).into()).collect(),
            period: window.into(),
            tokens: budget.tokens.map(Bounded::get),
            money,
        })
    }

    /// The amount `usd`, of models that all have a price.
    fn money(&mut self, at: &str, usd: &str) -> Option<Picodollars> {
        let key = format!("{at}.usd");
        if let Some(model) = self.unpriced {
            let message = format!("model `{model}` has no price, so what it costs is not known");
            let help = format!(
                "write `models.table.{model}.price`, or the price of each of its targets; \"0\" is \
                 one, too"
            );
            self.problem(&key, message, Some(help));
        }
        // A dollar has a million millionths, and each of those a million picodollars.
        let amount = millionths(usd).filter(|amount| *amount > 0);
        if amount.is_none() {
            let message = format!("`{}` is not an amount of money above 0", excerpt(usd));
            let help = "write US dollars in quotes, as in \"12.50\", with at most six digits before \
                        and behind the point";
            self.problem(&key, message, Some(help.to_owned()));
        }
        amount.map(|millionths| Picodollars(millionths * 1_000_000))
    }

    fn problem(&mut self, key: &str, message: impl Into<String>, help: Option<String>) {
        self.checker.problem(key, message, help);
    }
}

fn sorted<T: Ord>(items: &[T]) -> Vec<&T> {
    let mut items: Vec<_> = items.iter().collect();
    items.sort();
    items
}

impl From<BudgetPerConfig> for BudgetPer {
    fn from(per: BudgetPerConfig) -> Self {
        match per {
            BudgetPerConfig::Key => Self::Key,
            BudgetPerConfig::Project => Self::Project,
        }
    }
}

impl From<WindowConfig> for Period {
    fn from(window: WindowConfig) -> Self {
        match window {
            WindowConfig::Day => Self::Day,
            WindowConfig::Month => Self::Month,
        }
    }
}
