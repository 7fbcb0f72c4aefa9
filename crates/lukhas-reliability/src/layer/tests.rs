// SPDX-License-Identifier: Apache-2.0
use std::future;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::Duration;

use tokio::time::{self, Instant};
use tower::util::ServiceExt;
use tower::{Layer, Service, service_fn};

use super::*;
use crate::fixture::{policy, rng};
use crate::{
    Backoff, BackoffConfig, BreakerConfig, BreakerOpen, BreakerState, CircuitBreaker, FailureKind,
    GiveUp, Jitter, Outcome, RetryBudget, RetryBudgetConfig, RetryError, RetryPolicy,
};

const TOTAL: Duration = Duration::from_secs(60);

/// Fails as `kind` until its `good`-th call, from 0; answers the request.
fn fails_until(
    good: u32,
    kind: FailureKind,
    calls: &Arc<AtomicU32>,
) -> impl Service<u32, Response = u32, Error = FailureKind, Future: Send> + Clone + Send + 'static {
    let calls = Arc::clone(calls);
    service_fn(move |request| {
        let good = calls.fetch_add(1, Relaxed) >= good;
        future::ready(if good { Ok(request) } else { Err(kind) })
    })
}

fn breaker() -> CircuitBreaker {
    let config = BreakerConfig {
        minimum_calls: 2,
        probes: 1,
        ..BreakerConfig::default()
    };
    CircuitBreaker::new(config).unwrap()
}

#[tokio::test(start_paused = true)]
async fn the_retry_layer_retries() {
    let start = Instant::now();
    let calls = Arc::default();
    let service = fails_until(2, FailureKind::Refused, &calls);
    let service = RetryLayer::new(policy(3, 9), TOTAL, &mut rng()).layer(service);
    assert_eq!(service.oneshot(7).await, Ok(7));
    assert_eq!((calls.load(Relaxed), start.elapsed().as_secs()), (3, 3));
}

#[tokio::test(start_paused = true)]
async fn the_retry_layer_keeps_its_deadline() {
    let start = Instant::now();
    let hangs = service_fn(|_: u32| future::pending::<Result<u32, FailureKind>>());
    let service = RetryLayer::new(policy(3, 9), TOTAL, &mut rng()).layer(hangs);
    let expected = RetryError {
        attempts: 1,
        reason: GiveUp::NoTime,
        last: None,
    };
    assert_eq!(service.oneshot(7).await, Err(expected));
    assert_eq!(start.elapsed(), TOTAL);
}

/// Two clones that fail at the same moment come back at different ones.
#[tokio::test(start_paused = true)]
async fn clones_of_a_retry_draw_different_numbers() {
    let config = BackoffConfig {
        jitter: Jitter::FULL,
        base: 10.0,
        ..BackoffConfig::default()
    };
    let budget = RetryBudget::new(RetryBudgetConfig {
        ratio: 1.0,
        saved: 9,
    });
    let (backoff, budget) = (Backoff::new(config).unwrap(), budget.unwrap());
    let policy = RetryPolicy::new(NonZeroU32::new(2).unwrap(), backoff, budget.into());
    let layer = RetryLayer::new(policy, TOTAL, &mut rng());
    let service = layer.layer(service_fn(|()| {
        future::ready(Err::<(), _>(FailureKind::Refused))
    }));
    let mut waits = Vec::new();
    for service in [service.clone(), service] {
        let start = Instant::now();
        assert!(service.oneshot(()).await.is_err());
        waits.push(start.elapsed());
    }
    assert_ne!(waits[0], waits[1]);
}

#[tokio::test(start_paused = true)]
async fn the_breaker_layer_stops_calls() {
    let (calls, breaker) = (Arc::default(), breaker());
    let service = fails_until(2, FailureKind::Timeout, &calls);
    let service = BreakerLayer::new(breaker.clone()).layer(service);
    let open = BreakerOpen {
        retry_after: Duration::from_secs(5),
    };
    for expected in [
        BreakerError::Service(FailureKind::Timeout),
        BreakerError::Service(FailureKind::Timeout),
        BreakerError::Open(open),
    ] {
        assert_eq!(service.clone().oneshot(7).await, Err(expected));
    }
    assert_eq!(calls.load(Relaxed), 2);
    time::advance(Duration::from_secs(5)).await;
    assert_eq!(service.oneshot(7).await, Ok(7));
    assert_eq!(breaker.state(), BreakerState::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_call_gives_its_probe_back() {
    let breaker = breaker();
    for _ in 0..2 {
        breaker.acquire().unwrap().finish(Outcome::Failure);
    }
    time::advance(Duration::from_secs(5)).await;
    let hangs = service_fn(|_: u32| future::pending::<Result<u32, FailureKind>>());
    let service = BreakerLayer::new(breaker.clone()).layer(hangs);
    let call = time::timeout(Duration::from_secs(1), service.oneshot(7));
    assert!(call.await.is_err());
    assert!(breaker.acquire().is_ok());
}

/// Both together: the retry waits exactly until the breaker lets a call through.
#[tokio::test(start_paused = true)]
async fn a_retry_waits_for_the_breaker_below_it() {
    let start = Instant::now();
    let calls = Arc::default();
    let service = fails_until(2, FailureKind::Timeout, &calls);
    let service = BreakerLayer::new(breaker()).layer(service);
    let service = RetryLayer::new(policy(4, 9), TOTAL, &mut rng()).layer(service);
    assert_eq!(service.oneshot(7).await, Ok(7));
    // Attempts at 0 s and 1 s fail, the one at 3 s is not made, the one at 6 s succeeds.
    assert_eq!((calls.load(Relaxed), start.elapsed().as_secs()), (3, 6));
}
