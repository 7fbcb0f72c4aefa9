// SPDX-License-Identifier: Apache-2.0
//! Speed of token counting and of whole answers.

use std::hint::black_box;
use std::sync::Arc;

use criterion::{BatchSize, Criterion, Throughput};
use futures_util::{FutureExt as _, StreamExt as _};
use lukhas_core::{
    Entropy, Id, Item, OutputEvent, OutputFormat, Principal, Provider as _, Role, RunCx,
    RunRequest, Tokenizer as _, ToolSpec,
};
use lukhas_engine::{Cl100k, Engine};
use serde_json::json;

/// Identifiers that are all the same.
struct Zero;

impl Entropy for Zero {
    fn bits(&self) -> u128 {
        0
    }
}

fn cx() -> RunCx {
    let principal = Principal::new("key", "tenant");
    RunCx {
        run_id: Id::new("run_", &Zero),
        principal: Arc::new(principal),
        entropy: Arc::new(Zero),
        steps: false,
        trace: None,
        abandoned: None,
    }
}

fn ask(text: &str) -> RunRequest {
    RunRequest {
        items: vec![Item::text(Role::User, text)],
        ..RunRequest::default()
    }
}

fn weather() -> RunRequest {
    let parameters = json!({
        "type": "object",
        "properties": {
            "location": {"type": "string"},
            "unit": {"type": "string", "enum": ["celsius", "fahrenheit"]},
        },
        "required": ["location"],
    });
    let tool = ToolSpec {
        name: "get_weather".into(),
        description: Some("Get the current weather in a city".into()),
        parameters: Some(parameters),
        strict: None,
    };
    RunRequest {
        tools: vec![Arc::new(tool)],
        ..ask("What's the weather in Paris?")
    }
}

fn person() -> RunRequest {
    let schema = json!({
        "type": "object",
        "properties": {
            "name": {"type": "string"},
            "age": {"type": "integer"},
            "email": {"type": "string", "format": "email"},
            "tags": {"type": "array", "items": {"$ref": "#/$defs/tag"}},
        },
        "required": ["name", "age", "email", "tags"],
        "additionalProperties": false,
        "$defs": {"tag": {"type": "string", "minLength": 1}},
    });
    let format = OutputFormat::JsonSchema {
        name: "person".into(),
        schema: Arc::new(schema),
        strict: true,
    };
    RunRequest {
        format,
        ..ask("Jason is 25 years old, mail jason@example.com")
    }
}

fn tokenizer(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("count");
    let prose = "The quick brown fox jumps over the lazy dog, 12345 times; unbelievably so.\n";
    let texts = [
        ("sentence", prose.to_owned()),
        ("prose 1 MiB", prose.repeat((1 << 20) / prose.len())),
        ("letter 1 MiB", "a".repeat(1 << 20)),
        ("spaces 1 MiB", " ".repeat(1 << 20)),
    ];
    for (name, text) in &texts {
        group.throughput(Throughput::Bytes(text.len() as u64));
        group.bench_function(*name, |bench| bench.iter(|| Cl100k.count(black_box(text))));
    }
    group.finish();
}

fn answers(criterion: &mut Criterion) {
    let engine = Engine::default();
    let cx = cx();
    let mut group = criterion.benchmark_group("answer");
    let requests = [
        ("short echo", ask("Hello there, how are you today?")),
        ("arithmetic", ask("What is 17 * (3 - 1) / 4?")),
        ("tool call", weather()),
        ("json schema", person()),
        ("echo of 10,000 words", ask(&"word ".repeat(10_000))),
    ];
    for (name, request) in &requests {
        group.bench_function(*name, |bench| {
            bench.iter_batched(
                || request.clone(),
                |request| {
                    let events = engine.run(&cx, request);
                    // Takes the events as they come, as a caller does.
                    let taken = events.fold(0, |count, event: OutputEvent| {
                        black_box(&event);
                        std::future::ready(count + 1)
                    });
                    taken.now_or_never()
                },
                BatchSize::SmallInput,
            );
        });
    }
    group.finish();
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    tokenizer(&mut criterion);
    answers(&mut criterion);
    criterion.final_summary();
}
