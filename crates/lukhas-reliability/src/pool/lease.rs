// SPDX-License-Identifier: Apache-2.0
//! An endpoint for the time of one call.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use rand::Rng;
use tokio::time::Instant;

use super::Shared;
use super::member::{Admission, Member};
use crate::{AsFailure, Outcome};

/// An endpoint for the time of one call, which counts as under way for as long.
///
/// Dropped without an outcome, as when the call is cancelled, it counts as neither success nor
/// failure.
#[must_use = "the call counts only with its outcome"]
pub struct Lease<T> {
    shared: Arc<Shared<T>>,
    index: usize,
    /// Ejections of the endpoint before this call.
    ejections: u64,
    cooling: Duration,
    /// Whether the endpoint was tried for the same request before.
    repeated: bool,
    /// Empty for an endpoint that is called although it is out.
    admission: Admission,
}

impl<T> Lease<T> {
    /// A lease on the best endpoint. Those in `tried` have failed, the last one last.
    pub(super) fn take(
        shared: &Arc<Shared<T>>,
        tried: &[usize],
        rng: &mut (impl Rng + ?Sized),
    ) -> Self {
        let now = Instant::now();
        let mut best = shared.best(tried, now, rng);
        let mut admission = shared.members[best.index].admit();
        for _ in 1..shared.members.len() {
            if admission.is_some() || best.rank.out {
                break;
            }
            // Another call began to probe it just now.
            best = shared.best(tried, now, rng);
            admission = shared.members[best.index].admit();
        }
        let member = &shared.members[best.index];
        member.in_flight.fetch_add(1, Relaxed);
        Self {
            ejections: member.health.ejections(),
            shared: Arc::clone(shared),
            index: best.index,
            cooling: best.rank.cooling,
            repeated: tried.contains(&best.index),
            admission: admission.unwrap_or_default(),
        }
    }

    /// What is to be called.
    pub fn target(&self) -> &T {
        &self.member().target
    }

    /// How long the endpoint still wants to be left alone. It is zero unless all want that: then
    /// wait so long, or give up.
    #[must_use]
    pub fn cooling(&self) -> Duration {
        self.cooling
    }

    /// Whether the endpoint was tried for the same request before.
    #[must_use]
    pub fn is_repeated(&self) -> bool {
        self.repeated
    }

    /// The call came to its end. Whether the endpoint was taken out for it.
    pub fn finish(mut self, outcome: Outcome) -> bool {
        if let Some(permit) = self.admission.permit.take() {
            permit.finish(outcome);
        }
        let Shared {
            members, ejector, ..
        } = &*self.shared;
        ejector.record(members, self.index, self.ejections, outcome)
    }

    /// The call failed. What it says about waiting holds for all who use the pool. Whether the
    /// endpoint was taken out for it.
    pub fn fail(self, failure: &impl AsFailure) -> bool {
        let failure = failure.as_failure();
        if let Some(wait) = failure.retry_after {
            self.member().cooldown.extend(wait);
        }
        self.finish(failure.kind.outcome())
    }

    /// Its place among the endpoints.
    pub(super) fn index(&self) -> usize {
        self.index
    }

    fn member(&self) -> &Member<T> {
        &self.shared.members[self.index]
    }
}

impl<T> Drop for Lease<T> {
    fn drop(&mut self) {
        let member = self.member();
        member.in_flight.fetch_sub(1, Relaxed);
        if self.admission.probes {
            member.health.end_probe();
        }
    }
}

impl<T: fmt::Debug> fmt::Debug for Lease<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lease")
            .field("target", self.target())
            .field("cooling", &self.cooling)
            .finish_non_exhaustive()
    }
}
