// SPDX-License-Identifier: Apache-2.0
//! How many tokens and how much money callers may use in a day or a month, enforced.
//!
//! What a request may use is reserved before it runs, of every budget that covers it or of none, and
//! settled with what it used when the last of its runs is gone, however it went. That is before its
//! client reads the end of the answer.

mod outlay;
mod shared;

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use lukhas_core::{Picodollars, Price, Principal, Usage};
use lukhas_observability::{BudgetMetrics, Metrics};
use lukhas_reliability::{Account, AccountBalance, Ledger, Period, Refused, Window};

use crate::limits::Estimate;
use crate::{ApiError, ErrorCode};

use self::outlay::Reserved;
use self::shared::{Sharing, Unreserved};

pub(crate) use self::outlay::Outlay;
pub use self::shared::SharedBudgets;

/// Tells the time of the calendar.
pub type WallClock = Arc<dyn Fn() -> SystemTime + Send + Sync>;

/// The budgets, and what models cost.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Budgets {
    /// The budgets. A request needs all that cover it.
    pub rules: Vec<BudgetRule>,
    /// Models whose tokens have a known price, by all of their names. A request that a budget of
    /// money covers is refused for any other.
    pub prices: HashMap<String, ModelPrice>,
}

/// Where budgets are counted, whichever there are, and by which calendar.
#[derive(Clone)]
pub struct BudgetLedger {
    /// What was spent, and what is reserved, of this process.
    pub ledger: Ledger,
    /// Says which day it is.
    pub clock: WallClock,
    /// Where replicas count them instead, if they share them.
    pub shared: Option<SharedBudgets>,
}

/// One budget: whom it covers, and how much they may use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BudgetRule {
    /// Its name, in messages, metrics and the journal.
    pub name: String,
    /// Only requests of these projects, of whatever tenant; of any when empty.
    pub projects: Vec<String>,
    /// Only requests of these keys, by their public identifiers; of any when empty.
    pub keys: Vec<String>,
    /// What has an account of its own; nothing has one account for all.
    pub per: Vec<BudgetPer>,
    /// How long a window is. Each begins with nothing used.
    pub period: Period,
    /// Most tokens of input and output in a window.
    pub tokens: Option<u64>,
    /// Most money in a window.
    pub money: Option<Picodollars>,
}

/// What has an account of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BudgetPer {
    /// Each key.
    Key,
    /// Each project of each tenant.
    Project,
}

/// What budgets have to know of a model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ModelPrice {
    /// The price of the dearest that may answer: of several, each part of whoever asks most for it.
    pub most: Price,
    /// Most tokens of an answer, where the model is held to that.
    pub max_output_tokens: Option<u32>,
}

/// What a budget counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BudgetUnit {
    /// Tokens of input and output.
    Tokens,
    /// Money, in [`Picodollars`].
    Money,
}

/// The budgets, ready to be asked.
pub(crate) struct BudgetAccounts {
    rules: Vec<Arc<Rule>>,
    prices: HashMap<String, ModelPrice>,
    ledger: Ledger,
    clock: WallClock,
    sharing: Option<Sharing>,
}

struct Rule {
    config: BudgetRule,
    metrics: BudgetMetrics,
}

impl Default for BudgetLedger {
    /// One in memory, and the system's clock.
    fn default() -> Self {
        Self {
            ledger: Ledger::new(),
            clock: Arc::new(SystemTime::now),
            shared: None,
        }
    }
}

impl BudgetRule {
    /// What it counts, and the most of each.
    pub fn limits(&self) -> impl Iterator<Item = (BudgetUnit, u64)> + use<> {
        let money = self.money.map(|Picodollars(amount)| amount);
        let limits = [
            (BudgetUnit::Tokens, self.tokens),
            (BudgetUnit::Money, money),
        ];
        limits
            .into_iter()
            .filter_map(|(unit, limit)| Some((unit, limit?)))
    }

    /// What the name of each of its accounts for `unit` begins with. What follows is `/key/` and a
    /// key's identifier, `/project/`, a tenant, `/` and a project, both, or nothing.
    #[must_use]
    pub fn account_prefix(&self, unit: BudgetUnit) -> String {
        format!("{}/{}", self.name, unit.as_str())
    }

    /// The account that it counts a request of `principal` in.
    #[must_use]
    pub fn account(&self, unit: BudgetUnit, limit: u64, principal: &Principal) -> Account {
        let mut name = self.account_prefix(unit);
        if self.per.contains(&BudgetPer::Key) {
            name.extend(["/key/", &principal.key_id]);
        }
        if self.per.contains(&BudgetPer::Project) {
            name.extend(["/project/", &principal.tenant, "/", &principal.project]);
        }
        Account::new(name, self.period, limit)
    }

    fn covers(&self, principal: &Principal) -> bool {
        let lists = |names: &[String], name: &str| {
            names.is_empty() || names.iter().any(|other| other == name)
        };
        lists(&self.keys, &principal.key_id) && lists(&self.projects, &principal.project)
    }
}

impl BudgetUnit {
    /// Its name in accounts and metrics, as in the configuration.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tokens => "tokens",
            Self::Money => "usd",
        }
    }
}

impl ModelPrice {
    /// What `usage` costs at most.
    fn of(&self, input: u64, output: u64) -> u64 {
        let usage = Usage {
            input_tokens: input,
            output_tokens: output,
            ..Usage::default()
        };
        self.most.of(&usage).0
    }
}

impl BudgetAccounts {
    pub(crate) fn new(budgets: Budgets, counted: BudgetLedger, metrics: &Metrics) -> Self {
        let rule = |config: BudgetRule| {
            let metrics = metrics.budget(&config.name);
            Arc::new(Rule { config, metrics })
        };
        Self {
            rules: budgets.rules.into_iter().map(rule).collect(),
            prices: budgets.prices,
            ledger: counted.ledger,
            clock: counted.clock,
            sharing: counted.shared.map(|it| Sharing::new(it, metrics)),
        }
    }

    /// Other budgets, counted where these are: an account that is of both goes on as it stands.
    pub(crate) fn exchanged(&self, budgets: Budgets, metrics: &Metrics) -> Self {
        let counted = BudgetLedger {
            ledger: self.ledger.clone(),
            clock: Arc::clone(&self.clock),
            shared: self.sharing.as_ref().map(|it| it.budgets.clone()),
        };
        Self::new(budgets, counted, metrics)
    }

    /// Whether any budget covers requests of `principal`.
    pub(crate) fn cover(&self, principal: &Principal) -> bool {
        self.rules.iter().any(|rule| rule.config.covers(principal))
    }

    /// Whether what requests use can be recorded here; `None` where there are no budgets, or replicas
    /// share them.
    pub(crate) fn check(&self) -> Option<Result<(), String>> {
        let checked = || self.ledger.check().map_err(|_| UNRECORDED.to_owned());
        (!self.rules.is_empty() && self.sharing.is_none()).then(checked)
    }

    /// Reserves what `choices` answers of `model` may use, each as `estimate` says.
    ///
    /// # Errors
    /// A 429 of the budget that has too little left, a 400 when nobody knows what the model costs, a
    /// 503 when what is used could not be recorded, or what replicas share cannot be reached. Nothing is
    /// reserved then.
    pub(crate) async fn reserve(
        &self,
        principal: &Principal,
        model: &str,
        estimate: Estimate,
        choices: u32,
    ) -> Result<Option<Arc<Outlay>>, ApiError> {
        if !self.cover(principal) {
            return Ok(None);
        }
        // Boxed, so that requests of no budget do not carry what it needs.
        let reserved = Box::pin(self.reserve_covered(principal, model, estimate, choices));
        reserved.await.map(Some)
    }

    async fn reserve_covered(
        &self,
        principal: &Principal,
        model: &str,
        mut estimate: Estimate,
        choices: u32,
    ) -> Result<Arc<Outlay>, ApiError> {
        let covering = || {
            let rules = self
                .rules
                .iter()
                .filter(|rule| rule.config.covers(principal));
            rules.flat_map(|rule| rule.config.limits().map(move |limit| (rule, limit)))
        };
        let price = self.prices.get(model);
        if estimate.is_guess
            && let Some(most) = price.and_then(|price| price.max_output_tokens)
        {
            estimate.output = most.into();
        }
        let mut wanted = Vec::new();
        for (rule, (unit, limit)) in covering() {
            let amount = match (unit, price) {
                (BudgetUnit::Tokens, _) => estimate.of_choices(choices).total(),
                // Each choice is an answer of its own, and pays for its input.
                (BudgetUnit::Money, Some(price)) => price
                    .of(estimate.input, estimate.output)
                    .saturating_mul(choices.into()),
                (BudgetUnit::Money, None) => return Err(rule.unpriced(model)),
            };
            wanted.push((rule.config.account(unit, limit, principal), amount));
        }
        let reserved = self.take(&wanted).await;
        let reserved = reserved.map_err(|unreserved| match unreserved {
            Unreserved::Exceeded(index, balance) => match covering().nth(index) {
                Some((rule, (unit, _))) => rule.denial(unit, wanted[index].1, balance),
                None => ApiError::internal(&"a denial by no budget"),
            },
            Unreserved::Refused(error) => error,
        })?;
        let bookings = covering().map(|(rule, (unit, _))| (Arc::clone(rule), unit));
        let price = price.map(|price| price.most).unwrap_or_default();
        Ok(Arc::new(Outlay::new(reserved, bookings.collect(), price)))
    }

    /// Reserves so much in each account: where replicas share them, or else in this process.
    async fn take(&self, wanted: &[(Account, u64)]) -> Result<Reserved, Unreserved> {
        let now = (self.clock)();
        if let Some(sharing) = &self.sharing
            && let Some(shared) = sharing.reserve(wanted, now).await?
        {
            return Ok(Reserved::Shared(shared));
        }
        let wanted: Vec<_> = wanted.iter().map(|(it, amount)| (it, *amount)).collect();
        let reserved = self.ledger.reserve(&wanted, now);
        reserved.map(Reserved::Own).map_err(|refused| {
            let why = match refused {
                Refused::Exceeded { index, balance } => {
                    return Unreserved::Exceeded(index, balance);
                }
                Refused::TooManyAccounts => TOO_MANY,
                Refused::Unrecorded => UNRECORDED,
            };
            Unreserved::Refused(ApiError::new(ErrorCode::Overloaded, why))
        })
    }
}

const UNRECORDED: &str =
    "A budget covers this request, and what it uses cannot be recorded now. Retry shortly.";
const TOO_MANY: &str =
    "A budget covers this request, and there are too many accounts to count it in. Retry later.";

impl Rule {
    /// The 429 of a request that may use `amount`. How much is left is not told: others may have used
    /// the rest.
    fn denial(&self, unit: BudgetUnit, amount: u64, balance: AccountBalance) -> ApiError {
        self.metrics.denied(unit.as_str());
        let BudgetRule { name, .. } = &self.config;
        let amount = match unit {
            BudgetUnit::Tokens => format!("{amount} tokens"),
            BudgetUnit::Money => format!("${}", Dollars(amount)),
        };
        let window = balance.window;
        let renewal = Window::of(Period::Day, window.end());
        let message = format!(
            "Budget `{name}` has too little left in {window} for this request, which may use up to \
             {amount}. It renews on {renewal} at 00:00 UTC. Send less, or ask for fewer tokens."
        );
        ApiError::new(ErrorCode::InsufficientQuota, message)
    }

    fn unpriced(&self, model: &str) -> ApiError {
        let model: String = model.chars().take(64).collect();
        let message = format!(
            "`{model}` has no price, and budget `{}` counts money. Use a model that the operator has \
             given a price.",
            self.config.name
        );
        ApiError::new(ErrorCode::UnsupportedParameter, message).with_param("model")
    }
}

/// Picodollars, rounded up to millionths of a dollar.
struct Dollars(u64);

impl fmt::Display for Dollars {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millionths = self.0.div_ceil(1_000_000);
        write!(
            f,
            "{}.{:06}",
            millionths / 1_000_000,
            millionths % 1_000_000
        )
    }
}

impl fmt::Debug for BudgetLedger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BudgetLedger")
            .field("ledger", &self.ledger)
            .finish_non_exhaustive()
    }
}
