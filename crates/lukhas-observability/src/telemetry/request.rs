// SPDX-License-Identifier: Apache-2.0
//! What a request tells.

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::SystemTime;

use lukhas_core::{Id, TraceContext};

use super::record::{RunFacts, RunNames};
use super::{RunTelemetry, Sinks};
use crate::traces::{RequestSpan, Span};

/// What is known of a request from its beginning.
#[derive(Clone, Debug)]
pub struct RequestFacts {
    /// Its identifier.
    pub request_id: Id,
    /// The pattern of its route, never a path as it came in.
    pub route: &'static str,
    /// Its method, as the route has it.
    pub method: &'static str,
    /// Where in a trace its client is.
    pub parent: Option<TraceContext>,
}

/// Tells of one request.
pub struct RequestTelemetry {
    sinks: Arc<Sinks>,
    facts: RequestFacts,
    key_id: OnceLock<Arc<str>>,
    started: SystemTime,
    /// Where in its trace it is, if spans are sent.
    context: Option<TraceContext>,
}

impl RequestTelemetry {
    pub(super) fn begin(sinks: Arc<Sinks>, facts: RequestFacts) -> Self {
        let context = sinks.traces.as_ref().map(|traces| {
            let parent = facts.parent.as_ref();
            let context = match parent {
                Some(parent) => parent.child(&*sinks.entropy),
                None => TraceContext::root(&*sinks.entropy, true),
            };
            let sampled = traces.sampler().takes(context.trace_id(), parent);
            context.with_sampled(sampled)
        });
        Self {
            sinks,
            facts,
            key_id: OnceLock::new(),
            started: SystemTime::now(),
            context,
        }
    }

    /// Whose request it is: the public identifier of the key, never the key.
    pub fn asked_by(&self, key_id: &Arc<str>) {
        self.key_id.get_or_init(|| Arc::clone(key_id));
    }

    /// Where in its trace it is, if spans are sent.
    #[must_use]
    pub fn context(&self) -> Option<&TraceContext> {
        self.context.as_ref()
    }

    /// Run `choice` of the request begins.
    #[must_use]
    pub fn run(&self, names: RunNames, choice: usize) -> RunTelemetry {
        let facts = RunFacts {
            run_id: self.facts.request_id,
            choice,
            operation: names.operation,
            model: names.model,
            provider: names.provider,
            response_id: names.response_id,
            asked: names.asked,
            key_id: self.key_id.get().cloned(),
            trace: self.context.clone().or_else(|| self.facts.parent.clone()),
        };
        RunTelemetry::begin(Arc::clone(&self.sinks), facts, self.context.as_ref())
    }

    /// It was answered with `status`, and its answer is over; `failed` is the code of what failed
    /// behind a status that says nothing of it.
    pub fn ended(&self, status: u16, failed: Option<&'static str>) {
        let (Some(traces), Some(context)) = (&self.sinks.traces, &self.context) else {
            return;
        };
        if !context.is_sampled() {
            return;
        }
        traces.put(Span::Request(Box::new(RequestSpan {
            facts: self.facts.clone(),
            context: context.clone(),
            key_id: self.key_id.get().cloned(),
            started: self.started,
            ended: SystemTime::now(),
            status,
            failed,
        })));
    }
}

impl fmt::Debug for RequestTelemetry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestTelemetry")
            .field("facts", &self.facts)
            .finish_non_exhaustive()
    }
}
