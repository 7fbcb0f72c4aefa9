// SPDX-License-Identifier: Apache-2.0
//! What a run tells.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use lukhas_core::{RunEnd, StepEvent, Usage};

use super::Sinks;
use super::record::{End, RunEventRecord, RunFacts, What};

/// Tells of one run: its beginning, its steps, and exactly one end. One that is dropped before its
/// end was cancelled.
pub struct RunTelemetry {
    sinks: Arc<Sinks>,
    facts: Arc<RunFacts>,
    started: SystemTime,
    /// What was used when nobody heard the end.
    abandoned: Arc<Mutex<Option<Usage>>>,
    has_ended: bool,
}

impl RunTelemetry {
    pub(super) fn begin(sinks: Arc<Sinks>, facts: RunFacts) -> Self {
        let run = Self {
            sinks,
            facts: Arc::new(facts),
            started: SystemTime::now(),
            abandoned: Arc::default(),
            has_ended: false,
        };
        run.tell(run.started, What::Started);
        run
    }

    /// A step of it began or ended.
    pub fn step(&mut self, step: &StepEvent) {
        let what = What::Step {
            number: step.step,
            node: step.node,
            phase: step.phase,
        };
        self.tell(SystemTime::now(), what);
    }

    /// It ended. Nothing is told after that.
    pub fn ended(&mut self, end: &RunEnd) {
        self.end(End::from(end));
    }

    /// Who is told what it used until its client left, before this is dropped.
    pub fn abandoned(&self) -> impl Fn(Usage) + Send + Sync + use<> {
        let abandoned = Arc::clone(&self.abandoned);
        move |usage| *abandoned.lock().unwrap_or_else(PoisonError::into_inner) = Some(usage)
    }

    fn end(&mut self, end: End) {
        if self.has_ended {
            return;
        }
        self.has_ended = true;
        let now = SystemTime::now();
        let took = now.duration_since(self.started).unwrap_or_default();
        let end = Box::new(end);
        self.tell(now, What::Ended { end, took });
    }

    fn tell(&self, at: SystemTime, what: What) {
        if let Some(run_log) = &self.sinks.run_log {
            let run = Arc::clone(&self.facts);
            run_log.put(RunEventRecord { run, at, what });
        }
    }
}

impl Drop for RunTelemetry {
    fn drop(&mut self) {
        let mut abandoned = self
            .abandoned
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let usage = abandoned.take();
        drop(abandoned);
        self.end(End::cancelled(usage));
    }
}

impl fmt::Debug for RunTelemetry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunTelemetry")
            .field("facts", &self.facts)
            .finish_non_exhaustive()
    }
}
