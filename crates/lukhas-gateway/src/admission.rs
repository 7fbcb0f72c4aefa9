// SPDX-License-Identifier: Apache-2.0
//! How many runs there are, how many there may be, and how they end when the server stops.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use lukhas_core::BoxFuture;
use tokio::sync::watch;

use crate::{ApiError, ErrorCode};

/// Counts runs, and stops them when asked.
#[derive(Debug)]
pub(crate) struct Admission {
    max_in_flight: usize,
    in_flight: AtomicUsize,
    phase: watch::Sender<Phase>,
}

/// How far the server is on its way to stopping.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    /// Runs are admitted.
    Serving,
    /// Runs are refused; those in flight go on.
    Draining,
    /// Runs in flight end with an error.
    Forced,
}

/// Stops a gateway.
#[derive(Clone, Debug)]
pub struct Drain(Arc<Admission>);

/// The right to one run; gives its place back when dropped.
#[derive(Debug)]
pub(crate) struct Permit(Arc<Admission>);

impl Admission {
    pub(crate) fn new(max_in_flight: usize) -> Arc<Self> {
        Arc::new(Self {
            max_in_flight,
            in_flight: AtomicUsize::new(0),
            phase: watch::Sender::new(Phase::Serving),
        })
    }

    /// A place for one run.
    pub(crate) fn admit(self: &Arc<Self>) -> Result<Permit, ApiError> {
        let before = self.in_flight.fetch_add(1, Ordering::AcqRel);
        // From here on the place is given back on every path.
        let permit = Permit(Arc::clone(self));
        if self.phase() != Phase::Serving {
            return Err(ApiError::stopping());
        }
        if before >= self.max_in_flight {
            let message = format!(
                "The server already runs {} requests, its limit. Retry shortly.",
                self.max_in_flight
            );
            return Err(ApiError::new(ErrorCode::Overloaded, message));
        }
        Ok(permit)
    }

    pub(crate) fn phase(&self) -> Phase {
        *self.phase.borrow()
    }

    /// Tells how far the server is on its way to stopping.
    fn watch(&self) -> watch::Receiver<Phase> {
        self.phase.subscribe()
    }
}

impl Permit {
    /// Whether its run has to end at once.
    pub(crate) fn is_revoked(&self) -> bool {
        self.0.phase() == Phase::Forced
    }

    /// Resolves when its run has to end at once.
    pub(crate) fn revoked(&self) -> BoxFuture<'static, ()> {
        let mut phase = self.0.watch();
        Box::pin(async move {
            // The sender outlives every permit, so waiting cannot fail.
            let _ = phase.wait_for(|phase| *phase == Phase::Forced).await;
        })
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let last = self.0.in_flight.fetch_sub(1, Ordering::AcqRel) == 1;
        if last && self.0.phase() != Phase::Serving {
            self.0.phase.send_modify(|_| {});
        }
    }
}

impl Drain {
    pub(crate) fn new(admission: Arc<Admission>) -> Self {
        Self(admission)
    }

    /// Refuses new runs and turns `/readyz` to 503; runs in flight go on.
    pub fn begin(&self) {
        self.advance(Phase::Draining);
    }

    /// Ends runs in flight, each with a terminal error its client can read.
    pub fn force(&self) {
        self.advance(Phase::Forced);
    }

    /// Whether new runs are refused.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.0.phase() != Phase::Serving
    }

    /// Number of runs in flight.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.0.in_flight.load(Ordering::Acquire)
    }

    /// Resolves when, after [`Self::begin`], no run is in flight.
    pub async fn idle(&self) {
        let mut watch = self.0.watch();
        // The sender lives as long as `self`, so waiting cannot fail.
        let _ = watch
            .wait_for(|phase| *phase != Phase::Serving && self.in_flight() == 0)
            .await;
    }

    fn advance(&self, to: Phase) {
        self.0.phase.send_modify(|phase| *phase = (*phase).max(to));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_drain_refuses_new_runs_and_waits_for_the_old_ones() {
        let admission = Admission::new(2);
        let drain = Drain::new(Arc::clone(&admission));
        let permit = admission.admit().expect("there is room");
        drain.begin();
        assert_eq!(
            admission.admit().expect_err("draining").code(),
            ErrorCode::Overloaded
        );
        assert_eq!(drain.in_flight(), 1);
        let waiting = drain.idle();
        tokio::pin!(waiting);
        assert!(futures_util::FutureExt::now_or_never(waiting.as_mut()).is_none());
        drop(permit);
        waiting.await;
        drain.force();
        drain.begin();
        assert_eq!(
            admission.phase(),
            Phase::Forced,
            "a phase is never taken back"
        );
    }

    #[test]
    fn a_refused_run_takes_no_place() {
        let admission = Admission::new(1);
        let permit = admission.admit().expect("there is room");
        for _ in 0..3 {
            assert_eq!(
                admission.admit().expect_err("full").code(),
                ErrorCode::Overloaded
            );
        }
        drop(permit);
        assert!(admission.admit().is_ok());
    }
}
