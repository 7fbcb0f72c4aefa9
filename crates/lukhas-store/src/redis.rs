// SPDX-License-Identifier: Apache-2.0
//! What replicas share, in one Redis or Valkey.

mod answers;
mod client;
mod connection;
mod error;
mod holdings;
mod ledger;
mod limiter;
#[cfg(any(test, feature = "local-redis"))]
mod local;
mod scale;
mod script;
#[cfg(test)]
mod testing;
mod url;

pub use self::answers::RedisIdempotency;
pub use self::client::{Redis, RedisOptions};
pub use self::error::RedisError;
pub use self::ledger::RedisLedger;
pub use self::limiter::RedisLimiter;
#[cfg(any(test, feature = "local-redis"))]
pub use self::local::LocalRedis;
pub use self::url::{RedisUrl, RedisUrlError};
