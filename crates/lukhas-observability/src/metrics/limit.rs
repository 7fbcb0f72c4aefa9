// SPDX-License-Identifier: Apache-2.0
//! Requests that rate limits denied.

use std::fmt;
use std::sync::Arc;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

/// The denials of each limit.
pub(super) type LimitFamily = Family<Limit, Counter>;

/// Labels of denials.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Limit {
    rule: Arc<str>,
    unit: &'static str,
}

/// The denials of one limit. Cheap to clone; see [`Metrics::limit`](super::Metrics::limit).
#[derive(Clone)]
pub struct LimitMetrics(Counter);

pub(super) fn register(registry: &mut Registry) -> LimitFamily {
    let family = LimitFamily::default();
    let help = "Requests that rate limits denied, by rule and unit";
    registry.register("lukhas_rate_limited", help, family.clone());
    family
}

impl LimitMetrics {
    pub(super) fn new(family: &LimitFamily, rule: &str, unit: &'static str) -> Self {
        let rule = rule.into();
        Self(family.get_or_create_owned(&Limit { rule, unit }))
    }

    /// Counts a request that it denied.
    pub fn denied(&self) {
        self.0.inc();
    }
}

impl fmt::Debug for LimitMetrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("LimitMetrics").field(&self.0.get()).finish()
    }
}
