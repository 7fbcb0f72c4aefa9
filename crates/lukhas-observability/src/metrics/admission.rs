// SPDX-License-Identifier: Apache-2.0
//! How runs are let in, and how many are not.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric, MetricEncoder};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;

use super::Count;

/// How one gate stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GateFigures {
    /// The model that it is for, as it is listed; `None` for the server's own.
    pub model: Option<Arc<str>>,
    /// How many runs may be under way.
    pub limit: usize,
    /// How many are.
    pub running: usize,
    /// How many wait.
    pub queued: usize,
}

type Ask = Box<dyn Fn() -> Vec<GateFigures> + Send + Sync>;

/// A family of gauges: its name, its help, and what of a gate it shows.
type Gauge = (&'static str, &'static str, fn(&GateFigures) -> usize);

/// Gates, asked at every scrape.
#[derive(Clone, Default)]
pub(super) struct Gates(Arc<Mutex<Option<Ask>>>);

/// Labels of gates.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Gate {
    gate: &'static str,
    model: Arc<str>,
}

/// Labels of requests that were shed.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Shed {
    priority: &'static str,
}

/// The requests that were shed.
pub(super) type ShedFamily = Family<Shed, Counter>;

pub(super) fn register(registry: &mut Registry) -> (Gates, ShedFamily) {
    let (gates, shed) = (Gates::default(), ShedFamily::default());
    registry.register_collector(Box::new(gates.clone()));
    let help = "Requests that were refused for want of room, by priority";
    registry.register("lukhas_requests_shed", help, shed.clone());
    (gates, shed)
}

/// The count of requests of `priority` that were shed.
pub(super) fn shed(family: &ShedFamily, priority: &'static str) -> Count {
    Count::new(family.get_or_create_owned(&Shed { priority }))
}

impl Gates {
    pub(super) fn set(&self, ask: Ask) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(ask);
    }

    fn figures(&self) -> Vec<GateFigures> {
        let ask = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        ask.as_ref().map(|ask| ask()).unwrap_or_default()
    }
}

impl Collector for Gates {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let figures = self.figures();
        let families: [Gauge; 3] = [
            (
                "lukhas_admission_limit",
                "Runs that may be under way, for now.",
                |it| it.limit,
            ),
            (
                "lukhas_admission_running",
                "Runs that are under way.",
                |it| it.running,
            ),
            (
                "lukhas_admission_queued",
                "Requests that wait for a place.",
                |it| it.queued,
            ),
        ];
        for (name, help, value) in families.into_iter().filter(|_| !figures.is_empty()) {
            let mut metric = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
            for figures in &figures {
                write(&mut metric, figures, value(figures))?;
            }
        }
        Ok(())
    }
}

fn write(metric: &mut MetricEncoder<'_>, of: &GateFigures, value: usize) -> fmt::Result {
    let labels = Gate {
        gate: if of.model.is_some() {
            "model"
        } else {
            "server"
        },
        model: of.model.clone().unwrap_or_default(),
    };
    let value = i64::try_from(value).unwrap_or(i64::MAX);
    ConstGauge::new(value).encode(metric.encode_family(&labels)?)
}

impl fmt::Debug for Gates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Gates").field(&self.figures()).finish()
    }
}
