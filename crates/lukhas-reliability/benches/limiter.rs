// SPDX-License-Identifier: Apache-2.0
//! What a check of rate limits costs in process.

use std::hint::black_box;
use std::num::NonZeroU32;
use std::time::Duration;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use lukhas_reliability::{Charge, ConcurrencyLimiter, Limiter, Quota, QuotaConfig};

fn limiter(c: &mut Criterion) {
    let config = QuotaConfig {
        amount: 1_000_000_000,
        period: Duration::from_secs(1),
        burst: 1_000_000_000,
    };
    let Ok(quota) = Quota::new(config) else {
        return;
    };
    let limiter = Limiter::new();
    c.bench_function("limiter/find a bucket and check", |b| {
        b.iter(|| limiter.check_one(limiter.bucket(quota, black_box(&("lk_01234567", 3_u32))), 1));
    });
    let bucket = limiter.bucket(quota, &"alice");
    c.bench_function("limiter/check", |b| b.iter(|| limiter.check_one(bucket, 1)));
    let calls = [0, 1, 2, 3].map(|key| Charge::new(limiter.bucket(quota, &key), 1));
    c.bench_function("limiter/check four together", |b| {
        let mut calls = calls;
        b.iter(|| limiter.check(&mut calls).is_ok());
    });
    let slow = QuotaConfig {
        amount: 1,
        period: Duration::from_secs(86_400),
        burst: 1,
    };
    if let Ok(slow) = Quota::new(slow) {
        let bucket = limiter.bucket(slow, &"alice");
        c.bench_function("limiter/deny", |b| b.iter(|| limiter.check_one(bucket, 1)));
    }
    let mut key = 0_u64;
    c.bench_function("limiter/check a new key each time", |b| {
        b.iter(|| {
            key += 1;
            limiter.check_one(limiter.bucket(quota, &key), 1)
        });
    });
    c.bench_function("limiter/hold and settle", |b| {
        b.iter_batched(
            || [Charge::held(bucket, 10)],
            |mut call| {
                let admitted = limiter.check(&mut call).is_ok();
                limiter.settle(&call[0], 5);
                admitted
            },
            BatchSize::SmallInput,
        );
    });
}

fn concurrency(c: &mut Criterion) {
    let limiter = ConcurrencyLimiter::new();
    let slot = limiter.slot(NonZeroU32::MAX, &"alice");
    c.bench_function("limiter/take a slot and give it back", |b| {
        b.iter(|| limiter.acquire([slot]).is_ok());
    });
}

criterion_group!(benches, limiter, concurrency);
criterion_main!(benches);
