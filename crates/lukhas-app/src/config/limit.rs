// SPDX-License-Identifier: Apache-2.0
//! Rules of how often and how much callers may ask.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Bounded;

/// A rule of how often and how much callers may ask.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LimitConfig {
    /// Its name, in messages and metrics.
    pub name: String,
    /// Only requests of these classes; of all when absent.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub classes: Vec<ClassConfig>,
    /// Only requests for these models, `*` standing for any characters; for all when absent.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub models: Vec<String>,
    /// Only requests of these projects; of all when absent.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub projects: Vec<String>,
    /// Only requests of these keys, by name or public identifier; of all when absent.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<String>,
    /// What has a count of its own; one count for all when absent.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub per: Vec<PerConfig>,
    /// Requests in a time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requests: Option<RateConfig>,
    /// Tokens of the input in a time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input_tokens: Option<RateConfig>,
    /// Tokens of the output in a time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_tokens: Option<RateConfig>,
    /// Tokens of input and output in a time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens: Option<RateConfig>,
    /// Requests at a time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub concurrency: Option<Bounded<1, 1_000_000>>,
}

/// How much in which time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RateConfig {
    /// How much comes back in each period, at an even pace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub amount: Option<Bounded<1, 1_000_000_000_000>>,
    /// The period.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per: Option<PeriodConfig>,
    /// Most at once, after a quiet time; as much as `amount` when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub burst: Option<Bounded<1, 1_000_000_000_000>>,
}

/// The time of a rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PeriodConfig {
    /// A second.
    Second,
    /// A minute.
    Minute,
    /// An hour.
    Hour,
    /// 24 hours, wherever they begin.
    Day,
}

/// What routes do, as rules name it.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum ClassConfig {
    /// Making responses, and counting their input.
    Responses,
    /// Making chat completions.
    Chat,
    /// Embedding.
    Embeddings,
    /// Reading and deleting what is kept.
    Stored,
    /// Reading the list of models.
    Models,
    /// Metrics and documents.
    Operations,
}

/// What rules count by.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum PerConfig {
    /// Each key.
    Key,
    /// Each project.
    Project,
    /// Each model.
    Model,
    /// Each route.
    Endpoint,
    /// Each address that requests come from.
    Address,
}

/// What holds where nobody sets rules and there are keys.
pub(super) fn defaults() -> Vec<LimitConfig> {
    let rule = |name: &str, classes: &[ClassConfig], amount| LimitConfig {
        name: name.to_owned(),
        classes: classes.to_vec(),
        per: vec![PerConfig::Key],
        requests: Some(RateConfig {
            amount: Some(amount),
            per: Some(PeriodConfig::Second),
            burst: None,
        }),
        ..LimitConfig::default()
    };
    let answers = [ClassConfig::Responses, ClassConfig::Chat];
    vec![
        rule("responses", &answers, Bounded::of::<20>()),
        rule(
            "embeddings",
            &[ClassConfig::Embeddings],
            Bounded::of::<50>(),
        ),
    ]
}
