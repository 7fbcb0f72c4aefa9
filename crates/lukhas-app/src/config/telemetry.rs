// SPDX-License-Identifier: Apache-2.0
//! Who is told of requests and runs.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Bounded;

/// Who is told of requests and runs, besides the log.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TelemetryConfig {
    /// Files of run events.
    pub run_log: RunLogConfig,
    /// Whether `/metrics` has the names of old, too.
    pub metric_aliases: MetricAliases,
}

/// Whether metrics have further names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MetricAliases {
    /// The documented names alone.
    #[default]
    None,
    /// `lukhas_requests_total`, `request_total`, `lukhas_responses_latency_ms` and `latency_ms`, too.
    Legacy,
}

/// Files of run events, an object of JSON a line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RunLogConfig {
    /// The folder, relative to the file that names it; when absent, there are none.
    pub dir: Option<PathBuf>,
    /// Bytes after which a file ends, and another begins.
    pub max_file_bytes: Bounded<4_096, 1_099_511_627_776>,
    /// Seconds after which a file ends.
    pub max_file_age_s: Bounded<1, 31_536_000>,
    /// Most bytes of all files; beyond, the oldest are removed.
    pub max_total_bytes: Bounded<8_192, 1_099_511_627_776>,
    /// Whether the end of a run shows what was said.
    pub content: ContentConfig,
}

/// Whether what was said is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ContentConfig {
    /// It is not.
    #[default]
    None,
    /// Without personal data and secrets.
    Redacted,
}

impl Default for RunLogConfig {
    fn default() -> Self {
        Self {
            dir: None,
            max_file_bytes: Bounded::of::<67_108_864>(),
            max_file_age_s: Bounded::of::<86_400>(),
            max_total_bytes: Bounded::of::<1_073_741_824>(),
            content: ContentConfig::None,
        }
    }
}
