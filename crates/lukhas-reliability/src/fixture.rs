// SPDX-License-Identifier: Apache-2.0
//! What several tests begin with.

use std::num::NonZeroU32;

use rand::SeedableRng;
use rand::rngs::SmallRng;

use crate::{Backoff, BackoffConfig, Jitter, RetryBudget, RetryBudgetConfig, RetryPolicy};

/// Randomness that is the same each time.
pub(crate) fn rng() -> SmallRng {
    SmallRng::seed_from_u64(1)
}

/// A policy that waits 1 s, 2 s, 4 s and so on, and has a budget for `retries`; each request it
/// records pays for another.
pub(crate) fn policy(max_attempts: u32, retries: u32) -> RetryPolicy {
    let budget = RetryBudget::new(RetryBudgetConfig {
        ratio: 1.0,
        saved: 1_000,
    });
    let backoff = Backoff::new(BackoffConfig {
        base: 1.0,
        jitter: Jitter::NONE,
        ..BackoffConfig::default()
    });
    let budget = budget.unwrap();
    (0..retries).for_each(|_| budget.record_request());
    let max_attempts = NonZeroU32::new(max_attempts).unwrap();
    RetryPolicy::new(max_attempts, backoff.unwrap(), budget.into())
}
