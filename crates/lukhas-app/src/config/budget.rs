// SPDX-License-Identifier: Apache-2.0
//! Budgets: how much callers may use in a day or a month.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Bounded;

/// How much callers may use in a day or a month.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct BudgetConfig {
    /// Its name, in messages, metrics and the journal.
    pub name: String,
    /// Only requests of these projects; of all when absent.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub projects: Vec<String>,
    /// Only requests of these keys, by name or public identifier; of all when absent.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<String>,
    /// What has an account of its own; one account for all when absent.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub per: Vec<BudgetPerConfig>,
    /// How long it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_window: Option<WindowConfig>,
    /// Most tokens of input and output.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens: Option<Bounded<1, 1_000_000_000_000_000>>,
    /// Most US dollars: a decimal number in quotes, with at most six digits before and behind the
    /// point.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usd: Option<String>,
}

/// What budgets have accounts for.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum BudgetPerConfig {
    /// Each key.
    Key,
    /// Each project.
    Project,
}

/// How long a budget is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WindowConfig {
    /// A day, UTC.
    Day,
    /// A month of the calendar, UTC.
    Month,
}
