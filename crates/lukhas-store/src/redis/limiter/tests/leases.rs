// SPDX-License-Identifier: Apache-2.0
//! What replicas take ahead.

use lukhas_reliability::AdmissionLog;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::*;

/// Bursts of 100 of which nothing comes back while a test runs; a lease is 10.
fn hundred() -> Quota {
    quota(1, Duration::from_secs(86_400), 100)
}

const LEASE: u32 = 100;

fn replica(redis: &LocalRedis) -> RedisLimiter {
    RedisLimiter::new(open(redis), LEASE)
}

fn one(id: u128) -> SharedCall {
    call(&[], &[spend(hundred(), id, 1)], &[])
}

/// How often scripts have been run.
fn asked(redis: &LocalRedis) -> u64 {
    let stats = redis.ask("INFO commandstats").unwrap();
    let calls = stats.split_once("cmdstat_evalsha:calls=");
    calls.map_or(0, |(_, rest)| {
        rest.split(',').next().unwrap().parse().unwrap()
    })
}

#[test]
fn most_calls_of_a_lease_ask_nobody() {
    let redis = LocalRedis::start(&[]).unwrap();
    let limiter = replica(&redis);
    for remaining_after in (40..100).rev() {
        let permit = admit(&limiter, one(1)).unwrap();
        assert_eq!(remaining(permit.charges()), [remaining_after]);
    }
    // Each question brings one unit and ten besides; what is not used for a second is given back.
    let asked = asked(&redis);
    assert!((6..12).contains(&asked), "{asked}");
}

#[test]
fn what_is_held_and_calls_at_a_time_are_asked_about_each_time() {
    let redis = LocalRedis::start(&[]).unwrap();
    let limiters = [replica(&redis), replica(&redis)];
    let held = || call(&[], &[hold(hundred(), 1, 50)], &[]);
    let permits: Vec<_> = limiters
        .iter()
        .map(|it| admit(it, held()).unwrap())
        .collect();
    assert!(admit(&limiters[0], held()).is_err());
    drop(permits);
    let placed = || call(&[slot(1, 2)], &[spend(hundred(), 3, 1)], &[]);
    let permit = admit(&limiters[0], placed()).unwrap();
    assert_eq!(remaining(permit.charges()), [99]);
    assert!(admit(&limiters[1], placed()).is_err());
    let seen = admit(&limiters[1], call(&[], &[spend(hundred(), 3, 100)], &[]));
    assert!(seen.is_err(), "one is spent, and no more");
}

#[test]
fn what_nobody_needs_is_given_back() {
    let redis = LocalRedis::start(&[]).unwrap();
    let limiters = [replica(&redis), replica(&redis)];
    drop(admit(&limiters[0], one(1)).unwrap());
    let whole = || call(&[], &[spend(hundred(), 1, 99)], &[]);
    assert!(admit(&limiters[1], whole()).is_err(), "the lease is taken");
    until(|| admit(&limiters[1], whole()).is_ok());
    assert!(admit(&limiters[0], one(1)).is_err());
}

#[test]
fn replicas_with_leases_admit_the_limit_and_no_more() {
    let redis = LocalRedis::start(&[]).unwrap();
    let limiters: Vec<_> = (0..3).map(|_| replica(&redis)).collect();
    let mut admitted = 0;
    until(|| {
        let calls = limiters.iter().map(|it| admit(it, one(1)).is_ok());
        admitted += calls.filter(|is_admitted| *is_admitted).count();
        admitted >= 100
    });
    for _ in 0..50 {
        assert!(limiters.iter().all(|it| admit(it, one(1)).is_err()));
    }
    assert_eq!(admitted, 100);
}

#[test]
fn what_was_taken_ahead_is_there_when_redis_is_gone() {
    let redis = LocalRedis::start(&[]).unwrap();
    let limiter = replica(&redis);
    drop(admit(&limiter, one(1)).unwrap());
    redis.kill().unwrap();
    until(|| limiter.check().is_err());
    let admitted = (0..20).filter(|_| admit(&limiter, one(1)).is_ok());
    assert!(admitted.count() <= 10);
    let gone = admit(&limiter, one(1)).unwrap_err();
    assert!(matches!(gone, SharedRefusal::Unreachable(_)), "{gone:?}");
    redis.restart().unwrap();
    until(|| admit(&limiter, one(1)).is_ok());
}

#[test]
fn threads_of_one_replica_take_one_lease() {
    let redis = LocalRedis::start(&[]).unwrap();
    let limiter = replica(&redis);
    let admitted: usize = thread::scope(|scope| {
        let work = || (0..30).filter(|_| admit(&limiter, one(1)).is_ok()).count();
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(work)).collect();
        threads.into_iter().map(|it| it.join().unwrap()).sum()
    });
    assert_eq!(admitted, 100);
}

#[test]
fn in_any_window_no_more_is_admitted_than_the_limit_and_a_lease_for_each_replica() {
    const REPLICAS: usize = 3;
    let mut bench = Bench::start();
    let limiters: Vec<_> = (0..REPLICAS)
        .map(|_| RedisLimiter::with_scripts(open(&bench.redis), 250, &TEST_SCRIPTS))
        .collect();
    let step = (0_u64..300, 0..REPLICAS, 1_u64..4);
    let strategy = (1_u64..50, 4_u64..30, prop::collection::vec(step, 1..60));
    let config = Config {
        cases: 64,
        failure_persistence: None,
        max_shrink_iters: 500,
        ..Config::default()
    };
    let (bench, next) = (std::cell::RefCell::new(&mut bench), std::cell::Cell::new(0));
    let tested = TestRunner::new(config).run(&strategy, |(amount, burst, steps)| {
        let mut bench = bench.borrow_mut();
        let period = Duration::from_secs(1_000);
        let quota = quota(amount, period, burst);
        let lease = burst / 4;
        let mut log = AdmissionLog::new(super::quota(
            amount,
            period,
            burst + lease * REPLICAS as u64,
        ));
        next.set(next.get() + 1);
        let mut now = 0;
        for (pause, replica, cost) in steps {
            now += pause * 1_000_000;
            bench.set(now);
            let asked = call(&[], &[spend(quota, next.get(), cost)], &[]);
            if admit(&limiters[replica], asked).is_ok() {
                prop_assert!(log.allows(now * 1_000, cost));
                log.spend(now * 1_000, cost);
            }
        }
        Ok(())
    });
    tested.unwrap();
}
