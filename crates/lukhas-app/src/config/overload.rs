// SPDX-License-Identifier: Apache-2.0
//! What is done when there is more to do than room for it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Bounded;

/// What is done when there is more to do than room for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct OverloadConfig {
    /// Most requests that wait for the server, and for each model; further ones are answered 503.
    pub max_queue: Bounded<0, 100_000>,
    /// Most milliseconds that a request waits for either.
    pub max_wait_ms: Bounded<0, 600_000>,
    /// The number of runs at a time is found out, for the server and for each model: it is never
    /// lowered below this, nor raised beyond `server.max_in_flight`.
    pub min_limit: Bounded<1, 1_000_000>,
    /// Milliseconds that work may wait for a serving thread, time after time for a tenth of a second,
    /// before fewer runs are let in; 0 for any number.
    pub max_delay_ms: Bounded<0, 60_000>,
    /// Whose requests go first, and are refused last. The first rule that covers a request decides.
    pub priorities: Vec<PriorityConfig>,
}

/// Whose requests have which priority.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PriorityConfig {
    /// Only requests of these projects; of all when absent.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub projects: Vec<String>,
    /// Only requests of these keys, by name or public identifier; of all when absent.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<String>,
    /// The priority.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub priority: Option<PriorityClass>,
}

/// Which requests go first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PriorityClass {
    /// Last.
    Low,
    /// Before those that are low.
    Normal,
    /// First.
    High,
}

impl Default for OverloadConfig {
    fn default() -> Self {
        Self {
            max_queue: Bounded::of::<256>(),
            max_wait_ms: Bounded::of::<1_000>(),
            min_limit: Bounded::of::<4>(),
            max_delay_ms: Bounded::of::<1>(),
            priorities: Vec::new(),
        }
    }
}
