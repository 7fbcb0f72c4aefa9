// SPDX-License-Identifier: Apache-2.0
//! Events that nobody was told of.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

pub(super) type DroppedFamily = Family<Sink, Counter>;

/// Whom events were meant for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Sink {
    pub(super) sink: &'static str,
}

pub(super) fn register(registry: &mut Registry) -> DroppedFamily {
    let family = DroppedFamily::default();
    let help = "Events and spans that were lost: no room for them, or a sink that failed";
    registry.register("lukhas_events_dropped", help, family.clone());
    family
}
