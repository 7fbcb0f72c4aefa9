// SPDX-License-Identifier: Apache-2.0
//! What the runs of one request use, in the metrics.

use lukhas_core::{OutputEvent, RunEvent, Usage};
use lukhas_observability::{InFlight, Metrics, TokenMetrics};

use crate::gateway::Shared;

/// Counts one request's runs: under way while it lives, and the tokens of each that ends.
pub(crate) struct Meter {
    tokens: TokenMetrics,
    model: String,
    _in_flight: InFlight,
}

impl Meter {
    pub(crate) fn new(shared: &Shared, model: &str) -> Self {
        Self::of(&shared.metrics, shared.tokens.clone(), model)
    }

    pub(super) fn of(metrics: &Metrics, tokens: TokenMetrics, model: &str) -> Self {
        Self {
            tokens,
            model: model.to_owned(),
            _in_flight: metrics.begin_run(),
        }
    }

    /// Takes note of an event of run `index`. Runs beside each other share their input, which
    /// counts once.
    pub(super) fn note(&self, index: usize, event: &RunEvent) {
        let RunEvent::Output(OutputEvent::Ended(end)) = event else {
            return;
        };
        if let Some(usage) = end.usage {
            let input_tokens = if index == 0 { usage.input_tokens } else { 0 };
            let usage = Usage {
                input_tokens,
                ..usage
            };
            self.tokens.record(&self.model, &usage);
        }
    }
}
