// SPDX-License-Identifier: Apache-2.0
//! From what is configured to the models of upstreams.

mod key;
mod observer;
mod short;

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use lukhas_core::{ModelInfo, Tokenizer};
use lukhas_engine::Cl100k;
use lukhas_observability::Metrics;
use lukhas_providers::{
    Dialect, RoutedModel, RoutedModelConfig, Target, Upstream, UpstreamConfig as Setup,
};
use lukhas_reliability::{
    Backoff, BackoffConfig, Jitter, PoolConfig, RetryBudget, RetryBudgetConfig, RetryPolicy,
    SettingError, Timeouts, TimeoutsConfig as Times,
};

use crate::config::{
    Bounded, Config, Environment, ModelConfig, Origins, Problem, Problems, RetryConfig,
    TargetConfig, UpstreamApi, UpstreamConfig, closest, excerpt,
};
use crate::models::{CHAT_MODEL, EMBEDDING_MODEL};

use self::observer::observer;

/// The models of upstreams.
#[derive(Clone, Debug, Default)]
pub(crate) struct Upstreams {
    /// Those of the table.
    pub(crate) models: Vec<RoutedModel>,
    /// Who answers for other names, by how they begin.
    pub(crate) others: Vec<(&'static str, RoutedModel)>,
    /// What the banner says of each upstream: its name and address.
    pub(crate) addresses: Vec<(String, String)>,
}

/// Builds every upstream and model that `config` and the short variables of `environment` name;
/// what happens to their calls is counted in `metrics`.
///
/// # Errors
/// [`Problems`] with everything that is wrong, each at its place.
pub(crate) fn build(
    config: &Config,
    environment: &Environment,
    origins: &Origins,
    metrics: &mut Metrics,
) -> Result<Upstreams, Problems> {
    let mut builder = Builder {
        config,
        environment,
        origins,
        metrics,
        upstreams: BTreeMap::new(),
        addresses: Vec::new(),
        problems: Vec::new(),
    };
    for (name, upstream) in &config.upstreams {
        builder.upstream(name, upstream);
    }
    let short = builder.short();
    let built = builder.models(&short);
    Problems::none_of(builder.problems)?;
    Ok(built)
}

struct Builder<'c> {
    config: &'c Config,
    environment: &'c Environment,
    origins: &'c Origins,
    metrics: &'c mut Metrics,
    upstreams: BTreeMap<String, Upstream>,
    addresses: Vec<(String, String)>,
    problems: Vec<Problem>,
}

impl Builder<'_> {
    fn upstream(&mut self, name: &str, upstream: &UpstreamConfig) {
        let at = format!("upstreams.{name}");
        let before = self.problems.len();
        if upstream.base_url.is_empty() {
            let message = "an upstream needs a `base_url`";
            let help = "write where its API begins, as in `http://127.0.0.1:11434/v1`";
            self.problem(&format!("{at}.base_url"), message, Some(help));
        }
        let key = upstream.key.as_deref().map(|reference| {
            let key = format!("{at}.key");
            let folder = self.origins.get(&key);
            key::read(reference, self.environment, folder.folder())
                .map_err(|(message, help)| self.problem(&key, message, Some(help)))
                .ok()
        });
        let ca = upstream.ca_file.as_deref().map(|path| self.ca(&at, path));
        let timeouts = self.timeouts(&at, upstream);
        if self.problems.len() > before {
            return;
        }
        let setup = Setup {
            key: key.flatten(),
            ca: ca.flatten(),
            timeouts: timeouts.unwrap_or_default(),
            observer: Some(observer(self.metrics, name)),
            ..Setup::new(name, dialect(upstream.api), upstream.base_url.clone())
        };
        match Upstream::new(setup) {
            Ok(built) => self.add(name, &upstream.base_url, built),
            Err(error) => {
                let field = match error.field {
                    "ca" => "ca_file",
                    field => field,
                };
                self.problem(&format!("{at}.{field}"), format!("the value {error}"), None);
            }
        }
    }

    fn add(&mut self, name: &str, address: &str, upstream: Upstream) {
        self.upstreams.insert(name.to_owned(), upstream);
        self.addresses.push((name.to_owned(), address.to_owned()));
    }

    fn ca(&mut self, at: &str, path: &Path) -> Option<Vec<u8>> {
        let key = format!("{at}.ca_file");
        let origin = self.origins.get(&key);
        let path = origin.folder().unwrap_or(Path::new("")).join(path);
        match std::fs::read(&path) {
            Ok(pem) => Some(pem),
            Err(error) => {
                let message = format!("`{}` cannot be read: {error}", path.display());
                self.problem(&key, message, None);
                None
            }
        }
    }

    fn timeouts(&mut self, at: &str, upstream: &UpstreamConfig) -> Option<Timeouts> {
        let shared = &self.config.timeouts;
        let read = upstream.read_ms.unwrap_or(shared.read_ms).millis();
        let times = Times {
            connect: upstream.connect_ms.unwrap_or(shared.connect_ms).millis(),
            first_byte: read,
            idle: read,
            total: upstream.total_ms.unwrap_or(shared.total_ms).millis(),
        };
        match Timeouts::new(times) {
            Ok(timeouts) => Some(timeouts),
            Err(error) => {
                let message = format!("the timeouts contradict each other: {error}");
                let help = "`connect_ms` and `read_ms` must not be longer than `total_ms`";
                self.problem(at, message, Some(help));
                None
            }
        }
    }

    fn models(&mut self, short: &[(&'static str, &'static str)]) -> Upstreams {
        let policy = match policy(&self.config.retry) {
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
        if !self.upstreams.is_empty() {
            let budget = Arc::clone(policy.budget());
            self.metrics.retry_budget(move || budget.available());
        }
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
                let routed = self.routed("models.other", Vec::new(), targets, &policy);
                answering.extend(routed.map(|routed| (prefix, routed)));
            }
        }
        Upstreams {
            models,
            others: answering,
            addresses: std::mem::take(&mut self.addresses),
        }
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
        let mut targets = Vec::new();
        let mut tier = 0;
        for (index, target) in model.targets.iter().enumerate() {
            let before = index.checked_sub(1).map(|before| &model.targets[before]);
            if before.is_some_and(|before| before.weight.is_none() || target.weight.is_none()) {
                tier += 1;
            }
            let at = format!("{at}.targets.{index}.upstream");
            targets.push(self.named(&at, &target.upstream).map(|upstream| Target {
                model: target.model.clone().or_else(|| Some(name.to_owned())),
                weight: weight(target),
                tier,
                ..Target::new(upstream)
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
        self.routed(&at, vec![info], targets, policy)
    }

    fn routed(
        &mut self,
        at: &str,
        models: Vec<ModelInfo>,
        targets: Vec<Target>,
        policy: &RetryPolicy,
    ) -> Option<RoutedModel> {
        let longest = targets.iter().map(|t| t.upstream.timeouts().total()).max();
        let tokenizer: Arc<dyn Tokenizer> = Arc::new(Cl100k::new());
        let routed = RoutedModel::new(RoutedModelConfig {
            models,
            targets,
            pool: PoolConfig::default(),
            policy: policy.clone(),
            total: longest.unwrap_or(Duration::from_secs(600)),
            tokenizer,
        });
        routed
            .map_err(|error| self.problem(at, error.to_string(), None))
            .ok()
    }

    /// The upstream `name`, which `at` names.
    fn named(&mut self, at: &str, name: &str) -> Option<Upstream> {
        if let Some(upstream) = self.upstreams.get(name) {
            return Some(upstream.clone());
        }
        if self.config.upstreams.contains_key(name) {
            // What is wrong with it has been said.
            return None;
        }
        let known = self.upstreams.keys().map(String::as_str);
        let help = match closest(name, known) {
            Some(best) => format!("did you mean `{best}`?"),
            None => "add it to `upstreams`".to_owned(),
        };
        let message = format!("there is no upstream `{}`", excerpt(name));
        self.problem(at, message, Some(&help));
        None
    }

    fn problem(&mut self, key: &str, message: impl Into<String>, help: Option<&str>) {
        let mut origin = self.origins.get(key);
        if origin == crate::Origin::Default
            && let Some((section, _)) = key.rsplit_once('.')
        {
            origin = self.origins.get(section);
        }
        let problem = Problem::new(origin, message).with_key(key);
        self.problems.push(match help {
            Some(help) => problem.with_help(help),
            None => problem,
        });
    }
}

fn dialect(api: UpstreamApi) -> Dialect {
    match api {
        UpstreamApi::Chat => Dialect::Chat,
        UpstreamApi::Responses => Dialect::Responses,
        UpstreamApi::Messages => Dialect::Messages,
    }
}

fn weight(target: &TargetConfig) -> NonZeroU32 {
    let weight = target.weight.map_or(1, Bounded::get);
    u32::try_from(weight)
        .ok()
        .and_then(NonZeroU32::new)
        .unwrap_or(NonZeroU32::MIN)
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
