// SPDX-License-Identifier: Apache-2.0
//! More to do than there is room for: who waits, how long, who goes first, and what the others are
//! told.

mod refusals;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use lukhas_core::{Principal, RunErrorKind};
use lukhas_observability::GateFigures;
use lukhas_reliability::{Gate, GateConfig, Priority};

pub(crate) use refusals::Refusals;

/// How runs are let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Overload {
    /// Most requests that wait for the server, and for each model.
    pub max_queue: usize,
    /// Most time that a request waits for either.
    pub max_wait: Duration,
    /// The number of runs at a time is never lowered below this.
    pub min_limit: usize,
    /// How long work may wait for a serving thread before fewer runs are let in; `None` for as long
    /// as it likes.
    pub max_delay: Option<Duration>,
}

/// Whose requests have which priority. The first rule that covers a request decides.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PriorityRule {
    /// Only requests of these projects; of any when empty.
    pub projects: Vec<String>,
    /// Only requests of these keys, by their public identifiers; of any when empty.
    pub keys: Vec<String>,
    /// The priority.
    pub priority: Priority,
}

impl Default for Overload {
    fn default() -> Self {
        Self {
            max_queue: 256,
            max_wait: Duration::from_secs(1),
            min_limit: 4,
            max_delay: Some(Duration::from_millis(1)),
        }
    }
}

impl Overload {
    /// The gate of a server that lets in at most `most` runs.
    pub(crate) fn gate(&self, most: usize) -> Gate {
        Gate::new(GateConfig {
            min_limit: self.min_limit,
            max_limit: most,
            max_queue: self.max_queue,
            max_wait: self.max_wait,
        })
    }

    /// The gate of a model of that server: for all that run and wait there, and those whose places two
    /// higher priorities have just taken. So it is in nobody's way until the model has been found to
    /// bear less.
    pub(crate) fn gate_of_model(&self, most: usize) -> Gate {
        self.gate(most + 3 * self.max_queue)
    }
}

impl PriorityRule {
    fn covers(&self, principal: &Principal) -> bool {
        let lists = |names: &[String], name: &str| {
            names.is_empty() || names.iter().any(|other| other == name)
        };
        lists(&self.keys, &principal.key_id) && lists(&self.projects, &principal.project)
    }
}

/// The priority of what `principal` asks for.
pub(crate) fn priority(rules: &[PriorityRule], principal: &Principal) -> Priority {
    let rule = rules.iter().find(|rule| rule.covers(principal));
    rule.map(|rule| rule.priority).unwrap_or_default()
}

/// Whether a run that failed so says that its model has more to do than it bears.
pub(crate) fn is_congestion(kind: RunErrorKind) -> bool {
    match kind {
        RunErrorKind::Overloaded | RunErrorKind::RateLimited | RunErrorKind::UpstreamTimeout => {
            true
        }
        RunErrorKind::InvalidRequest
        | RunErrorKind::Unsupported
        | RunErrorKind::ModelNotFound
        | RunErrorKind::PreviousResponseNotFound
        | RunErrorKind::ContextLength
        | RunErrorKind::Upstream
        | RunErrorKind::UpstreamTruncated
        | RunErrorKind::ShuttingDown
        | RunErrorKind::Internal => false,
    }
}

/// A gate for each model that is listed, whichever of its names is used, and one for all others.
#[derive(Clone, Debug)]
pub(crate) struct ModelGates {
    /// By every name.
    listed: HashMap<String, Gate>,
    other: Gate,
}

impl ModelGates {
    /// Gates that `make` makes for the models of `names`, of which `aliases` are other names. Those that
    /// were there `before` go on with what they have found out.
    pub(crate) fn new<'m>(
        before: Option<&Self>,
        make: impl Fn() -> Gate,
        names: impl IntoIterator<Item = &'m String>,
        aliases: &HashMap<String, String>,
    ) -> Self {
        let mut listed: HashMap<String, Gate> = HashMap::new();
        for name in names {
            let own = aliases.get(name).unwrap_or(name);
            let kept = before.and_then(|before| before.listed.get(own));
            let gate = listed.entry(own.clone());
            let gate = gate.or_insert_with(|| kept.cloned().unwrap_or_else(&make));
            let gate = gate.clone();
            listed.insert(name.clone(), gate);
        }
        Self {
            listed,
            other: before.map_or_else(make, |before| before.other.clone()),
        }
    }

    /// The gate of `model`.
    pub(crate) fn get(&self, model: &str) -> &Gate {
        self.listed.get(model).unwrap_or(&self.other)
    }

    /// How they stand, each by the names of its model; that of models which are not listed is `other`.
    pub(crate) fn figures(&self) -> impl Iterator<Item = GateFigures> {
        let listed = self.listed.iter().map(|(name, gate)| (name.as_str(), gate));
        let all = listed.chain([("other", &self.other)]);
        all.map(|(name, gate)| figures(Some(name.into()), gate))
    }
}

/// How the gate of `model` stands.
pub(crate) fn figures(model: Option<Arc<str>>, gate: &Gate) -> GateFigures {
    let status = gate.status();
    GateFigures {
        model,
        limit: status.limit,
        running: status.running,
        queued: status.queued,
    }
}

#[cfg(test)]
mod tests;
