// SPDX-License-Identifier: Apache-2.0
//! What the decisions on the way of a request cost.

use criterion::{Criterion, criterion_group, criterion_main};
use lukhas_reliability::RetryBudget;

fn budget(c: &mut Criterion) {
    let budget = RetryBudget::default();
    c.bench_function("budget/record a request", |b| {
        b.iter(|| budget.record_request());
    });
}

criterion_group!(benches, budget);
criterion_main!(benches);
