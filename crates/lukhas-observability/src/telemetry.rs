// SPDX-License-Identifier: Apache-2.0
//! What requests and runs tell of themselves, and to whom.

mod content;
mod record;
mod request;
mod run;

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use lukhas_core::Entropy;
use prometheus_client::metrics::counter::Counter;

use crate::queue::Queue;
use crate::run_log::{self, RunLog, RunLogConfig};
use crate::traces::{self, Traces, TracesConfig, TracesError};
use crate::{Metrics, Redaction};

pub(crate) use content::Content;
use content::Waiting;
pub use record::{Asked, Operation, RunNames};
pub(crate) use record::{End, RunEvents, RunFacts, What};
pub use request::{RequestFacts, RequestTelemetry};
pub use run::RunTelemetry;

/// Who is told.
#[derive(Debug, Default)]
pub struct TelemetryConfig {
    /// Files of run events.
    pub run_log: Option<RunLogConfig>,
    /// A receiver of spans.
    pub traces: Option<TracesConfig>,
}

/// Why nobody can be told.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The folder of run events is of no use.
    #[error("run events cannot be written to `{}`", dir.display())]
    RunLog {
        /// The folder.
        dir: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The receiver of spans is of no use.
    #[error("spans cannot be sent to `{endpoint}`")]
    Traces {
        /// Its URL.
        endpoint: String,
        /// Why.
        #[source]
        source: TracesError,
    },
}

/// Tells of requests and runs, or nobody. Clones tell the same.
///
/// Whoever serves puts what there is to tell into a bounded queue and goes on; what finds no room is
/// dropped and counted in `lukhas_events_dropped_total`. Threads of their own redact and deliver it.
#[derive(Clone, Default)]
pub struct Telemetry(Option<Arc<Sinks>>);

struct Sinks {
    run_log: Option<RunLog>,
    traces: Option<Traces>,
    /// What was said in runs that wait to be told of.
    content: Waiting,
    /// Runs of which that is not told, for want of room.
    content_lost: Counter,
    /// Where the identifiers of spans come from.
    entropy: Arc<dyn Entropy>,
}

/// What whoever tells needs of the process.
#[derive(Clone)]
pub struct TelemetryParts<'p> {
    /// What everything passes that is told.
    pub redaction: &'p Redaction,
    /// Where it is counted what was lost.
    pub metrics: &'p Metrics,
    /// Where the identifiers of spans come from.
    pub entropy: Arc<dyn Entropy>,
}

/// How a sink is doing.
#[derive(Debug, Default)]
pub(crate) struct Standing(Mutex<Option<String>>);

impl Sinks {
    /// Whether any of them shows what is said.
    fn show_content(&self) -> bool {
        let run_log = self.run_log.as_ref().is_some_and(RunLog::shows_content);
        run_log || self.traces.as_ref().is_some_and(Traces::show_content)
    }
}

impl Telemetry {
    /// Tells whom `config` names.
    ///
    /// # Errors
    /// [`TelemetryError`] when one of them cannot be told from the start.
    pub fn open(
        config: TelemetryConfig,
        parts: TelemetryParts<'_>,
    ) -> Result<Self, TelemetryError> {
        let TelemetryConfig { run_log, traces } = config;
        let TelemetryParts {
            redaction,
            metrics,
            entropy,
        } = parts;
        let run_log = run_log.map(|config| {
            let dir = config.dir.clone();
            let queue = Queue::new(run_log::CAPACITY, metrics.dropped("run_log"));
            let opened = RunLog::open(config, queue, redaction.clone());
            opened.map_err(|source| TelemetryError::RunLog { dir, source })
        });
        let traces = traces.map(|config| {
            let endpoint = config.endpoint.clone();
            let queue = Queue::new(traces::CAPACITY, metrics.dropped("traces"));
            let opened = Traces::open(config, queue, redaction.clone());
            opened.map_err(|source| TelemetryError::Traces { endpoint, source })
        });
        let sinks = Sinks {
            run_log: run_log.transpose()?,
            traces: traces.transpose()?,
            content: Waiting::default(),
            content_lost: metrics.dropped("content"),
            entropy,
        };
        let is_on = sinks.run_log.is_some() || sinks.traces.is_some();
        Ok(Self(is_on.then(|| Arc::new(sinks))))
    }

    /// A request begins; `None` when nobody is told of it.
    #[must_use]
    pub fn request(&self, facts: impl FnOnce() -> RequestFacts) -> Option<Arc<RequestTelemetry>> {
        let sinks = self.0.as_ref()?;
        let request = RequestTelemetry::begin(Arc::clone(sinks), facts());
        Some(Arc::new(request))
    }

    /// Every sink by its name, and what is wrong with it, if something is.
    #[must_use]
    pub fn standing(&self) -> Vec<(&'static str, Option<String>)> {
        let sinks = self.0.as_ref();
        let run_log = sinks.and_then(|sinks| sinks.run_log.as_ref());
        let run_log = run_log.map(|sink| ("run_log", sink.problem()));
        let traces = sinks.and_then(|sinks| sinks.traces.as_ref());
        let traces = traces.map(|sink| ("traces", sink.problem()));
        run_log.into_iter().chain(traces).collect()
    }

    /// Delivers what waits, and tells nothing after it. It may block for a moment.
    pub fn close(&self) {
        let Some(sinks) = &self.0 else { return };
        if let Some(run_log) = &sinks.run_log {
            run_log.close();
        }
        if let Some(traces) = &sinks.traces {
            traces.close();
        }
    }
}

impl Standing {
    pub(crate) fn well(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    pub(crate) fn failing(&self, problem: String) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(problem);
    }

    pub(crate) fn problem(&self) -> Option<String> {
        let problem = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        problem.clone()
    }
}

impl fmt::Debug for TelemetryParts<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TelemetryParts")
            .field("redaction", self.redaction)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Telemetry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.standing()).finish()
    }
}
