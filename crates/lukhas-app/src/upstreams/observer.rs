// SPDX-License-Identifier: Apache-2.0
//! What happens to calls of an upstream, counted.

use std::sync::Arc;

use lukhas_observability::{Count, Metrics};
use lukhas_providers::{AttemptOutcome, UpstreamEvent, UpstreamObserver};
use lukhas_reliability::FailureKind;

/// The handles of one upstream, made once.
struct Counts {
    answered: Count,
    cancelled: Count,
    failed: ByKind,
    retries: ByKind,
    fallbacks: ByKind,
    hedges: Count,
    continuations: Count,
    ejections: Count,
    cooldowns: Count,
}

/// One for each kind of failure.
struct ByKind([(FailureKind, Count); FailureKind::ALL.len()]);

impl ByKind {
    fn new(count: impl Fn(&'static str) -> Count) -> Self {
        Self(FailureKind::ALL.map(|kind| (kind, count(word(kind)))))
    }

    fn add_one(&self, kind: FailureKind) {
        let found = self.0.iter().find(|(it, _)| *it == kind);
        if let Some((_, count)) = found {
            count.add_one();
        }
    }
}

/// The observer of the upstream `name`.
pub(super) fn observer(metrics: &Metrics, name: &str) -> Arc<dyn UpstreamObserver> {
    let metrics = metrics.upstream(name);
    Arc::new(Counts {
        answered: metrics.attempts("answered"),
        cancelled: metrics.attempts("cancelled"),
        failed: ByKind::new(|outcome| metrics.attempts(outcome)),
        retries: ByKind::new(|reason| metrics.retries(reason)),
        fallbacks: ByKind::new(|reason| metrics.fallbacks(reason)),
        hedges: metrics.hedges(),
        continuations: metrics.continuations(),
        ejections: metrics.ejections(),
        cooldowns: metrics.cooldowns(),
    })
}

impl UpstreamObserver for Counts {
    fn observe(&self, event: UpstreamEvent) {
        match event {
            UpstreamEvent::Attempt(AttemptOutcome::Answered) => self.answered.add_one(),
            UpstreamEvent::Attempt(AttemptOutcome::Cancelled) => self.cancelled.add_one(),
            UpstreamEvent::Attempt(AttemptOutcome::Failed(kind)) => self.failed.add_one(kind),
            UpstreamEvent::Retry(kind) => self.retries.add_one(kind),
            UpstreamEvent::Fallback(kind) => self.fallbacks.add_one(kind),
            UpstreamEvent::Hedge => self.hedges.add_one(),
            UpstreamEvent::Continuation => self.continuations.add_one(),
            UpstreamEvent::Ejected => self.ejections.add_one(),
            UpstreamEvent::CoolingDown => self.cooldowns.add_one(),
        }
    }
}

/// What a kind of failure is called in metrics.
fn word(kind: FailureKind) -> &'static str {
    match kind {
        FailureKind::Refused => "refused",
        FailureKind::ResetBeforeHead => "reset_before_head",
        FailureKind::Timeout => "timeout",
        FailureKind::Overloaded => "overloaded",
        FailureKind::RateLimited => "rate_limited",
        FailureKind::ServerError => "server_error",
        FailureKind::Rejected => "rejected",
        FailureKind::Truncated => "truncated",
    }
}
