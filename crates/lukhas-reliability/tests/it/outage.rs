// SPDX-License-Identifier: Apache-2.0
//! Guarantee R4: retries do not multiply the load of a service that is down.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use lukhas_reliability::{
    Backoff, Deadline, Failure, FailureKind, RetryBudget, RetryPolicy, hedge, retry,
};
use rand::SeedableRng;
use rand::rngs::SmallRng;
use tokio::task::JoinSet;
use tokio::time::{self, Instant};

const REQUESTS: u64 = 1_000;
const TOTAL: Duration = Duration::from_secs(20);

fn policy() -> RetryPolicy {
    let attempts = NonZeroU32::new(5).unwrap();
    RetryPolicy::new(attempts, Backoff::default(), RetryBudget::default().into())
}

/// Fails each attempt as `failure` after `latency`, for requests that come every `pause`. The
/// number of attempts.
async fn attempts_of(failure: Failure, latency: Duration, pause: Duration) -> u64 {
    let policy = Arc::new(policy());
    let attempts = Arc::new(AtomicU64::new(0));
    let mut clients = JoinSet::new();
    for seed in 0..REQUESTS {
        let (policy, attempts) = (Arc::clone(&policy), Arc::clone(&attempts));
        clients.spawn(async move {
            let begun = Instant::now();
            let mut rng = SmallRng::seed_from_u64(seed);
            let deadline = Deadline::after(TOTAL);
            let answer = retry(&policy, deadline, &mut rng, |_| async {
                attempts.fetch_add(1, Relaxed);
                time::sleep(latency).await;
                Err::<(), _>(failure)
            });
            assert!(answer.await.is_err());
            assert!(begun.elapsed() <= TOTAL + Duration::from_millis(1));
        });
        time::sleep(pause).await;
    }
    while let Some(client) = clients.join_next().await {
        client.unwrap();
    }
    attempts.load(Relaxed)
}

#[tokio::test(start_paused = true)]
async fn a_total_outage_sees_at_most_a_tenth_more() {
    let latencies = [Duration::ZERO, Duration::from_secs(2)];
    let pauses = [Duration::ZERO, Duration::from_millis(50)];
    for kind in FailureKind::ALL {
        for (latency, pause) in latencies
            .iter()
            .flat_map(|it| pauses.map(|pause| (*it, pause)))
        {
            for wait in [None, Some(Duration::from_secs(3))] {
                let failure = Failure {
                    kind,
                    retry_after: wait,
                };
                let attempts = attempts_of(failure, latency, pause).await;
                assert!(attempts * 10 <= REQUESTS * 11, "{failure:?}: {attempts}");
                let retried = attempts > REQUESTS;
                assert_eq!(retried, kind.is_retryable(), "{failure:?}: {attempts}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn attempts_in_parallel_are_paid_from_the_same_budget() {
    let policy = policy();
    let begun = AtomicU64::new(0);
    let mut rng = SmallRng::seed_from_u64(1);
    for _ in 0..REQUESTS {
        let attempt = || async {
            begun.fetch_add(1, Relaxed);
            time::sleep(Duration::from_secs(2)).await;
            Err::<(), _>(FailureKind::Timeout)
        };
        let second = || policy.budget().try_spend().then(attempt);
        let hedged = |_| hedge(Duration::from_secs(1), attempt(), second);
        let answer = retry(&policy, Deadline::after(TOTAL), &mut rng, hedged).await;
        assert!(answer.is_err());
    }
    assert_eq!(begun.load(Relaxed), REQUESTS + REQUESTS / 10);
}
