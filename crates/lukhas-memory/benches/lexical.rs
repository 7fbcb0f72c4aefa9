// SPDX-License-Identifier: Apache-2.0
//! How many bytes of text are embedded in a second: prose, long and short, and the worst there is.

use std::hint::black_box;
use std::sync::Arc;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use lukhas_core::{
    EmbedInput, EmbedRequest, Embedder, Entropy, Id, Principal, RunCx, Tokenizer, TokenizerError,
    VectorEncoding,
};
use lukhas_memory::LexicalHash;
use tokio::runtime::{Builder, Runtime};

const PROSE: &str = "The ferry left the harbour an hour late, because the pilot had not come. \
    Nobody on board minded: it was the first warm evening of the year, and from the upper deck \
    you could see the lights of the islands go on, one after the other, all the way to the open \
    sea. A child asked how many there were, and an old man began to count them aloud. ";

/// Counts nothing, so that what is measured is the embedding.
struct Nothing;

impl Tokenizer for Nothing {
    fn name(&self) -> &'static str {
        "nothing"
    }

    fn count(&self, _text: &str) -> usize {
        0
    }

    fn truncate<'t>(&self, text: &'t str, _tokens: usize) -> &'t str {
        text
    }

    fn decode(&self, _tokens: &[u32]) -> Result<String, TokenizerError> {
        Err(TokenizerError::NotUtf8)
    }
}

impl Entropy for Nothing {
    fn bits(&self) -> u128 {
        0
    }
}

fn embed(runtime: &Runtime, texts: &[String], dimensions: u32) {
    let embedder = LexicalHash::new(Arc::new(Nothing));
    let cx = RunCx {
        run_id: Id::new("run_", &Nothing),
        principal: Arc::new(Principal::new("bench", "bench")),
        entropy: Arc::new(Nothing),
        steps: false,
        trace: None,
        abandoned: None,
    };
    let request = EmbedRequest {
        model: String::new(),
        input: EmbedInput::Texts(texts.to_vec()),
        dimensions: Some(dimensions),
        encoding: VectorEncoding::Floats,
        end_user: None,
    };
    black_box(runtime.block_on(embedder.embed(&cx, request)).is_ok());
}

#[expect(clippy::expect_used, reason = "a bench fails by panicking")]
fn lexical(c: &mut Criterion) {
    let runtime = Builder::new_current_thread().build();
    let runtime = runtime.expect("a runtime");
    // Words of six letters that do not repeat.
    let distinct = |number: u64| format!("{:06x} ", number.wrapping_mul(0x9E_3779) & 0xFF_FFFF);
    let mut group = c.benchmark_group("embed");
    for (name, texts) in [
        (
            "prose of 1 MiB",
            vec![PROSE.repeat((1 << 20) / PROSE.len())],
        ),
        (
            "1 MiB of distinct words",
            vec![(0..150_000).map(distinct).collect()],
        ),
        ("1 MiB without a space", vec!["x".repeat(1 << 20)]),
        (
            "1 MiB of Greek",
            vec!["Το πλοίο άφησε το λιμάνι μία ώρα αργότερα. ".repeat(14_000)],
        ),
        ("64 texts of 340 bytes", vec![PROSE.to_owned(); 64]),
    ] {
        let bytes = texts.iter().map(String::len).sum::<usize>() as u64;
        group.throughput(Throughput::Bytes(bytes));
        group.bench_function(name, |b| b.iter(|| embed(&runtime, &texts, 1024)));
    }
    group.finish();
}

criterion_group!(benches, lexical);
criterion_main!(benches);
