// SPDX-License-Identifier: Apache-2.0
//! What the pipeline adds to a provider: the same runs with and without it.

use std::hint::black_box;
use std::sync::Arc;

use criterion::{BatchSize, Bencher, Criterion, criterion_group, criterion_main};
use futures_util::{FutureExt, StreamExt, stream};
use lukhas_core::*;
use lukhas_engine::SchemaValidator;
use lukhas_matriz::Matriz;
use serde_json::json;

/// Answers with as many deltas as it is asked for.
struct Trivial {
    models: [ModelInfo; 1],
    deltas: usize,
}

impl Provider for Trivial {
    fn models(&self) -> &[ModelInfo] {
        &self.models
    }

    fn run(&self, _: &RunCx, request: RunRequest) -> OutputStream {
        drop(request);
        let deltas = self.deltas;
        Box::pin(stream::iter((0..deltas + 3).map(
            move |place| match place {
                0 => OutputEvent::ItemAdded {
                    index: 0,
                    kind: ItemKind::Message,
                    id: None,
                },
                place if place <= deltas => OutputEvent::TextDelta(String::new()),
                place if place == deltas + 1 => OutputEvent::ItemDone,
                _ => OutputEvent::Ended(RunEnd {
                    outcome: Outcome::Completed,
                    usage: None,
                }),
            },
        )))
    }

    fn count_input<'a>(&'a self, _: &'a RunRequest) -> BoxFuture<'a, Result<u64, RunError>> {
        Box::pin(async { Ok(0) })
    }
}

/// One token a byte.
struct Bytes;

impl Tokenizer for Bytes {
    fn name(&self) -> &'static str {
        "bytes"
    }

    fn count(&self, text: &str) -> usize {
        text.len()
    }

    fn truncate<'t>(&self, text: &'t str, tokens: usize) -> &'t str {
        &text[..text.floor_char_boundary(tokens)]
    }

    fn decode(&self, _: &[u32]) -> Result<String, TokenizerError> {
        Err(TokenizerError::NotUtf8)
    }
}

struct Zero;

impl Entropy for Zero {
    fn bits(&self) -> u128 {
        0
    }
}

fn cx() -> RunCx {
    let entropy: Arc<dyn Entropy> = Arc::new(Zero);
    RunCx {
        run_id: Id::new("run_", &*entropy),
        principal: Arc::new(Principal::new("key", "tenant")),
        entropy,
        steps: false,
        trace: None,
        abandoned: None,
    }
}

fn short() -> RunRequest {
    RunRequest {
        model: "trivial".into(),
        items: vec![Item::text(Role::User, "What is the capital of France?")],
        parallel_tool_calls: true,
        ..RunRequest::default()
    }
}

/// A turn of an agent: three tools, a call that was answered.
fn agent() -> RunRequest {
    let tool = |name: &str| {
        Arc::new(ToolSpec {
            name: name.into(),
            description: Some("Looks up what is asked for.".into()),
            parameters: Some(json!({
                "type": "object",
                "properties": {
                    "query": {"type": "string", "description": "what to look for"},
                    "limit": {"type": "integer", "minimum": 1},
                },
                "required": ["query"],
                "additionalProperties": false,
            })),
            strict: Some(true),
        })
    };
    let mut request = short();
    request.items.push(Item::FunctionCall(FunctionCall {
        id: None,
        call_id: "call_1".into(),
        name: "search".into(),
        arguments: "{\"query\":\"capital of France\"}".into(),
    }));
    request.items.push(Item::FunctionOutput(FunctionOutput {
        id: None,
        call_id: "call_1".into(),
        parts: vec![Part::Text("Paris".into())],
    }));
    request.tools = ["search", "fetch", "weather"].map(tool).into();
    request
}

/// Runs `answer` on requests made outside the clock, and reads its stream to the end.
fn drain<S>(
    bencher: &mut Bencher<'_>,
    make: fn() -> RunRequest,
    answer: impl Fn(RunCx, RunRequest) -> S,
) where
    S: stream::Stream + Unpin,
{
    let cx = cx();
    bencher.iter_batched(
        || (cx.clone(), make()),
        |(cx, request)| {
            let mut events = answer(cx, request);
            while let Some(Some(event)) = events.next().now_or_never() {
                black_box(event);
            }
        },
        BatchSize::SmallInput,
    );
}

fn pipeline(criterion: &mut Criterion) {
    for (name, make, deltas) in [
        ("short", short as fn() -> RunRequest, 3),
        ("agent", agent, 3),
        ("10k deltas", short, 10_000),
    ] {
        let models = [ModelInfo {
            id: "trivial".into(),
            created: 0,
            owned_by: "bench".into(),
            description: "Says nothing.".into(),
            context_window: 128_000,
        }];
        let provider: Arc<dyn Provider> = Arc::new(Trivial { models, deltas });
        let matriz = match Matriz::new(Arc::new(Bytes), Arc::new(SchemaValidator::default()))
            .with_provider(Arc::clone(&provider))
        {
            Ok(matriz) => matriz,
            Err(error) => unreachable!("{error}"),
        };
        let mut group = criterion.benchmark_group(name);
        group.bench_function("provider", |bencher| {
            drain(bencher, make, |cx, request| provider.run(&cx, request));
        });
        group.bench_function("matriz", |bencher| {
            drain(bencher, make, |cx, request| matriz.run(cx, request));
        });
        group.finish();
    }
}

criterion_group!(benches, pipeline);
criterion_main!(benches);
