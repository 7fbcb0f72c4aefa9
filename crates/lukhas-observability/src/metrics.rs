// SPDX-License-Identifier: Apache-2.0
//! What the server counts.

mod admission;
mod asked;
mod budget;
mod compat;
mod config;
mod cost;
mod dropped;
mod exposition;
mod idempotency;
mod limit;
mod process;
mod redaction;
mod route;
mod shared;
mod slo;
mod tokens;
mod upstream;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};

use self::admission::{Gates, ShedFamily};
use self::asked::AskedGauge;
use self::budget::BudgetFamilies;
use self::cost::CostFamily;
use self::dropped::{DroppedFamily, Sink};
use self::idempotency::ClaimFamily;
use self::limit::LimitFamily;
use self::process::Process;
use self::route::{Code, Duration, Route};
use self::shared::FallbackFamily;
use self::slo::SloFamilies;
use self::tokens::Kind;
use self::upstream::UpstreamFamilies;

pub use self::admission::GateFigures;
pub use self::budget::BudgetMetrics;
pub use self::config::ConfigMetrics;
pub use self::exposition::Format;
use self::exposition::Names;
pub use self::idempotency::{ClaimOutcome, IdempotencyMetrics};
pub use self::limit::LimitMetrics;
pub(crate) use self::redaction::RedactionCounters;
pub use self::route::RouteMetrics;
pub use self::shared::SharedLimitMetrics;
pub use self::slo::{Judged, SloBudget, SloMetrics};
pub use self::tokens::TokenMetrics;
pub use self::upstream::{Count, UpstreamMetrics};

/// Bounds of the latency histograms, in seconds. The budgets of the service level objectives
/// (0.05, 0.8, 1.2, 1.5, 2, 2.5 and 5) are among them, so the share of requests within a budget is
/// exact and not interpolated.
const SECONDS: [f64; 18] = [
    0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 0.8, 1.0, 1.2, 1.5, 2.0, 2.5, 5.0, 10.0, 30.0,
    60.0,
];

/// Which build of the server this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BuildInfo {
    /// Its version.
    pub version: &'static str,
    /// The commit it was built from, where known.
    pub revision: Option<&'static str>,
}

/// Everything the server counts, and this process's own figures.
///
/// Handles are made once, at start, and used on the hot path. Labels are route patterns, methods,
/// status codes, and names of listed models, configured upstreams, rate limits and budgets: never a
/// path, key, user or run as it came in, so the number of series is bounded.
pub struct Metrics {
    registry: Registry,
    http: HttpFamilies,
    runs_in_flight: Gauge,
    tokens: Family<Kind, Counter>,
    cost: CostFamily,
    limits: LimitFamily,
    fallbacks: FallbackFamily,
    redis_up: AskedGauge,
    budgets: BudgetFamilies,
    budget_journal: AskedGauge,
    claims: ClaimFamily,
    upstreams: UpstreamFamilies,
    retry_budget: AskedGauge,
    redactions: RedactionCounters,
    masked: RedactionCounters,
    dropped: DroppedFamily,
    slos: SloFamilies,
    gates: Gates,
    shed: ShedFamily,
    config: ConfigMetrics,
    has_aliases: AtomicBool,
}

/// The families that routes have series in.
#[derive(Clone)]
struct HttpFamilies {
    requests: Family<Code, Counter>,
    duration: Family<Route, Duration, fn() -> Duration>,
    first_byte: Family<Route, Histogram, fn() -> Histogram>,
    in_flight: Family<Route, Gauge>,
}

/// Something that is under way until this is dropped.
#[derive(Debug)]
#[must_use = "what is under way ends when this is dropped"]
pub struct InFlight(Gauge);

impl Metrics {
    /// An empty set of metrics.
    #[must_use]
    pub fn new(build: BuildInfo) -> Self {
        let mut registry = Registry::default();
        let labels = build.labels();
        let help = "Which build of the server this is";
        registry.register("lukhas_build", help, Info::new(labels));
        let http = HttpFamilies::register(&mut registry);
        let runs_in_flight = Gauge::default();
        let help = "Runs under way";
        registry.register("lukhas_runs_in_flight", help, runs_in_flight.clone());
        let tokens = Family::default();
        let help = "Tokens used, by type, model and who counted";
        registry.register("lukhas_tokens", help, tokens.clone());
        let cost = cost::register(&mut registry);
        let limits = limit::register(&mut registry);
        let fallbacks = shared::register(&mut registry);
        let help = "Whether the Redis that replicas share can be asked: 1, or 0.";
        let redis_up = AskedGauge::register(&mut registry, "lukhas_redis_up", help);
        let budgets = BudgetFamilies::register(&mut registry);
        let help = "Whether the journal of budgets can be written: 1, or 0.";
        let name = "lukhas_budget_journal_writable";
        let budget_journal = AskedGauge::register(&mut registry, name, help);
        let claims = idempotency::register(&mut registry);
        let upstreams = UpstreamFamilies::register(&mut registry);
        let help = "Retries that the retry budget would pay for now.";
        let name = "lukhas_retry_budget_available";
        let retry_budget = AskedGauge::register(&mut registry, name, help);
        let redactions = RedactionCounters::register(&mut registry);
        let masked = RedactionCounters::register_masked(&mut registry);
        let dropped = dropped::register(&mut registry);
        let slos = SloFamilies::register(&mut registry);
        let (gates, shed) = admission::register(&mut registry);
        let config = ConfigMetrics::register(&mut registry);
        registry.register_collector(Box::new(Process::new()));
        Self {
            registry,
            http,
            runs_in_flight,
            tokens,
            cost,
            limits,
            fallbacks,
            redis_up,
            budgets,
            budget_journal,
            claims,
            upstreams,
            retry_budget,
            redactions,
            masked,
            dropped,
            slos,
            gates,
            shed,
            config,
            has_aliases: AtomicBool::new(false),
        }
    }

    /// The handle of one route: its pattern, never a path as it came in, and its method.
    ///
    /// Make it once and keep it. Handles of the same route count in the same series.
    #[must_use]
    pub fn route(&self, route: &'static str, method: &'static str) -> RouteMetrics {
        RouteMetrics::new(&self.http, Route { route, method })
    }

    /// The handle for the tokens of `models`, and what they cost; what other models use is counted
    /// under `other`.
    ///
    /// Make it once, of the models that the server lists.
    #[must_use]
    pub fn tokens<M: Into<String>>(&self, models: impl IntoIterator<Item = M>) -> TokenMetrics {
        let models = models.into_iter().map(Into::into);
        TokenMetrics::new(&self.tokens, &self.cost, models)
    }

    /// The handle of what the rate limit `rule` allows of `unit`, both as they are configured.
    ///
    /// Make it once and keep it. Handles of the same limit count in the same series.
    #[must_use]
    pub fn limit(&self, rule: &str, unit: &'static str) -> LimitMetrics {
        LimitMetrics::new(&self.limits, rule, unit)
    }

    /// The handle for limits that replicas share. Make it once, where there are such limits.
    #[must_use]
    pub fn shared_limits(&self) -> SharedLimitMetrics {
        SharedLimitMetrics::new(&self.fallbacks)
    }

    /// Shows whether the Redis that replicas share can be asked, which `is_up` says at every scrape.
    pub fn redis(&self, is_up: impl Fn() -> bool + Send + Sync + 'static) {
        self.redis_up.set(move || u64::from(is_up()));
    }

    /// The handle of the budget that is configured under `name`.
    ///
    /// Make it once and keep it.
    #[must_use]
    pub fn budget(&self, name: &str) -> BudgetMetrics {
        BudgetMetrics::new(&self.budgets, name)
    }

    /// Shows whether the journal of budgets can be written; `is_writable` is asked at every scrape.
    pub fn budget_journal(&self, is_writable: impl Fn() -> bool + Send + Sync + 'static) {
        self.budget_journal.set(move || u64::from(is_writable()));
    }

    /// The handle for requests with an idempotency key.
    #[must_use]
    pub fn idempotency(&self) -> IdempotencyMetrics {
        IdempotencyMetrics::new(&self.claims)
    }

    /// The handles of the upstream that is configured under `name`.
    ///
    /// Make them once and keep them.
    #[must_use]
    pub fn upstream(&self, name: &str) -> UpstreamMetrics {
        UpstreamMetrics::new(&self.upstreams, name)
    }

    /// Shows how many retries a budget would pay for; `left` is asked at every scrape. The last one
    /// that was given counts.
    pub fn retry_budget(&self, left: impl Fn() -> u64 + Send + Sync + 'static) {
        self.retry_budget.set(left);
    }

    /// Shows how the gates stand that runs pass; `gates` is asked at every scrape. The last one that
    /// was given counts.
    pub fn gates(&self, gates: impl Fn() -> Vec<GateFigures> + Send + Sync + 'static) {
        self.gates.set(Box::new(gates));
    }

    /// Requests of `priority` that were refused for want of room.
    ///
    /// Make it once and keep it.
    #[must_use]
    pub fn shed(&self, priority: &'static str) -> Count {
        admission::shed(&self.shed, priority)
    }

    /// The handle of what came of reading the configuration again.
    #[must_use]
    pub fn config(&self) -> &ConfigMetrics {
        &self.config
    }

    /// The handle that judges answers by `budget`. Make it once and keep it.
    #[must_use]
    pub fn slo(&self, budget: SloBudget) -> SloMetrics {
        self.slos.of(budget)
    }

    /// What counts the events that `sink` was not told of.
    pub(crate) fn dropped(&self, sink: &'static str) -> Counter {
        self.dropped.get_or_create_owned(&Sink { sink })
    }

    /// What counts values that were replaced.
    pub(crate) fn redactions(&self) -> &RedactionCounters {
        &self.redactions
    }

    /// What counts values that upstreams were not told.
    pub fn masked_values(&self) -> Arc<dyn Fn(lukhas_redact::Kind) + Send + Sync> {
        let counters = self.masked.clone();
        Arc::new(move |kind| counters.count(kind))
    }

    /// Counts a run as under way until the guard is dropped.
    pub fn begin_run(&self) -> InFlight {
        InFlight::new(self.runs_in_flight.clone())
    }

    /// Writes what is counted of requests by the names of old, too, from now on:
    /// `lukhas_requests_total{endpoint,status}` and `request_total`, `lukhas_responses_latency_ms` and
    /// `latency_ms`.
    pub fn add_aliases(&self) {
        self.has_aliases.store(true, Ordering::Relaxed);
    }

    /// All metrics as they are now: the content type, and the body.
    #[must_use]
    pub fn encode(&self, format: Format) -> (&'static str, String) {
        let names = match self.has_aliases.load(Ordering::Relaxed) {
            true => Names::WithAliases,
            false => Names::Canonical,
        };
        (
            format.content_type(),
            exposition::encode(&self.registry, format, names),
        )
    }
}

impl BuildInfo {
    fn labels(self) -> Vec<(&'static str, &'static str)> {
        let revision = self.revision.map(|revision| ("revision", revision));
        [("version", self.version)]
            .into_iter()
            .chain(revision)
            .collect()
    }
}

impl HttpFamilies {
    fn register(registry: &mut Registry) -> Self {
        let histogram: fn() -> Histogram = || Histogram::new(SECONDS);
        let duration: fn() -> Duration = || Duration::new(SECONDS.into_iter());
        let families = Self {
            requests: Family::default(),
            duration: Family::new_with_constructor(duration),
            first_byte: Family::new_with_constructor(histogram),
            in_flight: Family::default(),
        };
        let help = "HTTP requests answered";
        registry.register("lukhas_http_requests", help, families.requests.clone());
        let help = "Time from the head of a request to the end of its answer";
        let name = "lukhas_http_request_duration";
        registry.register_with_unit(name, help, Unit::Seconds, families.duration.clone());
        let help = "Time from the head of a request to the first byte of its answer";
        let name = "lukhas_time_to_first_byte";
        registry.register_with_unit(name, help, Unit::Seconds, families.first_byte.clone());
        let help = "HTTP requests under way";
        registry.register(
            "lukhas_http_requests_in_flight",
            help,
            families.in_flight.clone(),
        );
        families
    }
}

impl InFlight {
    fn new(gauge: Gauge) -> Self {
        gauge.inc();
        Self(gauge)
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.dec();
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics")
            .field("runs_in_flight", &self.runs_in_flight.get())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
