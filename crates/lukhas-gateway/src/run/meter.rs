// SPDX-License-Identifier: Apache-2.0
//! What the runs of one request use, in the metrics, the limits and the budgets.

use std::sync::Arc;

use lukhas_core::{OutputEvent, RunEvent, Usage, UsageSink};
use lukhas_observability::{InFlight, Metrics, TokenMetrics};

use crate::budgets::Outlay;
use crate::gateway::Shared;
use crate::limits::Spending;

/// Counts one request's runs: under way while it lives, and the tokens of each that ends.
pub(crate) struct Meter {
    tokens: TokenMetrics,
    model: Arc<str>,
    held: Held,
    _in_flight: InFlight,
}

/// What a request takes of the limits and budgets until all of its runs are gone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Held {
    pub(crate) spending: Option<Arc<Spending>>,
    pub(crate) outlay: Option<Arc<Outlay>>,
}

impl Held {
    /// Takes note of what run `index` of the request used.
    pub(crate) fn record(&self, index: usize, usage: Usage) {
        let counted = share(index, usage);
        if let Some(spending) = &self.spending {
            spending.record(&counted);
        }
        if let Some(outlay) = &self.outlay {
            outlay.record(counted.total(), &usage);
        }
    }
}

impl Meter {
    pub(crate) fn new(shared: &Shared, model: &str, held: Held) -> Self {
        Self {
            held,
            ..Self::of(&shared.metrics, shared.tokens.clone(), model)
        }
    }

    pub(super) fn of(metrics: &Metrics, tokens: TokenMetrics, model: &str) -> Self {
        Self {
            tokens,
            model: model.into(),
            held: Held::default(),
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
            self.held.record(index, usage);
        }
    }

    /// Settles what the request used with the limits and budgets, unless a run is still there.
    pub(super) fn release(&mut self) {
        self.held = Held::default();
    }

    /// Who is told what run `index` used when its client leaves before it has ended.
    pub(crate) fn sink(&self, index: usize) -> UsageSink {
        let (tokens, model) = (self.tokens.clone(), Arc::clone(&self.model));
        let held = self.held.clone();
        Arc::new(move |usage| {
            tokens.record(&model, &usage);
            held.record(index, usage);
        })
    }
}

/// What counts of run `index` towards limits, and towards budgets of tokens: as in the `usage` that the
/// client sees, the input is the same for all. The metrics and budgets of money count what is paid for,
/// each input of each run.
fn share(index: usize, usage: Usage) -> Usage {
    Usage {
        input_tokens: if index == 0 { usage.input_tokens } else { 0 },
        ..usage
    }
}
