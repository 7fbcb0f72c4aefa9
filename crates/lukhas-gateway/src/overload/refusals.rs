// SPDX-License-Identifier: Apache-2.0
//! What those are told that there is no room for.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use lukhas_core::Entropy;
use lukhas_observability::{Count, Metrics};
use lukhas_reliability::{Priority, Shed};
use tokio::time::Instant;

use crate::ApiError;

/// How long after a refusal `/readyz` still tells of it, and the log does not tell of another.
const RECENT: Duration = Duration::from_secs(10);

/// Refuses requests, and remembers that.
pub(crate) struct Refusals {
    /// By priority.
    counts: [Count; 3],
    entropy: Arc<dyn Entropy>,
    last: Mutex<Option<Instant>>,
}

impl Refusals {
    /// None so far. They are counted in `metrics`.
    pub(crate) fn new(metrics: &Metrics, entropy: Arc<dyn Entropy>) -> Self {
        Self {
            counts: ["low", "normal", "high"].map(|priority| metrics.shed(priority)),
            entropy,
            last: Mutex::default(),
        }
    }

    /// The answer to a request of `priority` that was shed.
    pub(crate) fn refuse(&self, shed: Shed, priority: Priority) -> ApiError {
        self.counts[priority as usize].add_one();
        if !self.renew() {
            tracing::warn!("more is asked than there is room for: requests are refused with 503");
        }
        // Chance of 0 to 1, so that those who were refused together do not come back together.
        let chance = (self.entropy.bits() >> 96) as f64 / f64::from(u32::MAX);
        ApiError::shed(shed.retry_after.mul_f64(1.0 + chance))
    }

    /// Whether a request was refused of late.
    pub(crate) fn are_recent(&self) -> bool {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.is_some_and(|last| last.elapsed() < RECENT)
    }

    /// One is refused now. Whether there was another one of late.
    fn renew(&self) -> bool {
        let now = Instant::now();
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let before = last.replace(now);
        before.is_some_and(|before| now.duration_since(before) < RECENT)
    }
}
