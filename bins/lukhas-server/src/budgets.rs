// SPDX-License-Identifier: Apache-2.0
//! `lukhas budgets`: what is spent, and what is left.

use std::time::SystemTime;

use lukhas_app::{BudgetStanding, Loaded};
use lukhas_gateway::BudgetUnit;
use serde_json::{Value, json};
use tokio::runtime::Builder;

use crate::command::{pretty, print};
use crate::failure::Failure;
use crate::table;

/// Digits of a picodollar behind the point.
const DIGITS: usize = 12;

/// Shows how the budgets of `loaded` stand now.
pub(crate) fn show(loaded: Loaded, json: bool) -> Result<(), Failure> {
    let runtime = Builder::new_current_thread().build();
    let runtime = runtime.map_err(Failure::System)?;
    let standings = runtime.block_on(loaded.budget_standings(SystemTime::now()))?;
    if json {
        let standings: Vec<_> = standings.iter().map(to_json).collect();
        return print(&pretty(&json!({"budgets": standings}))?);
    }
    let heads = [
        "BUDGET", "ACCOUNT", "WINDOW", "RENEWS", "UNIT", "SPENT", "LEFT", "LIMIT",
    ];
    let rows = standings.iter().map(row);
    let rows: Vec<_> = std::iter::once(heads.map(str::to_owned))
        .chain(rows)
        .collect();
    print(&table::text(&rows))
}

fn row(standing: &BudgetStanding) -> [String; 8] {
    let amount = |amount| written(standing.unit, amount);
    [
        standing.budget.clone(),
        standing.account.clone(),
        standing.window.clone(),
        standing.renews.clone(),
        standing.unit.as_str().to_owned(),
        amount(standing.spent),
        amount(standing.left()),
        amount(standing.limit),
    ]
}

/// Tokens are numbers; money is text, as in the configuration, for it is exact.
fn to_json(standing: &BudgetStanding) -> Value {
    let amount = |amount| match standing.unit {
        BudgetUnit::Tokens => Value::from(amount),
        BudgetUnit::Money => written(standing.unit, amount).into(),
    };
    json!({
        "budget": standing.budget,
        "account": standing.account,
        "window": standing.window,
        "renews": standing.renews,
        "unit": standing.unit.as_str(),
        "spent": amount(standing.spent),
        "left": amount(standing.left()),
        "limit": amount(standing.limit),
    })
}

/// An amount for people: of money exactly, in dollars, with no fewer than two digits behind the point.
fn written(unit: BudgetUnit, amount: u64) -> String {
    match unit {
        BudgetUnit::Tokens => amount.to_string(),
        BudgetUnit::Money => {
            let dollar = 10_u64.pow(12);
            let fraction = format!("{:0DIGITS$}", amount % dollar);
            let fraction = fraction.trim_end_matches('0');
            format!("{}.{fraction:0<2}", amount / dollar)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_is_written_exactly() {
        for (amount, expected) in [
            (0, "0.00"),
            (1, "0.000000000001"),
            (12_500_000_000_000, "12.50"),
            (1_230_450_000_000, "1.23045"),
            (u64::MAX, "18446744.073709551615"),
        ] {
            assert_eq!(written(BudgetUnit::Money, amount), expected);
        }
        assert_eq!(written(BudgetUnit::Tokens, 1_000), "1000");
    }
}
