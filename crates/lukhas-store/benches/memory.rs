// SPDX-License-Identifier: Apache-2.0
//! What the memory store costs: a put with room, a put that evicts, a long conversation, a fetch.

use std::hint::black_box;
use std::task::{Context, Waker};

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use lukhas_core::{BoxFuture, Item, ResponseStore, Role, StoredResponse};
use lukhas_store::{MemoryLimits, MemoryStore};

/// The memory store finishes at the first poll.
fn now<T>(mut future: BoxFuture<'_, T>) {
    black_box(
        future
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()))
            .is_ready(),
    );
}

fn response(number: usize, previous: Option<usize>) -> StoredResponse {
    let id = |number| format!("resp_{number:032x}");
    StoredResponse {
        id: id(number),
        previous: previous.map(id),
        body: vec![b'x'; 1_500].into(),
        input: vec![Item::text(Role::User, "What is the capital of France?")],
        output: vec![Item::text(Role::Assistant, "It is Paris.")],
    }
}

fn store_with(bytes: usize) -> MemoryStore {
    MemoryStore::new(MemoryLimits {
        bytes,
        ..MemoryLimits::default()
    })
}

fn put(c: &mut Criterion, name: &str, store: &MemoryStore, previous: fn(usize) -> Option<usize>) {
    let mut number = 0;
    c.bench_function(name, |b| {
        let next = || {
            number += 1;
            response(number, previous(number))
        };
        // A response that has just been made is in the cache when it is put.
        let batch = BatchSize::NumIterations(16);
        b.iter_batched(next, |next| now(store.put("acme", next)), batch);
    });
}

fn store(c: &mut Criterion) {
    c.bench_function("1,000 puts with room", |b| {
        let responses = || {
            (1..=1_000)
                .map(|number| response(number, None))
                .collect::<Vec<_>>()
        };
        let put_all = |responses: Vec<StoredResponse>| {
            let store = MemoryStore::default();
            for response in responses {
                now(store.put("acme", response));
            }
            store
        };
        b.iter_batched(responses, put_all, BatchSize::PerIteration);
    });
    put(c, "put that evicts", &store_with(64 << 20), |_| None);
    // Conversations of 1,000 turns.
    let previous = |number| (number % 1_000 != 0).then(|| number - 1);
    put(c, "put in a conversation", &store_with(64 << 20), previous);

    let store = store_with(64 << 20);
    now(store.put("acme", response(1, None)));
    let id = response(1, None).id;
    c.bench_function("get", |b| b.iter(|| now(store.get("acme", &id))));
}

criterion_group!(benches, store);
criterion_main!(benches);
