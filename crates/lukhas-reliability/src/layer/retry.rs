// SPDX-License-Identifier: Apache-2.0
//! Retries as a layer.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::task::{Context, Poll};
use std::time::Duration;

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use tower::util::ServiceExt;
use tower::{Layer, Service};

use crate::{AsFailure, Deadline, RetryError, RetryPolicy, retry};

/// Makes the services under it [`Retry`].
///
/// ```
/// use std::num::NonZeroU32;
/// use std::time::Duration;
/// use lukhas_reliability::{Backoff, FailureKind, RetryBudget, RetryLayer, RetryPolicy};
/// use tower::{ServiceBuilder, ServiceExt, service_fn};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let attempts = NonZeroU32::new(3).ok_or("no attempts")?;
/// let policy = RetryPolicy::new(attempts, Backoff::default(), RetryBudget::default().into());
/// let service = ServiceBuilder::new()
///     .layer(RetryLayer::new(policy, Duration::from_secs(5), &mut rand::rng()))
///     .service(service_fn(|name: &'static str| async move { Ok::<_, FailureKind>(name.len()) }));
/// assert_eq!(service.oneshot("four").await?, 4);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct RetryLayer {
    policy: RetryPolicy,
    total: Duration,
    /// Shared, as clones that drew the same numbers would all come back at the same moment.
    seeds: Arc<AtomicU64>,
}

/// Calls the service under it until it succeeds or the policy gives up, as [`retry`] does.
///
/// It is always ready; each attempt waits until a clone of the service is, and that time counts.
#[derive(Clone, Debug)]
pub struct Retry<S> {
    inner: S,
    layer: RetryLayer,
}

impl RetryLayer {
    /// Retries by `policy`, for at most `total` each request.
    pub fn new(policy: RetryPolicy, total: Duration, rng: &mut (impl Rng + ?Sized)) -> Self {
        Self {
            policy,
            total,
            seeds: Arc::new(AtomicU64::new(rng.next_u64())),
        }
    }
}

impl<S> Layer<S> for RetryLayer {
    type Service = Retry<S>;

    fn layer(&self, inner: S) -> Retry<S> {
        let layer = self.clone();
        Retry { inner, layer }
    }
}

impl<S, R> Service<R> for Retry<S>
where
    S: Service<R, Response: Send, Error: AsFailure + Send, Future: Send> + Clone + Send + 'static,
    R: Clone + Send + 'static,
{
    type Response = S::Response;
    type Error = RetryError<S::Error>;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: R) -> Self::Future {
        let Self { inner, layer } = self.clone();
        let deadline = Deadline::after(layer.total);
        let mut rng = SmallRng::seed_from_u64(layer.seeds.fetch_add(1, Relaxed));
        Box::pin(async move {
            let attempt = move |_| inner.clone().oneshot(request.clone());
            retry(&layer.policy, deadline, &mut rng, attempt).await
        })
    }
}
