// SPDX-License-Identifier: Apache-2.0
//! From what is configured to the Redis that replicas share.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use lukhas_auth::KeySet;
use lukhas_core::IdempotencyStore;
use lukhas_gateway::{OnFailure, SharedBudgets, SharedLimits};
use lukhas_observability::Metrics;
use lukhas_redact::Secret;
use lukhas_store::{
    IdempotencyLimits, MemoryIdempotency, Redis, RedisIdempotency, RedisLedger, RedisLimiter,
    RedisOptions, RedisUrl,
};

use crate::config::{
    Config, Environment, FailureConfig, Origin, Origins, Problem, Problems, REDIS_URL,
};
use crate::reference::{Kind, Reference, variable};

const KEY: &str = "redis.url";

/// Most bytes of a prefix.
const MAX_PREFIX: usize = 64;

const KIND: Kind = Kind {
    name: "the URL of a Redis",
    content: "URL",
    help: "write `env:NAME` for a variable or `file:PATH` for a file, never the URL itself, which may \
           hold a password; or set LUKHAS_REDIS_URL to it",
};

const NAMES: &str = "name keys in `auth.keys_file`, one a line: the key, then its name; or make them \
                     with `lukhas keys create`";

/// A Redis that is configured, and not yet asked.
#[derive(Debug)]
pub(crate) struct RedisSetup {
    options: RedisOptions,
    on_failure: OnFailure,
    /// What each replica takes ahead, in thousandths of a burst.
    lease: u32,
    /// Where its URL comes from.
    origin: Origin,
}

/// What replicas share in a Redis.
pub(crate) struct Shared {
    pub(crate) limits: SharedLimits,
    pub(crate) budgets: SharedBudgets,
    /// `None` where no answers are kept.
    pub(crate) answers: Option<Arc<dyn IdempotencyStore>>,
}

impl RedisSetup {
    /// What is done while it cannot be asked.
    pub(crate) fn on_failure(&self) -> OnFailure {
        self.on_failure
    }

    /// What replicas share in it: limits, budgets, and answers to repeated requests, if any are `kept`. It
    /// is asked whether it will do.
    ///
    /// # Errors
    /// [`Problem`] of its URL when it will not, however long one waits.
    pub(crate) fn open(
        self,
        metrics: &Metrics,
        kept: Option<IdempotencyLimits>,
    ) -> Result<Shared, Problem> {
        let (on_failure, lease) = (self.on_failure, self.lease);
        let redis = self.connect()?;
        let limits = SharedLimits {
            limiter: Arc::new(RedisLimiter::new(redis.clone(), lease)),
            on_failure,
        };
        let budgets = SharedBudgets {
            ledger: Arc::new(RedisLedger::new(redis.clone())),
            on_failure,
        };
        let answers = kept.map(|kept| {
            let alone = match on_failure {
                OnFailure::Deny => None,
                OnFailure::Local => Some(MemoryIdempotency::new(kept)),
            };
            Arc::new(RedisIdempotency::new(redis.clone(), kept, alone)) as _
        });
        metrics.redis(move || redis.check().is_ok());
        Ok(Shared {
            limits,
            budgets,
            answers,
        })
    }

    /// The budgets that replicas share in it.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub(crate) fn ledger(self) -> Result<RedisLedger, Problem> {
        self.connect().map(RedisLedger::new)
    }

    fn connect(self) -> Result<Redis, Problem> {
        let shown = self.options.url.to_string();
        Redis::open(self.options).map_err(|error| {
            let message = format!("the Redis at `{shown}` cannot be used: {error}");
            let problem = Problem::new(self.origin, message).with_key(KEY);
            problem.with_help(error.help())
        })
    }
}

/// The Redis of `config`; `None` where it names none.
///
/// # Errors
/// [`Problems`] with everything that is wrong, each at its place.
pub(crate) fn build(
    config: &Config,
    environment: &Environment,
    origins: &Origins,
    keys: Option<&KeySet>,
) -> Result<Option<RedisSetup>, Problems> {
    let redis = &config.redis;
    let mut problems = Vec::new();
    let mut wrong = |key: &str, origin: Origin, (message, help): (String, String)| {
        problems.push(Problem::new(origin, message).with_key(key).with_help(help));
    };
    let short = environment.get(REDIS_URL).filter(|it| !it.is_empty());
    let (origin, text) = match (&redis.url, short) {
        (None, None) => (Origin::Default, Ok(None)),
        (Some(reference), None) => {
            let origin = origins.get(KEY);
            let text = Reference::parse(reference, KIND, origin.folder());
            let text = text.and_then(|reference| reference.read(KIND, environment));
            (origin, text.map(Some))
        }
        (None, Some(_)) => {
            let text = variable(REDIS_URL, KIND, environment);
            (Origin::Env(REDIS_URL.into()), text.map(Some))
        }
        (Some(_), Some(_)) => {
            let message = format!("set twice; the other is {REDIS_URL}");
            (
                origins.get(KEY),
                Err((message, "keep one of the two".into())),
            )
        }
    };
    let url = match text.and_then(|text| text.as_ref().map(parse).transpose()) {
        Ok(url) => url,
        Err(what) => {
            wrong(KEY, origin.clone(), what);
            None
        }
    };
    if !is_prefix(&redis.prefix) {
        let message =
            format!("a prefix is 1 to {MAX_PREFIX} letters, digits, `_`, `.`, `-` or `:`");
        let what = (
            message,
            "write `lukhas`, or what tells this service from others".into(),
        );
        wrong("redis.prefix", origins.get("redis.prefix"), what);
    }
    let ca_origin = origins.get("redis.ca_file");
    let ca = match redis
        .ca_file
        .as_deref()
        .map(|path| read_ca(path, &ca_origin))
    {
        Some(Err(what)) => {
            wrong("redis.ca_file", ca_origin, what);
            None
        }
        Some(Ok(pem)) => Some(pem),
        None => None,
    };
    // The pepper of a store is the same in each replica; without one, each makes another.
    let mut nameless = keys.into_iter().flat_map(KeySet::nameless);
    if let (Some(_), None, Some((of, _))) = (&url, &config.auth.key_store, nameless.next()) {
        let message = format!(
            "the key of {of} has no name, so that each replica would take its holder for another one"
        );
        wrong(KEY, origin.clone(), (message, NAMES.to_owned()));
    }
    Problems::none_of(problems)?;
    Ok(url.map(|url| RedisSetup {
        options: RedisOptions {
            url,
            ca,
            prefix: redis.prefix.clone(),
            connect: redis.connect_ms.millis(),
            timeout: redis.timeout_ms.millis(),
        },
        on_failure: redis.on_failure.into(),
        lease: redis.lease.thousandths(),
        origin,
    }))
}

fn parse(text: &Secret<String>) -> Result<RedisUrl, (String, String)> {
    RedisUrl::parse(text).map_err(|error| {
        let help = "write `redis://:PASSWORD@HOST:PORT/DATABASE`, or `rediss://` for TLS";
        (
            format!("this is not the URL of a Redis: {error}"),
            help.to_owned(),
        )
    })
}

fn is_prefix(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-:".contains(&byte);
    (1..=MAX_PREFIX).contains(&text.len()) && text.bytes().all(plain)
}

fn read_ca(path: &Path, origin: &Origin) -> Result<Vec<u8>, (String, String)> {
    let path = origin.folder().unwrap_or(Path::new("")).join(path);
    fs::read(&path).map_err(|error| {
        let message = format!("`{}` cannot be read: {error}", path.display());
        (
            message,
            "name a file of certificate authorities in PEM form".to_owned(),
        )
    })
}

impl From<FailureConfig> for OnFailure {
    fn from(config: FailureConfig) -> Self {
        match config {
            FailureConfig::Deny => Self::Deny,
            FailureConfig::Local => Self::Local,
        }
    }
}
