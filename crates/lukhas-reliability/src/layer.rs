// SPDX-License-Identifier: Apache-2.0
//! Layers over the types, for services that are put together with tower.
//!
//! There is none for deadlines: the retry layer holds its own, and tower has one for timeouts.

mod breaker;
mod retry;

pub use self::breaker::{Breaker, BreakerError, BreakerLayer};
pub use self::retry::{Retry, RetryLayer};

#[cfg(test)]
mod tests;
