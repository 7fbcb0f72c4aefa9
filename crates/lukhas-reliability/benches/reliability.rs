// SPDX-License-Identifier: Apache-2.0
//! What the decisions on the way of a request cost.

use std::hint::black_box;
use std::num::NonZeroU32;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use lukhas_reliability::{
    Attempt, Backoff, Balance, BreakerConfig, CircuitBreaker, Cooldown, Deadline, Endpoint,
    FailureKind, Outcome, Pool, PoolConfig, RetryBudget, RetryBudgetConfig, RetryPolicy,
};
use rand::SeedableRng;
use rand::rngs::SmallRng;

fn retry(c: &mut Criterion) {
    let mut rng = SmallRng::seed_from_u64(1);
    let backoff = Backoff::default();
    c.bench_function("backoff/delay", |b| {
        let attempt = Attempt {
            number: 3,
            ..Attempt::FIRST
        };
        b.iter(|| backoff.delay(black_box(attempt), &mut rng));
    });

    let budget = RetryBudget::default();
    c.bench_function("budget/record a request", |b| {
        b.iter(|| budget.record_request());
    });
    let config = RetryBudgetConfig {
        ratio: 1.0,
        ..RetryBudgetConfig::default()
    };
    let Ok(budget) = RetryBudget::new(config) else {
        return;
    };
    c.bench_function("budget/record and spend", |b| {
        b.iter(|| {
            budget.record_request();
            budget.try_spend()
        });
    });

    let policy = RetryPolicy::new(NonZeroU32::MAX, backoff, budget.into());
    let deadline = Deadline::after(Duration::from_secs(3_600));
    c.bench_function("policy/decide to retry", |b| {
        b.iter(|| {
            policy.budget().record_request();
            policy.decide(
                Attempt::FIRST,
                FailureKind::Timeout.into(),
                deadline,
                &mut rng,
            )
        });
    });
}

fn guard(c: &mut Criterion) {
    let cooldown = Cooldown::new(Duration::from_secs(3_600));
    c.bench_function("cooldown/none", |b| b.iter(|| cooldown.remaining()));
    cooldown.extend(Duration::from_secs(3_600));
    c.bench_function("cooldown/some", |b| b.iter(|| cooldown.remaining()));

    let Ok(breaker) = CircuitBreaker::new(BreakerConfig::default()) else {
        return;
    };
    c.bench_function("breaker/closed, cancelled call", |b| {
        b.iter(|| breaker.acquire().map(drop));
    });
    c.bench_function("breaker/closed, successful call", |b| {
        b.iter(|| breaker.acquire().map(|it| it.finish(Outcome::Success)));
    });
    while let Ok(permit) = breaker.acquire() {
        permit.finish(Outcome::Failure);
    }
    c.bench_function("breaker/open", |b| b.iter(|| breaker.acquire().is_ok()));
}

fn pool(c: &mut Criterion) {
    let mut rng = SmallRng::seed_from_u64(1);
    for balance in [Balance::WeightedRandom, Balance::LeastLoaded] {
        for count in [3, 64] {
            let config = PoolConfig {
                balance,
                ..PoolConfig::default()
            };
            let Ok(pool) = Pool::new((0..count).map(Endpoint::new), config) else {
                return;
            };
            let name = |what| format!("pool/{balance:?}, {count} endpoints, {what}");
            c.bench_function(&name("choose"), |b| b.iter(|| drop(pool.choose(&mut rng))));
            c.bench_function(&name("choose and succeed"), |b| {
                b.iter(|| pool.choose(&mut rng).finish(Outcome::Success));
            });
        }
    }
}

criterion_group!(benches, retry, guard, pool);
criterion_main!(benches);
