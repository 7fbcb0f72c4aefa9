// SPDX-License-Identifier: Apache-2.0
//! How many runs there are, how many there may be, and how they end when the server stops.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use lukhas_core::{BoxFuture, Entropy, RunErrorKind};
use lukhas_observability::{GateFigures, Metrics};
use lukhas_reliability::{Gate, Pass, Priority, StandingDelay};
use tokio::sync::watch;
use tokio::task::yield_now;
use tokio::time::Instant;

use crate::overload::{Refusals, figures, is_congestion};
use crate::{ApiError, Limits};

/// For how long work has to wait for its thread every time before that counts.
const STANDING: Duration = Duration::from_millis(100);

/// Lets runs in, counts them, and stops them when asked.
pub(crate) struct Admission {
    gate: Gate,
    /// How long work waits for the threads that serve.
    delay: Option<StandingDelay>,
    refusals: Refusals,
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

/// The right to one run; gives its places back when dropped.
#[derive(Debug)]
pub(crate) struct Permit {
    model: Option<Pass>,
    _server: Pass,
    /// Behind the place: the last one out says so.
    exit: Exit,
}

/// The way out.
#[derive(Debug)]
struct Exit(Arc<Admission>);

impl Admission {
    pub(crate) fn new(limits: &Limits, metrics: &Metrics, entropy: Arc<dyn Entropy>) -> Arc<Self> {
        let overload = limits.overload;
        let delay = overload.max_delay;
        Arc::new(Self {
            gate: overload.gate(limits.max_in_flight),
            delay: delay.map(|most| StandingDelay::new(most, STANDING)),
            refusals: Refusals::new(metrics, entropy),
            phase: watch::Sender::new(Phase::Serving),
        })
    }

    /// Refuses a run that has no chance of a place, before its body is read.
    pub(crate) fn check(&self, priority: Priority) -> Result<(), ApiError> {
        let checked = self.gate.check(priority);
        checked.map_err(|shed| self.refusals.refuse(shed, priority))
    }

    /// A place for one run, at once or when there is one, and before it one at the gate of its `model`,
    /// if it asks one.
    pub(crate) async fn admit(
        self: &Arc<Self>,
        priority: Priority,
        model: Option<&Gate>,
    ) -> Result<Permit, ApiError> {
        // Whoever leaves on the way is out, too.
        let exit = Exit(Arc::clone(self));
        self.check_serving()?;
        let entered = async {
            // Whoever waits for a model takes nobody else's place.
            let model = match model {
                Some(model) => Some(model.enter(priority).await?),
                None => None,
            };
            Ok((model, self.gate.enter(priority).await?))
        };
        let (model, server) = { entered.await }.map_err(|it| self.refusals.refuse(it, priority))?;
        let permit = Permit {
            model,
            _server: server,
            exit,
        };
        self.check_serving()?;
        self.measure().await;
        Ok(permit)
    }

    /// Measures now and then how long work waits for this thread: for as long as it takes to come
    /// round to this request again.
    async fn measure(&self) {
        let Some(delay) = self.delay.as_ref().filter(|delay| delay.is_due()) else {
            return;
        };
        let begun = Instant::now();
        yield_now().await;
        if delay.observe(begun.elapsed()) {
            self.gate.congested();
        }
    }

    fn check_serving(&self) -> Result<(), ApiError> {
        match self.phase() {
            Phase::Serving => Ok(()),
            Phase::Draining | Phase::Forced => Err(ApiError::stopping()),
        }
    }

    /// How its gate stands.
    pub(crate) fn figures(&self) -> GateFigures {
        figures(None, &self.gate)
    }

    /// Whether it refused runs of late because there was no room.
    pub(crate) fn sheds(&self) -> bool {
        self.refusals.are_recent()
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
        self.exit.0.phase() == Phase::Forced
    }

    /// Takes note of how its run failed.
    pub(crate) fn failed(&mut self, kind: RunErrorKind) {
        if let Some(model) = self.model.as_mut().filter(|_| is_congestion(kind)) {
            model.congested();
        }
    }

    /// Resolves when its run has to end at once.
    pub(crate) fn revoked(&self) -> BoxFuture<'static, ()> {
        let mut phase = self.exit.0.watch();
        Box::pin(async move {
            // The sender outlives every permit, so waiting cannot fail.
            let _ = phase.wait_for(|phase| *phase == Phase::Forced).await;
        })
    }
}

impl Drop for Exit {
    fn drop(&mut self) {
        let Self(admission) = self;
        if admission.phase() != Phase::Serving && admission.gate.running() == 0 {
            admission.phase.send_modify(|_| {});
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
        self.0.gate.running()
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

impl fmt::Debug for Admission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Admission")
            .field("gate", &self.gate)
            .field("phase", &self.phase())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
pub(crate) mod tests;
