// SPDX-License-Identifier: Apache-2.0
//! What the runs of one request use, in the metrics, the limits and the budgets.

use std::sync::Arc;

use lukhas_core::{OutputEvent, RunCx, RunEvent, Usage, UsageSink};
use lukhas_observability::{InFlight, Metrics, Redaction, TokenMetrics};

use crate::budgets::Outlay;
use crate::gateway::Shared;
use crate::limits::Spending;
use crate::telling::{RunAbout, RunTelling, Telling};

/// Counts one request's runs: under way while it lives, and the tokens of each that ends.
pub(crate) struct Meter {
    tokens: TokenMetrics,
    model: Arc<str>,
    held: Held,
    redaction: Redaction,
    /// What each run tells.
    tellings: Vec<RunTelling>,
    /// Whether the client asked for the steps of its runs.
    shows_steps: bool,
    _in_flight: InFlight,
}

/// What is told of the runs of one request.
pub(crate) struct ToldRuns<'t> {
    pub(crate) telling: &'t Telling,
    pub(crate) about: RunAbout<'t>,
    pub(crate) count: u32,
    /// Whether the client asked for their steps.
    pub(crate) shows_steps: bool,
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
    /// A meter of the runs of a request, which take `held` of the limits and budgets.
    pub(crate) fn new(shared: &Shared, held: Held, told: &ToldRuns<'_>) -> Self {
        let redaction = shared.redactions.upstream.clone();
        let model = told.about.model;
        let meter = Self::of(&shared.metrics, shared.tokens.clone(), model, redaction);
        let tell = |index| told.telling.run(shared, &told.about, index);
        Self {
            held,
            tellings: (0..told.count as usize).map(tell).collect(),
            shows_steps: told.shows_steps,
            ..meter
        }
    }

    pub(super) fn of(
        metrics: &Metrics,
        tokens: TokenMetrics,
        model: &str,
        redaction: Redaction,
    ) -> Self {
        Self {
            tokens,
            model: model.into(),
            held: Held::default(),
            redaction,
            tellings: Vec::new(),
            shows_steps: true,
            _in_flight: metrics.begin_run(),
        }
    }

    /// What the errors of its runs pass before a client reads them.
    pub(super) fn redaction(&self) -> &Redaction {
        &self.redaction
    }

    /// Takes note of an event of run `index`.
    pub(super) fn note(&mut self, index: usize, event: &RunEvent) {
        if let Some(telling) = self.tellings.get_mut(index) {
            telling.note(event);
        }
        let RunEvent::Output(OutputEvent::Ended(end)) = event else {
            return;
        };
        if let Some(usage) = end.usage {
            self.tokens.record(&self.model, &usage);
            self.held.record(index, usage);
        }
    }

    /// Whether `event` is only for those who are told of the run, and not for its client.
    pub(super) fn hides(&self, event: &RunEvent) -> bool {
        !self.shows_steps && matches!(event, RunEvent::Step(_))
    }

    /// Settles what the request used with the limits and budgets, unless a run is still there.
    pub(super) fn release(&mut self) {
        self.held = Held::default();
    }

    /// What run `index` carries: also who is told what it used when its client leaves before it has
    /// ended.
    pub(crate) fn watch(&self, index: usize, cx: RunCx) -> RunCx {
        let telling = self.tellings.get(index);
        let cx = match telling {
            Some(telling) => telling.watch(cx),
            None => cx,
        };
        RunCx {
            abandoned: Some(self.sink(index, telling)),
            ..cx
        }
    }

    fn sink(&self, index: usize, telling: Option<&RunTelling>) -> UsageSink {
        let (tokens, model) = (self.tokens.clone(), Arc::clone(&self.model));
        let held = self.held.clone();
        let told = telling.and_then(RunTelling::abandoned);
        Arc::new(move |usage| {
            tokens.record(&model, &usage);
            held.record(index, usage);
            if let Some(told) = &told {
                told(usage);
            }
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
