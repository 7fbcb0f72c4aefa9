// SPDX-License-Identifier: Apache-2.0
//! What checking a token costs: known, unknown, and among many keys.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use lukhas_auth::{KeyEntry, KeySet};
use lukhas_core::Authenticator;
use lukhas_redact::Secret;

fn authenticate(c: &mut Criterion) {
    let token = |number: usize| format!("sk-bench-{number:016}");
    for count in [1, 10_000] {
        let entries = (0..count).filter_map(|number| {
            let token = Secret::new(token(number));
            KeyEntry::new(format!("key {number}"), token).ok()
        });
        let Ok(keys) = KeySet::new(&mut rand::rng(), entries) else {
            continue;
        };
        for (name, token) in [("known", token(0)), ("unknown", token(count))] {
            c.bench_function(&format!("authenticate/{name}/{count} keys"), |b| {
                b.iter(|| keys.authenticate(black_box(token.as_bytes())));
            });
        }
    }
}

criterion_group!(benches, authenticate);
criterion_main!(benches);
