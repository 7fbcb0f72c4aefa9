// SPDX-License-Identifier: Apache-2.0
//! Figures that somebody else keeps.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;

type Ask = Box<dyn Fn() -> u64 + Send + Sync>;

/// A gauge that is asked for at every scrape; there is none while nobody can be asked. Clones are one
/// gauge.
#[derive(Clone)]
pub(super) struct AskedGauge {
    name: &'static str,
    help: &'static str,
    ask: Arc<Mutex<Option<Ask>>>,
}

impl AskedGauge {
    pub(super) fn register(
        registry: &mut Registry,
        name: &'static str,
        help: &'static str,
    ) -> Self {
        let gauge = Self {
            name,
            help,
            ask: Arc::default(),
        };
        registry.register_collector(Box::new(gauge.clone()));
        gauge
    }

    /// From now on it is `ask` that is asked.
    pub(super) fn set(&self, ask: impl Fn() -> u64 + Send + Sync + 'static) {
        *self.ask.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(ask));
    }

    fn get(&self) -> Option<u64> {
        let ask = self.ask.lock().unwrap_or_else(PoisonError::into_inner);
        ask.as_ref().map(|ask| ask())
    }
}

impl Collector for AskedGauge {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let Some(value) = self.get() else {
            return Ok(());
        };
        let gauge = ConstGauge::new(value);
        let kind = gauge.metric_type();
        gauge.encode(encoder.encode_descriptor(self.name, self.help, None, kind)?)
    }
}

impl fmt::Debug for AskedGauge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple(self.name).field(&self.get()).finish()
    }
}
