// SPDX-License-Identifier: Apache-2.0
//! What answers cost, by model.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use lukhas_core::Picodollars;
use prometheus_client::encoding::{CounterValueEncoder, EncodeCounterValue, EncodeLabelSet};
use prometheus_client::metrics::counter::{Atomic, Counter};
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::{Registry, Unit};

/// The costs of each model.
pub(super) type CostFamily = Family<Model, Counter<Amount, Sum>>;

/// Labels of costs.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Model {
    pub(super) model: Arc<str>,
}

/// An amount as the exposition writes it: in dollars. It is a whole number until then, so that
/// nothing is lost in the sum, however small what is added to it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Amount(pub(super) Picodollars);

/// A sum of amounts. Beyond 18 million dollars it begins anew, as a counter may.
#[derive(Debug, Default)]
pub(super) struct Sum(AtomicU64);

pub(super) fn register(registry: &mut Registry) -> CostFamily {
    let family = CostFamily::default();
    let help = "What answers cost by the configured prices, by model";
    let unit = Unit::Other("usd".to_owned());
    registry.register_with_unit("lukhas_cost", help, unit, family.clone());
    family
}

impl Atomic<Amount> for Sum {
    fn inc(&self) -> Amount {
        self.inc_by(Amount(Picodollars(1)))
    }

    fn inc_by(&self, Amount(more): Amount) -> Amount {
        Amount(Picodollars(self.0.fetch_add(more.0, Ordering::Relaxed)))
    }

    fn get(&self) -> Amount {
        Amount(Picodollars(self.0.load(Ordering::Relaxed)))
    }
}

impl EncodeCounterValue for Amount {
    fn encode(&self, encoder: &mut CounterValueEncoder<'_>) -> fmt::Result {
        let Self(Picodollars(amount)) = self;
        (*amount as f64 / 1e12).encode(encoder)
    }
}
