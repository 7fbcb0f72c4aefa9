// SPDX-License-Identifier: Apache-2.0
//! From what is configured to the rules of how often and how much callers may ask.

use std::collections::BTreeSet;
use std::num::NonZeroU32;
use std::time::Duration;

use lukhas_auth::KeySet;
use lukhas_core::Glob;
use lukhas_gateway::{LimitRule, Per, RateClass, RateLimits};
use lukhas_reliability::{Quota, QuotaConfig};

use crate::config::{
    ClassConfig, Config, LimitConfig, Origin, Origins, PerConfig, PeriodConfig, Problems,
    RateConfig, closest, excerpt,
};
use crate::models::{CHAT_MODEL, EMBEDDING_MODEL};
use crate::rules::RuleChecker;

/// The rules of `config`. Where nobody sets any and there is no key, as on a developer's machine,
/// there are none.
///
/// # Errors
/// [`Problems`] with everything that is wrong, each at its place.
pub(crate) fn build(
    config: &Config,
    origins: &Origins,
    keys: Option<&KeySet>,
    takes_any_model: bool,
) -> Result<RateLimits, Problems> {
    if keys.is_none() && origins.get("limits") == Origin::Default {
        return Ok(RateLimits::default());
    }
    let mut builder = Builder {
        config,
        takes_any_model,
        checker: RuleChecker::new(origins, keys),
    };
    let rules = builder.rules();
    Problems::none_of(builder.checker.problems)?;
    let aliases = config.models.aliases.clone().into_iter().collect();
    Ok(RateLimits { rules, aliases })
}

struct Builder<'c> {
    config: &'c Config,
    /// Whether an upstream answers for names that are not listed.
    takes_any_model: bool,
    checker: RuleChecker<'c>,
}

/// A rate or a number of a rule, by the name of its setting.
type Bounds<'r> = [(&'static str, Option<&'r RateConfig>); 4];

impl Builder<'_> {
    fn rules(&mut self) -> Vec<LimitRule> {
        let rules = &self.config.limits;
        if !self.checker.number("limits", "rules", rules.len()) {
            return Vec::new();
        }
        let numbered = rules.iter().enumerate();
        let built = numbered.map(|(index, rule)| {
            let at = format!("limits.{index}");
            let before = rules[..index].iter().map(|other| &*other.name);
            self.checker.name(&at, "rule", &rule.name, before);
            self.covers(&at, rule);
            self.counts_something(&at, rule);
            for other in &rules[..index] {
                self.overlap(&at, rule, other);
            }
            self.rule(&at, rule)
        });
        built.collect()
    }

    /// Checks that what a rule covers is there.
    fn covers(&mut self, at: &str, rule: &LimitConfig) {
        let checker = &mut self.checker;
        checker.once(&format!("{at}.classes"), &rule.classes);
        checker.once(&format!("{at}.per"), &rule.per);
        checker.names(&format!("{at}.models"), &rule.models);
        checker.names(&format!("{at}.projects"), &rule.projects);
        checker.names(&format!("{at}.keys"), &rule.keys);
        checker.holders(at, &rule.projects, &rule.keys);
    }

    /// The pattern `text`, if it is one that stands for a model.
    fn model(&mut self, key: &str, text: &str) -> Option<Glob> {
        let pattern: Glob = match text.parse() {
            Ok(pattern) => pattern,
            Err(error) => {
                let message = format!("`{}` is not the name of a model: {error}", excerpt(text));
                self.problem(key, message, None);
                return None;
            }
        };
        let models = &self.config.models;
        let names = models.aliases.keys().chain(models.table.keys());
        let names: Vec<&str> = [CHAT_MODEL, EMBEDDING_MODEL]
            .into_iter()
            .chain(names.map(String::as_str))
            .collect();
        if self.takes_any_model || names.iter().any(|name| pattern.matches(name)) {
            return Some(pattern);
        }
        let help = match closest(text, names.iter().copied()) {
            Some(best) => format!("did you mean `{best}`?"),
            None => format!("there are `{}`", names.join("`, `")),
        };
        let message = format!("no model is called `{}`", excerpt(text));
        self.problem(key, message, Some(help));
        None
    }

    /// Checks that a rule limits something, and that what it limits can come about.
    fn counts_something(&mut self, at: &str, rule: &LimitConfig) {
        let bounds = bounds(rule);
        if bounds.iter().all(|(_, rate)| rate.is_none()) && rule.concurrency.is_none() {
            let help =
                "write `requests`, `input_tokens`, `output_tokens`, `tokens` or `concurrency`";
            self.problem(at, "the rule limits nothing", Some(help.to_owned()));
        }
        let model_free = |class: &ClassConfig| !RateClass::from(*class).names_a_model();
        if let Some(index) = rule.classes.iter().position(model_free) {
            let tokens = bounds
                .iter()
                .find(|(name, rate)| *name != "requests" && rate.is_some());
            let needs = if !rule.models.is_empty() {
                Some("models")
            } else if rule.per.contains(&PerConfig::Model) {
                Some("per: model")
            } else {
                tokens.map(|(name, _)| *name)
            };
            if let Some(needs) = needs {
                let message =
                    format!("requests of this class name no model, so `{needs}` has no effect");
                let help = Some("make a rule of its own for it".to_owned());
                self.problem(&format!("{at}.classes.{index}"), message, help);
            }
        }
        for (index, class) in rule.classes.iter().enumerate() {
            if *class == ClassConfig::Embeddings
                && rule.output_tokens.is_some()
                && rule.classes.len() == 1
            {
                let message = "embeddings have no output tokens";
                self.problem(&format!("{at}.classes.{index}"), message, None);
            }
        }
    }

    /// Two rules that count the same of the same requests: one of them never has an effect.
    fn overlap(&mut self, at: &str, rule: &LimitConfig, other: &LimitConfig) {
        let same = sorted(&rule.classes) == sorted(&other.classes)
            && sorted(&rule.models) == sorted(&other.models)
            && sorted(&rule.projects) == sorted(&other.projects)
            && sorted(&rule.keys) == sorted(&other.keys)
            && sorted(&rule.per) == sorted(&other.per);
        if !same {
            return;
        }
        let pairs = bounds(rule).into_iter().zip(bounds(other));
        let twice = pairs.filter(|((_, one), (_, two))| one.is_some() && two.is_some());
        let mut twice: Vec<_> = twice.map(|((name, _), _)| name).collect();
        if rule.concurrency.is_some() && other.concurrency.is_some() {
            twice.push("concurrency");
        }
        for name in twice {
            let message = format!(
                "rule `{}` limits the same requests in the same way",
                other.name
            );
            let help = Some("keep one of the two".to_owned());
            self.problem(&format!("{at}.{name}"), message, help);
        }
    }

    fn rule(&mut self, at: &str, rule: &LimitConfig) -> LimitRule {
        let quotas = bounds(rule).map(|(name, rate)| {
            let rate = rate?;
            self.quota(&format!("{at}.{name}"), rate)
        });
        let [requests, input_tokens, output_tokens, tokens] = quotas;
        let models = rule.models.iter().enumerate().map(|(index, text)| {
            let key = format!("{at}.models.{index}");
            self.model(&key, text)
        });
        let concurrency = rule.concurrency.map(|most| u32::try_from(most.get()));
        LimitRule {
            name: rule.name.clone(),
            classes: rule.classes.iter().map(|class| (*class).into()).collect(),
            models: models.flatten().collect(),
            projects: rule.projects.clone(),
            keys: rule.keys.clone(),
            per: rule.per.iter().map(|per| (*per).into()).collect(),
            requests,
            input_tokens,
            output_tokens,
            tokens,
            concurrency: concurrency.and_then(Result::ok).and_then(NonZeroU32::new),
        }
    }

    fn quota(&mut self, at: &str, rate: &RateConfig) -> Option<Quota> {
        let (Some(amount), Some(per)) = (rate.amount, rate.per) else {
            let (what, example) = match rate.amount {
                None => ("an `amount`", "amount: 20"),
                Some(_) => ("a `per`", "per: second"),
            };
            let help = Some(format!("write `{example}`"));
            self.problem(at, format!("a limit needs {what}"), help);
            return None;
        };
        let quota = Quota::new(QuotaConfig {
            amount: amount.get(),
            period: per.into(),
            burst: rate.burst.unwrap_or(amount).get(),
        });
        match quota {
            Ok(quota) => Some(quota),
            Err(error) => {
                self.problem(
                    &format!("{at}.{}", error.field),
                    format!("the value {error}"),
                    None,
                );
                None
            }
        }
    }

    fn problem(&mut self, key: &str, message: impl Into<String>, help: Option<String>) {
        self.checker.problem(key, message, help);
    }
}

fn bounds(rule: &LimitConfig) -> Bounds<'_> {
    [
        ("requests", rule.requests.as_ref()),
        ("input_tokens", rule.input_tokens.as_ref()),
        ("output_tokens", rule.output_tokens.as_ref()),
        ("tokens", rule.tokens.as_ref()),
    ]
}

fn sorted<T: Ord>(items: &[T]) -> BTreeSet<&T> {
    items.iter().collect()
}

impl From<ClassConfig> for RateClass {
    fn from(class: ClassConfig) -> Self {
        match class {
            ClassConfig::Responses => Self::Responses,
            ClassConfig::Chat => Self::Chat,
            ClassConfig::Embeddings => Self::Embeddings,
            ClassConfig::Stored => Self::Stored,
            ClassConfig::Models => Self::Models,
            ClassConfig::Operations => Self::Operations,
        }
    }
}

impl From<PerConfig> for Per {
    fn from(per: PerConfig) -> Self {
        match per {
            PerConfig::Key => Self::Key,
            PerConfig::Project => Self::Project,
            PerConfig::Model => Self::Model,
            PerConfig::Endpoint => Self::Endpoint,
            PerConfig::Address => Self::Address,
        }
    }
}

impl From<PeriodConfig> for Duration {
    fn from(period: PeriodConfig) -> Self {
        Self::from_secs(match period {
            PeriodConfig::Second => 1,
            PeriodConfig::Minute => 60,
            PeriodConfig::Hour => 3_600,
            PeriodConfig::Day => 86_400,
        })
    }
}
