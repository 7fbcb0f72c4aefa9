// SPDX-License-Identifier: Apache-2.0
//! Requests with an `Idempotency-Key`.

use std::num::NonZeroUsize;
use std::time::Duration;

use lukhas_store::IdempotencyLimits;

use super::problem;
use crate::config::{IdempotencyConfig, Problem};

/// How requests with an `Idempotency-Key` are answered once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Idempotency {
    limits: IdempotencyLimits,
    linger: Duration,
}

impl Idempotency {
    /// How much is kept, and for how long.
    #[must_use]
    pub fn limits(&self) -> IdempotencyLimits {
        self.limits
    }

    /// How long a run goes on that nobody waits for.
    #[must_use]
    pub fn linger(&self) -> Duration {
        self.linger
    }
}

/// `None` when it is off.
pub(super) fn from_config(config: &IdempotencyConfig) -> Result<Option<Idempotency>, Vec<Problem>> {
    let (entry, all) = (config.max_entry_bytes.get(), config.max_bytes.get());
    if entry > all {
        let message = format!("`{entry}` is more than `idempotency.max_bytes`, which is {all}");
        let help = "lower it, or raise `idempotency.max_bytes`";
        return Err(vec![
            problem("idempotency.max_entry_bytes", message).with_help(help),
        ]);
    }
    if config.ttl_s.get() == 0 {
        return Ok(None);
    }
    let limits = IdempotencyLimits {
        bytes: config.max_bytes.size(),
        answers: NonZeroUsize::new(config.max_entries.size()).unwrap_or(NonZeroUsize::MIN),
        entry_bytes: config.max_entry_bytes.size(),
        ttl: Duration::from_secs(config.ttl_s.get()),
    };
    let linger = config.linger_ms.millis();
    Ok(Some(Idempotency { limits, linger }))
}
