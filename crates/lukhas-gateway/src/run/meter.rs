// SPDX-License-Identifier: Apache-2.0
//! What the runs of one request use, in the metrics and in the limits.

use std::sync::Arc;

use lukhas_core::{OutputEvent, RunEvent, Usage, UsageSink};
use lukhas_observability::{InFlight, Metrics, TokenMetrics};

use crate::gateway::Shared;
use crate::limits::Spending;

/// Counts one request's runs: under way while it lives, and the tokens of each that ends.
pub(crate) struct Meter {
    tokens: TokenMetrics,
    model: Arc<str>,
    /// What the request takes of the limits until all that is here is gone.
    spending: Option<Arc<Spending>>,
    _in_flight: InFlight,
}

impl Meter {
    pub(crate) fn new(shared: &Shared, model: &str, spending: Option<Arc<Spending>>) -> Self {
        Self {
            spending,
            ..Self::of(&shared.metrics, shared.tokens.clone(), model)
        }
    }

    pub(super) fn of(metrics: &Metrics, tokens: TokenMetrics, model: &str) -> Self {
        Self {
            tokens,
            model: model.into(),
            spending: None,
            _in_flight: metrics.begin_run(),
        }
    }

    /// Takes note of an event of run `index`.
    pub(super) fn note(&self, index: usize, event: &RunEvent) {
        let RunEvent::Output(OutputEvent::Ended(end)) = event else {
            return;
        };
        if let Some(usage) = end.usage {
            self.tokens.record(&self.model, &usage);
            if let Some(spending) = &self.spending {
                spending.record(&share(index, usage));
            }
        }
    }

    /// Settles what the request used with the limits, unless a run is still there.
    pub(super) fn release(&mut self) {
        self.spending = None;
    }

    /// Who is told what run `index` used when its client leaves before it has ended.
    pub(crate) fn sink(&self, index: usize) -> UsageSink {
        let (tokens, model) = (self.tokens.clone(), Arc::clone(&self.model));
        let spending = self.spending.clone();
        Arc::new(move |usage| {
            tokens.record(&model, &usage);
            if let Some(spending) = &spending {
                spending.record(&share(index, usage));
            }
        })
    }
}

/// What counts towards limits of run `index`: as in the `usage` that the client sees, the input is
/// the same for all. The metrics count what is paid for, each input of each run.
fn share(index: usize, usage: Usage) -> Usage {
    Usage {
        input_tokens: if index == 0 { usage.input_tokens } else { 0 },
        ..usage
    }
}
