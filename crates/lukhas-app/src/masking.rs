// SPDX-License-Identifier: Apache-2.0
//! Models of upstreams as they are asked: with what a request holds, or without personal data and
//! secrets.

use std::sync::Arc;

use lukhas_core::{Embedder, Provider};
use lukhas_observability::{Metrics, Redactions};
use lukhas_providers::{Masked, MaskedSink, RoutedModel};
use lukhas_redact::Rules;

use crate::AppError;
use crate::upstreams::Upstreams;

/// The models of upstreams.
#[derive(Default)]
pub(crate) struct Models {
    pub(crate) named: Vec<Model>,
    /// Who answers for other names, by how they begin.
    pub(crate) others: Vec<(&'static str, Model)>,
}

/// A model of upstreams.
pub(crate) struct Model {
    routed: RoutedModel,
    mask: Option<Mask>,
}

/// What is kept from an upstream, and who counts it.
#[derive(Clone)]
struct Mask {
    rules: Rules,
    sink: MaskedSink,
}

impl Models {
    /// Those of `upstreams`, masked where an upstream may not know everything: with the rules of
    /// `redactions`, counted in `metrics`.
    pub(crate) fn new(
        upstreams: &Upstreams,
        redactions: &Redactions,
        metrics: &Metrics,
    ) -> Result<Self, AppError> {
        let mask = match upstreams.any_masked() {
            true => Some(Mask {
                rules: redactions.upstream.rules().ok_or(AppError::Rules)?,
                sink: metrics.masked_values(),
            }),
            false => None,
        };
        let model = |routed: &RoutedModel| Model {
            routed: routed.clone(),
            mask: mask.clone().filter(|_| upstreams.is_masked(routed)),
        };
        let others = upstreams.others.iter();
        Ok(Self {
            named: upstreams.models.iter().map(model).collect(),
            others: others
                .map(|(prefix, other)| (*prefix, model(other)))
                .collect(),
        })
    }
}

impl Model {
    pub(crate) fn provider(&self) -> Arc<dyn Provider> {
        match &self.mask {
            None => Arc::new(self.routed.clone()),
            Some(mask) => Arc::new(mask.over(&self.routed)),
        }
    }

    /// The same for embeddings, if it can be asked for them.
    pub(crate) fn embedder(&self) -> Option<Arc<dyn Embedder>> {
        if !self.routed.embeds() {
            return None;
        }
        Some(match &self.mask {
            None => Arc::new(self.routed.clone()),
            Some(mask) => Arc::new(mask.over(&self.routed)),
        })
    }
}

impl Mask {
    fn over(&self, routed: &RoutedModel) -> Masked<RoutedModel> {
        Masked::new(routed.clone(), self.rules.clone()).with_sink(Arc::clone(&self.sink))
    }
}
