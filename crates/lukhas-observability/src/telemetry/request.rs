// SPDX-License-Identifier: Apache-2.0
//! What a request tells.

use std::fmt;
use std::sync::{Arc, OnceLock};

use lukhas_core::{Id, TraceContext};

use super::record::{Operation, RunFacts};
use super::{RunTelemetry, Sinks};

/// What is known of a request from its beginning.
#[derive(Clone, Debug)]
pub struct RequestFacts {
    /// Its identifier.
    pub request_id: Id,
    /// The pattern of its route, never a path as it came in.
    pub route: &'static str,
    /// Its method, as the route has it.
    pub method: &'static str,
    /// Where in a trace its client is.
    pub parent: Option<TraceContext>,
}

/// Tells of one request.
pub struct RequestTelemetry {
    sinks: Arc<Sinks>,
    facts: RequestFacts,
    key_id: OnceLock<Arc<str>>,
}

impl RequestTelemetry {
    pub(super) fn begin(sinks: Arc<Sinks>, facts: RequestFacts) -> Self {
        Self {
            sinks,
            facts,
            key_id: OnceLock::new(),
        }
    }

    /// Whose request it is: the public identifier of the key, never the key.
    pub fn asked_by(&self, key_id: &Arc<str>) {
        self.key_id.get_or_init(|| Arc::clone(key_id));
    }

    /// Run `choice` of the request begins.
    #[must_use]
    pub fn run(&self, operation: Operation, choice: usize, model: &Arc<str>) -> RunTelemetry {
        let facts = RunFacts {
            run_id: self.facts.request_id,
            choice,
            operation,
            model: Arc::clone(model),
            key_id: self.key_id.get().cloned(),
            trace: self.facts.parent.clone(),
        };
        RunTelemetry::begin(Arc::clone(&self.sinks), facts)
    }
}

impl fmt::Debug for RequestTelemetry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestTelemetry")
            .field("facts", &self.facts)
            .finish_non_exhaustive()
    }
}
