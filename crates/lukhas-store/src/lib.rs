// SPDX-License-Identifier: Apache-2.0
//! Stores for responses, behind the [`lukhas_core::ResponseStore`] seam.
//!
//! [`MemoryStore`] keeps them in this process, within bounds, until it ends. What every store must
//! do is written down as a suite, `check_conformance` (feature `conformance`), which the tests of
//! each store run.
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
mod memory;

#[cfg(any(test, feature = "conformance"))]
pub use conformance::{Violation, check_conformance};
pub use memory::{MemoryLimits, MemoryStore, MemoryUsage};
