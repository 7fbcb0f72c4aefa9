// SPDX-License-Identifier: Apache-2.0
mod ejection;

use std::time::Duration;

use tokio::time;

use super::*;
use crate::fixture::rng;
use crate::{BreakerConfig, Failure, FailureKind, Outcome};

const EJECTION: EjectionConfig = EjectionConfig {
    consecutive_failures: 3,
    failure_margin: 0.05,
    minimum_calls: 10,
    window: Duration::from_secs(10),
    ejection_time: Duration::from_secs(10),
    max_ejection_time: Duration::from_secs(30),
    probation_calls: 2,
    max_ejected: 0.7,
};

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn config() -> PoolConfig {
    PoolConfig {
        ejection: EJECTION,
        ..PoolConfig::default()
    }
}

/// A pool of `a`, `b` and so on.
fn pool(count: u8, config: PoolConfig) -> Pool<char> {
    let endpoints = (b'a'..b'a' + count).map(|name| Endpoint::new(name.into()));
    Pool::new(endpoints, config).unwrap()
}

/// A lease on `target`, which must be one that can be called.
#[track_caller]
fn lease(pool: &Pool<char>, target: char) -> Lease<char> {
    let rng = &mut rng();
    // Held until then, so that the next choice is another one.
    let mut leases: Vec<_> = (0..100).map(|_| pool.choose(rng)).collect();
    let found = leases.iter().position(|it| *it.target() == target);
    leases.swap_remove(found.unwrap())
}

/// Calls of `target` that fail, one after another.
#[track_caller]
fn fail(pool: &Pool<char>, target: char, times: u32) {
    for _ in 0..times {
        lease(pool, target).fail(&FailureKind::Timeout);
    }
}

/// Seconds for which each endpoint is still out.
fn ejected(pool: &Pool<char>) -> Vec<u64> {
    pool.status().map(|it| it.ejected_for.as_secs()).collect()
}

/// Who is called for 6,000 calls that all end at once.
fn calls(pool: &Pool<char>) -> Vec<(char, i32)> {
    let mut rng = rng();
    let mut counts: Vec<(char, i32)> = pool.status().map(|it| (*it.target, 0)).collect();
    for _ in 0..6_000 {
        let lease = pool.choose(&mut rng);
        counts
            .iter_mut()
            .filter(|(target, _)| target == lease.target())
            .for_each(|(_, count)| *count += 1);
        lease.finish(Outcome::Success);
    }
    counts
}

#[tokio::test(start_paused = true)]
async fn weights_are_shares_of_the_calls() {
    for balance in [Balance::WeightedRandom, Balance::LeastLoaded] {
        let config = PoolConfig {
            balance,
            ..config()
        };
        let weighted =
            |(target, weight)| Endpoint::new(target).with_weight(NonZeroU32::new(weight).unwrap());
        let endpoints = [('a', 1), ('b', 2), ('c', 3)].map(weighted);
        let pool = Pool::new(endpoints, config).unwrap();
        for ((target, count), expected) in calls(&pool).into_iter().zip([1_000, 2_000, 3_000]) {
            assert!((count - expected).abs() < 150, "{target} {count}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_least_loaded_for_its_weight_is_called() {
    let weights = [('a', 1), ('b', 3)];
    let weighted =
        |(target, weight)| Endpoint::new(target).with_weight(NonZeroU32::new(weight).unwrap());
    let pool = Pool::new(weights.map(weighted), config()).unwrap();
    let mut rng = rng();
    let held: Vec<_> = (0..40).map(|_| pool.choose(&mut rng)).collect();
    let in_flight: Vec<_> = pool.status().map(|it| it.in_flight).collect();
    assert_eq!(in_flight, [10, 30]);
    drop(held);
    assert!(pool.status().all(|it| it.in_flight == 0));
}

#[tokio::test(start_paused = true)]
async fn who_asks_to_be_left_alone_is_for_all_callers() {
    let pool = pool(2, config());
    let asks = |wait| Failure {
        kind: FailureKind::RateLimited,
        retry_after: Some(seconds(wait)),
    };
    lease(&pool, 'a').fail(&asks(7));
    assert_eq!(calls(&pool), [('a', 0), ('b', 6_000)]);
    // All are out: who is back soonest, and for how long it is not.
    lease(&pool, 'b').fail(&asks(3));
    let least_bad = pool.choose(&mut rng());
    assert_eq!(
        (*least_bad.target(), least_bad.cooling()),
        ('b', seconds(3))
    );
    drop(least_bad);
    time::advance(seconds(3)).await;
    assert_eq!(calls(&pool), [('a', 0), ('b', 6_000)]);
    assert!(pool.choose(&mut rng()).cooling().is_zero());
    time::advance(seconds(4)).await;
    assert!(calls(&pool).iter().all(|(_, count)| *count > 2_700));
}

#[tokio::test(start_paused = true)]
async fn an_ejected_endpoint_is_better_than_one_that_wants_no_call() {
    let pool = pool(2, config());
    fail(&pool, 'a', 3);
    let failure = Failure {
        kind: FailureKind::Overloaded,
        retry_after: Some(seconds(1)),
    };
    lease(&pool, 'b').fail(&failure);
    assert_eq!(*pool.choose(&mut rng()).target(), 'a');
}

#[tokio::test(start_paused = true)]
async fn an_open_breaker_is_passed_over_and_probed_once() {
    let breaker = BreakerConfig {
        minimum_calls: 2,
        probes: 1,
        ..BreakerConfig::default()
    };
    let config = PoolConfig {
        breaker: Some(breaker),
        ..config()
    };
    let pool = pool(2, config);
    fail(&pool, 'a', 2);
    let states = || pool.status().map(|it| it.breaker).collect::<Vec<_>>();
    let (open, closed) = (Some(BreakerState::Open), Some(BreakerState::Closed));
    assert_eq!(states(), [open, closed]);
    assert_eq!(calls(&pool), [('a', 0), ('b', 6_000)]);
    time::advance(seconds(5)).await;
    let probe = lease(&pool, 'a');
    assert_eq!(states(), [Some(BreakerState::HalfOpen), closed]);
    assert_eq!(calls(&pool), [('a', 0), ('b', 6_000)]);
    probe.finish(Outcome::Success);
    assert_eq!(states(), [closed, closed]);
}

#[tokio::test(start_paused = true)]
async fn no_target_comes_twice_while_another_is_left() {
    let tiers = [('a', 0), ('b', 0), ('c', 1), ('d', 2)];
    let endpoints = tiers.map(|(target, tier)| Endpoint::new(target).with_tier(tier));
    let pool = Pool::new(endpoints, config()).unwrap();
    let mut rng = rng();
    let mut seen = [0, 0];
    for _ in 0..100 {
        let mut order = pool.order(&mut rng);
        let leases: Vec<_> = (0..10).map(|_| order.next_lease()).collect();
        let repeated = leases.iter().position(Lease::is_repeated);
        assert_eq!(repeated, Some(4), "all have been tried by then");
        let targets: String = leases.iter().map(|lease| *lease.target()).collect();
        let expected = ["abcdabcdab", "bacdbacdba"];
        let at = expected.iter().position(|it| *it == targets);
        seen[at.unwrap_or_else(|| panic!("{targets}"))] += 1;
    }
    assert!(seen.iter().all(|count| *count > 30), "{seen:?}");
}

#[tokio::test(start_paused = true)]
async fn a_tier_takes_over_when_the_lower_is_out() {
    let endpoints = [Endpoint::new('a'), Endpoint::new('b').with_tier(1)];
    let pool = Pool::new(endpoints, config()).unwrap();
    assert_eq!(calls(&pool), [('a', 6_000), ('b', 0)]);
    fail(&pool, 'a', 3);
    assert_eq!(calls(&pool), [('a', 0), ('b', 6_000)]);
    time::advance(seconds(10)).await;
    assert_eq!(calls(&pool), [('a', 6_000), ('b', 0)]);
}

#[track_caller]
fn check(ejection: EjectionConfig, expected: Option<&str>) {
    let config = PoolConfig {
        ejection,
        ..config()
    };
    let error = Pool::new([Endpoint::new('a')], config).err();
    assert_eq!(error.map(|error| error.field), expected, "{ejection:?}");
}

#[test]
fn impossible_settings_are_named() {
    check(EJECTION, None);
    check(EjectionConfig::default(), None);
    let mut bad = EJECTION;
    bad.consecutive_failures = 0;
    check(bad, Some("consecutive_failures"));
    let mut bad = EJECTION;
    bad.minimum_calls = 0;
    check(bad, Some("minimum_calls"));
    let mut bad = EJECTION;
    bad.probation_calls = 0;
    check(bad, Some("probation_calls"));
    let mut bad = EJECTION;
    bad.window = Duration::ZERO;
    check(bad, Some("window"));
    let mut bad = EJECTION;
    bad.ejection_time = Duration::ZERO;
    check(bad, Some("ejection_time"));
    let mut bad = EJECTION;
    bad.max_ejection_time = seconds(9);
    check(bad, Some("max_ejection_time"));
    for share in [-0.1, 1.1, f64::NAN] {
        let mut bad = EJECTION;
        bad.failure_margin = share;
        check(bad, Some("failure_margin"));
        let mut bad = EJECTION;
        bad.max_ejected = share;
        check(bad, Some("max_ejected"));
    }
    let breaker = BreakerConfig {
        probes: 0,
        ..BreakerConfig::default()
    };
    let config = PoolConfig {
        breaker: Some(breaker),
        ..config()
    };
    let error = |endpoints: Vec<Endpoint<char>>, config| Pool::new(endpoints, config).err();
    assert_eq!(
        error(vec![Endpoint::new('a')], config).map(|it| it.field),
        Some("probes")
    );
    assert_eq!(
        error(vec![], super::config::PoolConfig::default()).map(|it| it.field),
        Some("endpoints")
    );
}
