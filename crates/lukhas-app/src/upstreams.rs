// SPDX-License-Identifier: Apache-2.0
//! From what is configured to the models of upstreams.

mod made;
mod model;
mod observer;
mod own;
mod short;
mod target;

use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;

use lukhas_observability::Metrics;
use lukhas_providers::{Dialect, RoutedModel, Upstream, UpstreamConfig as Setup, UpstreamError};
use lukhas_reliability::{Timeouts, TimeoutsConfig as Times};
use serde::Serialize;

use crate::config::{
    Config, Environment, Origins, Problem, Problems, UpstreamApi, UpstreamConfig, closest, excerpt,
};
use crate::reference::{Reference, UPSTREAM_KEY};

use self::made::Made;
use self::observer::observer;
use self::own::{ASKS_ITSELF, is_own_address};

pub(crate) use self::target::millionths;

/// The models of upstreams.
#[derive(Debug, Default)]
pub(crate) struct Upstreams {
    /// Those of the table.
    pub(crate) models: Vec<RoutedModel>,
    /// Who answers for other names, by how they begin.
    pub(crate) others: Vec<(&'static str, RoutedModel)>,
    /// What people are told of each upstream.
    pub(crate) infos: Vec<UpstreamInfo>,
    /// Upstreams that are asked without personal data and secrets.
    masked: BTreeSet<String>,
    /// What they were made of, for the next reading of the configuration.
    made: Made,
}

/// What people are told of an upstream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct UpstreamInfo {
    /// Its name.
    pub name: String,
    /// Where its API begins.
    pub address: String,
    /// Whether it is asked with a key.
    pub has_key: bool,
}

impl fmt::Display for UpstreamInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {}", self.name, self.address)?;
        match self.has_key {
            true => Ok(()),
            false => f.write_str(", without a key"),
        }
    }
}

/// A configuration as it is written: what it says, what it refers to, and where it says what.
type Written<'c> = (&'c Config, &'c Environment, &'c Origins);

/// Builds every upstream and model that the configuration and the short variables of the environment
/// name; what happens to their calls is counted in `metrics`. Of `before`, those that are as they
/// were go on, with their connections and with what is known of their health.
///
/// # Errors
/// [`Problems`] with everything that is wrong, each at its place.
pub(crate) fn build(
    (config, environment, origins): Written<'_>,
    metrics: &Metrics,
    before: &Upstreams,
) -> Result<Upstreams, Problems> {
    let mut builder = Builder {
        config,
        environment,
        origins,
        metrics,
        before: &before.made,
        made: Made::new(config),
        infos: Vec::new(),
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

impl Upstreams {
    /// Whether any upstream is asked without personal data and secrets.
    pub(crate) fn any_masked(&self) -> bool {
        !self.masked.is_empty()
    }

    /// Whether `model` is: if one of its targets is, whichever answers.
    pub(crate) fn is_masked(&self, model: &RoutedModel) -> bool {
        let mut targets = model.pool().status();
        targets.any(|status| self.masked.contains(status.target.upstream.name()))
    }

    /// How many retries their budget would pay for; `None` without an upstream.
    pub(crate) fn retries_left(&self) -> Option<impl Fn() -> u64 + Send + Sync + 'static> {
        self.made.retries_left()
    }
}

struct Builder<'c> {
    config: &'c Config,
    environment: &'c Environment,
    origins: &'c Origins,
    metrics: &'c Metrics,
    before: &'c Made,
    made: Made,
    infos: Vec<UpstreamInfo>,
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
        } else if is_own_address(&self.config.server.listen, &upstream.base_url) {
            let help = "write the address of another server";
            self.problem(&format!("{at}.base_url"), ASKS_ITSELF, Some(help));
        }
        let key = upstream.key.as_deref().map(|reference| {
            let key = format!("{at}.key");
            let folder = self.origins.get(&key);
            Reference::parse(reference, UPSTREAM_KEY, folder.folder())
                .and_then(|reference| reference.read(UPSTREAM_KEY, self.environment))
                .map_err(|(message, help)| self.problem(&key, message, Some(&help)))
                .ok()
        });
        let ca = upstream.ca_file.as_deref().map(|path| self.ca(&at, path));
        let timeouts = self.timeouts(&at, upstream);
        if self.problems.len() > before {
            return;
        }
        let key = key.flatten();
        let info = UpstreamInfo {
            name: name.to_owned(),
            address: upstream.base_url.clone(),
            has_key: key.is_some(),
        };
        let setup = Setup {
            key,
            ca: ca.flatten(),
            timeouts: timeouts.unwrap_or_default(),
            ..Setup::new(name, dialect(upstream.api), upstream.base_url.clone())
        };
        match self.connect(setup) {
            Ok(()) => self.infos.push(info),
            Err(error) => {
                let field = match error.field {
                    "ca" => "ca_file",
                    field => field,
                };
                self.problem(&format!("{at}.{field}"), format!("the value {error}"), None);
            }
        }
    }

    /// The upstream of `setup`: the one that there is, if it is set up like this.
    fn connect(&mut self, setup: Setup) -> Result<(), UpstreamError> {
        let counted = |setup: Setup| Setup {
            observer: Some(observer(self.metrics, &setup.name)),
            ..setup
        };
        self.made.upstream(setup, self.before, counted)
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

    /// The upstream `name`, which `at` names.
    fn named(&mut self, at: &str, name: &str) -> Option<Upstream> {
        if let Some(upstream) = self.made.get(name) {
            return Some(upstream.clone());
        }
        if self.config.upstreams.contains_key(name) {
            // What is wrong with it has been said.
            return None;
        }
        let known = self.made.names();
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
