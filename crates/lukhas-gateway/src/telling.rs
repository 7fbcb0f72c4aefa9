// SPDX-License-Identifier: Apache-2.0
//! What a request and its runs tell of themselves, if anybody listens.

use std::sync::Arc;

use axum::extract::Request;
use http::HeaderMap;
use lukhas_core::{Id, Principal, RunCx, StepEvent, TraceContext, Usage};
use lukhas_observability::{Operation, RequestFacts, RequestTelemetry, RunTelemetry};

use crate::gateway::Shared;

/// Where in a trace a request is, and who is told of it. Clones are of one request.
#[derive(Clone, Debug, Default)]
pub(crate) struct Telling {
    told: Option<Arc<RequestTelemetry>>,
    /// Where its client is.
    parent: Option<TraceContext>,
}

impl Telling {
    pub(crate) fn begin(
        shared: &Shared,
        request: &Request,
        (route, method): (&'static str, &'static str),
        request_id: Id,
    ) -> Self {
        let parent = parent(request.headers());
        let told = shared.telemetry.request(|| RequestFacts {
            request_id,
            route,
            method,
            parent: parent.clone(),
        });
        Self { told, parent }
    }

    /// It is `principal` who asks.
    pub(crate) fn asked_by(&self, principal: &Principal) {
        if let Some(told) = &self.told {
            told.asked_by(&principal.key_id);
        }
    }

    /// Its run `choice` begins.
    pub(crate) fn run(&self, operation: Operation, choice: usize, model: &Arc<str>) -> RunTelling {
        let told = self.told.as_ref();
        RunTelling {
            told: told.map(|told| told.run(operation, choice, model)),
            parent: self.parent.clone(),
        }
    }
}

/// The same for a run.
#[derive(Debug)]
pub(crate) struct RunTelling {
    pub(crate) told: Option<RunTelemetry>,
    parent: Option<TraceContext>,
}

impl RunTelling {
    /// What the run carries so that it can be told of.
    pub(crate) fn watch(&self, cx: RunCx) -> RunCx {
        RunCx {
            steps: cx.steps || self.told.is_some(),
            trace: self.parent.clone(),
            ..cx
        }
    }

    pub(crate) fn step(&mut self, step: &StepEvent) {
        if let Some(told) = &mut self.told {
            told.step(step);
        }
    }

    /// Who is told what the run used until its client left.
    pub(crate) fn abandoned(&self) -> Option<impl Fn(Usage) + Send + Sync + use<>> {
        self.told.as_ref().map(RunTelemetry::abandoned)
    }
}

/// Where in a trace the client is, if it says so.
fn parent(headers: &HeaderMap) -> Option<TraceContext> {
    let text = |name: &str| headers.get(name)?.to_str().ok();
    let parent = TraceContext::parse(text("traceparent")?)?;
    Some(match text("tracestate") {
        Some(state) => parent.with_state(state),
        None => parent,
    })
}
