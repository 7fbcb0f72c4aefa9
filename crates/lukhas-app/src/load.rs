// SPDX-License-Identifier: Apache-2.0
//! From files, environment and flags to settings that are known to be possible.

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use lukhas_auth::{KeySet, Pepper};
use lukhas_gateway::{Budgets, PriorityRule, RateLimits};
use lukhas_observability::{BuildInfo, Metrics, Redactions, TracesConfig};
use serde_json::json;

use crate::config::{
    self, Config, Environment, Layer, Node, Origin, Origins, Problem, Problems, Shape, Value,
};
use crate::files::{self, Files};
use crate::redis::{self, RedisSetup};
use crate::upstreams::{self, Upstreams};
use crate::{AppError, Settings, budgets, keys, limits, overload, redact, traces};

/// Where settings come from, weakest first: defaults, files, environment, flags.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// Flags of the command line.
    pub flags: Flags,
    /// Variables of the environment.
    pub environment: Vec<(OsString, OsString)>,
}

/// Flags of the command line that set something.
#[derive(Clone, Debug, Default)]
pub struct Flags {
    /// `--config`: the configuration file.
    pub config: Option<PathBuf>,
    /// `--listen`: `server.listen`.
    pub listen: Option<String>,
    /// `--log`: `log.filter`.
    pub log: Option<String>,
}

/// A configuration that has been read and found possible.
pub struct Loaded {
    pub(crate) settings: Settings,
    /// `None` when none are configured.
    pub(crate) keys: Option<KeySet>,
    pub(crate) upstreams: Upstreams,
    pub(crate) rate_limits: RateLimits,
    pub(crate) budgets: Budgets,
    pub(crate) redactions: Redactions,
    /// Where spans are sent.
    pub(crate) traces: Option<TracesConfig>,
    /// `None` when replicas share nothing.
    pub(crate) redis: Option<RedisSetup>,
    pub(crate) priorities: Vec<PriorityRule>,
    pub(crate) config: Config,
    pub(crate) process: Process,
    pub(crate) origins: Origins,
}

/// What is there from the start of the process to its end, however often it reads its configuration.
#[derive(Clone)]
pub(crate) struct Process {
    pub(crate) sources: Sources,
    pub(crate) metrics: Arc<Metrics>,
    /// What keys are digested with that are in no store.
    pub(crate) pepper: Pepper,
    /// The files that were read, as they were.
    pub(crate) files: Files,
}

impl Sources {
    /// `flags` and the environment of this process.
    #[must_use]
    pub fn of_process(flags: Flags) -> Self {
        Self {
            flags,
            environment: std::env::vars_os().collect(),
        }
    }
}

/// Reads everything that `sources` name.
///
/// # Errors
/// [`AppError::Config`] with all problems of the first pass that finds any: reading files and
/// checking each layer by itself; then what the settings mean; then the keys.
pub fn load(sources: Sources) -> Result<Loaded, AppError> {
    let metrics = Metrics::new(BuildInfo {
        version: env!("CARGO_PKG_VERSION"),
        revision: None,
    });
    let mut process = Process {
        sources,
        metrics: Arc::new(metrics),
        pepper: Pepper::random(&mut rand::rng()),
        files: Files::default(),
    };
    read_all(&mut process, &Upstreams::default())
}

/// Reads everything that the sources of `process` name, and takes note of the files it reads. Of
/// `before`, upstreams and models that are still configured as they were stay what they are.
///
/// # Errors
/// As [`load`].
pub(crate) fn read_all(process: &mut Process, before: &Upstreams) -> Result<Loaded, AppError> {
    let Written {
        settings,
        environment,
        config,
        origins,
    } = read(process.sources.clone(), &mut process.files)?;
    files::note(&mut process.files, &settings, &config, &origins);
    let keys = keys::read(&settings, &environment, &origins, &process.pepper)?;
    let written = (&config, &environment, &origins);
    let upstreams = upstreams::build(written, &process.metrics, before)?;
    let takes_any_model = !upstreams.others.is_empty();
    let rate_limits = limits::build(&config, &origins, keys.as_ref(), takes_any_model)?;
    let budgets = budgets::build(&config, &origins, keys.as_ref(), &upstreams)?;
    let traces = traces::read(&environment)?;
    let redactions = redact::stages(&config.redaction, &origins, &process.metrics)?;
    let redis = redis::build(&config, &environment, &origins, keys.as_ref())?;
    let priorities = overload::priorities(&config, &origins, keys.as_ref())?;
    Ok(Loaded {
        settings,
        keys,
        upstreams,
        rate_limits,
        budgets,
        redactions,
        traces,
        redis,
        priorities,
        config,
        process: process.clone(),
        origins,
    })
}

/// A configuration that is possible as far as it is written: no key has been looked at yet.
pub(crate) struct Written {
    pub(crate) settings: Settings,
    pub(crate) environment: Environment,
    pub(crate) config: Config,
    pub(crate) origins: Origins,
}

/// Reads what `sources` say, and not the keys that they name; `files` are those that were read.
pub(crate) fn read(sources: Sources, files: &mut Files) -> Result<Written, AppError> {
    let shape = Shape::of_config()?;
    let environment = Environment::new(sources.environment);
    let layers = read_layers(&sources.flags, &environment, &shape, files)?;
    let (config, origins) = config::merge(layers, &shape)?;
    let settings = Settings::try_from(config.clone())
        .map_err(|problems| problems.attributed(&origins))?
        .with_files_from(&origins);
    Ok(Written {
        settings,
        environment,
        config,
        origins,
    })
}

fn read_layers(
    flags: &Flags,
    environment: &Environment,
    shape: &Shape,
    files: &mut Files,
) -> Result<Vec<Layer>, AppError> {
    let mut found = Found {
        files,
        problems: Vec::new(),
    };
    let named = match &flags.config {
        Some(path) => Some((path.clone(), Origin::Flag("--config"))),
        None => environment.config_file(),
    };
    let main = named.and_then(|(path, origin)| found.file(&path, &Problem::new(origin, "")));
    found.check(main.as_ref(), shape, shape);

    let (variables, problems) = environment.layer(shape, main.as_ref());
    found.problems.extend(problems);
    found.check(Some(&variables), shape, shape);

    let mut beside = |key: &str, its: &Shape| {
        let named = named_by(key, &[main.as_ref(), Some(&variables)]);
        let node = named.and_then(|(path, blame)| found.file(&path, &blame));
        found.check(node.as_ref(), its, shape);
        if let (Some(main), Some(node)) = (&main, &node) {
            found.problems.extend(config::conflicts(main, node, shape));
        }
        node
    };
    let reliability = beside("reliability", &Shape::of_reliability(shape));
    let slo_budgets = beside("slo_budgets", &Shape::of_slo_budgets(shape));
    Problems::none_of(found.problems)?;
    let defaults = serde_json::to_value(Config::default()).map_err(AppError::Json)?;
    let layers = [
        Some(("defaults", Node::from_json(&defaults, &Origin::Default))),
        main.map(|node| ("configuration file", node)),
        reliability.map(|node| ("reliability file", node)),
        slo_budgets.map(|node| ("file of SLO budgets", node)),
        Some(("environment", variables)),
        Some(("flags", flag_layer(flags))),
    ];
    let layers = layers.into_iter().flatten();
    Ok(layers.map(|(name, node)| Layer::new(name, node)).collect())
}

struct Found<'f> {
    files: &'f mut Files,
    problems: Vec<Problem>,
}

impl Found<'_> {
    fn file(&mut self, path: &Path, named_by: &Problem) -> Option<Node> {
        self.files.note(path);
        match config::read_file(path, named_by) {
            Ok(node) => Some(node),
            Err(problem) => {
                self.problems.push(problem);
                None
            }
        }
    }

    fn check(&mut self, node: Option<&Node>, shape: &Shape, whole: &Shape) {
        if let Some(node) = node {
            self.problems.extend(config::check(node, shape, whole));
        }
    }
}

/// The file that the last of `layers` names by `key`, and what to blame when it cannot be read.
fn named_by(key: &str, layers: &[Option<&Node>]) -> Option<(PathBuf, Problem)> {
    let mut nodes = layers.iter().rev().flatten();
    let node = nodes.find_map(|layer| layer.get(&[key]))?;
    let Value::Text(path) = &node.value else {
        return None;
    };
    let path = node.origin.folder().unwrap_or(Path::new("")).join(path);
    let blame = Problem::new(node.origin.clone(), "").with_key(key);
    Some((path, blame))
}

fn flag_layer(flags: &Flags) -> Node {
    let mut layer = Node::empty(Origin::Default);
    for (flag, path, value) in [
        ("--listen", ["server", "listen"], &flags.listen),
        ("--log", ["log", "filter"], &flags.log),
    ] {
        if let Some(value) = value {
            let node = Node::new(Origin::Flag(flag), Value::Text(value.clone()));
            layer.insert(&path.map(str::to_owned), node);
        }
    }
    layer
}

impl Loaded {
    /// The settings.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Sends what this process logs to standard error from now on, as the settings say.
    ///
    /// # Errors
    /// [`AppError::Logs`] when that is set up already.
    pub fn init_logs(&self) -> Result<(), AppError> {
        let logs = self.settings.log().init(self.redactions.logs.clone());
        logs.map_err(AppError::Logs)
    }

    /// The configuration as it was written, defaults filled in.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The effective configuration as YAML, the origin of each value behind it, and the upstreams
    /// that it amounts to, those of the short variables among them. Shows no key.
    ///
    /// # Errors
    /// [`AppError::Json`] is a defect.
    pub fn to_yaml(&self) -> Result<String, AppError> {
        let yaml = config::yaml(&self.config, &self.origins).map_err(AppError::Json)?;
        let keys = self.active_keys();
        let limits = match (self.rate_limits.rules.len(), self.config.limits.len()) {
            (0, 1..) => "# limits: not in force, because nobody set them and there is no key\n",
            (_, _) => "",
        };
        let upstreams = self.upstreams.infos.iter();
        let upstreams: String = upstreams
            .map(|upstream| format!("# upstream: {upstream}\n"))
            .collect();
        Ok(format!(
            "{yaml}{limits}{upstreams}# keys: {keys} active, never shown\n"
        ))
    }

    /// The effective configuration as JSON: `config`, `origins` by dotted key, the `upstreams` that
    /// it amounts to, and the number of `keys` that are active. Shows no key.
    ///
    /// # Errors
    /// [`AppError::Json`] is a defect.
    pub fn to_json(&self) -> Result<serde_json::Value, AppError> {
        let mut json = config::json(&self.config, &self.origins).map_err(AppError::Json)?;
        json["upstreams"] = json!(self.upstreams.infos);
        json["keys"] = json!(self.active_keys());
        Ok(json)
    }

    fn active_keys(&self) -> usize {
        self.keys.as_ref().map_or(0, KeySet::active)
    }
}

impl fmt::Debug for Loaded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Loaded")
            .field("config", &self.config)
            .field("keys", &self.keys)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
