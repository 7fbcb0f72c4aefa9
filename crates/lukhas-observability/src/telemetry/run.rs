// SPDX-License-Identifier: Apache-2.0
//! What a run tells.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use lukhas_core::{
    Node, OutputEvent, RunEnd, RunRequest, StepEvent, StepPhase, TraceContext, Usage,
};

use super::Sinks;
use super::content::Content;
use super::record::{End, Operation, RunEvents, RunFacts, What};
use crate::traces::{RunSpan, Span, StepSpan};

/// Events of a run up to the one that asks its model.
const STEPS: usize = 12;
/// What a step takes at least to be a span of its own. Those that only decide take microseconds: run
/// events have them all, and traces show where the time went.
const SPAN_OF_STEP: Duration = Duration::from_millis(1);

/// Tells of one run: its beginning, its steps, and exactly one end. One that is dropped before its
/// end was cancelled.
pub struct RunTelemetry {
    sinks: Arc<Sinks>,
    facts: Arc<RunFacts>,
    started: SystemTime,
    /// What was used when nobody heard the end.
    abandoned: Arc<Mutex<Option<Usage>>>,
    calls_functions: bool,
    has_ended: bool,
    /// The step that is under way, and since when.
    step: Option<(Node, SystemTime)>,
    /// What has happened and is told soon.
    untold: Vec<(SystemTime, What)>,
    /// What is said, if anybody is shown it.
    content: Option<Box<Content>>,
    /// What its spans will be, if somebody is sent them.
    tracing: Option<Box<Tracing>>,
}

/// Where in a trace a run and its parts are.
struct Tracing {
    parent: TraceContext,
    context: TraceContext,
    call: TraceContext,
    /// When its model was asked, and had answered.
    called: Option<(SystemTime, SystemTime)>,
    /// Its other steps.
    steps: Vec<StepSpan>,
}

impl RunTelemetry {
    pub(super) fn begin(sinks: Arc<Sinks>, facts: RunFacts, parent: Option<&TraceContext>) -> Self {
        let parent = parent.filter(|parent| parent.is_sampled());
        let tracing = parent.map(|parent| {
            Box::new(Tracing {
                parent: parent.clone(),
                context: parent.child(&*sinks.entropy),
                call: parent.child(&*sinks.entropy),
                called: None,
                steps: Vec::new(),
            })
        });
        let started = SystemTime::now();
        let mut run = Self {
            sinks,
            facts: Arc::new(facts),
            started,
            abandoned: Arc::default(),
            calls_functions: false,
            has_ended: false,
            step: None,
            untold: Vec::new(),
            content: None,
            tracing,
        };
        run.tell(started, What::Started);
        run
    }

    /// Where in its trace the call of its model is, for whoever is asked.
    #[must_use]
    pub fn context(&self) -> Option<&TraceContext> {
        match &self.tracing {
            Some(tracing) => Some(&tracing.call),
            None => self.facts.trace.as_ref(),
        }
    }

    /// It is asked this.
    pub fn asked(&mut self, request: &RunRequest) {
        if self.sinks.show_content() {
            self.content = Some(Box::new(Content::asked(request)));
        }
    }

    /// Its answer grew.
    pub fn says(&mut self, event: &OutputEvent) {
        if let Some(content) = &mut self.content {
            content.says(event);
        }
    }

    /// A step of it began or ended.
    pub fn step(&mut self, step: &StepEvent) {
        let at = match step.phase {
            StepPhase::Started => {
                let now = SystemTime::now();
                self.step = Some((step.node, now));
                now
            }
            StepPhase::Completed(took) => self.step_took(took),
        };
        let what = What::Step {
            number: step.step,
            node: step.node,
            phase: step.phase,
        };
        self.tell(at, what);
    }

    /// Its answer calls a function.
    pub fn calls_function(&mut self) {
        self.calls_functions = true;
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
        let content = self.content.take().and_then(|content| {
            let content = content.with_share(&self.sinks.content);
            if content.is_none() {
                self.sinks.content_lost.inc();
            }
            content.map(Arc::new)
        });
        // The end of an answer comes before the end of the step that gives it.
        if let Some((_, started)) = self.step {
            self.step_took(now.duration_since(started).unwrap_or_default());
        }
        if let (Some(traces), Some(tracing)) = (&self.sinks.traces, self.tracing.take()) {
            let Tracing {
                parent,
                context,
                call,
                called,
                steps,
            } = *tracing;
            traces.put(Span::Run(Box::new(RunSpan {
                facts: Arc::clone(&self.facts),
                parent,
                context,
                call,
                started: self.started,
                ended: now,
                called,
                steps,
                calls_functions: self.calls_functions,
                end: end.clone(),
                content: content.clone(),
            })));
        }
        let end = Box::new(end);
        self.tell(now, What::Ended { end, took, content });
    }

    /// The step that is under way is over; when that was.
    fn step_took(&mut self, took: Duration) -> SystemTime {
        let Some((node, started)) = self.step.take() else {
            return SystemTime::now();
        };
        let ended = started + took;
        match &mut self.tracing {
            Some(tracing) if node == Node::Action => tracing.called = Some((started, ended)),
            Some(tracing) if took >= SPAN_OF_STEP => tracing.steps.push(StepSpan {
                node,
                context: tracing.context.child(&*self.sinks.entropy),
                started,
                ended,
            }),
            Some(_) | None => {}
        }
        ended
    }

    /// Steps that take no time are told together, with the beginning of the first that may take some.
    fn tell(&mut self, at: SystemTime, what: What) {
        let Some(run_log) = &self.sinks.run_log else {
            return;
        };
        let is_soon = match &what {
            What::Started => self.facts.operation != Operation::Embeddings,
            What::Step { node, .. } => *node != Node::Action,
            What::Ended { .. } => false,
        };
        if self.untold.is_empty() && is_soon {
            self.untold.reserve(STEPS);
        }
        self.untold.push((at, what));
        if !is_soon {
            let run = Arc::clone(&self.facts);
            let events = std::mem::take(&mut self.untold);
            run_log.put(RunEvents { run, events });
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use lukhas_core::{Entropy, Id};

    use super::*;
    use crate::{
        Asked, Metrics, Redaction, RequestFacts, RunNames, Sampler, Telemetry, TelemetryConfig,
        TelemetryParts, TracesConfig,
    };

    struct One;

    impl Entropy for One {
        fn bits(&self) -> u128 {
            1
        }
    }

    #[test]
    fn steps_that_take_their_time_are_spans() {
        let traces = TracesConfig {
            // Nobody is there.
            endpoint: "http://127.0.0.1:1/v1/traces".into(),
            headers: Vec::new(),
            timeout: Duration::from_millis(10),
            sampler: Sampler::default(),
            resource: BTreeMap::new(),
            content: false,
        };
        let config = TelemetryConfig {
            run_log: None,
            traces: Some(traces),
        };
        let parts = TelemetryParts {
            redaction: &Redaction::default(),
            metrics: &Metrics::of_test(),
            entropy: Arc::new(One),
        };
        let telemetry = Telemetry::open(config, parts).unwrap();
        let request = telemetry.request(|| RequestFacts {
            request_id: Id::new("req_", &One),
            route: "/v1/responses",
            method: "POST",
            parent: None,
        });
        let names = RunNames {
            operation: Operation::Response,
            model: "m".into(),
            provider: "lukhas".into(),
            response_id: None,
            asked: Asked::default(),
        };
        let mut run = request.unwrap().run(names, 0);
        for (node, micros) in [
            (Node::Memory, 1_000),
            (Node::Thought, 999),
            (Node::Action, 5),
        ] {
            let took = Duration::from_micros(micros);
            for phase in [StepPhase::Started, StepPhase::Completed(took)] {
                run.step(&StepEvent {
                    step: 0,
                    node,
                    phase,
                });
            }
        }
        let tracing = run.tracing.as_ref().unwrap();
        let (called, answered) = tracing.called.unwrap();
        assert_eq!(answered, called + Duration::from_micros(5));
        let [step] = &tracing.steps[..] else {
            panic!("{} spans", tracing.steps.len());
        };
        assert_eq!(step.node, Node::Memory);
        assert_eq!(step.ended, step.started + Duration::from_millis(1));
    }
}
