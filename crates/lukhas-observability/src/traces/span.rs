// SPDX-License-Identifier: Apache-2.0
//! What happened, as spans, by the names of the GenAI semantic conventions (OpenTelemetry 1.41).

use std::sync::Arc;
use std::time::SystemTime;

use lukhas_core::{Node, TraceContext, Usage};
use opentelemetry::trace::{
    SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState,
};
use opentelemetry::{Array, InstrumentationScope, KeyValue, StringValue, Value};
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanLinks};

use crate::Redaction;
use crate::telemetry::{Content, End, Operation, RequestFacts, RunFacts};

/// What spans pass before they are sent.
pub(super) struct Stage {
    pub(super) redaction: Redaction,
    pub(super) shows_content: bool,
}

/// Something that has ended.
#[derive(Debug)]
pub(crate) enum Span {
    Request(Box<RequestSpan>),
    Run(Box<RunSpan>),
}

/// A request, as its server sees it.
#[derive(Debug)]
pub(crate) struct RequestSpan {
    pub(crate) facts: RequestFacts,
    pub(crate) context: TraceContext,
    pub(crate) key_id: Option<Arc<str>>,
    pub(crate) started: SystemTime,
    pub(crate) ended: SystemTime,
    pub(crate) status: u16,
    /// The code of what failed behind a status that says nothing of it.
    pub(crate) failed: Option<&'static str>,
}

/// A run.
#[derive(Debug)]
pub(crate) struct RunSpan {
    pub(crate) facts: Arc<RunFacts>,
    /// Where its request is.
    pub(crate) parent: TraceContext,
    /// Where the run is.
    pub(crate) context: TraceContext,
    /// Where the call of its model is.
    pub(crate) call: TraceContext,
    pub(crate) started: SystemTime,
    pub(crate) ended: SystemTime,
    /// When its model was asked, and had answered.
    pub(crate) called: Option<(SystemTime, SystemTime)>,
    /// Its other steps, if they took their time.
    pub(crate) steps: Vec<StepSpan>,
    pub(crate) calls_functions: bool,
    pub(crate) end: End,
    /// What was said, if anybody is shown it.
    pub(crate) content: Option<Arc<Content>>,
}

/// A step of a run, other than the call of its model.
#[derive(Clone, Debug)]
pub(crate) struct StepSpan {
    pub(crate) node: Node,
    pub(crate) context: TraceContext,
    pub(crate) started: SystemTime,
    pub(crate) ended: SystemTime,
}

impl Span {
    /// Appends it, and the spans within it.
    pub(super) fn write(&self, stage: &Stage, out: &mut Vec<SpanData>) {
        match self {
            Self::Request(request) => out.push(request.data()),
            Self::Run(run) => run.write(stage, out),
        }
    }

    /// Bytes of what was said in it.
    pub(super) fn content_bytes(&self) -> usize {
        match self {
            Self::Request(_) => 0,
            Self::Run(run) => run.content.as_ref().map_or(0, |content| content.bytes()),
        }
    }

    /// How many it is, with the spans within it.
    pub(super) fn count(&self) -> usize {
        match self {
            Self::Request(_) => 1,
            Self::Run(run) if run.facts.operation == Operation::Embeddings => 1,
            Self::Run(run) => 1 + usize::from(run.called.is_some()) + run.steps.len(),
        }
    }
}

impl RequestSpan {
    fn data(&self) -> SpanData {
        let RequestFacts {
            request_id,
            route,
            method,
            parent,
        } = &self.facts;
        let mut attributes = vec![
            KeyValue::new("http.request.method", *method),
            KeyValue::new("http.route", *route),
            KeyValue::new("http.response.status_code", i64::from(self.status)),
            KeyValue::new("url.scheme", "http"),
            KeyValue::new("openinference.span.kind", "CHAIN"),
            KeyValue::new("lukhas.request_id", request_id.to_string()),
        ];
        if let Some(key_id) = &self.key_id {
            attributes.push(KeyValue::new("lukhas.key_id", Arc::clone(key_id)));
        }
        let error = match (self.failed, self.status) {
            (Some(code), _) => Some(code.to_owned()),
            (None, status @ 500..) => Some(status.to_string()),
            (None, _) => None,
        };
        let mut status = Status::Unset;
        if let Some(error) = error {
            attributes.push(KeyValue::new("error.type", error));
            status = Status::error("");
        }
        SpanData {
            attributes,
            status,
            ..data(Place {
                name: format!("{method} {route}"),
                kind: SpanKind::Server,
                parent: parent.as_ref().map(|parent| (parent, true)),
                context: &self.context,
                started: self.started,
                ended: self.ended,
            })
        }
    }
}

impl RunSpan {
    fn write(&self, stage: &Stage, out: &mut Vec<SpanData>) {
        let model = Arc::from(stage.redaction.text(&self.facts.model));
        if self.facts.operation == Operation::Embeddings {
            let time = (self.started, self.ended);
            out.push(self.call(stage, &model, &self.parent, time));
            return;
        }
        out.push(self.agent(stage, &model));
        out.extend(self.steps.iter().map(|step| self.step(step)));
        if let Some(time) = self.called {
            out.push(self.call(stage, &model, &self.context, time));
        }
    }

    /// The run as a whole.
    fn agent(&self, stage: &Stage, model: &Arc<str>) -> SpanData {
        let mut attributes = self.common("invoke_agent", "AGENT", model);
        attributes.push(KeyValue::new("gen_ai.agent.name", "matriz"));
        SpanData {
            status: self.status(&stage.redaction),
            attributes,
            ..data(Place {
                name: "invoke_agent matriz".to_owned(),
                kind: SpanKind::Internal,
                parent: Some((&self.parent, false)),
                context: &self.context,
                started: self.started,
                ended: self.ended,
            })
        }
    }

    /// The call of the model.
    fn call(
        &self,
        stage: &Stage,
        model: &Arc<str>,
        parent: &TraceContext,
        (started, ended): (SystemTime, SystemTime),
    ) -> SpanData {
        let redaction = &stage.redaction;
        let (name, kind) = match self.facts.operation {
            Operation::Embeddings => ("embeddings", "EMBEDDING"),
            Operation::Response | Operation::Chat => ("chat", "LLM"),
        };
        let mut attributes = self.common(name, kind, model);
        attributes.push(KeyValue::new("gen_ai.response.model", Arc::clone(model)));
        attributes.push(KeyValue::new("llm.model_name", Arc::clone(model)));
        if let Some(id) = &self.facts.response_id {
            attributes.push(KeyValue::new("gen_ai.response.id", Arc::clone(id)));
        }
        let asked = &self.facts.asked;
        let wishes = [
            ("gen_ai.request.temperature", asked.temperature),
            ("gen_ai.request.top_p", asked.top_p),
        ];
        attributes.extend(
            wishes
                .into_iter()
                .filter_map(|(name, value)| value.map(|value| KeyValue::new(name, value))),
        );
        if let Some(most) = asked.max_tokens {
            attributes.push(KeyValue::new("gen_ai.request.max_tokens", i64::from(most)));
        }
        if let Some(reason) = self.finish_reason() {
            let reasons = vec![StringValue::from(reason)];
            let reasons = Value::Array(Array::String(reasons));
            attributes.push(KeyValue::new("gen_ai.response.finish_reasons", reasons));
        }
        if let Some(content) = self.content.as_ref().filter(|_| stage.shows_content) {
            attributes.extend(self.said(content, redaction));
        }
        SpanData {
            status: self.status(redaction),
            attributes,
            ..data(Place {
                name: format!("{name} {model}"),
                kind: SpanKind::Client,
                parent: Some((parent, false)),
                context: &self.call,
                started,
                ended,
            })
        }
    }

    fn step(&self, step: &StepSpan) -> SpanData {
        let node = step.node.as_str();
        SpanData {
            attributes: vec![
                KeyValue::new("lukhas.step.node", node),
                KeyValue::new("openinference.span.kind", "CHAIN"),
            ],
            ..data(Place {
                name: format!("step {node}"),
                kind: SpanKind::Internal,
                parent: Some((&self.context, false)),
                context: &step.context,
                started: step.started,
                ended: step.ended,
            })
        }
    }

    /// The attributes of the run and of the call of its model.
    fn common(
        &self,
        operation: &'static str,
        kind: &'static str,
        model: &Arc<str>,
    ) -> Vec<KeyValue> {
        let facts = &self.facts;
        let mut attributes = vec![
            KeyValue::new("gen_ai.operation.name", operation),
            KeyValue::new("openinference.span.kind", kind),
            KeyValue::new("gen_ai.provider.name", Arc::clone(&facts.provider)),
            KeyValue::new("gen_ai.request.model", Arc::clone(model)),
            KeyValue::new("lukhas.run_id", facts.run_id.to_string()),
        ];
        if let Some(usage) = &self.end.usage {
            attributes.extend(tokens(usage));
        }
        if let Some(error) = self.error() {
            attributes.push(KeyValue::new("error.type", error));
        }
        attributes
    }

    /// What was said, by the names of both conventions that readers know.
    fn said(&self, content: &Content, redaction: &Redaction) -> Vec<KeyValue> {
        let input = content.input(redaction).to_string();
        let output = content.output(self.finish_reason(), redaction).to_string();
        let mut attributes = vec![
            KeyValue::new("gen_ai.input.messages", input.clone()),
            KeyValue::new("gen_ai.output.messages", output.clone()),
            KeyValue::new("input.value", input),
            KeyValue::new("input.mime_type", "application/json"),
            KeyValue::new("output.value", output),
            KeyValue::new("output.mime_type", "application/json"),
        ];
        if let Some(instructions) = content.instructions(redaction) {
            let instructions = instructions.to_string();
            attributes.push(KeyValue::new("gen_ai.system_instructions", instructions));
        }
        attributes
    }

    fn error(&self) -> Option<&'static str> {
        self.end.reason.filter(|_| self.end.message.is_some())
    }

    fn status(&self, redaction: &Redaction) -> Status {
        match &self.end.message {
            Some(message) => Status::error(redaction.text(message).into_owned()),
            None => Status::Unset,
        }
    }

    fn finish_reason(&self) -> Option<&'static str> {
        match (self.end.event_type, self.end.reason) {
            ("run.completed", _) if self.facts.operation == Operation::Embeddings => None,
            ("run.completed", _) if self.calls_functions => Some("tool_calls"),
            ("run.completed", _) => Some("stop"),
            ("run.incomplete", Some("max_output_tokens")) => Some("length"),
            ("run.incomplete", reason) => reason,
            _ => None,
        }
    }
}

/// What was used, by the names of both conventions that readers know.
fn tokens(usage: &Usage) -> [KeyValue; 6] {
    let count = |name: &'static str, count: u64| {
        KeyValue::new(name, i64::try_from(count).unwrap_or(i64::MAX))
    };
    [
        count("gen_ai.usage.input_tokens", usage.input_tokens),
        count("gen_ai.usage.output_tokens", usage.output_tokens),
        count("gen_ai.usage.cache_read.input_tokens", usage.cached_tokens),
        count("llm.token_count.prompt", usage.input_tokens),
        count("llm.token_count.completion", usage.output_tokens),
        count("llm.token_count.total", usage.total()),
    ]
}

/// Where and when a span is.
struct Place<'p> {
    name: String,
    kind: SpanKind,
    /// Its parent, and whether that is another process's.
    parent: Option<(&'p TraceContext, bool)>,
    context: &'p TraceContext,
    started: SystemTime,
    ended: SystemTime,
}

fn data(place: Place<'_>) -> SpanData {
    let context = place.context;
    let state = context.state().and_then(|state| state.parse().ok());
    let span_context = SpanContext::new(
        TraceId::from_bytes(context.trace_id().to_be_bytes()),
        SpanId::from_bytes(context.span_id().to_be_bytes()),
        TraceFlags::SAMPLED,
        false,
        state.unwrap_or(TraceState::NONE),
    );
    let parent = place.parent.map(|(parent, _)| parent.span_id());
    SpanData {
        span_context,
        parent_span_id: parent.map_or(SpanId::INVALID, |id| SpanId::from_bytes(id.to_be_bytes())),
        parent_span_is_remote: place.parent.is_some_and(|(_, is_remote)| is_remote),
        span_kind: place.kind,
        name: place.name.into(),
        start_time: place.started,
        end_time: place.ended,
        attributes: Vec::new(),
        dropped_attributes_count: 0,
        events: SpanEvents::default(),
        links: SpanLinks::default(),
        status: Status::Unset,
        instrumentation_scope: InstrumentationScope::builder("lukhas").build(),
    }
}
