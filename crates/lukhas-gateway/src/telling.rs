// SPDX-License-Identifier: Apache-2.0
//! What a request and its runs tell of themselves, if anybody listens.

use std::sync::Arc;

use axum::extract::Request;
use http::HeaderMap;
use http::header::{HeaderName, HeaderValue};
use lukhas_core::{
    Id, ItemKind, OutputEvent, Principal, RunCx, RunEvent, RunRequest, TraceContext, Usage,
};
use lukhas_observability::{
    Asked, Operation, RequestFacts, RequestTelemetry, RunNames, RunTelemetry,
};

use crate::gateway::Shared;

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");

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

    /// Where in its trace it is, if anybody is sent spans.
    pub(crate) fn context(&self) -> Option<&TraceContext> {
        self.told.as_ref()?.context()
    }

    /// Tells the client where in a trace its request is, if anybody is sent spans.
    pub(crate) fn mark(&self, headers: &mut HeaderMap) {
        if let Some(context) = self.context()
            && let Ok(value) = HeaderValue::try_from(context.to_string())
        {
            headers.insert(TRACEPARENT, value);
        }
    }

    /// Its answer is over; see [`RequestTelemetry::ended`].
    pub(crate) fn ended(&self, status: u16, failed: Option<&'static str>) {
        if let Some(told) = &self.told {
            told.ended(status, failed);
        }
    }

    /// Its run `choice` begins.
    pub(crate) fn run(&self, shared: &Shared, run: &RunAbout<'_>, choice: usize) -> RunTelling {
        let names = || RunNames {
            operation: run.operation,
            model: run.model.into(),
            provider: provider(shared, run),
            response_id: run.response_id.map(Arc::from),
            asked: run.asked,
        };
        let mut told = self.told.as_ref().map(|told| told.run(names(), choice));
        if let (Some(told), Some(request)) = (&mut told, run.request) {
            told.asked(request);
        }
        RunTelling {
            told,
            parent: self.parent.clone(),
        }
    }
}

/// What is told of a run from its beginning.
pub(crate) struct RunAbout<'r> {
    pub(crate) operation: Operation,
    /// As the client names it.
    pub(crate) model: &'r str,
    pub(crate) response_id: Option<&'r str>,
    pub(crate) asked: Asked,
    /// What is said in it, where somebody may be shown that.
    pub(crate) request: Option<&'r RunRequest>,
}

/// What `run` is asked for.
pub(crate) fn asked(run: &RunRequest) -> Asked {
    Asked {
        temperature: run.sampling.temperature,
        top_p: run.sampling.top_p,
        max_tokens: run.max_output_tokens,
    }
}

/// Who answers for the model of `run`, as the list of models says.
fn provider(shared: &Shared, run: &RunAbout<'_>) -> Arc<str> {
    let models = match run.operation {
        Operation::Response | Operation::Chat => shared.orchestrator.models(),
        Operation::Embeddings => shared.embedder.models(),
    };
    let model = models.iter().find(|model| model.id == run.model);
    model.map_or("other", |model| &model.owned_by).into()
}

/// The same for a run.
#[derive(Debug)]
pub(crate) struct RunTelling {
    pub(crate) told: Option<RunTelemetry>,
    /// Where its client is.
    parent: Option<TraceContext>,
}

impl RunTelling {
    /// What the run carries so that it can be told of.
    pub(crate) fn watch(&self, cx: RunCx) -> RunCx {
        let context = self.told.as_ref().and_then(RunTelemetry::context);
        RunCx {
            steps: cx.steps || self.told.is_some(),
            trace: context.or(self.parent.as_ref()).cloned(),
            ..cx
        }
    }

    /// Something happened in it.
    pub(crate) fn note(&mut self, event: &RunEvent) {
        let Some(told) = &mut self.told else { return };
        if let RunEvent::Output(output) = event {
            told.says(output);
        }
        match event {
            RunEvent::Step(step) => told.step(step),
            RunEvent::Output(OutputEvent::Ended(end)) => told.ended(end),
            RunEvent::Output(OutputEvent::ItemAdded {
                kind: ItemKind::FunctionCall { .. },
                ..
            }) => told.calls_function(),
            RunEvent::Output(_) => {}
        }
    }

    /// Who is told what the run used until its client left.
    pub(crate) fn abandoned(&self) -> Option<impl Fn(Usage) + Send + Sync + use<>> {
        self.told.as_ref().map(RunTelemetry::abandoned)
    }
}

/// Where in a trace the client is, if it says so.
fn parent(headers: &HeaderMap) -> Option<TraceContext> {
    let text = |name: HeaderName| headers.get(name)?.to_str().ok();
    let parent = TraceContext::parse(text(TRACEPARENT)?)?;
    Some(match text(TRACESTATE) {
        Some(state) => parent.with_state(state),
        None => parent,
    })
}
