// SPDX-License-Identifier: Apache-2.0
//! Stores for responses, behind the [`lukhas_core::ResponseStore`] seam, for the answers to requests
//! with an idempotency key, behind [`lukhas_core::IdempotencyStore`], and the journal of what budgets
//! were spent.
//!
//! [`MemoryStore`] and [`MemoryIdempotency`] keep them in this process, within bounds, until it ends.
//! With the feature `redis`, replicas share such answers in a `Redis`, as `RedisIdempotency`, and the
//! limits of [`lukhas_reliability::SharedLimiter`], as `RedisLimiter`, and the budgets of
//! [`lukhas_reliability::SharedLedger`], as `RedisLedger`.
//! What every store must do is written down as a suite each, `check_conformance` and
//! `check_idempotency` (feature `conformance`), which the tests of each store run.
//! [`SpendJournal`] makes what a [`lukhas_reliability::Ledger`] settles outlast the process.
//!
//! ```
//! use lukhas_core::{Item, ResponseStore, Role, StoredResponse};
//! use lukhas_store::{MemoryLimits, MemoryStore};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), lukhas_core::StoreError> {
//! let store = MemoryStore::new(MemoryLimits::default());
//! let response = StoredResponse {
//!     id: "resp_1".into(),
//!     previous: None,
//!     body: "{}".into(),
//!     input: vec![Item::text(Role::User, "Hello")],
//!     output: vec![Item::text(Role::Assistant, "Good day")],
//! };
//! store.put("acme", response).await?;
//! assert!(store.get("acme", "resp_1").await?.is_some());
//! assert!(store.get("another", "resp_1").await?.is_none());
//! # Ok(())
//! # }
//! ```

#[cfg(any(test, feature = "conformance"))]
mod conformance;
mod idempotency;
mod journal;
mod memory;
#[cfg(feature = "redis")]
mod redis;
mod size;

#[cfg(any(test, feature = "conformance"))]
pub use conformance::{Violation, check_conformance, check_idempotency};
pub use idempotency::{IdempotencyLimits, IdempotencyUsage, MemoryIdempotency};
pub use journal::{JournalError, Restored, SpendJournal};
pub use memory::{MemoryLimits, MemoryStore, MemoryUsage};
#[cfg(all(feature = "redis", any(test, feature = "local-redis")))]
pub use redis::LocalRedis;
#[cfg(feature = "redis")]
pub use redis::{
    Redis, RedisError, RedisIdempotency, RedisLedger, RedisLimiter, RedisOptions, RedisUrl,
    RedisUrlError,
};
