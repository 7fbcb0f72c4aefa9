// SPDX-License-Identifier: Apache-2.0
//! The models of upstreams: who answers for each, and what is tried when they fail.

use std::collections::BTreeSet;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use lukhas_core::{ModelInfo, Tokenizer};
use lukhas_engine::Cl100k;
use lukhas_providers::{RoutedModel, RoutedModelConfig, Target};
use lukhas_reliability::{
    Backoff, BackoffConfig, Jitter, PoolConfig, RetryBudget, RetryBudgetConfig, RetryPolicy,
    SettingError,
};

use super::made::names;
use super::{Builder, Upstreams};
use crate::config::{Bounded, Mask, ModelConfig, RetryConfig};
use crate::models::{CHAT_MODEL, EMBEDDING_MODEL};

impl Builder<'_> {
    pub(super) fn models(&mut self, short: &[(&'static str, &'static str)]) -> Upstreams {
        let policy = match self.made.policy(self.before, policy) {
            Ok(policy) => policy,
            Err(error) => {
                let (key, message) = match error.field {
                    "max" => ("retry.max_s", "it must be at least `base_s`".to_owned()),
                    _ => ("retry", error.to_string()),
                };
                self.problem(key, message, None);
                return Upstreams::default();
            }
        };
        if self.config.retry.hedge_after_ms.is_some() {
            self.can_ask_twice("retry.hedge_after_ms");
        }
        let continuations = self.config.retry.max_continuations;
        self.can_go_on("retry.max_continuations", continuations.get());
        let mut models = Vec::new();
        for (name, model) in &self.config.models.table {
            models.extend(self.model(name, model, &policy));
        }
        let others = match self.config.models.other.as_deref() {
            Some(name) => vec![("", name)],
            None => short.to_vec(),
        };
        let mut answering = Vec::new();
        for (prefix, name) in others {
            if let Some(upstream) = self.named("models.other", name) {
                let targets = vec![Target::new(upstream)];
                let wishes = ModelConfig::default();
                let routed = self.routed("models.other", Vec::new(), targets, &wishes, &policy);
                answering.extend(routed.map(|routed| (prefix, routed)));
            }
        }
        Upstreams {
            models,
            others: answering,
            infos: std::mem::take(&mut self.infos),
            masked: self.masked(),
            made: std::mem::take(&mut self.made),
        }
    }

    fn masked(&self) -> BTreeSet<String> {
        let asked = |name: &&str| {
            let upstream = self.config.upstreams.get(*name);
            let own = upstream.and_then(|upstream| upstream.mask);
            own.unwrap_or(self.config.redaction.mask_upstreams) == Mask::Reversible
        };
        self.made.names().filter(asked).map(str::to_owned).collect()
    }

    fn model(
        &mut self,
        name: &str,
        model: &ModelConfig,
        policy: &RetryPolicy,
    ) -> Option<RoutedModel> {
        let at = format!("models.table.{name}");
        if [CHAT_MODEL, EMBEDDING_MODEL].contains(&name) {
            self.problem(&at, format!("`{name}` is a model already"), None);
            return None;
        }
        if model.targets.is_empty() {
            let help = "write `targets: [{upstream: NAME}]`";
            self.problem(&at, "a model needs somebody who answers", Some(help));
            return None;
        }
        let price = model.price.as_ref();
        let price = price.and_then(|price| self.price(&format!("{at}.price"), price));
        let mut targets = Vec::new();
        let mut tier = 0;
        for (index, target) in model.targets.iter().enumerate() {
            let before = index.checked_sub(1).map(|before| &model.targets[before]);
            if before.is_some_and(|before| before.weight.is_none() || target.weight.is_none()) {
                tier += 1;
            }
            let built = self.target(&format!("{at}.targets.{index}"), target);
            targets.push(built.map(|built| Target {
                model: target.model.clone().or_else(|| Some(name.to_owned())),
                tier,
                price: built.price.or(price),
                ..built
            }));
        }
        let targets = targets.into_iter().collect::<Option<Vec<_>>>()?;
        let upstreams: Vec<_> = model.targets.iter().map(|t| t.upstream.as_str()).collect();
        let info = ModelInfo {
            id: name.to_owned(),
            created: 0,
            owned_by: upstreams.first().copied().unwrap_or_default().to_owned(),
            description: format!("Answered by {}.", upstreams.join(", ")),
            context_window: model.context_window.map_or(u64::MAX, Bounded::get),
        };
        self.routed(&at, vec![info], targets, model, policy)
    }

    fn routed(
        &mut self,
        at: &str,
        models: Vec<ModelInfo>,
        targets: Vec<Target>,
        wishes: &ModelConfig,
        policy: &RetryPolicy,
    ) -> Option<RoutedModel> {
        let hedge_after = self.hedge_after(at, wishes, &targets);
        let continuations = self.continuations(at, wishes);
        if let Some(kept) = self.made.kept(self.before, at, wishes, &targets) {
            return Some(kept);
        }
        let who = names(&targets);
        let longest = targets.iter().map(|t| t.upstream.timeouts().total()).max();
        let tokenizer: Arc<dyn Tokenizer> = Arc::new(Cl100k::new());
        let routed = RoutedModel::new(RoutedModelConfig {
            models,
            targets,
            pool: PoolConfig::default(),
            policy: policy.clone(),
            hedge_after,
            continuations,
            total: longest.unwrap_or(Duration::from_secs(600)),
            max_output_tokens: most(wishes),
            tokenizer,
        });
        let routed = routed.map_err(|error| self.problem(at, error.to_string(), None));
        let routed = routed.ok()?;
        self.made.keep(at, who, wishes, &routed);
        Some(routed)
    }

    /// After how long a second target is asked; it must be able to come about.
    fn hedge_after(
        &mut self,
        at: &str,
        wishes: &ModelConfig,
        targets: &[Target],
    ) -> Option<Duration> {
        let (key, after) = match (wishes.hedge_after_ms, self.config.retry.hedge_after_ms) {
            (Some(own), _) => (format!("{at}.hedge_after_ms"), own),
            (None, Some(shared)) => ("retry.hedge_after_ms".to_owned(), shared),
            (None, None) => return None,
        };
        let reads = targets.iter().map(|t| t.upstream.timeouts().first_byte());
        let read = reads.max().unwrap_or_default();
        if after.millis() >= read {
            let message = format!("no upstream of `{at}` is waited for so long");
            let help = format!("`read_ms` is {}: write less", read.as_millis());
            self.problem(&key, message, Some(&help));
        }
        if wishes.hedge_after_ms.is_some() {
            self.can_ask_twice(&key);
        }
        Some(after.millis())
    }

    /// How often an answer is gone on with.
    fn continuations(&mut self, at: &str, wishes: &ModelConfig) -> u32 {
        let shared = self.config.retry.max_continuations;
        if let Some(own) = wishes.max_continuations {
            self.can_go_on(&format!("{at}.max_continuations"), own.get());
        }
        let most = wishes.max_continuations.unwrap_or(shared).get();
        u32::try_from(most).unwrap_or(u32::MAX)
    }

    /// `key` says that an answer is gone on with `times`, each of which is an attempt.
    fn can_go_on(&mut self, key: &str, times: u64) {
        let attempts = self.config.retry.max_attempts.get();
        if times > 0 && times >= attempts && attempts > 1 {
            let message = format!("each is an attempt, but `retry.max_attempts` is {attempts}");
            let help = format!(
                "write at most {}, or raise `retry.max_attempts`",
                attempts - 1
            );
            self.problem(key, message, Some(&help));
        } else if times > 0 {
            self.can_ask_twice(key);
        }
    }

    /// `key` needs a second attempt, which must be possible.
    fn can_ask_twice(&mut self, key: &str) {
        let retry = &self.config.retry;
        let (name, value) = match (retry.max_attempts.get(), retry.budget.get()) {
            (1, _) => ("max_attempts", 1),
            (_, budget) if budget <= 0.0 => ("budget", 0),
            (_, _) => return,
        };
        let message = format!("it needs a second attempt, but `retry.{name}` is {value}");
        let help = format!("raise `retry.{name}`, or leave this out");
        self.problem(key, message, Some(&help));
    }
}

fn most(limits: &ModelConfig) -> Option<u32> {
    let most = limits.max_output_tokens.map(Bounded::get);
    most.map(|most| u32::try_from(most).unwrap_or(u32::MAX))
}

fn policy(config: &RetryConfig) -> Result<RetryPolicy, SettingError> {
    let backoff = Backoff::new(BackoffConfig {
        base: config.base_s.get(),
        factor: config.factor.get(),
        max: config.max_s.get(),
        jitter: Jitter::Shorten(config.jitter.get()),
    });
    let budget = RetryBudget::new(RetryBudgetConfig {
        ratio: config.budget.get(),
        ..RetryBudgetConfig::default()
    });
    let attempts = u32::try_from(config.max_attempts.get()).unwrap_or(u32::MAX);
    let attempts = NonZeroU32::new(attempts).unwrap_or(NonZeroU32::MIN);
    Ok(RetryPolicy::new(attempts, backoff?, Arc::new(budget?)))
}

#[cfg(test)]
mod tests {
    use lukhas_reliability::{Attempt, Deadline, Decision, Failure, FailureKind};
    use rand::SeedableRng;
    use rand::rngs::SmallRng;

    use super::*;
    use crate::config::Decimal;

    /// The waits before a first retry, in milliseconds.
    fn waits(jitter: Decimal<0, 1_000>) -> Vec<u128> {
        let config = RetryConfig {
            budget: Decimal::of::<1_000>(),
            jitter,
            ..RetryConfig::default()
        };
        let policy = policy(&config).unwrap();
        let mut rng = SmallRng::seed_from_u64(1);
        let deadline = Deadline::after(Duration::from_secs(60));
        let failure = Failure::from(FailureKind::Overloaded);
        let wait = |_| {
            policy.budget().record_request();
            match policy.decide(Attempt::FIRST, failure, deadline, &mut rng) {
                Decision::Retry { after } => after.as_millis(),
                Decision::GiveUp { reason } => panic!("{reason}"),
            }
        };
        (0..100).map(wait).collect()
    }

    #[test]
    fn jitter_shortens_waits_by_its_share() {
        assert!(waits(Decimal::of::<0>()).iter().all(|ms| *ms == 100));
        let tenth = waits(Decimal::of::<100>());
        assert!(tenth.iter().all(|ms| (90..=100).contains(ms)));
        let full = waits(Decimal::of::<1_000>());
        assert!(full.iter().any(|ms| *ms < 20) && full.iter().any(|ms| *ms > 80));
    }
}
