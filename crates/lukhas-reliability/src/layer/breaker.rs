// SPDX-License-Identifier: Apache-2.0
//! A circuit breaker as a layer.

use std::future;
use std::pin::Pin;
use std::task::{Context, Poll};

use tower::{Layer, Service};

use crate::{AsFailure, BreakerOpen, CircuitBreaker, Failure, FailureKind, Outcome};

/// Puts a circuit breaker before the services under it; they share it.
///
/// ```
/// use lukhas_reliability::{BreakerConfig, BreakerLayer, CircuitBreaker, FailureKind};
/// use tower::{ServiceBuilder, ServiceExt, service_fn};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let breaker = CircuitBreaker::new(BreakerConfig::default())?;
/// let service = ServiceBuilder::new()
///     .layer(BreakerLayer::new(breaker.clone())) // a clone shows its state to the metrics
///     .service(service_fn(|name: &'static str| async move { Ok::<_, FailureKind>(name.len()) }));
/// assert_eq!(service.oneshot("four").await?, 4);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct BreakerLayer {
    breaker: CircuitBreaker,
}

/// Calls the service under it unless the circuit breaker is open.
#[derive(Clone, Debug)]
pub struct Breaker<S> {
    inner: S,
    breaker: CircuitBreaker,
}

/// Why a [`Breaker`] gives no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BreakerError<E> {
    /// The service was not called.
    #[error("the service is not called for now")]
    Open(#[source] BreakerOpen),
    /// The service failed.
    #[error("the service failed")]
    Service(#[source] E),
}

impl BreakerLayer {
    /// Puts `breaker` before services.
    #[must_use]
    pub fn new(breaker: CircuitBreaker) -> Self {
        Self { breaker }
    }
}

impl<S> Layer<S> for BreakerLayer {
    type Service = Breaker<S>;

    fn layer(&self, inner: S) -> Breaker<S> {
        let breaker = self.breaker.clone();
        Breaker { inner, breaker }
    }
}

impl<S, R> Service<R> for Breaker<S>
where
    S: Service<R, Response: Send, Error: AsFailure + Send, Future: Send + 'static>,
    S::Response: 'static,
    S::Error: 'static,
{
    type Response = S::Response;
    type Error = BreakerError<S::Error>;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx).map_err(BreakerError::Service)
    }

    fn call(&mut self, request: R) -> Self::Future {
        let permit = match self.breaker.acquire() {
            Ok(permit) => permit,
            Err(open) => return Box::pin(future::ready(Err(BreakerError::Open(open)))),
        };
        let call = self.inner.call(request);
        Box::pin(async move {
            let answer = call.await;
            permit.finish(match &answer {
                Ok(_) => Outcome::Success,
                Err(error) => error.as_failure().kind.outcome(),
            });
            answer.map_err(BreakerError::Service)
        })
    }
}

impl<E: AsFailure> AsFailure for BreakerError<E> {
    fn as_failure(&self) -> Failure {
        match self {
            Self::Open(open) => Failure {
                kind: FailureKind::Overloaded,
                retry_after: Some(open.retry_after),
            },
            Self::Service(error) => error.as_failure(),
        }
    }
}
