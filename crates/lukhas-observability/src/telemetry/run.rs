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
        let now = SystemTime::now();
        if let Some(tracing) = &mut self.tracing {
            match step.phase {
                StepPhase::Started => tracing.steps.push(StepSpan {
                    node: step.node,
                    context: tracing.context.child(&*self.sinks.entropy),
                    started: now,
                    took: Duration::ZERO,
                }),
                StepPhase::Completed(took) => {
                    if let Some(last) = tracing.steps.last_mut() {
                        last.took = took;
                    }
                }
            }
        }
        let what = What::Step {
            number: step.step,
            node: step.node,
            phase: step.phase,
        };
        self.tell(now, what);
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
        if let (Some(traces), Some(tracing)) = (&self.sinks.traces, self.tracing.take()) {
            let Tracing {
                parent,
                context,
                call,
                mut steps,
            } = *tracing;
            // The end of an answer comes before the end of the step that gives it.
            if let Some(last) = steps.last_mut().filter(|step| step.took.is_zero()) {
                last.took = now.duration_since(last.started).unwrap_or_default();
            }
            traces.put(Span::Run(Box::new(RunSpan {
                facts: Arc::clone(&self.facts),
                parent,
                context,
                call,
                started: self.started,
                ended: now,
                steps,
                calls_functions: self.calls_functions,
                end: end.clone(),
                content: content.clone(),
            })));
        }
        let end = Box::new(end);
        self.tell(now, What::Ended { end, took, content });
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
