// SPDX-License-Identifier: Apache-2.0
//! What checking a token costs: known, unknown, of a store, and among many keys.

use std::hint::black_box;
use std::path::Path;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use lukhas_auth::{
    GeneratedKey, KeyEntry, KeySet, KeyStore, Label, NewKey, Pepper, Rights, UtcTime,
};
use lukhas_core::{Authenticator, Scope};
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

fn stored(c: &mut Criterion) {
    let now = UtcTime::now();
    let new = NewKey {
        name: Label::default(),
        rights: Rights {
            tenant: Label::default(),
            project: Label::default(),
            scopes: Scope::ALL.into(),
            models: [].into(),
            indexes: [].into(),
        },
        expires_at: now.after(Duration::from_secs(86_400)),
    };
    for count in [1, 1_000] {
        let pepper = Pepper::random(&mut rand::rng());
        let mut store = KeyStore::new(&pepper);
        let mut create = || store.create(&pepper, &mut rand::rng(), new.clone(), now);
        let keys: Vec<_> = (0..count).filter_map(|_| create().ok()).collect();
        let Ok(set) = KeySet::with_store(Path::new("bench"), &store, pepper, []) else {
            continue;
        };
        let unknown = GeneratedKey::generate(&mut rand::rng());
        for (name, key) in [("known", keys.first()), ("unknown", Some(&unknown))] {
            let Some(token) = key.map(|key| key.secret.expose().as_bytes()) else {
                continue;
            };
            c.bench_function(&format!("authenticate/{name}/{count} stored keys"), |b| {
                b.iter(|| set.authenticate(black_box(token)));
            });
        }
    }
}

criterion_group!(benches, authenticate, stored);
criterion_main!(benches);
