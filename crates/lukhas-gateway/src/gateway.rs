// SPDX-License-Identifier: Apache-2.0
//! The gateway: its parts, put together.

use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use axum::body::{Body, Bytes};
use axum::{BoxError, Router};
use http::{Request, Response, StatusCode};
use lukhas_core::{Authenticator, Embedder, Entropy, Orchestrator, ResponseStore};
use lukhas_observability::{Metrics, TokenMetrics};

use crate::admission::{Admission, Drain};
use crate::front::Front;
use crate::idempotency::Once;
use crate::limits::RateLimits;
use crate::{FailedAttempts, Idempotency, Network};

/// What a gateway is made of.
pub struct GatewayParts {
    /// Answers requests.
    pub orchestrator: Arc<dyn Orchestrator>,
    /// Computes embeddings.
    pub embedder: Arc<dyn Embedder>,
    /// Keeps responses.
    pub store: Arc<dyn ResponseStore>,
    /// Knows keys.
    pub authenticator: Arc<dyn Authenticator>,
    /// How many attempts to authenticate may fail; `None` for any number. Clients are told apart by
    /// the [`Peer`](crate::Peer) of their requests.
    pub failed_attempts: Option<FailedAttempts>,
    /// Proxies whose word on where a request comes from is believed.
    pub trusted_proxies: Vec<Network>,
    /// Where identifiers come from.
    pub entropy: Arc<dyn Entropy>,
    /// Where requests are counted.
    pub metrics: Arc<Metrics>,
    /// Bounds on what is accepted.
    pub limits: Limits,
    /// How often and how much callers may ask.
    pub rate_limits: RateLimits,
    /// How long a streamed answer may be silent before a comment says that it is alive; `None` for
    /// ever. A stream that is silent for so long before its first event is committed as 200.
    pub heartbeat: Option<Duration>,
    /// How requests with an `Idempotency-Key` are answered once; `None` passes over the header.
    pub idempotency: Option<Idempotency>,
}

/// Bounds on what is accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Largest request body, in bytes.
    pub max_body_bytes: usize,
    /// Time for a request body to arrive; a second more for each KiB of it.
    pub body_read_timeout: Duration,
    /// Most runs at once.
    pub max_in_flight: usize,
}

/// The façade. Cheap to clone.
#[derive(Clone)]
pub struct Gateway {
    shared: Arc<Shared>,
    front: Arc<Front>,
}

/// What every request sees.
pub(crate) struct Shared {
    pub(crate) orchestrator: Arc<dyn Orchestrator>,
    pub(crate) embedder: Arc<dyn Embedder>,
    pub(crate) store: Arc<dyn ResponseStore>,
    pub(crate) authenticator: Arc<dyn Authenticator>,
    pub(crate) failed_attempts: Option<FailedAttempts>,
    pub(crate) trusted_proxies: Vec<Network>,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) tokens: TokenMetrics,
    pub(crate) limits: Limits,
    pub(crate) heartbeat: Option<Duration>,
    pub(crate) admission: Arc<Admission>,
    pub(crate) once: Option<Arc<Once>>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_body_bytes: 4 << 20,
            body_read_timeout: Duration::from_secs(30),
            max_in_flight: 1024,
        }
    }
}

impl Gateway {
    /// Puts the parts together.
    #[must_use]
    pub fn new(parts: GatewayParts) -> Self {
        let (answering, embedding) = (parts.orchestrator.models(), parts.embedder.models());
        let models = answering.iter().chain(embedding).map(|model| &model.id);
        let tokens = parts.metrics.tokens(models);
        let once = parts.idempotency.map(|it| Once::new(it, &parts.metrics));
        let limited = parts.rate_limits.of_routes(&parts.metrics);
        let shared = Arc::new(Shared {
            orchestrator: parts.orchestrator,
            embedder: parts.embedder,
            store: parts.store,
            authenticator: parts.authenticator,
            failed_attempts: parts.failed_attempts,
            trusted_proxies: parts.trusted_proxies,
            entropy: parts.entropy,
            metrics: parts.metrics,
            tokens,
            limits: parts.limits,
            heartbeat: parts.heartbeat,
            admission: Admission::new(parts.limits.max_in_flight),
            once: once.map(Arc::new),
        });
        let front = Arc::new(Front::new(&shared, &limited));
        Self { shared, front }
    }

    /// Every route of the table, as a router: to be put together with others.
    pub fn router(&self) -> Router {
        self.front.router()
    }

    /// The answer to `request`: what [`Self::router`] would answer, for less. The length of a body
    /// that is known is left to whoever sends it, as HTTP servers do.
    ///
    /// Dropping the future cancels what runs under it.
    pub fn answer<B>(
        &self,
        request: Request<B>,
    ) -> impl Future<Output = Result<Response<Body>, Infallible>> + Send + use<B>
    where
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        self.front.answer(request)
    }

    /// The answer to bytes that never became a request, because HTTP's own rules refused them with
    /// `status`: 414, 431, or anything else as 400.
    ///
    /// It is counted and logged like any answer. The connection ends with it. Who sends it adds
    /// what frames it: its length.
    #[must_use]
    pub fn refusal(&self, status: StatusCode) -> Response<Bytes> {
        crate::front::refuse(&self.shared, status)
    }

    /// The handle that stops it.
    #[must_use]
    pub fn drain(&self) -> Drain {
        Drain::new(Arc::clone(&self.shared.admission))
    }
}

/// Unix time in seconds.
pub(crate) fn unix_now() -> u64 {
    SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}

impl fmt::Debug for GatewayParts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GatewayParts")
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Gateway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Gateway").field(&self.shared).finish()
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared")
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}
