// SPDX-License-Identifier: Apache-2.0
//! Moments that fit into an atomic.

use std::time::Duration;

use tokio::time::Instant;

/// Where counting begins. Moments are nanoseconds since then; none is as good as 0.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Epoch(Instant);

impl Epoch {
    /// Counting begins now.
    pub(crate) fn now() -> Self {
        Self(Instant::now())
    }

    /// `moment` in nanoseconds; 0 when it lies before the epoch. They last for 584 years.
    pub(crate) fn nanos(self, moment: Instant) -> u64 {
        let since = moment.saturating_duration_since(self.0);
        u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
    }

    /// From `now` to the moment of `nanos`; zero once that has passed.
    pub(crate) fn until(self, nanos: u64, now: Instant) -> Duration {
        Duration::from_nanos(nanos.saturating_sub(self.nanos(now)))
    }
}
