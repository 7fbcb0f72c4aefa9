// SPDX-License-Identifier: Apache-2.0
//! Guarantee R6: one bad upstream of three is passed over, and never are all.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use lukhas_reliability::{
    Balance, BreakerConfig, Endpoint, FailureKind, Outcome, Pool, PoolConfig,
};
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use tokio::task::JoinSet;
use tokio::time::{self, Instant};

/// How an upstream behaves.
#[derive(Clone, Copy, Debug)]
struct Upstream {
    failures: f64,
    latency: Duration,
}

const GOOD: Upstream = Upstream {
    failures: 0.0,
    latency: Duration::from_millis(200),
};

/// When a request ended, and how.
type Ended = (Duration, Outcome);

async fn call(pool: Pool<Upstream>, seed: u64) -> Outcome {
    let mut rng = SmallRng::seed_from_u64(seed);
    let lease = pool.choose(&mut rng);
    let Upstream { failures, latency } = *lease.target();
    time::sleep(latency).await;
    if rng.random_bool(failures) {
        lease.fail(&FailureKind::ServerError);
        Outcome::Failure
    } else {
        lease.finish(Outcome::Success);
        Outcome::Success
    }
}

/// 100 requests a second for `seconds`, none of them retried.
async fn run(pool: &Pool<Upstream>, seconds: u64) -> Vec<Ended> {
    let start = Instant::now();
    let ended = Arc::new(Mutex::new(Vec::new()));
    let mut clients = JoinSet::new();
    for seed in 0..seconds * 100 {
        let (outcome, ended) = (call(pool.clone(), seed), Arc::clone(&ended));
        clients.spawn(async move {
            let outcome = outcome.await;
            ended.lock().unwrap().push((start.elapsed(), outcome));
        });
        let out = pool.status().filter(|it| !it.ejected_for.is_zero());
        assert!(out.count() < 3, "never all");
        time::sleep(Duration::from_millis(10)).await;
    }
    while let Some(client) = clients.join_next().await {
        client.unwrap();
    }
    let ended = ended.lock().unwrap();
    ended.clone()
}

/// The share of failures among requests that ended from second `from` to second `to`.
fn error_rate(ended: &[Ended], from: u64, to: u64) -> f64 {
    let (from, to) = (Duration::from_secs(from), Duration::from_secs(to));
    let within = || ended.iter().filter(|(at, _)| (from..to).contains(at));
    let failed = within().filter(|(_, outcome)| *outcome == Outcome::Failure);
    failed.count() as f64 / within().count() as f64
}

fn config(balance: Balance) -> PoolConfig {
    PoolConfig {
        balance,
        ..PoolConfig::default()
    }
}

/// Checks that with `bad` beside two good upstreams the error rate is under 1 % before ten seconds
/// are over, and stays there. The error rate of the first ten seconds.
async fn check(bad: Upstream, config: PoolConfig) -> f64 {
    let pool = Pool::new([bad, GOOD, GOOD].map(Endpoint::new), config).unwrap();
    let ended = run(&pool, 80).await;
    for (from, to) in [(5, 10), (10, 20), (20, 80)] {
        let rate = error_rate(&ended, from, to);
        assert!(rate < 0.01, "{bad:?} {config:?}: {rate} from {from} s");
    }
    error_rate(&ended, 0, 10)
}

#[tokio::test(start_paused = true)]
async fn one_bad_upstream_of_three_is_passed_over_within_ten_seconds() {
    for balance in [Balance::WeightedRandom, Balance::LeastLoaded] {
        for (failures, latency) in [(1.0, 0), (1.0, 200), (1.0, 1_000), (0.5, 200), (0.2, 200)] {
            let bad = Upstream {
                failures,
                latency: Duration::from_millis(latency),
            };
            let first = check(bad, config(balance)).await;
            println!("{balance:?} {bad:?}: {first:.4} in the first 10 s");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_breaker_beside_ejection_does_no_harm() {
    let bad = Upstream {
        failures: 1.0,
        ..GOOD
    };
    let breaker = Some(BreakerConfig::default());
    let config = PoolConfig {
        breaker,
        ..config(Balance::LeastLoaded)
    };
    check(bad, config).await;
}

#[tokio::test(start_paused = true)]
async fn in_a_total_outage_some_are_still_called_and_all_return() {
    let down = Upstream {
        failures: 1.0,
        ..GOOD
    };
    let pool = Pool::new([down; 3].map(Endpoint::new), PoolConfig::default()).unwrap();
    let ended = run(&pool, 60).await;
    assert_eq!(error_rate(&ended, 0, 61), 1.0);
    assert!(pool.status().all(|it| it.in_flight == 0));
    assert!(pool.status().any(|it| it.ejected_for.is_zero()));
}
