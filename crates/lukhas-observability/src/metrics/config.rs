// SPDX-License-Identifier: Apache-2.0
//! What came of reading the configuration again.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// Reloads by what came of them; see [`Metrics::config`](super::Metrics::config).
#[derive(Clone, Debug)]
pub struct ConfigMetrics {
    applied: Counter,
    refused: Counter,
    last_success: Gauge,
}

/// Labels of reloads.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Outcome {
    outcome: &'static str,
}

impl ConfigMetrics {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let reloads: Family<Outcome, Counter> = Family::default();
        let help = "Times that the configuration was read again, by what came of it";
        registry.register("lukhas_config_reload", help, reloads.clone());
        let last_success = Gauge::default();
        // What it was started with was in order.
        last_success.set(1);
        let help = "Whether the last reload was applied (1) or refused (0)";
        let name = "lukhas_config_last_reload_success";
        registry.register(name, help, last_success.clone());
        let count = |outcome| reloads.get_or_create_owned(&Outcome { outcome });
        Self {
            applied: count("applied"),
            refused: count("refused"),
            last_success,
        }
    }

    /// Counts a reload that was applied.
    pub fn applied(&self) {
        self.applied.inc();
        self.last_success.set(1);
    }

    /// Counts a reload that changed nothing, because something was wrong.
    pub fn refused(&self) {
        self.refused.inc();
        self.last_success.set(0);
    }
}
