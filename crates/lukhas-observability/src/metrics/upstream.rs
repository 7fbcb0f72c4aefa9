// SPDX-License-Identifier: Apache-2.0
//! What is counted of upstreams.

use std::fmt::{self, Debug};
use std::hash::Hash;
use std::sync::Arc;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

/// Labels of what is counted of an upstream as such.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Upstream {
    upstream: Arc<str>,
}

/// Labels of attempts.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Ended {
    upstream: Arc<str>,
    outcome: &'static str,
}

/// Labels of attempts that are there because another one failed.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Because {
    upstream: Arc<str>,
    reason: &'static str,
}

/// The families that upstreams have series in.
#[derive(Clone)]
pub(super) struct UpstreamFamilies {
    attempts: Family<Ended, Counter>,
    retries: Family<Because, Counter>,
    fallbacks: Family<Because, Counter>,
    hedges: Family<Upstream, Counter>,
    continuations: Family<Upstream, Counter>,
    ejections: Family<Upstream, Counter>,
    cooldowns: Family<Upstream, Counter>,
}

/// The handles of one upstream; see [`Metrics::upstream`](super::Metrics::upstream).
///
/// Outcomes and reasons are words of the program, never of an upstream: each is a series.
#[derive(Clone)]
pub struct UpstreamMetrics {
    families: UpstreamFamilies,
    name: Arc<str>,
}

/// Something that is counted. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Count(Counter);

impl Count {
    pub(super) fn new(counter: Counter) -> Self {
        Self(counter)
    }

    /// It happened once more.
    pub fn add_one(&self) {
        self.0.inc();
    }
}

impl UpstreamFamilies {
    pub(super) fn register(registry: &mut Registry) -> Self {
        Self {
            attempts: family(
                registry,
                "attempts",
                "Attempts at upstreams that are over, by how they ended",
            ),
            retries: family(
                registry,
                "retries",
                "Attempts made because one before failed at the same target, by that failure",
            ),
            fallbacks: family(
                registry,
                "fallbacks",
                "Attempts made because one before failed at another target, by that failure",
            ),
            hedges: family(
                registry,
                "hedges",
                "Attempts made beside one that was slow to begin",
            ),
            continuations: family(
                registry,
                "continuations",
                "Attempts that went on with an answer that broke off",
            ),
            ejections: family(
                registry,
                "ejections",
                "Times that an upstream was left out for its failures",
            ),
            cooldowns: family(
                registry,
                "cooldowns",
                "Times that an upstream asked to be left alone",
            ),
        }
    }
}

/// A family of counters of upstreams, registered.
fn family<L>(registry: &mut Registry, what: &str, help: &str) -> Family<L, Counter>
where
    L: Clone + Debug + Eq + Hash + EncodeLabelSet + Send + Sync + 'static,
{
    let family = Family::default();
    registry.register(format!("lukhas_upstream_{what}"), help, family.clone());
    family
}

impl UpstreamMetrics {
    pub(super) fn new(families: &UpstreamFamilies, name: &str) -> Self {
        Self {
            families: families.clone(),
            name: name.into(),
        }
    }

    /// Attempts that ended in `outcome`.
    #[must_use]
    pub fn attempts(&self, outcome: &'static str) -> Count {
        let upstream = Arc::clone(&self.name);
        let labels = Ended { upstream, outcome };
        Count(self.families.attempts.get_or_create_owned(&labels))
    }

    /// Attempts that were made because one before failed, at the same target, for `reason`.
    #[must_use]
    pub fn retries(&self, reason: &'static str) -> Count {
        self.because(&self.families.retries, reason)
    }

    /// Attempts that were made because one before failed, at another target, for `reason`.
    #[must_use]
    pub fn fallbacks(&self, reason: &'static str) -> Count {
        self.because(&self.families.fallbacks, reason)
    }

    /// Attempts that were made beside one that was slow to begin.
    #[must_use]
    pub fn hedges(&self) -> Count {
        self.plain(&self.families.hedges)
    }

    /// Attempts that went on with an answer that broke off.
    #[must_use]
    pub fn continuations(&self) -> Count {
        self.plain(&self.families.continuations)
    }

    /// Times that the upstream was left out for its failures.
    #[must_use]
    pub fn ejections(&self) -> Count {
        self.plain(&self.families.ejections)
    }

    /// Times that the upstream asked to be left alone.
    #[must_use]
    pub fn cooldowns(&self) -> Count {
        self.plain(&self.families.cooldowns)
    }

    fn because(&self, family: &Family<Because, Counter>, reason: &'static str) -> Count {
        let upstream = Arc::clone(&self.name);
        Count(family.get_or_create_owned(&Because { upstream, reason }))
    }

    fn plain(&self, family: &Family<Upstream, Counter>) -> Count {
        let upstream = Arc::clone(&self.name);
        Count(family.get_or_create_owned(&Upstream { upstream }))
    }
}

impl fmt::Debug for UpstreamMetrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("UpstreamMetrics").field(&self.name).finish()
    }
}
