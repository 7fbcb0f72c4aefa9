// SPDX-License-Identifier: Apache-2.0
//! What is promised of answers.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Bounded;

/// What is promised of answers, by what they are of: the time until they begin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SloConfig {
    /// Of responses.
    pub responses: Option<LatencyBudgetConfig>,
    /// Of chat completions.
    pub chat_completions: Option<LatencyBudgetConfig>,
    /// Of embeddings.
    pub embeddings: Option<LatencyBudgetConfig>,
}

/// The times within which answers begin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LatencyBudgetConfig {
    /// Milliseconds within which 95 of a hundred begin.
    pub p95_ms: Bounded<1, 600_000>,
    /// Milliseconds within which 99 of a hundred begin.
    pub p99_ms: Bounded<1, 600_000>,
}

impl Default for SloConfig {
    fn default() -> Self {
        Self {
            responses: Some(LatencyBudgetConfig::default()),
            chat_completions: Some(LatencyBudgetConfig::default()),
            embeddings: Some(LatencyBudgetConfig {
                p95_ms: Bounded::of::<800>(),
                p99_ms: Bounded::of::<1_500>(),
            }),
        }
    }
}

impl Default for LatencyBudgetConfig {
    fn default() -> Self {
        Self {
            p95_ms: Bounded::of::<1_200>(),
            p99_ms: Bounded::of::<2_500>(),
        }
    }
}
