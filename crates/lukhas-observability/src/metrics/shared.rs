// SPDX-License-Identifier: Apache-2.0
//! What is done while what replicas share cannot be reached.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

/// Checks of limits and budgets by what was done without the store that they are counted in.
pub(super) type FallbackFamily = Family<Fallback, Counter>;

/// Labels of such checks.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Fallback {
    outcome: &'static str,
}

/// Counts checks of limits and budgets that could not be asked where they are counted; see
/// [`Metrics::shared_limits`](super::Metrics::shared_limits).
#[derive(Clone, Debug)]
pub struct SharedLimitMetrics {
    denied: Counter,
    local: Counter,
}

pub(super) fn register(registry: &mut Registry) -> FallbackFamily {
    let family = FallbackFamily::default();
    let help = "Checks of limits and budgets while the store that replicas share could not be \
                reached";
    registry.register("lukhas_limits_fallback", help, family.clone());
    family
}

impl SharedLimitMetrics {
    pub(super) fn new(family: &FallbackFamily) -> Self {
        let count = |outcome| family.get_or_create_owned(&Fallback { outcome });
        Self {
            denied: count("denied"),
            local: count("local"),
        }
    }

    /// Counts a request that was denied for that.
    pub fn denied(&self) {
        self.denied.inc();
    }

    /// Counts a request that was admitted or denied by the counts of this process.
    pub fn local(&self) {
        self.local.inc();
    }
}
