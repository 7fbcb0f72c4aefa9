// SPDX-License-Identifier: Apache-2.0
//! What tests run the nodes on: a provider that plays a script, a store in memory, a tokenizer
//! that can be checked by eye.

mod stored;

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use futures_util::{StreamExt, stream};
use lukhas_core::*;
use lukhas_engine::SchemaValidator;

use crate::Matriz;

pub(crate) use self::stored::Stored;

/// The model of [`Scripted::new`].
pub(crate) const MODEL: &str = "scripted";

/// Plays a script, whatever it is asked; remembers what it was asked.
#[derive(Default)]
pub(crate) struct Scripted {
    pub(crate) models: Vec<ModelInfo>,
    pub(crate) script: Vec<OutputEvent>,
    /// Whether it waits for ever after the script instead of stopping.
    pub(crate) stalls: bool,
    pub(crate) asked: Mutex<Vec<RunRequest>>,
    /// Runs that have begun and not been dropped.
    pub(crate) running: Arc<AtomicUsize>,
}

struct Running(Arc<AtomicUsize>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Scripted {
    pub(crate) fn new(script: Vec<OutputEvent>) -> Self {
        Self {
            models: vec![model(MODEL, 100_000)],
            script,
            ..Self::default()
        }
    }

    /// The request of its last run.
    pub(crate) fn last_asked(&self) -> RunRequest {
        self.asked.lock().unwrap().last().unwrap().clone()
    }
}

impl Provider for Scripted {
    fn models(&self) -> &[ModelInfo] {
        &self.models
    }

    fn run(&self, _: &RunCx, request: RunRequest) -> OutputStream {
        self.asked.lock().unwrap().push(request);
        self.running.fetch_add(1, Ordering::SeqCst);
        let running = Running(Arc::clone(&self.running));
        let script = stream::iter(self.script.clone());
        let after = stream::pending().take(if self.stalls { usize::MAX } else { 0 });
        Box::pin(script.chain(after).inspect(move |_| {
            let _ = &running;
        }))
    }

    fn count_input<'a>(&'a self, request: &'a RunRequest) -> BoxFuture<'a, Result<u64, RunError>> {
        self.asked.lock().unwrap().push(request.clone());
        let tokens = request.items.len() as u64;
        Box::pin(async move { Ok(tokens) })
    }
}

/// A token is a run of at most four bytes with a space at most at its beginning; counts its work.
#[derive(Debug, Default)]
pub(crate) struct Fours {
    pub(crate) calls: AtomicUsize,
    pub(crate) bytes: AtomicUsize,
}

impl Tokenizer for Fours {
    fn name(&self) -> &'static str {
        "fours"
    }

    fn count(&self, text: &str) -> usize {
        self.calls.fetch_add(1, Ordering::SeqCst);
        self.bytes.fetch_add(text.len(), Ordering::SeqCst);
        let mut words = text.split(' ');
        let first = words.next().map_or(0, |word| word.len().div_ceil(4));
        first
            + words
                .map(|word| (1 + word.len()).div_ceil(4))
                .sum::<usize>()
    }

    fn truncate<'t>(&self, _: &'t str, _: usize) -> &'t str {
        unreachable!("nothing here cuts texts")
    }

    fn decode(&self, _: &[u32]) -> Result<String, TokenizerError> {
        unreachable!("nothing here decodes")
    }
}

struct Counter(AtomicU64);

impl Entropy for Counter {
    fn bits(&self) -> u128 {
        self.0.fetch_add(1, Ordering::SeqCst).into()
    }
}

pub(crate) fn model(id: &str, context_window: u64) -> ModelInfo {
    ModelInfo {
        id: id.into(),
        created: 1,
        owned_by: "tests".into(),
        description: format!("The model {id}."),
        context_window,
    }
}

pub(crate) fn cx(tenant: &str) -> RunCx {
    let entropy: Arc<dyn Entropy> = Arc::new(Counter(AtomicU64::new(1)));
    RunCx {
        run_id: Id::new("run_", &*entropy),
        principal: Arc::new(Principal::new("key", tenant)),
        entropy,
        steps: true,
        trace: None,
        abandoned: None,
    }
}

pub(crate) fn validator() -> Arc<dyn Validator> {
    Arc::new(SchemaValidator::default())
}

/// An orchestrator over one provider.
pub(crate) fn matriz(provider: &Arc<Scripted>) -> Matriz {
    let provider: Arc<dyn Provider> = Arc::clone(provider) as _;
    Matriz::new(Arc::new(Fours::default()), validator())
        .with_provider(provider)
        .unwrap()
}

pub(crate) fn request(items: Vec<Item>) -> RunRequest {
    RunRequest {
        model: MODEL.into(),
        items,
        parallel_tool_calls: true,
        ..RunRequest::default()
    }
}

pub(crate) fn user(text: &str) -> Item {
    Item::text(Role::User, text)
}

pub(crate) fn assistant(text: &str) -> Item {
    Item::text(Role::Assistant, text)
}

pub(crate) fn system(text: &str) -> Item {
    Item::text(Role::System, text)
}

pub(crate) fn call(call_id: &str) -> Item {
    Item::FunctionCall(FunctionCall {
        id: None,
        call_id: call_id.into(),
        name: "look".into(),
        arguments: "{}".into(),
    })
}

pub(crate) fn output(call_id: &str, text: &str) -> Item {
    Item::FunctionOutput(FunctionOutput {
        id: None,
        call_id: call_id.into(),
        parts: vec![Part::Text(text.into())],
    })
}

pub(crate) fn tool(name: &str) -> Arc<ToolSpec> {
    Arc::new(ToolSpec {
        name: name.into(),
        description: None,
        parameters: None,
        strict: None,
    })
}

pub(crate) fn added(index: u32) -> OutputEvent {
    let kind = ItemKind::Message;
    OutputEvent::ItemAdded {
        index,
        kind,
        id: None,
    }
}

pub(crate) fn calling(index: u32, name: &str) -> OutputEvent {
    let kind = ItemKind::FunctionCall {
        call_id: format!("call_{index}"),
        name: name.into(),
    };
    OutputEvent::ItemAdded {
        index,
        kind,
        id: None,
    }
}

pub(crate) fn reasoning(index: u32) -> OutputEvent {
    let kind = ItemKind::Reasoning;
    OutputEvent::ItemAdded {
        index,
        kind,
        id: None,
    }
}

pub(crate) fn thinks(text: &str) -> OutputEvent {
    OutputEvent::ReasoningDelta(text.into())
}

pub(crate) fn text(text: &str) -> OutputEvent {
    OutputEvent::TextDelta(text.into())
}

pub(crate) fn arguments(text: &str) -> OutputEvent {
    OutputEvent::ArgumentsDelta(text.into())
}

pub(crate) fn ended(outcome: Outcome) -> OutputEvent {
    let usage = Some(Usage {
        output_tokens: 7,
        ..Usage::default()
    });
    OutputEvent::Ended(RunEnd { outcome, usage })
}

/// A message of one text, to its end.
pub(crate) fn says(words: &str) -> Vec<OutputEvent> {
    vec![
        added(0),
        text(words),
        OutputEvent::ItemDone,
        ended(Outcome::Completed),
    ]
}

/// Everything that `matriz` answers.
pub(crate) async fn collect(matriz: &Matriz, cx: RunCx, request: RunRequest) -> Vec<RunEvent> {
    matriz.run(cx, request).collect().await
}

/// The output among `events`.
pub(crate) fn outputs(events: Vec<RunEvent>) -> Vec<OutputEvent> {
    let output = |event| match event {
        RunEvent::Output(event) => Some(event),
        RunEvent::Step(_) => None,
    };
    events.into_iter().filter_map(output).collect()
}

/// The error that a run ended with; it must be all there is.
#[track_caller]
pub(crate) fn early_error(events: Vec<RunEvent>) -> RunError {
    match outputs(events).as_slice() {
        [
            OutputEvent::Ended(RunEnd {
                outcome: Outcome::Failed(error),
                ..
            }),
        ] => error.clone(),
        other => panic!("not an early failure: {other:?}"),
    }
}
