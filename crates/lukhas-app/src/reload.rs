// SPDX-License-Identifier: Apache-2.0
//! Reading the configuration again while it is served.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lukhas_auth::KeySet;
use lukhas_core::{ResponseStore, Tokenizer};
use lukhas_gateway::{Gateway, ReloadedParts};
use lukhas_observability::Redactions;
use serde_json::Value;

use crate::app::{embedder, orchestrator};
use crate::budgets::Kept;
use crate::config::{Config, Origin, Problem};
use crate::load::{Process, read_all};
use crate::masking::Models;
use crate::upstreams::Upstreams;
use crate::{AppError, Loaded};

/// What `/readyz` says when nothing was changed. The log says why: that is for operators alone.
const REFUSED: &str =
    "the last reload was refused, and what was in force before it still is: the log says why";

/// What a reload made of the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reloaded {
    /// How many keys are of use now.
    pub active_keys: usize,
    /// Settings that are other ones than at the start and take a restart, dotted: the process goes on
    /// with those it was started with.
    pub needs_restart: Vec<String>,
    /// What whoever runs it should know, for the log.
    pub warnings: Vec<String>,
}

/// Exchanges what a gateway answers with for what its configuration says now.
pub(crate) struct Reloader {
    pub(crate) gateway: Gateway,
    pub(crate) store: Arc<dyn ResponseStore>,
    pub(crate) tokenizer: Arc<dyn Tokenizer>,
    /// What the process was started with.
    pub(crate) started: Config,
    pub(crate) redactions: Redactions,
    /// Where it keeps what budgets were spent.
    pub(crate) spends: Kept,
    pub(crate) running: Mutex<Running>,
}

/// What is in force.
pub(crate) struct Running {
    pub(crate) process: Process,
    pub(crate) upstreams: Upstreams,
    pub(crate) keys: Arc<KeySet>,
    /// Whether the keys were configured, and not made here.
    pub(crate) has_configured_keys: bool,
}

impl Reloader {
    pub(crate) fn running(&self) -> MutexGuard<'_, Running> {
        // What is in force is exchanged as a whole, so a panic elsewhere does not spoil it.
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// See [`App::reload`](crate::App::reload).
    pub(crate) fn reload(&self) -> Result<Reloaded, AppError> {
        let mut running = self.running();
        let files = running.process.files.now();
        let mut process = running.process.clone();
        process.files = Default::default();
        let loaded = read_all(&mut process, &running.upstreams);
        let reloaded = loaded.and_then(|loaded| self.exchange(&mut running, loaded));
        let metrics = Arc::clone(&running.process.metrics);
        match &reloaded {
            Ok(reloaded) => {
                metrics.config().applied();
                self.gateway
                    .warn_of_config(restart(&reloaded.needs_restart));
            }
            Err(_) => {
                // Whatever is mended now, the files of old or those that were just named.
                running.process.files = files.and(process.files);
                metrics.config().refused();
                self.gateway.warn_of_config(Some(REFUSED.to_owned()));
            }
        }
        reloaded
    }

    fn exchange(&self, running: &mut Running, loaded: Loaded) -> Result<Reloaded, AppError> {
        let needs_restart = needs_restart(&self.started, &loaded.config)?;
        let Loaded {
            settings,
            keys,
            upstreams,
            rate_limits,
            budgets,
            priorities,
            process,
            ..
        } = loaded;
        let has_configured_keys = keys.is_some();
        let keys = match keys {
            Some(keys) => Arc::new(keys),
            None if running.has_configured_keys => return Err(no_keys(&process).into()),
            None => Arc::clone(&running.keys),
        };
        let warning = self.spends.warning(&budgets);
        let models = Models::new(&upstreams, &self.redactions, &process.metrics)?;
        self.gateway.reload(ReloadedParts {
            orchestrator: orchestrator(&settings, &models, &self.tokenizer, &self.store)?,
            embedder: embedder(&settings, &models, Arc::clone(&self.tokenizer))?,
            authenticator: Arc::clone(&keys) as _,
            rate_limits,
            budgets,
            priorities,
            heartbeat: settings.heartbeat(),
        });
        if let Some(left) = upstreams.retries_left() {
            process.metrics.retry_budget(left);
        }
        let active_keys = keys.active();
        *running = Running {
            process,
            upstreams,
            keys,
            has_configured_keys,
        };
        Ok(Reloaded {
            active_keys,
            needs_restart,
            warnings: warning.into_iter().collect(),
        })
    }
}

/// Keys were configured and are not any more: whoever started the server counts on them.
fn no_keys(process: &Process) -> Problem {
    let config = process.sources.flags.config.as_deref();
    let origin = config.map_or(Origin::Default, |path| Origin::file(&path.into()));
    Problem::new(origin, "no key is configured any more")
        .with_key("auth")
        .with_help("name keys, or restart the server to have it make one")
}

/// The settings of `now` that are other ones than `started` and are used at the start alone.
fn needs_restart(started: &Config, now: &Config) -> Result<Vec<String>, AppError> {
    let (started, now) = (fixed(started)?, fixed(now)?);
    let changed = now
        .into_iter()
        .filter(|(key, value)| started.get(key) != Some(value));
    Ok(changed.map(|(key, _)| key).collect())
}

/// The settings that are used at the start alone, dotted.
fn fixed(config: &Config) -> Result<BTreeMap<String, Value>, AppError> {
    let sections = [
        ("server", serde_json::to_value(&config.server)),
        ("log", serde_json::to_value(&config.log)),
        ("store", serde_json::to_value(&config.store)),
        ("auth", serde_json::to_value(&config.auth)),
        ("idempotency", serde_json::to_value(&config.idempotency)),
        ("redaction", serde_json::to_value(&config.redaction)),
        ("telemetry", serde_json::to_value(&config.telemetry)),
        ("objectives", serde_json::to_value(&config.objectives)),
        ("redis", serde_json::to_value(&config.redis)),
        ("overload", serde_json::to_value(&config.overload)),
    ];
    let mut settings = BTreeMap::new();
    for (section, value) in sections {
        if let Value::Object(members) = value.map_err(AppError::Json)? {
            let members = members.into_iter();
            let members = members.map(|(name, value)| (format!("{section}.{name}"), value));
            settings.extend(members.filter(|(key, _)| is_fixed(key)));
        }
    }
    Ok(settings)
}

/// Keys are read again, and how many attempts may fail is not; priorities are, and gates stay; whether
/// upstreams are masked is, and what is looked for stays.
fn is_fixed(key: &str) -> bool {
    match key.split_once('.') {
        Some(("auth", name)) => name.starts_with("max_failures"),
        Some(("overload", name)) => name != "priorities",
        Some(("redaction", name)) => name != "mask_upstreams",
        Some(_) | None => true,
    }
}

fn restart(settings: &[String]) -> Option<String> {
    let names = settings.join("`, `");
    (!settings.is_empty()).then(|| format!("these settings take a restart: `{names}`"))
}

#[cfg(test)]
mod tests;
