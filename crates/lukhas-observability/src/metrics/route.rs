// SPDX-License-Identifier: Apache-2.0
//! What is counted of one route.

use std::array;
use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::SystemTime;

use lukhas_core::TraceContext;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::exemplar::HistogramWithExemplars;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;

use super::{HttpFamilies, InFlight};

/// The status codes that have a counter at hand, the frequent ones first. Others are looked up.
const CODES: [u16; 24] = [
    200, 400, 401, 404, 429, 422, 403, 413, 499, 500, 502, 503, 504, 201, 202, 204, 304, 405, 408,
    409, 415, 431, 501, 101,
];

/// Labels of a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Route {
    pub(super) route: &'static str,
    pub(super) method: &'static str,
}

/// Labels of a route's answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Code {
    route: &'static str,
    method: &'static str,
    code: u16,
}

/// How long requests took, each bucket with a trace that is an example of it.
pub(super) type Duration = HistogramWithExemplars<InTrace>;

/// The label of an exemplar.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct InTrace {
    trace_id: String,
}

/// What is counted of one route. Cheap to clone; see [`Metrics::route`](super::Metrics::route).
///
/// A series appears with the first thing it counts.
#[derive(Clone)]
pub struct RouteMetrics(Arc<Handles>);

struct Handles {
    labels: Route,
    in_flight: Gauge,
    families: HttpFamilies,
    codes: [OnceLock<Counter>; CODES.len()],
    duration: OnceLock<Duration>,
    first_byte: OnceLock<Histogram>,
}

impl RouteMetrics {
    pub(super) fn new(families: &HttpFamilies, labels: Route) -> Self {
        Self(Arc::new(Handles {
            labels,
            in_flight: families.in_flight.get_or_create_owned(&labels),
            families: families.clone(),
            codes: array::from_fn(|_| OnceLock::new()),
            duration: OnceLock::new(),
            first_byte: OnceLock::new(),
        }))
    }

    /// Counts a request as under way until the guard is dropped.
    pub fn begin(&self) -> InFlight {
        InFlight::new(self.0.in_flight.clone())
    }

    /// Counts a request that was answered with `status` and took `seconds` until its answer ended,
    /// which for a stream is when its body did. Less than zero, or no number, counts as zero. A
    /// recorded trace that it is in becomes the exemplar of others like it.
    pub fn observe(&self, status: u16, seconds: f64, trace: Option<&TraceContext>) {
        let handles = &*self.0;
        let labels = &handles.labels;
        handles.count(status);
        let duration = handles
            .duration
            .get_or_init(|| handles.families.duration.get_or_create_owned(labels));
        let trace = trace
            .filter(|trace| trace.is_sampled())
            .map(|trace| InTrace {
                trace_id: format!("{:032x}", trace.trace_id()),
            });
        let now = trace.is_some().then(SystemTime::now);
        duration.observe(seconds.max(0.0), trace, now);
    }

    /// Counts the `seconds` until the first byte of an answer. Less than zero, or no number, counts
    /// as zero.
    pub fn time_to_first_byte(&self, seconds: f64) {
        let handles = &*self.0;
        let first_byte = handles.first_byte.get_or_init(|| {
            handles
                .families
                .first_byte
                .get_or_create_owned(&handles.labels)
        });
        first_byte.observe(seconds.max(0.0));
    }
}

impl Handles {
    fn count(&self, status: u16) {
        let Route { route, method } = self.labels;
        let labels = Code {
            route,
            method,
            code: status,
        };
        let requests = &self.families.requests;
        match CODES.iter().position(|&code| code == status) {
            Some(at) => {
                self.codes[at]
                    .get_or_init(|| requests.get_or_create_owned(&labels))
                    .inc();
            }
            None => {
                requests.get_or_create(&labels).inc();
            }
        }
    }
}

impl fmt::Debug for RouteMetrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RouteMetrics").field(&self.0.labels).finish()
    }
}
