// SPDX-License-Identifier: Apache-2.0
//! What is kept out of what is told of requests.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What is kept out of logs, errors and all else that is told of requests, besides the personal data
/// and secrets that are always kept out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RedactionConfig {
    /// Entities that are looked for only where they are named.
    pub entities: Vec<String>,
    /// Patterns of the operator's own.
    pub patterns: Vec<PatternConfig>,
    /// What is kept from upstreams.
    pub mask_upstreams: Mask,
}

/// What is kept from an upstream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Mask {
    /// Nothing: it is asked as this server is.
    #[default]
    None,
    /// Personal data and secrets: placeholders stand for them, and what they stand for is put back in
    /// the answer.
    Reversible,
}

/// A pattern of the operator's own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PatternConfig {
    /// What placeholders call it.
    pub entity: String,
    /// A regular expression of bounded length.
    pub pattern: String,
    /// Personal data or a secret.
    pub kind: KindConfig,
    /// Words of which one must stand to its left; none are needed when absent.
    pub context: Vec<String>,
}

/// What sort of value a pattern finds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum KindConfig {
    /// Personal data.
    #[default]
    Pii,
    /// A key, token or password.
    Secret,
}
