// SPDX-License-Identifier: Apache-2.0
//! Values that were kept out of logs, events, spans and errors.

use lukhas_redact::Kind;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

/// Labels of what was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Found {
    kind: &'static str,
}

/// How many values were replaced in one sort of place, by their kind. Clones count in the same series.
#[derive(Clone)]
pub(crate) struct RedactionCounters {
    family: Family<Found, Counter>,
    pii: Counter,
    secrets: Counter,
}

impl RedactionCounters {
    /// Those of logs, events, spans and errors.
    pub(super) fn register(registry: &mut Registry) -> Self {
        let help = "Values of personal data and secrets that were replaced in logs, events, spans and errors";
        Self::named(registry, "lukhas_redactions", help)
    }

    /// Those of what upstreams are asked.
    pub(super) fn register_masked(registry: &mut Registry) -> Self {
        let help = "Values of personal data and secrets that placeholders stood for in what upstreams were asked";
        Self::named(registry, "lukhas_masked_values", help)
    }

    fn named(registry: &mut Registry, name: &str, help: &str) -> Self {
        let counters = Self::default();
        registry.register(name, help, counters.family.clone());
        counters
    }

    pub(crate) fn count(&self, kind: Kind) {
        match kind {
            Kind::Pii => self.pii.inc(),
            Kind::Secret => self.secrets.inc(),
        };
    }
}

impl Default for RedactionCounters {
    fn default() -> Self {
        let family = Family::<Found, Counter>::default();
        Self {
            pii: family.get_or_create_owned(&Found { kind: "pii" }),
            secrets: family.get_or_create_owned(&Found { kind: "secret" }),
            family,
        }
    }
}
