// SPDX-License-Identifier: Apache-2.0
//! Metrics registry and log set-up.
//!
//! [`Metrics`] counts what the server does under the names of its documentation, with handles that
//! are made once and cost nanoseconds to use, and writes it out for Prometheus. [`Logs`] sends
//! `tracing` events to standard error.
//!
//! ```
//! use lukhas_observability::{BuildInfo, Format, Metrics};
//!
//! let metrics = Metrics::new(BuildInfo { version: "1.2.3", revision: None });
//! let route = metrics.route("/v1/models", "GET");
//! let in_flight = route.begin();
//! route.observe(200, 0.004, None);
//! drop(in_flight);
//!
//! let (content_type, body) = metrics.encode(Format::from_accept(None));
//! assert!(content_type.starts_with("text/plain"));
//! assert!(body.contains(r#"lukhas_http_requests_total{route="/v1/models",method="GET",code="200"} 1"#));
//! ```

mod logs;
mod metrics;
mod queue;
mod redaction;
mod run_log;
mod slo_report;
mod telemetry;
mod traces;

pub use logs::{LogConfig, LogError, LogFormat, Logs, init_logs};
pub use metrics::{
    BudgetMetrics, BuildInfo, ClaimOutcome, ConfigMetrics, Count, Format, GateFigures,
    IdempotencyMetrics, InFlight, Judged, LimitMetrics, Metrics, RouteMetrics, SharedLimitMetrics,
    SloBudget, SloMetrics, TokenMetrics, UpstreamMetrics,
};
pub use redaction::{Redaction, Redactions};
pub use run_log::RunLogConfig;
pub use slo_report::{NoObjectives, SloReport, SloStanding};
pub use telemetry::{
    Asked, Operation, RequestFacts, RequestTelemetry, RunNames, RunTelemetry, Telemetry,
    TelemetryConfig, TelemetryError, TelemetryParts,
};
pub use traces::{Sampler, TracesConfig, TracesError, UnknownSampler};
