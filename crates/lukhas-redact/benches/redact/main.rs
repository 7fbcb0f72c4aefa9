// SPDX-License-Identifier: Apache-2.0
//! Throughput of redaction, of whole texts and of pieces of four characters as models stream them.
//!
//! What is measured is processor time of the thread, so that neighbours on the machine do not count.

mod corpus;
mod cpu;

use std::hint::black_box;

use criterion::{
    BenchmarkId, Criterion, SamplingMode, Throughput, criterion_group, criterion_main,
};
use lukhas_redact::{Profile, Redacted, Rules, RulesConfig};

use cpu::CpuTime;

/// Characters of a piece.
const PIECE: usize = 4;

#[expect(
    clippy::expect_used,
    reason = "the built-in rules compile, as a test holds"
)]
fn rules() -> Rules {
    Rules::new(&RulesConfig::new(Profile::Logs)).expect("built-in rules")
}

fn whole(criterion: &mut Criterion<CpuTime>) {
    let rules = rules();
    let mut group = criterion.benchmark_group("whole");
    group.sampling_mode(SamplingMode::Flat);
    for (name, text) in corpus::all() {
        group.throughput(Throughput::Bytes(text.len() as u64));
        group.bench_with_input(BenchmarkId::from_parameter(name), &text, |bench, text| {
            bench.iter(|| black_box(rules.redact(text)));
        });
    }
}

fn streamed(criterion: &mut Criterion<CpuTime>) {
    let rules = rules();
    let mut group = criterion.benchmark_group("streamed");
    group.sampling_mode(SamplingMode::Flat);
    for (name, text) in corpus::all() {
        let pieces = pieces(&text);
        group.throughput(Throughput::Bytes(text.len() as u64));
        group.bench_with_input(
            BenchmarkId::from_parameter(name),
            &pieces,
            |bench, pieces| {
                bench.iter(|| {
                    let mut out = Redacted::default();
                    let mut redactor = rules.redactor();
                    for piece in pieces {
                        redactor.push(piece, &mut out);
                    }
                    redactor.finish(&mut out);
                    black_box(out)
                });
            },
        );
    }
}

fn compiled(criterion: &mut Criterion<CpuTime>) {
    criterion.bench_function("compile", |bench| bench.iter(|| black_box(rules())));
}

fn pieces(text: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some((end, _)) = rest.char_indices().nth(PIECE) {
        let (piece, after) = rest.split_at(end);
        pieces.push(piece);
        rest = after;
    }
    pieces.push(rest);
    pieces
}

criterion_group! {
    name = benches;
    config = Criterion::default().with_measurement(CpuTime).sample_size(10);
    targets = whole, streamed, compiled
}
criterion_main!(benches);
