// SPDX-License-Identifier: Apache-2.0
//! How many at a time.

use std::fmt;
use std::hash::Hash;
use std::num::NonZeroU32;
use std::sync::Arc;

use super::shards::{IdMap, Shards};

/// Keyed limits on calls at a time.
///
/// At no moment are there more calls under way than a limit says; several limits of one call are all
/// or nothing. A key without calls takes no memory. Clones share the counts.
///
/// ```
/// use std::num::NonZeroU32;
/// use lukhas_reliability::ConcurrencyLimiter;
///
/// let limiter = ConcurrencyLimiter::new();
/// let slot = limiter.slot(NonZeroU32::MIN, &"alice");
/// let call = limiter.acquire([slot])?;
/// assert!(limiter.acquire([slot]).is_err());
/// drop(call); // it has ended
/// assert!(limiter.acquire([slot]).is_ok());
/// # Ok::<(), lukhas_reliability::NoSlot>(())
/// ```
#[derive(Clone, Debug)]
pub struct ConcurrencyLimiter {
    /// Calls under way, by key.
    counts: Arc<Shards<IdMap<u32>>>,
}

/// What a call under way takes of one limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot {
    limit: NonZeroU32,
    id: u128,
}

/// Leave to make a call; gives its slots back when dropped.
#[must_use = "the slots are given back when this is dropped"]
pub struct ConcurrencyPermit {
    counts: Arc<Shards<IdMap<u32>>>,
    slots: Box<[Slot]>,
}

/// As many calls are under way as the limit allows. When one of them ends is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many calls are under way")]
pub struct NoSlot {
    /// Which slot of the call it is that was not to be had.
    pub index: usize,
    /// Most calls at a time.
    pub limit: u32,
}

impl ConcurrencyLimiter {
    /// No call under way.
    #[must_use]
    pub fn new() -> Self {
        Self {
            counts: Arc::new(Shards::new(IdMap::default)),
        }
    }

    /// A slot of `key`, of which there are `limit`.
    pub fn slot(&self, limit: NonZeroU32, key: &impl Hash) -> Slot {
        Slot {
            limit,
            id: self.counts.id(key),
        }
    }

    /// Leave to make a call that takes all of `slots`.
    ///
    /// # Errors
    /// [`NoSlot`] when one of them is not to be had. Nothing is taken then.
    pub fn acquire(
        &self,
        slots: impl IntoIterator<Item = Slot>,
    ) -> Result<ConcurrencyPermit, NoSlot> {
        let slots: Box<[Slot]> = slots.into_iter().collect();
        let mut shards = self.counts.lock(slots.iter().map(|slot| slot.id));
        for (index, slot) in slots.iter().enumerate() {
            let running = shards
                .get_mut(slot.id)
                .and_then(|it| it.get(&slot.id).copied());
            // A key that is named twice in one call takes two.
            let before = slots[..index].iter().filter(|it| it.id == slot.id).count();
            let before = u32::try_from(before).unwrap_or(u32::MAX);
            let limit = slot.limit.get();
            if running.unwrap_or(0).saturating_add(before) >= limit {
                return Err(NoSlot { index, limit });
            }
        }
        for slot in &slots {
            if let Some(counts) = shards.get_mut(slot.id) {
                *counts.entry(slot.id).or_default() += 1;
            }
        }
        drop(shards);
        Ok(ConcurrencyPermit {
            counts: Arc::clone(&self.counts),
            slots,
        })
    }
}

impl Slot {
    /// One of `limit` slots that limiters elsewhere know by `id`, for a
    /// [`SharedLimiter`](super::SharedLimiter).
    #[must_use]
    pub fn of(limit: NonZeroU32, id: u128) -> Self {
        Self { limit, id }
    }

    /// How many there are.
    #[must_use]
    pub fn limit(&self) -> NonZeroU32 {
        self.limit
    }

    /// What identifies them.
    #[must_use]
    pub fn id(&self) -> u128 {
        self.id
    }
}

impl Default for ConcurrencyLimiter {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for ConcurrencyPermit {
    fn drop(&mut self) {
        let mut shards = self.counts.lock(self.slots.iter().map(|slot| slot.id));
        for slot in &self.slots {
            let Some(counts) = shards.get_mut(slot.id) else {
                continue;
            };
            if let Some(running) = counts.get_mut(&slot.id) {
                *running -= 1;
                if *running == 0 {
                    counts.remove(&slot.id);
                }
            }
        }
    }
}

impl fmt::Debug for ConcurrencyPermit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConcurrencyPermit")
            .field("slots", &self.slots)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
    use std::thread;

    use super::*;

    fn slots<const N: usize>(limiter: &ConcurrencyLimiter, limits: [(u32, &str); N]) -> [Slot; N] {
        limits.map(|(limit, key)| limiter.slot(NonZeroU32::new(limit).unwrap(), &key))
    }

    #[test]
    fn a_call_that_lacks_one_slot_takes_none() {
        let limiter = ConcurrencyLimiter::new();
        let [narrow, wide] = slots(&limiter, [(1, "narrow"), (2, "wide")]);
        let first = limiter.acquire([wide, narrow]).unwrap();
        let error = limiter.acquire([wide, narrow]).unwrap_err();
        assert_eq!(error, NoSlot { index: 1, limit: 1 });
        let second = limiter.acquire([wide]).unwrap();
        assert!(limiter.acquire([wide]).is_err());
        drop(first);
        assert!(limiter.acquire([narrow, wide]).is_ok());
        drop(second);
        assert!(limiter.acquire([wide, wide]).is_ok());
        assert!(
            limiter.acquire([narrow, narrow]).is_err(),
            "there is only one"
        );
        let kept: usize = limiter.counts.each().map(|counts| counts.len()).sum();
        assert_eq!(kept, 0, "keys without calls are forgotten");
    }

    #[test]
    fn threads_together_never_run_more_than_a_limit_allows() {
        let limiter = ConcurrencyLimiter::new();
        let [a, b] = slots(&limiter, [(3, "a"), (2, "b")]);
        let running = [AtomicU32::new(0), AtomicU32::new(0)];
        let work = |seed: u32| {
            let mut admitted = 0;
            for round in 0..20_000_u32 {
                // Some calls need both, named in either order.
                let wanted: &[(Slot, usize)] = match (seed + round) % 4 {
                    0 => &[(a, 0)],
                    1 => &[(b, 1)],
                    2 => &[(a, 0), (b, 1)],
                    _ => &[(b, 1), (a, 0)],
                };
                let Ok(permit) = limiter.acquire(wanted.iter().map(|(slot, _)| *slot)) else {
                    continue;
                };
                admitted += 1;
                for (_, at) in wanted {
                    let most = [3, 2][*at];
                    assert!(running[*at].fetch_add(1, SeqCst) < most);
                }
                for (_, at) in wanted {
                    running[*at].fetch_sub(1, SeqCst);
                }
                drop(permit);
            }
            admitted
        };
        let admitted: u32 = thread::scope(|scope| {
            let threads: Vec<_> = (0..8).map(|seed| scope.spawn(move || work(seed))).collect();
            threads.into_iter().map(|it| it.join().unwrap()).sum()
        });
        assert!(admitted > 0);
        assert!(limiter.acquire([a, a, a, b, b]).is_ok(), "all came back");
    }
}
