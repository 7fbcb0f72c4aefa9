// SPDX-License-Identifier: Apache-2.0
//! Composition root: configuration, assembly of the gateway and its parts.
//!
//! [`load()`] reads files, environment and flags into a [`Config`], checks them and gives
//! [`Settings`]; everything wrong with them comes back at once, each with its place. [`App::build`]
//! makes a gateway of them, and [`App::reload`] has it follow what changes. [`mock_options()`] does the same for a fake upstream and its script, [`redact_rules()`] for redaction.
//!
//! ```
//! use lukhas_app::{App, Flags, Sources, load};
//!
//! let flags = Flags { listen: Some("127.0.0.1:0".into()), ..Flags::default() };
//! let loaded = load(Sources { flags, ..Sources::default() })?;
//! let app = App::build(loaded)?;
//! assert!(app.generated_key().is_some());
//!
//! let flags = Flags { listen: Some("8080".into()), ..Flags::default() };
//! let error = load(Sources { flags, ..Sources::default() }).unwrap_err();
//! assert_eq!(
//!     error.to_string(),
//!     "--listen: `server.listen`: `8080` is not an address and a port\n  \
//!      help: write `127.0.0.1:8080`",
//! );
//! # Ok::<(), lukhas_app::AppError>(())
//! ```

mod app;
mod budgets;
mod config;
mod entropy;
mod error;
mod files;
mod keys;
mod limits;
mod load;
mod masking;
mod mock;
mod models;
mod overload;
mod redact;
mod redis;
mod reference;
mod reload;
mod rules;
mod settings;
mod telemetry;
mod traces;
mod upstreams;
mod yaml;

pub use app::App;
pub use budgets::standing::BudgetStanding;

pub use config::{
    AuthConfig, Bounded, BudgetConfig, BudgetPerConfig, ClassConfig, Config, ContentConfig,
    Decimal, EngineConfig, FailureConfig, IdempotencyConfig, KindConfig, LatencyBudgetConfig,
    LimitConfig, LogConfig, LogFormat, Mask, MetricAliases, ModelConfig, ModelsConfig, Origin,
    OutOfRange, OverloadConfig, PatternConfig, PerConfig, PeriodConfig, PriorityClass,
    PriorityConfig, Problem, Problems, RateConfig, RedactionConfig, RedisConfig, RetryConfig,
    RunLogConfig, ServerConfig, SloConfig, StoreConfig, TargetConfig, TelemetryConfig,
    TimeoutsConfig, UnsupportedSchema, UpstreamApi, UpstreamConfig, UrlsConfig, WindowConfig,
};
pub use error::AppError;
pub use keys::admin::{Checked, KeyAdmin, MadeKey};
pub use keys::wish::KeyWish;
pub use load::{Flags, Loaded, Sources, load};
pub use mock::{MockFlags, MockSources, mock_options};
pub use models::{CHAT_MODEL, EMBEDDING_MODEL};
pub use redact::{RedactFlags, redact_rules};
pub use reload::Reloaded;
pub use settings::{Aliases, Auth, Idempotency, Log, Server, Settings, Telemetry};
pub use upstreams::UpstreamInfo;
pub use yaml::to_yaml;
