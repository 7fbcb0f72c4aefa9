// SPDX-License-Identifier: Apache-2.0
//! How many bytes of text are embedded in a second: prose, long and short, and the worst there is.

use std::hint::black_box;
use std::task::{Context, Poll, Waker};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use lukhas_core::Embedder;
use lukhas_memory::LexicalHash;

const PROSE: &str = "The ferry left the harbour an hour late, because the pilot had not come. \
    Nobody on board minded: it was the first warm evening of the year, and from the upper deck \
    you could see the lights of the islands go on, one after the other, all the way to the open \
    sea. A child asked how many there were, and an old man began to count them aloud. ";

fn embed(texts: &[String], dimensions: usize) {
    let embedder = LexicalHash::new();
    let mut future = embedder.embed(texts, dimensions);
    let mut cx = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(vectors) = future.as_mut().poll(&mut cx) {
            black_box(vectors.is_ok());
            return;
        }
    }
}

fn lexical(c: &mut Criterion) {
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
        group.bench_function(name, |b| b.iter(|| embed(&texts, 1024)));
    }
    group.finish();
}

criterion_group!(benches, lexical);
criterion_main!(benches);
