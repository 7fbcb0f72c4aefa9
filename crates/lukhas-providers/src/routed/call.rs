// SPDX-License-Identifier: Apache-2.0
//! One call of a target, from the choice to its end.

use lukhas_core::{RunError, RunErrorKind};
use lukhas_reliability::{AsFailure, FailureKind, Lease, Outcome};

use super::Target;
use crate::{AttemptOutcome, Upstream, UpstreamEvent};

/// One call of a target, which counts as under way for as long.
///
/// Dropped without an outcome, as when the client leaves, it counts as neither success nor failure.
pub(super) struct Call {
    lease: Lease<Target>,
    tally: Tally,
}

/// Tells of the end of a call, when it is dropped.
struct Tally {
    upstream: Upstream,
    outcome: AttemptOutcome,
}

impl Call {
    pub(super) fn new(lease: Lease<Target>) -> Self {
        let tally = Tally {
            upstream: lease.target().upstream.clone(),
            outcome: AttemptOutcome::Cancelled,
        };
        Self { lease, tally }
    }

    pub(super) fn target(&self) -> &Target {
        self.lease.target()
    }

    /// The answer came to its end.
    pub(super) fn succeed(self) {
        let Self { lease, mut tally } = self;
        tally.outcome = AttemptOutcome::Answered;
        lease.finish(Outcome::Success);
    }

    /// It failed. What it says about waiting holds for all who ask the target.
    pub(super) fn fail(self, failure: &impl AsFailure) {
        let Self { lease, mut tally } = self;
        let failure = failure.as_failure();
        tally.outcome = AttemptOutcome::Failed(failure.kind);
        if failure.retry_after.is_some() {
            tally.upstream.observe(UpstreamEvent::CoolingDown);
        }
        if lease.fail(&failure) {
            tally.upstream.observe(UpstreamEvent::Ejected);
        }
    }
}

impl Drop for Tally {
    fn drop(&mut self) {
        self.upstream.observe(UpstreamEvent::Attempt(self.outcome));
    }
}

/// What kind of failure an answer that had begun ended with.
pub(super) fn broken_off(error: &RunError) -> FailureKind {
    match error.kind {
        RunErrorKind::UpstreamTruncated => FailureKind::Truncated,
        RunErrorKind::UpstreamTimeout => FailureKind::Timeout,
        RunErrorKind::InvalidRequest
        | RunErrorKind::Unsupported
        | RunErrorKind::ModelNotFound
        | RunErrorKind::PreviousResponseNotFound
        | RunErrorKind::ContextLength
        | RunErrorKind::Overloaded
        | RunErrorKind::RateLimited
        | RunErrorKind::Upstream
        | RunErrorKind::ShuttingDown
        | RunErrorKind::Internal => FailureKind::ServerError,
    }
}
