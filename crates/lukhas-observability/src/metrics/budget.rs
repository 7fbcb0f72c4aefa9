// SPDX-License-Identifier: Apache-2.0
//! What budgets spent, and requests that they denied.

use std::fmt;
use std::sync::Arc;

use lukhas_core::Picodollars;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::{Registry, Unit};

use super::cost::{Amount, Sum};

/// The families that budgets have series in.
#[derive(Clone)]
pub(super) struct BudgetFamilies {
    tokens: Family<Budget, Counter>,
    cost: Family<Budget, Counter<Amount, Sum>>,
    denied: Family<Denied, Counter>,
}

/// Labels of what was spent.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Budget {
    budget: Arc<str>,
}

/// Labels of denials.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Denied {
    budget: Arc<str>,
    unit: &'static str,
}

/// The figures of one budget, over all of its accounts. Cheap to clone; see
/// [`Metrics::budget`](super::Metrics::budget).
#[derive(Clone)]
pub struct BudgetMetrics {
    families: BudgetFamilies,
    budget: Arc<str>,
}

impl BudgetFamilies {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let families = Self {
            tokens: Family::default(),
            cost: Family::default(),
            denied: Family::default(),
        };
        let help = "Tokens settled with budgets, by budget";
        registry.register("lukhas_budget_tokens", help, families.tokens.clone());
        let help = "Money settled with budgets, by budget";
        let (name, unit) = ("lukhas_budget_cost", Unit::Other("usd".to_owned()));
        registry.register_with_unit(name, help, unit, families.cost.clone());
        let help = "Requests that budgets denied, by budget and unit";
        registry.register("lukhas_budget_denied", help, families.denied.clone());
        families
    }
}

impl BudgetMetrics {
    pub(super) fn new(families: &BudgetFamilies, budget: &str) -> Self {
        Self {
            families: families.clone(),
            budget: budget.into(),
        }
    }

    /// Counts tokens that were spent of it.
    pub fn spent_tokens(&self, tokens: u64) {
        let counter = self.families.tokens.get_or_create_owned(&self.labels());
        counter.inc_by(tokens);
    }

    /// Counts money that was spent of it.
    pub fn spent_money(&self, amount: Picodollars) {
        let counter = self.families.cost.get_or_create_owned(&self.labels());
        counter.inc_by(Amount(amount));
    }

    /// Counts a request that it denied because of `unit`.
    pub fn denied(&self, unit: &'static str) {
        let Budget { budget } = self.labels();
        let denied = &self.families.denied;
        denied.get_or_create_owned(&Denied { budget, unit }).inc();
    }

    fn labels(&self) -> Budget {
        let budget = Arc::clone(&self.budget);
        Budget { budget }
    }
}

impl fmt::Debug for BudgetMetrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("BudgetMetrics").field(&self.budget).finish()
    }
}
