// SPDX-License-Identifier: Apache-2.0
//! The gateway: its parts, put together.

use std::convert::Infallible;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use axum::body::{Body, Bytes};
use axum::{BoxError, Router};
use http::{Request, Response, StatusCode};
use lukhas_core::{Authenticator, Embedder, Entropy, Orchestrator, Principal, ResponseStore};
use lukhas_observability::{Metrics, Redactions, SloBudget, SloMetrics, Telemetry, TokenMetrics};
use lukhas_reliability::Priority;

use crate::admission::{Admission, Drain, Permit};
use crate::budgets::{BudgetAccounts, BudgetLedger, Budgets};
use crate::front::Front;
use crate::idempotency::Once;
use crate::limits::{Counts, RateLimits, SharedLimits, Sharing};
use crate::overload::{self, ModelGates};
use crate::{ApiError, FailedAttempts, Idempotency, Network, Overload, PriorityRule, RateClass};

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
    /// What errors pass before a client reads them, as texts on their way to an upstream do; and what
    /// `/admin/redact` offers.
    pub redactions: Redactions,
    /// Who is told of requests and runs.
    pub telemetry: Telemetry,
    /// What is promised of answers, by the class of their route.
    pub slos: Vec<(RateClass, SloBudget)>,
    /// Bounds on what is accepted.
    pub limits: Limits,
    /// How often and how much callers may ask.
    pub rate_limits: RateLimits,
    /// Where that is counted for all replicas together; `None` counts in this process alone.
    pub shared_limits: Option<SharedLimits>,
    /// How much callers may use in a day or a month.
    pub budgets: Budgets,
    /// Where that is counted, whichever budgets there are.
    pub budget_ledger: BudgetLedger,
    /// Whose requests go first when there is more to do than room for it.
    pub priorities: Vec<PriorityRule>,
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
    /// What is done when there is more to do.
    pub overload: Overload,
}

/// What a gateway can exchange while it serves; see the same fields of [`GatewayParts`].
pub struct ReloadedParts {
    /// Answers requests.
    pub orchestrator: Arc<dyn Orchestrator>,
    /// Computes embeddings.
    pub embedder: Arc<dyn Embedder>,
    /// Knows keys.
    pub authenticator: Arc<dyn Authenticator>,
    /// How often and how much callers may ask.
    pub rate_limits: RateLimits,
    /// How much callers may use in a day or a month.
    pub budgets: Budgets,
    /// Whose requests go first when there is more to do than room for it.
    pub priorities: Vec<PriorityRule>,
    /// How long a streamed answer may be silent.
    pub heartbeat: Option<Duration>,
}

/// The façade. Cheap to clone; clones are one gateway.
#[derive(Clone)]
pub struct Gateway(Arc<RwLock<Arc<Current>>>);

/// What requests meet that begin now. Those under way keep what they began with.
struct Current {
    shared: Arc<Shared>,
    front: Front,
}

/// What every request sees.
#[derive(Clone)]
pub(crate) struct Shared {
    pub(crate) orchestrator: Arc<dyn Orchestrator>,
    pub(crate) embedder: Arc<dyn Embedder>,
    pub(crate) store: Arc<dyn ResponseStore>,
    pub(crate) authenticator: Arc<dyn Authenticator>,
    pub(crate) failed_attempts: Option<Arc<FailedAttempts>>,
    pub(crate) trusted_proxies: Arc<[Network]>,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) redactions: Redactions,
    pub(crate) telemetry: Telemetry,
    pub(crate) slos: Arc<[(RateClass, SloMetrics)]>,
    pub(crate) tokens: TokenMetrics,
    pub(crate) budgets: Arc<BudgetAccounts>,
    pub(crate) limits: Limits,
    pub(crate) heartbeat: Option<Duration>,
    pub(crate) admission: Arc<Admission>,
    pub(crate) once: Option<Arc<Once>>,
    priorities: Arc<[PriorityRule]>,
    models: Arc<ModelGates>,
    /// What limits count in.
    pub(crate) counts: Arc<Counts>,
    pub(crate) config_warning: Arc<Mutex<Option<String>>>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_body_bytes: 4 << 20,
            body_read_timeout: Duration::from_secs(30),
            max_in_flight: 1024,
            overload: Overload::default(),
        }
    }
}

impl Gateway {
    /// Puts the parts together.
    #[must_use]
    pub fn new(parts: GatewayParts) -> Self {
        let sharing = parts.shared_limits;
        let sharing = sharing.map(|limits| Sharing::new(limits, &parts.metrics));
        let once = parts.idempotency.map(|it| Once::new(it, &parts.metrics));
        let budgets = BudgetAccounts::new(parts.budgets, parts.budget_ledger, &parts.metrics);
        let slos = parts.slos.into_iter();
        let slos = slos.map(|(class, budget)| (class, parts.metrics.slo(budget)));
        let limits = parts.limits;
        let make = || limits.overload.gate_of_model(limits.max_in_flight);
        let names = names(&*parts.orchestrator, &*parts.embedder);
        let models = ModelGates::new(None, make, names.clone(), &parts.rate_limits.aliases);
        let admission = Admission::new(&limits, &parts.metrics, Arc::clone(&parts.entropy));
        let shared = Shared {
            slos: slos.collect(),
            tokens: parts.metrics.tokens(names),
            budgets: Arc::new(budgets),
            models: Arc::new(models),
            priorities: parts.priorities.into(),
            orchestrator: parts.orchestrator,
            embedder: parts.embedder,
            store: parts.store,
            authenticator: parts.authenticator,
            failed_attempts: parts.failed_attempts.map(Arc::new),
            trusted_proxies: parts.trusted_proxies.into(),
            entropy: parts.entropy,
            metrics: parts.metrics,
            redactions: parts.redactions,
            telemetry: parts.telemetry,
            limits,
            heartbeat: parts.heartbeat,
            admission,
            once: once.map(Arc::new),
            counts: Arc::new(Counts::new(sharing)),
            config_warning: Arc::default(),
        };
        let current = Current::new(shared, &parts.rate_limits);
        Self(Arc::new(RwLock::new(Arc::new(current))))
    }

    /// From the next request on, answers with `parts`, all of them at once. Requests under way keep
    /// what they began with, and limits their counts: those whose name, unit and amount stay. Of budgets,
    /// what was spent stays with the name, the unit, what it is counted by, and the kind of window; the
    /// amount may be another one.
    pub fn reload(&self, parts: ReloadedParts) {
        let before = Arc::clone(&self.current().shared);
        let budgets = before.budgets.exchanged(parts.budgets, &before.metrics);
        let limits = before.limits;
        let make = || limits.overload.gate_of_model(limits.max_in_flight);
        let names = names(&*parts.orchestrator, &*parts.embedder);
        let aliases = &parts.rate_limits.aliases;
        let models = ModelGates::new(Some(&before.models), make, names.clone(), aliases);
        let shared = Shared {
            tokens: before.metrics.tokens(names),
            budgets: Arc::new(budgets),
            models: Arc::new(models),
            priorities: parts.priorities.into(),
            orchestrator: parts.orchestrator,
            embedder: parts.embedder,
            authenticator: parts.authenticator,
            heartbeat: parts.heartbeat,
            ..Shared::clone(&before)
        };
        let current = Arc::new(Current::new(shared, &parts.rate_limits));
        let mut slot = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let old = std::mem::replace(&mut *slot, current);
        drop(slot);
        // To give back what there was takes time, and no request should wait for it.
        drop(old);
    }

    /// What `/readyz` says of the configuration, for operators: `None` when all is well. It is ready
    /// all the same. Everyone can read it.
    pub fn warn_of_config(&self, warning: Option<String>) {
        let current = self.current();
        let slot = current.shared.config_warning.lock();
        *slot.unwrap_or_else(PoisonError::into_inner) = warning;
    }

    /// Every route of the table, as a router: to be put together with others. It answers as the
    /// gateway does now, and a [reload](Self::reload) does not reach it.
    pub fn router(&self) -> Router {
        self.current().front.router()
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
        self.current().front.answer(request)
    }

    fn current(&self) -> Arc<Current> {
        // It is held for the time of a clone, and written once for a reload.
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The answer to bytes that never became a request, because HTTP's own rules refused them with
    /// `status`: 414, 431, or anything else as 400.
    ///
    /// It is counted and logged like any answer. The connection ends with it. Who sends it adds
    /// what frames it: its length.
    #[must_use]
    pub fn refusal(&self, status: StatusCode) -> Response<Bytes> {
        crate::front::refuse(&self.current().shared, status)
    }

    /// The handle that stops it.
    #[must_use]
    pub fn drain(&self) -> Drain {
        Drain::new(Arc::clone(&self.current().shared.admission))
    }
}

impl Current {
    fn new(shared: Shared, rate_limits: &RateLimits) -> Self {
        let shared = Arc::new(shared);
        let (admission, models) = (Arc::clone(&shared.admission), Arc::clone(&shared.models));
        shared.metrics.gates(move || {
            let gates = [admission.figures()].into_iter().chain(models.figures());
            gates.collect()
        });
        let limited = rate_limits.of_routes(&shared.counts, &shared.metrics);
        let front = Front::new(&shared, &limited);
        Self { shared, front }
    }
}

/// The names of all models that are listed.
fn names<'p>(
    orchestrator: &'p dyn Orchestrator,
    embedder: &'p dyn Embedder,
) -> impl Iterator<Item = &'p String> + Clone {
    let models = orchestrator.models().iter().chain(embedder.models());
    models.map(|model| &model.id)
}

impl Shared {
    /// The priority of what `principal` asks for.
    pub(crate) fn priority(&self, principal: &Principal) -> Priority {
        overload::priority(&self.priorities, principal)
    }

    /// A place for a run that `principal` asks for, of `model` if any model is asked.
    pub(crate) async fn admit(
        &self,
        principal: &Principal,
        model: Option<&str>,
    ) -> Result<Permit, ApiError> {
        let model = model.map(|model| self.models.get(model));
        self.admission.admit(self.priority(principal), model).await
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

impl fmt::Debug for ReloadedParts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReloadedParts").finish_non_exhaustive()
    }
}

impl fmt::Debug for Gateway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Gateway")
            .field(&self.current().shared)
            .finish()
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared")
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}
