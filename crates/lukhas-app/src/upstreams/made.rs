// SPDX-License-Identifier: Apache-2.0
//! What upstreams and models were made of, so that a reload leaves alone what stays as it is.
//!
//! An upstream holds connections, a model knows which of its targets are well, and the retry budget
//! how much it has left: what is made anew has to learn that again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use lukhas_providers::{RoutedModel, Target, Upstream, UpstreamConfig as Setup, UpstreamError};
use lukhas_reliability::{RetryPolicy, SettingError};

use crate::config::{Config, ModelConfig, RetryConfig, TimeoutsConfig};

/// What upstreams and models were made of.
#[derive(Debug, Default)]
pub(super) struct Made {
    retry: RetryConfig,
    timeouts: TimeoutsConfig,
    policy: Option<RetryPolicy>,
    upstreams: BTreeMap<String, Upstream>,
    /// Upstreams that are what they were before.
    same: BTreeSet<String>,
    /// By where they are configured and who answers.
    models: BTreeMap<(String, Vec<String>), (ModelConfig, RoutedModel)>,
}

impl Made {
    /// Nothing yet, as `config` says.
    pub(super) fn new(config: &Config) -> Self {
        Self {
            retry: config.retry.clone(),
            timeouts: config.timeouts.clone(),
            ..Self::default()
        }
    }

    /// Makes the upstream of `setup`, with who counts its calls, unless it was there `before`.
    pub(super) fn upstream(
        &mut self,
        setup: Setup,
        before: &Self,
        counted: impl FnOnce(Setup) -> Setup,
    ) -> Result<(), UpstreamError> {
        let name = setup.name.clone();
        let kept = before.upstreams.get(&name).filter(|it| it.is_like(&setup));
        let upstream = match kept {
            Some(kept) if *kept.timeouts() == setup.timeouts => {
                self.same.insert(name.clone());
                kept.clone()
            }
            Some(kept) => kept.with_timeouts(setup.timeouts),
            None => Upstream::new(counted(setup))?,
        };
        self.upstreams.insert(name, upstream);
        Ok(())
    }

    pub(super) fn get(&self, name: &str) -> Option<&Upstream> {
        self.upstreams.get(name)
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.upstreams.keys().map(String::as_str)
    }

    /// What is tried again: with the budget there was `before`, if it is configured as it was.
    pub(super) fn policy(
        &mut self,
        before: &Self,
        make: impl FnOnce(&RetryConfig) -> Result<RetryPolicy, SettingError>,
    ) -> Result<RetryPolicy, SettingError> {
        let policy = match &before.policy {
            Some(policy) if before.retry == self.retry => policy.clone(),
            Some(_) | None => make(&self.retry)?,
        };
        self.policy = Some(policy.clone());
        Ok(policy)
    }

    /// The model that was configured at `at` `before`, if nothing that it is made of has changed.
    pub(super) fn kept(
        &mut self,
        before: &Self,
        at: &str,
        wishes: &ModelConfig,
        targets: &[Target],
    ) -> Option<RoutedModel> {
        let who = names(targets);
        let is_same = before.retry == self.retry
            && before.timeouts == self.timeouts
            && who.iter().all(|name| self.same.contains(name));
        let (made_of, model) = before.models.get(&(at.to_owned(), who.clone()))?;
        if !is_same || made_of != wishes {
            return None;
        }
        self.keep(at, who, wishes, model);
        Some(model.clone())
    }

    /// Remembers `model`, which is configured at `at` and whose targets are `who`.
    pub(super) fn keep(
        &mut self,
        at: &str,
        who: Vec<String>,
        wishes: &ModelConfig,
        model: &RoutedModel,
    ) {
        let made = (wishes.clone(), model.clone());
        self.models.insert((at.to_owned(), who), made);
    }

    /// How many retries the budget would pay for.
    pub(super) fn retries_left(&self) -> Option<impl Fn() -> u64 + Send + Sync + 'static> {
        let policy = self
            .policy
            .as_ref()
            .filter(|_| !self.upstreams.is_empty())?;
        let budget = Arc::clone(policy.budget());
        Some(move || budget.available())
    }
}

/// The upstreams of `targets`, by their names.
pub(super) fn names(targets: &[Target]) -> Vec<String> {
    let names = targets.iter().map(|target| target.upstream.name());
    names.map(str::to_owned).collect()
}
