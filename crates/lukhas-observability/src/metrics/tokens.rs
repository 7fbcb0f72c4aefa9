// SPDX-License-Identifier: Apache-2.0
//! Tokens used and what they cost, by model.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, OnceLock};

use lukhas_core::{Usage, UsageSource};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;

use super::cost::{Amount, CostFamily, Model};

/// Under which models that are not listed are counted.
const OTHER: &str = "other";

/// Labels of tokens.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Kind {
    r#type: &'static str,
    model: Arc<str>,
    source: &'static str,
}

/// Tokens used, by model. Cheap to clone; see [`Metrics::tokens`](super::Metrics::tokens).
#[derive(Clone)]
pub struct TokenMetrics(Arc<Models>);

struct Models {
    listed: BTreeMap<String, Counters>,
    other: OnceLock<Counters>,
    family: Family<Kind, Counter>,
    cost: CostFamily,
}

/// The counters of one model, by who counted.
struct Counters {
    provider: Pair,
    estimated: Pair,
    partial: Pair,
}

struct Pair {
    input: Counter,
    output: Counter,
}

impl TokenMetrics {
    pub(super) fn new(
        family: &Family<Kind, Counter>,
        cost: &CostFamily,
        models: impl Iterator<Item = String>,
    ) -> Self {
        let listed = models.map(|model| {
            let counters = Counters::new(family, &model);
            (model, counters)
        });
        Self(Arc::new(Models {
            listed: listed.collect(),
            other: OnceLock::new(),
            family: family.clone(),
            cost: cost.clone(),
        }))
    }

    /// Counts what a run of `model` used.
    pub fn record(&self, model: &str, usage: &Usage) {
        let models = &*self.0;
        let (counters, name) = match models.listed.get(model) {
            Some(counters) => (counters, model),
            None => {
                let new = || Counters::new(&models.family, OTHER);
                (models.other.get_or_init(new), OTHER)
            }
        };
        if let Some(cost) = usage.cost {
            let model = name.into();
            let counter = models.cost.get_or_create_owned(&Model { model });
            counter.inc_by(Amount(cost));
        }
        let pair = match usage.source {
            UsageSource::Provider => &counters.provider,
            UsageSource::Estimated => &counters.estimated,
            UsageSource::Partial => &counters.partial,
        };
        pair.input.inc_by(usage.input_tokens);
        pair.output.inc_by(usage.output_tokens);
    }
}

impl Counters {
    fn new(family: &Family<Kind, Counter>, model: &str) -> Self {
        let model: Arc<str> = model.into();
        let counter = |r#type, source| {
            let model = Arc::clone(&model);
            family.get_or_create_owned(&Kind {
                r#type,
                model,
                source,
            })
        };
        let pair = |source| Pair {
            input: counter("input", source),
            output: counter("output", source),
        };
        Self {
            provider: pair("provider"),
            estimated: pair("estimated"),
            partial: pair("partial"),
        }
    }
}

impl fmt::Debug for TokenMetrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.listed.keys()).finish()
    }
}
