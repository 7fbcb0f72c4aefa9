// SPDX-License-Identifier: Apache-2.0
//! Requests with an idempotency key.

use std::fmt;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

/// Requests by what came of their claim.
pub(super) type ClaimFamily = Family<Claim, Counter>;

/// Labels of claims.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Claim {
    outcome: &'static str,
}

/// What came of a claim on an idempotency key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClaimOutcome {
    /// The request was carried out.
    New,
    /// It was answered with an answer under way.
    Attached,
    /// It was answered with an answer that had ended.
    Replayed,
    /// Its key was used for another request.
    Reused,
    /// Its answer had been too large to be kept.
    TooLarge,
    /// There was no room.
    Full,
    /// What keeps the answers could not be asked.
    Unreachable,
}

/// Counts claims. Cheap to clone; see [`Metrics::idempotency`](super::Metrics::idempotency).
#[derive(Clone)]
pub struct IdempotencyMetrics(ClaimFamily);

pub(super) fn register(registry: &mut Registry) -> ClaimFamily {
    let family = ClaimFamily::default();
    let help = "Requests with an idempotency key, by what came of it";
    registry.register("lukhas_idempotency_claims", help, family.clone());
    family
}

impl IdempotencyMetrics {
    pub(super) fn new(family: &ClaimFamily) -> Self {
        for outcome in ClaimOutcome::ALL {
            family.get_or_create_owned(&outcome.into());
        }
        Self(family.clone())
    }

    /// Counts a request.
    pub fn claimed(&self, outcome: ClaimOutcome) {
        self.0.get_or_create(&outcome.into()).inc();
    }
}

impl ClaimOutcome {
    const ALL: [Self; 7] = [
        Self::New,
        Self::Attached,
        Self::Replayed,
        Self::Reused,
        Self::TooLarge,
        Self::Full,
        Self::Unreachable,
    ];
}

impl From<ClaimOutcome> for Claim {
    fn from(outcome: ClaimOutcome) -> Self {
        let outcome = match outcome {
            ClaimOutcome::New => "new",
            ClaimOutcome::Attached => "attached",
            ClaimOutcome::Replayed => "replayed",
            ClaimOutcome::Reused => "reused",
            ClaimOutcome::TooLarge => "too_large",
            ClaimOutcome::Full => "full",
            ClaimOutcome::Unreachable => "unreachable",
        };
        Self { outcome }
    }
}

impl fmt::Debug for IdempotencyMetrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("IdempotencyMetrics").finish_non_exhaustive()
    }
}
