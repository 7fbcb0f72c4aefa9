// SPDX-License-Identifier: Apache-2.0
//! From settings to whoever is told of requests and runs.

use std::sync::Arc;

use lukhas_observability::{
    Metrics, Redactions, Telemetry, TelemetryConfig, TelemetryError, TelemetryParts,
};

use crate::config::{Origin, Origins, Problem};
use crate::entropy::ThreadEntropy;

/// Tells whom `config` names.
///
/// # Errors
/// [`Problem`] at the place of the setting that names somebody who cannot be told.
pub(crate) fn open(
    config: TelemetryConfig,
    redactions: &Redactions,
    metrics: &Metrics,
    origins: &Origins,
) -> Result<Telemetry, Problem> {
    let parts = TelemetryParts {
        redaction: &redactions.logs,
        metrics,
        entropy: Arc::new(ThreadEntropy),
    };
    Telemetry::open(config, parts).map_err(|error| silent(&error, origins))
}

/// Why nobody can be told, at the place of the setting that names whom.
fn silent(error: &TelemetryError, origins: &Origins) -> Problem {
    match error {
        TelemetryError::RunLog { source, .. } => {
            let key = "telemetry.run_log.dir";
            let problem = Problem::new(origins.get(key), format!("{error}: {source}"));
            let help = "name a folder that this process may write to, and no other one does";
            problem.with_key(key).with_help(help)
        }
        TelemetryError::Traces { source, .. } => {
            let origin = Origin::Env("OTEL_EXPORTER_OTLP_ENDPOINT".into());
            let problem = Problem::new(origin, format!("{error}: {source}"));
            problem.with_help("leave it out, and no spans are sent")
        }
    }
}
