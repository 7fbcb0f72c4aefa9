// SPDX-License-Identifier: Apache-2.0
//! What can be configured: every key, its type, its range and its default.
//!
//! The structs here are what files, environment and flags are read into. They are the only place
//! where keys are named; the reader, the checks, `config show` and the documentation follow their
//! JSON Schema.

mod bounded;
mod budget;
mod check;
mod decimal;
mod env;
mod layer;
mod limit;
mod node;
mod origins;
mod overload;
mod problem;
mod redaction;
mod shape;
mod show;
mod slo;
mod suggest;
mod telemetry;
mod yaml;

use std::collections::BTreeMap;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::models::{CHAT_MODEL, EMBEDDING_MODEL};

pub use bounded::{Bounded, OutOfRange};
pub use budget::{BudgetConfig, BudgetPerConfig, WindowConfig};
pub use decimal::Decimal;
pub use limit::{ClassConfig, LimitConfig, PerConfig, PeriodConfig, RateConfig};
pub use overload::{OverloadConfig, PriorityClass, PriorityConfig};
pub use problem::{Origin, Problem, Problems};
pub use redaction::{KindConfig, Mask, PatternConfig, RedactionConfig};
pub use shape::UnsupportedSchema;
pub use slo::{LatencyBudgetConfig, SloConfig};
pub use telemetry::{ContentConfig, MetricAliases, RunLogConfig, TelemetryConfig};

pub(crate) use check::{check, conflicts};
pub(crate) use env::{API_TOKEN, Environment, REDIS_URL};
pub(crate) use layer::{Layer, merge};
pub(crate) use node::{Node, Value, excerpt};
pub(crate) use origins::Origins;
pub(crate) use shape::Shape;
pub(crate) use show::{json, yaml};
pub(crate) use suggest::closest;
pub(crate) use yaml::read_file;

/// Everything that can be configured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// A second file with `timeouts`, `retry`, `limits`, `budgets`, `overload` and the limits of
    /// `server`, relative to the file that names it.
    pub reliability: Option<PathBuf>,
    /// A file with `objectives`, relative to the file that names it.
    pub slo_budgets: Option<PathBuf>,
    /// The listener and its limits.
    pub server: ServerConfig,
    /// Who may ask.
    pub auth: AuthConfig,
    /// Logs, on standard error.
    pub log: LogConfig,
    /// What is kept out of logs, errors and all else that is told of requests.
    pub redaction: RedactionConfig,
    /// Who is told of requests and runs, besides the log.
    pub telemetry: TelemetryConfig,
    /// What is promised of answers.
    pub objectives: SloConfig,
    /// The embedded offline engine.
    pub engine: EngineConfig,
    /// Where models are, by name.
    pub upstreams: BTreeMap<String, UpstreamConfig>,
    /// Names of models, and who answers for them.
    pub models: ModelsConfig,
    /// URLs of images and files in requests.
    pub urls: UrlsConfig,
    /// How long each part of a call to an upstream may take, and clients may hear nothing of it.
    pub timeouts: TimeoutsConfig,
    /// What is asked again when an upstream fails.
    pub retry: RetryConfig,
    /// How often and how much callers may ask. A request has to pass every rule that covers it.
    pub limits: Vec<LimitConfig>,
    /// How much callers may use in a day or a month. A request needs every budget that covers it.
    pub budgets: Vec<BudgetConfig>,
    /// What is done when there is more to do than room for it.
    pub overload: OverloadConfig,
    /// Where responses are kept, and what budgets were spent.
    pub store: StoreConfig,
    /// Requests with an `Idempotency-Key`, which are answered once.
    pub idempotency: IdempotencyConfig,
    /// What replicas share, in a Redis or Valkey.
    pub redis: RedisConfig,
}

/// The listener and its limits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ServerConfig {
    /// Address and port to listen on; port 0 takes a free one.
    pub listen: String,
    /// Networks of proxies (`10.0.0.0/8`, or one address) whose `X-Forwarded-For` and `Forwarded`
    /// say where a request comes from.
    pub trusted_proxies: Vec<String>,
    /// Most milliseconds from the first byte of a request (or from the connection, for its first
    /// request) to the end of its headers.
    pub header_read_timeout_ms: Bounded<50, 600_000>,
    /// Most milliseconds from the end of a request's headers to the end of its body, and a second
    /// more for each KiB of it.
    pub body_read_timeout_ms: Bounded<50, 3_600_000>,
    /// Milliseconds after which a connection without a request is closed.
    pub idle_timeout_ms: Bounded<50, 86_400_000>,
    /// Milliseconds after which a client that reads nothing of its answer loses its connection.
    pub stream_write_timeout_ms: Bounded<50, 3_600_000>,
    /// Most milliseconds to wait at a stop for requests under way; 0 does not wait.
    pub drain_timeout_ms: Bounded<0, 3_600_000>,
    /// Most bytes of a request's line and headers together.
    pub max_header_bytes: Bounded<8_192, 1_048_576>,
    /// Most bytes of a request's body.
    pub max_body_bytes: Bounded<1_024, 1_073_741_824>,
    /// Most connections at a time; further ones wait to be accepted.
    pub max_connections: Bounded<1, 1_000_000>,
    /// Most runs at a time; further ones wait, as `overload` says, or are answered 503.
    pub max_in_flight: Bounded<1, 1_000_000>,
}

/// Who may ask.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AuthConfig {
    /// File with one key a line, relative to the file that names it.
    pub keys_file: Option<PathBuf>,
    /// Names of environment variables that hold a key each. `LUKHAS_API_TOKEN` is always read.
    pub keys_env: Vec<String>,
    /// The store of keys that `lukhas keys` writes, relative to the file that names it.
    pub key_store: Option<PathBuf>,
    /// The secret that the store's digests are made with: `env:NAME` for a variable, `file:PATH`
    /// for a file, relative to this one. When absent, the file `NAME.pepper` beside the store.
    pub pepper: Option<String>,
    /// Most attempts of one client address in a minute that may fail.
    pub max_failures_per_address: Bounded<1, 1_000_000>,
    /// Most of them with one key.
    pub max_failures_per_key: Bounded<1, 1_000_000>,
}

/// Logs, on standard error.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LogConfig {
    /// What is logged: a level, or `target=level` pairs joined by commas.
    pub filter: String,
    /// How it is written.
    pub format: LogFormat,
}

/// How logs are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// Lines for people.
    #[default]
    Pretty,
    /// One JSON object a line.
    Json,
}

/// The embedded offline engine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct EngineConfig {
    /// Milliseconds between two pieces of an answer, to see streams at the speed of a model.
    pub token_delay_ms: Bounded<0, 60_000>,
    /// Most tokens of a conversation, answer included.
    pub context_window: Bounded<1_024, 10_000_000>,
}

/// Where models are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct UpstreamConfig {
    /// The API it speaks; `chat` when absent.
    pub api: UpstreamApi,
    /// Where its API begins, as in `http://127.0.0.1:11434/v1`.
    pub base_url: String,
    /// Its key: `env:NAME` for a variable, `file:PATH` for a file, relative to this one.
    pub key: Option<String>,
    /// File of certificate authorities (PEM) to trust instead of the public ones.
    pub ca_file: Option<PathBuf>,
    /// Instead of `timeouts.connect_ms`.
    pub connect_ms: Option<Bounded<1, 600_000>>,
    /// Instead of `timeouts.read_ms`.
    pub read_ms: Option<Bounded<1, 3_600_000>>,
    /// Instead of `timeouts.total_ms`.
    pub total_ms: Option<Bounded<1, 86_400_000>>,
    /// Instead of `redaction.mask_upstreams`.
    pub mask: Option<Mask>,
}

/// The API of an upstream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum UpstreamApi {
    /// OpenAI's Chat Completions: OpenAI, vLLM, Ollama, llama.cpp and most others.
    #[default]
    Chat,
    /// OpenAI's Responses.
    Responses,
    /// Anthropic's Messages.
    Messages,
}

/// Names of models, and who answers for them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ModelsConfig {
    /// Further names, each for a model of this server, chat or embedding.
    pub aliases: BTreeMap<String, String>,
    /// Models of upstreams, by their public names.
    pub table: BTreeMap<String, ModelConfig>,
    /// The upstream that answers for every other name, under that name.
    pub other: Option<String>,
}

/// A model of upstreams.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ModelConfig {
    /// Who answers, in order: the next is asked when the ones before it fail.
    pub targets: Vec<TargetConfig>,
    /// Most tokens of a conversation, answer included; when absent, the upstream decides.
    pub context_window: Option<Bounded<1_024, 100_000_000>>,
    /// Most tokens of an answer; when absent, the upstream decides.
    pub max_output_tokens: Option<Bounded<1, 100_000_000>>,
    /// What its tokens cost, of targets without a price of their own.
    pub price: Option<PriceConfig>,
    /// Instead of `retry.hedge_after_ms`.
    pub hedge_after_ms: Option<Bounded<1, 600_000>>,
    /// Instead of `retry.max_continuations`.
    pub max_continuations: Option<Bounded<0, 99>>,
}

/// One upstream of a model.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TargetConfig {
    /// A name of `upstreams`.
    pub upstream: String,
    /// Its own name for the model; the public one when absent.
    pub model: Option<String>,
    /// Its share among targets that are written one after the other with a weight each; without one
    /// it stands alone.
    pub weight: Option<Bounded<1, 1_000_000>>,
    /// Instead of the upstream's `read_ms`.
    pub read_ms: Option<Bounded<1, 3_600_000>>,
    /// Instead of the upstream's `total_ms`.
    pub total_ms: Option<Bounded<1, 86_400_000>>,
    /// What its tokens cost, instead of the model's `price`.
    pub price: Option<PriceConfig>,
}

/// What a million tokens cost, in US dollars: decimal numbers in quotes, with at most six digits
/// before and behind the point.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PriceConfig {
    /// Of the input.
    pub input: String,
    /// Of the input that was read from a cache; as the other input when absent.
    pub cached_input: Option<String>,
    /// Of the output, reasoning included.
    pub output: String,
}

/// URLs of images and files in requests, which upstreams may fetch.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct UrlsConfig {
    /// Hosts that they may name although these are not public: names, addresses, and `*.NAME` for
    /// all names under one.
    pub private_hosts: Vec<String>,
}

/// How long each part of a call to an upstream may take, and clients may hear nothing of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TimeoutsConfig {
    /// Most milliseconds until there is a connection.
    pub connect_ms: Bounded<1, 600_000>,
    /// Most milliseconds until the first token of a streamed answer, and between two pieces of it.
    pub read_ms: Bounded<1, 3_600_000>,
    /// Most milliseconds for an answer, retries included.
    pub total_ms: Bounded<1, 86_400_000>,
    /// Milliseconds of silence after which a streamed answer tells its client that it is alive; 0
    /// never does.
    pub heartbeat_ms: Bounded<0, 3_600_000>,
}

/// What is asked again when an upstream fails.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RetryConfig {
    /// Most attempts for one answer, the first among them.
    pub max_attempts: Bounded<1, 100>,
    /// Most retries as a share of requests.
    pub budget: Decimal<0, 1_000>,
    /// Seconds before the first retry.
    pub base_s: Decimal<1, 600_000>,
    /// What each further wait is multiplied by.
    pub factor: Decimal<1_000, 100_000>,
    /// The share of a wait that chance may leave out.
    pub jitter: Decimal<0, 1_000>,
    /// Most seconds of a wait.
    pub max_s: Decimal<1, 3_600_000>,
    /// Milliseconds that a streamed answer may take to begin before another target is asked beside
    /// the first; never when absent.
    pub hedge_after_ms: Option<Bounded<1, 600_000>>,
    /// How often an answer of text alone that breaks off is gone on with, and marked; 0 for never.
    pub max_continuations: Bounded<0, 99>,
}

/// Where responses are kept, and what budgets were spent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct StoreConfig {
    /// Folder of what has to outlast the process, relative to the file that names it: the journal of
    /// budgets. When absent, they are kept in memory.
    pub dir: Option<PathBuf>,
    /// Most bytes of memory for kept responses; beyond, the oldest are dropped.
    pub max_bytes: Bounded<1_048_576, 1_099_511_627_776>,
    /// Most kept responses; beyond, the oldest are dropped.
    pub max_entries: Bounded<1, 100_000_000>,
}

/// Requests with an `Idempotency-Key`, which are answered once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct IdempotencyConfig {
    /// Seconds that an answer is kept after its end, to be given again; 0 passes over the header.
    pub ttl_s: Bounded<0, 2_592_000>,
    /// Most bytes of memory for kept answers; beyond, the oldest are dropped.
    pub max_bytes: Bounded<65_536, 1_099_511_627_776>,
    /// Most kept answers, those under way among them; beyond, the oldest are dropped.
    pub max_entries: Bounded<1, 100_000_000>,
    /// Most bytes of one kept answer; a larger one reaches those who read it, and nobody later.
    pub max_entry_bytes: Bounded<1_024, 1_099_511_627_776>,
    /// Most milliseconds that a run goes on whose clients have all left, so that one that comes back
    /// finds its answer; 0 ends it at once.
    pub linger_ms: Bounded<0, 3_600_000>,
}

/// What replicas share, in a Redis or Valkey.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RedisConfig {
    /// Its URL: `env:NAME` for a variable, `file:PATH` for a file, relative to this one. The variable
    /// `LUKHAS_REDIS_URL` is a short form.
    pub url: Option<String>,
    /// File of certificate authorities (PEM) to trust instead of the public ones.
    pub ca_file: Option<PathBuf>,
    /// What the name of each key begins with. Replicas that have it in common share.
    pub prefix: String,
    /// Most milliseconds until there is a connection.
    pub connect_ms: Bounded<1, 600_000>,
    /// Most milliseconds for a command.
    pub timeout_ms: Bounded<1, 60_000>,
    /// What is done while it cannot be asked.
    pub on_failure: FailureConfig,
    /// The share of a burst of requests that each replica takes ahead, to spend it without asking; 0
    /// asks for each, and is exact.
    pub lease: Decimal<0, 500>,
}

/// What is done while a Redis cannot be asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FailureConfig {
    /// What needs it is answered 503.
    #[default]
    Deny,
    /// Each replica goes on alone.
    Local,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            reliability: None,
            slo_budgets: None,
            server: ServerConfig::default(),
            auth: AuthConfig::default(),
            log: LogConfig::default(),
            redaction: RedactionConfig::default(),
            telemetry: TelemetryConfig::default(),
            objectives: SloConfig::default(),
            engine: EngineConfig::default(),
            upstreams: BTreeMap::new(),
            models: ModelsConfig::default(),
            urls: UrlsConfig::default(),
            timeouts: TimeoutsConfig::default(),
            retry: RetryConfig::default(),
            limits: limit::defaults(),
            budgets: Vec::new(),
            overload: OverloadConfig::default(),
            store: StoreConfig::default(),
            idempotency: IdempotencyConfig::default(),
            redis: RedisConfig::default(),
        }
    }
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:8080".to_owned(),
            trusted_proxies: Vec::new(),
            header_read_timeout_ms: Bounded::of::<10_000>(),
            body_read_timeout_ms: Bounded::of::<30_000>(),
            idle_timeout_ms: Bounded::of::<75_000>(),
            stream_write_timeout_ms: Bounded::of::<60_000>(),
            drain_timeout_ms: Bounded::of::<30_000>(),
            max_header_bytes: Bounded::of::<32_768>(),
            max_body_bytes: Bounded::of::<4_194_304>(),
            max_connections: Bounded::of::<4_096>(),
            max_in_flight: Bounded::of::<1_024>(),
        }
    }
}

impl Default for AuthConfig {
    fn default() -> Self {
        Self {
            keys_file: None,
            keys_env: Vec::new(),
            key_store: None,
            pepper: None,
            max_failures_per_address: Bounded::of::<60>(),
            max_failures_per_key: Bounded::of::<10>(),
        }
    }
}

impl Default for LogConfig {
    fn default() -> Self {
        Self {
            filter: "info".to_owned(),
            format: LogFormat::default(),
        }
    }
}

impl Default for EngineConfig {
    fn default() -> Self {
        Self {
            token_delay_ms: Bounded::of::<0>(),
            context_window: Bounded::of::<128_000>(),
        }
    }
}

impl Default for ModelsConfig {
    fn default() -> Self {
        let aliases = [
            ("gpt-4o-mini", CHAT_MODEL),
            ("text-embedding-3-small", EMBEDDING_MODEL),
        ];
        Self {
            aliases: aliases.map(|(a, b)| (a.to_owned(), b.to_owned())).into(),
            table: BTreeMap::new(),
            other: None,
        }
    }
}

impl Default for TimeoutsConfig {
    fn default() -> Self {
        Self {
            connect_ms: Bounded::of::<1_000>(),
            read_ms: Bounded::of::<10_000>(),
            total_ms: Bounded::of::<600_000>(),
            heartbeat_ms: Bounded::of::<15_000>(),
        }
    }
}

impl Default for RetryConfig {
    fn default() -> Self {
        Self {
            max_attempts: Bounded::of::<3>(),
            budget: Decimal::of::<100>(),
            base_s: Decimal::of::<100>(),
            factor: Decimal::of::<2_000>(),
            jitter: Decimal::of::<100>(),
            max_s: Decimal::of::<30_000>(),
            hedge_after_ms: None,
            max_continuations: Bounded::of::<0>(),
        }
    }
}

impl Default for StoreConfig {
    fn default() -> Self {
        Self {
            dir: None,
            max_bytes: Bounded::of::<16_777_216>(),
            max_entries: Bounded::of::<100_000>(),
        }
    }
}

impl Default for IdempotencyConfig {
    fn default() -> Self {
        Self {
            ttl_s: Bounded::of::<86_400>(),
            max_bytes: Bounded::of::<67_108_864>(),
            max_entries: Bounded::of::<10_000>(),
            max_entry_bytes: Bounded::of::<4_194_304>(),
            linger_ms: Bounded::of::<30_000>(),
        }
    }
}

impl Default for RedisConfig {
    fn default() -> Self {
        Self {
            url: None,
            ca_file: None,
            prefix: "lukhas".to_owned(),
            connect_ms: Bounded::of::<1_000>(),
            timeout_ms: Bounded::of::<100>(),
            on_failure: FailureConfig::default(),
            lease: Decimal::of::<0>(),
        }
    }
}
