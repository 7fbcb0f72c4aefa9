// SPDX-License-Identifier: Apache-2.0
//! The parts, put together.

use std::fmt;
use std::sync::{Arc, Mutex};

use lukhas_auth::{GeneratedKey, KeyEntry, KeySet};
use lukhas_core::{Authenticator, Embedder, Orchestrator, Provider, ResponseStore, Tokenizer};
use lukhas_engine::{Cl100k, Engine, EngineOptions, SchemaValidator};
use lukhas_gateway::{BudgetLedger, FailedAttempts, Gateway, GatewayParts, Idempotency, Limits};
use lukhas_matriz::{CatalogError, Embedders, Matriz};
use lukhas_memory::LexicalHash;
use lukhas_observability::{Telemetry, TelemetryConfig};
use lukhas_redact::Secret;
use lukhas_store::{MemoryIdempotency, MemoryStore};

use crate::budgets::Kept;
use crate::config::MetricAliases;
use crate::entropy::ThreadEntropy;
use crate::masking::{Model, Models};
use crate::redis::RedisSetup;
use crate::reload::{Reloader, Running};
use crate::upstreams::UpstreamInfo;
use crate::{AppError, Loaded, Reloaded, Settings, overload, telemetry};

/// A gateway over its parts, and the settings it was made with.
pub struct App {
    settings: Settings,
    telemetry: Telemetry,
    gateway: Gateway,
    generated: Option<Secret<String>>,
    upstreams: Vec<UpstreamInfo>,
    warnings: Vec<String>,
    reloader: Reloader,
}

impl App {
    /// Puts the parts together as `loaded` says.
    ///
    /// Without configured keys a key is made. [`load`](crate::load()) has seen to it that this happens on
    /// loopback addresses only.
    ///
    /// Where a Redis is configured, it is asked whether it will do, which takes at most twice its
    /// `connect_ms`. One that cannot be reached is waited for later.
    ///
    /// # Errors
    /// [`AppError::Config`] when that Redis will not do, and [`AppError::Journal`] when what budgets
    /// were spent cannot be kept. Any other is a defect here: what can be wrong with a configuration
    /// has been found before.
    pub fn build(loaded: Loaded) -> Result<Self, AppError> {
        let Loaded {
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
            origins,
            process,
        } = loaded;
        let kept = settings.idempotency().map(|it| it.limits());
        let sharing = redis.as_ref().map(RedisSetup::on_failure);
        let shared = redis.map(|setup| setup.open(&process.metrics, kept));
        let (shared_limits, shared_budgets, shared_answers) = match shared.transpose()? {
            Some(shared) => (Some(shared.limits), Some(shared.budgets), shared.answers),
            None => (None, None, None),
        };
        let has_configured_keys = keys.is_some();
        let (keys, generated) = match keys {
            Some(keys) => (keys, None),
            None => {
                let (keys, secret) = generate()?;
                (keys, Some(secret))
            }
        };
        let spends = Kept::new(&settings, sharing);
        let (ledger, torn) = spends.open(&process.metrics)?;
        let warnings = torn.into_iter().chain(spends.warning(&budgets)).collect();
        let keys = Arc::new(keys);
        let run_log = settings.telemetry().run_log().cloned();
        let sinks = TelemetryConfig { run_log, traces };
        let telemetry = telemetry::open(sinks, &redactions, &process.metrics, &origins)?;
        let tokenizer: Arc<dyn Tokenizer> = Arc::new(Cl100k::new());
        let store: Arc<dyn ResponseStore> = Arc::new(MemoryStore::new(settings.store()));
        let models = Models::new(&upstreams, &redactions, &process.metrics)?;
        let gateway = Gateway::new(GatewayParts {
            orchestrator: orchestrator(&settings, &models, &tokenizer, &store)?,
            embedder: embedder(&settings, &models, Arc::clone(&tokenizer))?,
            store: Arc::clone(&store),
            authenticator: Arc::clone(&keys) as Arc<dyn Authenticator>,
            failed_attempts: Some(FailedAttempts::new(
                settings.auth().max_failures_per_address(),
                settings.auth().max_failures_per_key(),
            )?),
            trusted_proxies: settings.server().trusted_proxies().to_vec(),
            entropy: Arc::new(ThreadEntropy),
            metrics: Arc::clone(&process.metrics),
            redactions: redactions.clone(),
            telemetry: telemetry.clone(),
            slos: settings.slos().to_vec(),
            limits: Limits {
                max_body_bytes: settings.server().max_body_bytes(),
                body_read_timeout: settings.server().body_read_timeout(),
                max_in_flight: settings.server().max_in_flight(),
                overload: overload::settings(&config.overload),
            },
            rate_limits,
            budgets,
            budget_ledger: BudgetLedger {
                ledger,
                shared: shared_budgets,
                ..BudgetLedger::default()
            },
            shared_limits,
            priorities,
            heartbeat: settings.heartbeat(),
            idempotency: settings.idempotency().map(|it| Idempotency {
                store: shared_answers
                    .unwrap_or_else(|| Arc::new(MemoryIdempotency::new(it.limits()))),
                linger: it.linger(),
            }),
        });
        if let Some(left) = upstreams.retries_left() {
            process.metrics.retry_budget(left);
        }
        match config.telemetry.metric_aliases {
            MetricAliases::Legacy => process.metrics.add_aliases(),
            MetricAliases::None => {}
        }
        let infos = upstreams.infos.clone();
        let running = Running {
            process,
            upstreams,
            keys,
            has_configured_keys,
        };
        Ok(Self {
            settings,
            telemetry,
            generated,
            upstreams: infos,
            warnings,
            reloader: Reloader {
                gateway: gateway.clone(),
                store,
                tokenizer,
                started: config,
                redactions,
                spends,
                running: Mutex::new(running),
            },
            gateway,
        })
    }

    /// Reads the configuration again, from the same sources, and has the gateway answer by it from
    /// the next request on; requests under way keep what they began with. Keys, limits, budgets, models
    /// and upstreams are exchanged all at once. Those that stay as they were keep what they have: limits
    /// their counts, upstreams their connections; and budgets what they were spent. It reads files, so
    /// it may block.
    ///
    /// # Errors
    /// As [`load`](crate::load()), and [`AppError::Config`] when keys were configured and no longer
    /// are. Nothing has changed then. `/readyz` and `/metrics` say what came of it.
    pub fn reload(&self) -> Result<Reloaded, AppError> {
        self.reloader.reload()
    }

    /// Whether a file of the configuration has changed since it was read, and not since this was
    /// asked last: somebody may still be writing it then. It looks at files, so it may block.
    #[must_use]
    pub fn files_have_changed(&self) -> bool {
        self.reloader.running().process.files.have_changed()
    }

    /// Delivers what there still is to tell of requests and runs, and tells nothing after it: the last
    /// thing to do. It writes files, so it may block.
    pub fn close(&self) {
        self.telemetry.close();
    }

    /// The settings it was made with.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The gateway.
    #[must_use]
    pub fn gateway(&self) -> &Gateway {
        &self.gateway
    }

    #[cfg(test)]
    pub(crate) fn reloader_running(&self) -> std::sync::MutexGuard<'_, Running> {
        self.reloader.running()
    }

    /// How many keys are of use now.
    #[must_use]
    pub fn active_keys(&self) -> usize {
        self.reloader.running().keys.active()
    }

    /// The upstreams.
    #[must_use]
    pub fn upstreams(&self) -> &[UpstreamInfo] {
        &self.upstreams
    }

    /// What whoever runs it should know, for the log.
    #[must_use]
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// The key that was made because none was configured. Show it once, to whoever started this.
    #[must_use]
    pub fn generated_key(&self) -> Option<&Secret<String>> {
        self.generated.as_ref()
    }
}

fn generate() -> Result<(KeySet, Secret<String>), AppError> {
    let mut rng = rand::rng();
    let secret = GeneratedKey::generate(&mut rng).secret;
    let token = Secret::new(secret.expose().clone());
    let entry = KeyEntry::new("the generated key", token)?;
    Ok((KeySet::new(&mut rng, [entry])?, secret))
}

pub(crate) fn orchestrator(
    settings: &Settings,
    models: &Models,
    tokenizer: &Arc<dyn Tokenizer>,
    store: &Arc<dyn ResponseStore>,
) -> Result<Arc<dyn Orchestrator>, CatalogError> {
    let engine = Engine::new(EngineOptions {
        token_delay: settings.token_delay(),
        context_window: settings.context_window(),
        ..EngineOptions::default()
    });
    let engine: Arc<dyn Provider> = Arc::new(engine);
    let mut matriz = Matriz::new(Arc::clone(tokenizer), Arc::new(SchemaValidator::default()))
        .with_provider(engine)?
        .with_store(Arc::clone(store))
        .with_private_hosts(settings.private_hosts().iter().cloned());
    for model in &models.named {
        matriz = matriz.with_provider(model.provider())?;
    }
    for (prefix, other) in &models.others {
        matriz = matriz.with_other(*prefix, other.provider());
    }
    for (alias, model) in settings.aliases().chat() {
        matriz = matriz.with_alias(alias, model)?;
    }
    Ok(Arc::new(matriz))
}

pub(crate) fn embedder(
    settings: &Settings,
    models: &Models,
    tokenizer: Arc<dyn Tokenizer>,
) -> Result<Arc<dyn Embedder>, CatalogError> {
    let lexical = Arc::new(LexicalHash::new(tokenizer));
    let mut embedders = Embedders::new().with_embedder(lexical)?;
    for embedder in models.named.iter().filter_map(Model::embedder) {
        embedders = embedders.with_embedder(embedder)?;
    }
    for (prefix, other) in &models.others {
        if let Some(embedder) = other.embedder() {
            embedders = embedders.with_other(*prefix, embedder);
        }
    }
    let aliases = settings.aliases();
    for (alias, model) in aliases.embedding().iter().chain(aliases.chat()) {
        if embedders.models().iter().any(|other| other.id == *model) {
            embedders = embedders.with_alias(alias, model)?;
        }
    }
    Ok(Arc::new(embedders))
}

impl fmt::Debug for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("App")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use futures_util::StreamExt;
    use lukhas_core::{
        Entropy, Id, Item, Media, MediaSource, Message, ModelInfo, Outcome, OutputEvent, Part,
        Principal, Role, RunCx, RunError, RunEvent, RunRequest,
    };

    use super::*;
    use crate::{CHAT_MODEL, EMBEDDING_MODEL, Sources, load};

    fn defaults() -> Loaded {
        load(Sources::default()).unwrap()
    }

    #[test]
    fn the_named_models_are_the_models_there_are() {
        let app = defaults();
        let store: Arc<dyn ResponseStore> = Arc::new(MemoryStore::default());
        let tokenizer: Arc<dyn Tokenizer> = Arc::new(Cl100k::new());
        let none = Models::default();
        let orchestrator = orchestrator(app.settings(), &none, &tokenizer, &store).unwrap();
        let embedder = embedder(app.settings(), &none, tokenizer).unwrap();
        let names = |models: &[ModelInfo]| -> Vec<_> {
            models.iter().map(|model| model.id.clone()).collect()
        };
        assert_eq!(names(orchestrator.models()), [CHAT_MODEL, "gpt-4o-mini"]);
        let expected = [EMBEDDING_MODEL, "text-embedding-3-small"];
        assert_eq!(names(embedder.models()), expected);
    }

    /// How a run ends whose image is at `url`.
    async fn run(orchestrator: &dyn Orchestrator, url: &str) -> Option<RunError> {
        let source = MediaSource::Url(url.to_owned());
        let image = Part::Image(Media { source, hint: None });
        let request = RunRequest {
            model: CHAT_MODEL.into(),
            items: vec![Item::Message(Message {
                id: None,
                name: None,
                role: Role::User,
                parts: vec![Part::Text("What is this?".into()), image],
            })],
            ..RunRequest::default()
        };
        let entropy: Arc<dyn Entropy> = Arc::new(ThreadEntropy);
        let cx = RunCx {
            run_id: Id::new("run_", &*entropy),
            principal: Arc::new(Principal::new("key", "tenant")),
            entropy,
            steps: false,
            trace: None,
            abandoned: None,
        };
        match orchestrator
            .run(cx, request)
            .collect::<Vec<_>>()
            .await
            .pop()
        {
            Some(RunEvent::Output(OutputEvent::Ended(end))) => match end.outcome {
                Outcome::Failed(error) => Some(error),
                Outcome::Completed | Outcome::Incomplete(_) => None,
            },
            last => panic!("no end: {last:?}"),
        }
    }

    #[tokio::test]
    async fn urls_name_the_private_hosts_of_the_configuration_and_no_others() {
        let hosts = r#"["10.0.0.7"]"#.into();
        let sources = Sources {
            environment: vec![("LUKHAS_URLS__PRIVATE_HOSTS".into(), hosts)],
            ..Sources::default()
        };
        let app = load(sources).unwrap();
        let store: Arc<dyn ResponseStore> = Arc::new(MemoryStore::default());
        let tokenizer: Arc<dyn Tokenizer> = Arc::new(Cl100k::new());
        let none = Models::default();
        let orchestrator = orchestrator(app.settings(), &none, &tokenizer, &store).unwrap();
        assert_eq!(run(&*orchestrator, "http://10.0.0.7/a.png").await, None);
        let refused = run(&*orchestrator, "http://10.0.0.8/a.png").await.unwrap();
        assert_eq!(refused.param.as_deref(), Some("input"));
    }

    #[test]
    fn a_key_is_made_when_none_is_configured() {
        let app = App::build(defaults()).unwrap();
        let key = app.generated_key().unwrap().expose();
        assert!(key.starts_with("lk_live_"));
        assert!(!format!("{app:?}").contains(key));

        let mut sources = Sources::default();
        let token = "t".repeat(24);
        sources.environment = vec![("LUKHAS_API_TOKEN".into(), token.into())];
        let app = App::build(load(sources).unwrap()).unwrap();
        assert!(app.generated_key().is_none());
    }
}
