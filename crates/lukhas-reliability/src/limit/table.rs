// SPDX-License-Identifier: Apache-2.0
//! The buckets behind one lock.

use std::time::Duration;

use super::level::Level;
use super::shards::IdMap;

/// Fewest buckets that are worth a sweep.
const FEW: usize = 32;

/// Shortest time between two sweeps of a table that has no room, in nanoseconds: whoever fills it
/// with keys must not make every call look through all of them.
const PAUSE: u64 = 100_000_000;

/// The buckets behind one lock: those that are not full, and a few that are.
#[derive(Debug)]
pub(super) struct Table {
    buckets: IdMap<Level>,
    most: usize,
    /// With how many buckets it is swept.
    sweep_at: usize,
    /// Before this moment a sweep would find no room.
    closed_until: u64,
    /// The latest moment it has seen.
    latest: u64,
}

impl Table {
    /// An empty one, for up to `most`.
    pub(super) fn new(most: usize) -> Self {
        Self {
            buckets: IdMap::default(),
            most,
            sweep_at: FEW.min(most),
            closed_until: 0,
            latest: 0,
        }
    }

    /// `now`, or the latest moment it has seen.
    pub(super) fn clock(&mut self, now: u64) -> u64 {
        self.latest = self.latest.max(now);
        self.latest
    }

    pub(super) fn holds(&self, id: u128) -> bool {
        self.buckets.contains_key(&id)
    }

    /// The level of a bucket; one that is not there is full.
    pub(super) fn level(&self, id: u128) -> Level {
        self.buckets.get(&id).copied().unwrap_or_default()
    }

    /// The level of a bucket, to be changed.
    pub(super) fn level_mut(&mut self, id: u128) -> &mut Level {
        self.buckets.entry(id).or_default()
    }

    /// How long until there is room for the bucket `id`, if nothing else comes.
    pub(super) fn wait_for_room(&mut self, id: u128, now: u64) -> Duration {
        if self.buckets.len() < self.sweep_at || self.holds(id) {
            return Duration::ZERO;
        }
        if self.closed_until <= now {
            self.sweep(now);
        }
        Duration::from_nanos(self.closed_until.saturating_sub(now))
    }

    /// Forgets buckets that are full. Each sweep is paid for by as many new buckets as it looks at,
    /// until there is no room.
    fn sweep(&mut self, now: u64) {
        self.buckets.retain(|_, level| !level.is_full(now));
        let left = self.buckets.len();
        self.buckets.shrink_to(2 * left);
        self.sweep_at = (2 * left).max(FEW).min(self.most);
        if left >= self.most {
            let first = self.buckets.values().filter_map(Level::full_by).min();
            let pause = now.saturating_add(PAUSE);
            self.closed_until = first.map_or(pause, |first| first.max(pause));
        }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.buckets.len()
    }
}
