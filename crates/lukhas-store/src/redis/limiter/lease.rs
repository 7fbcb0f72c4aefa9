// SPDX-License-Identifier: Apache-2.0
//! What is taken ahead, to be spent here without asking.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use lukhas_reliability::{Bucket, Charge, SharedCall, Standing};

/// Most pools that are kept; calls that would need a further one are asked about each time.
const MOST: usize = 100_000;

/// What is taken ahead, by bucket.
///
/// INVARIANT: a pool never holds more than its lease, and what it holds has been spent where it is
/// counted. So this process has admitted at most a lease less than it was granted, in any window.
#[derive(Debug)]
pub(super) struct Leases {
    /// A lease, in thousandths of a burst.
    share: u32,
    pools: Mutex<HashMap<u128, Pool>>,
}

/// Units of one bucket.
#[derive(Debug)]
struct Pool {
    bucket: Bucket,
    left: u64,
    /// When the oldest of them was taken, as [`Charge::admitted_at`] says it.
    at: u64,
    /// How the bucket stood when it was asked last.
    standing: Standing,
    /// Whether more is being asked for: that is done once at a time.
    is_asking: bool,
    /// Whether anything has been taken since the last time that it was looked at.
    is_used: bool,
}

/// What a call has to ask for.
pub(super) enum Taken {
    /// Nothing: it is admitted.
    All,
    /// All of it, and so many units besides of each charge, if there are so many.
    Nothing(Vec<u64>),
}

impl Leases {
    pub(super) fn new(share: u32) -> Self {
        Self {
            share,
            pools: Mutex::default(),
        }
    }

    /// Nothing under the lock panics, and no change leaves it half done.
    fn pools(&self) -> MutexGuard<'_, HashMap<u128, Pool>> {
        self.pools.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Most units that a pool of `bucket` holds.
    fn lease(&self, bucket: Bucket) -> u64 {
        let burst = u128::from(bucket.quota().burst());
        let lease = burst * u128::from(self.share) / 1_000;
        u64::try_from(lease).unwrap_or(u64::MAX)
    }

    /// Takes all that `call` wants out of pools, if it is there; or says what to ask for. What is held and
    /// what counts calls at a time is always asked for: it would be spent too early, or kept from others.
    pub(super) fn take(&self, call: &mut SharedCall) -> Taken {
        let charges = &mut call.charges;
        let is_plain = self.share > 0
            && call.slots.is_empty()
            && call.spent.is_empty()
            && !charges.iter().any(Charge::is_held)
            && are_distinct(charges);
        if !is_plain {
            return Taken::Nothing(vec![0; charges.len()]);
        }
        let mut pools = self.pools();
        let has_enough = |charge: &Charge| {
            let pool = pools.get(&charge.bucket().id());
            pool.is_some_and(|pool| pool.left >= charge.cost())
        };
        if charges.iter().all(has_enough) {
            for charge in charges {
                if let Some(pool) = pools.get_mut(&charge.bucket().id()) {
                    pool.left -= charge.cost();
                    pool.is_used = true;
                    charge.checked(pool.at, pool.standing());
                }
            }
            return Taken::All;
        }
        let mut ask = |charge: &Charge| {
            let (bucket, count) = (charge.bucket(), pools.len());
            let lease = self.lease(bucket);
            if lease == 0 || (count >= MOST && !pools.contains_key(&bucket.id())) {
                return 0;
            }
            let pool = pools.entry(bucket.id()).or_insert(Pool::empty(bucket));
            let besides = lease.saturating_sub(pool.left);
            if pool.is_asking || besides == 0 {
                return 0;
            }
            pool.is_asking = true;
            besides
        };
        Taken::Nothing(charges.iter().map(&mut ask).collect())
    }

    /// Takes note of what became of a call that asked for `besides`, which is granted or not; the
    /// `charges` then say how their buckets stand for this process.
    pub(super) fn answered(&self, charges: &mut [Charge], besides: &[u64], is_granted: bool) {
        if self.share == 0 {
            return;
        }
        let mut pools = self.pools();
        for (charge, besides) in charges.iter_mut().zip(besides).filter(|(_, it)| **it > 0) {
            if let Some(pool) = pools.get_mut(&charge.bucket().id()) {
                pool.is_asking = false;
                if is_granted {
                    if pool.left == 0 {
                        pool.at = charge.admitted_at();
                    }
                    pool.left += besides;
                    pool.is_used = true;
                    pool.standing = charge.standing();
                    charge.checked(charge.admitted_at(), pool.standing());
                }
            }
        }
    }

    /// What nobody has needed since the last time, to be given back, and when it was taken.
    pub(super) fn unneeded(&self) -> Vec<(Bucket, u64, u64)> {
        let mut back = Vec::new();
        self.pools().retain(|_, pool| {
            let stays = pool.is_asking || std::mem::replace(&mut pool.is_used, false);
            if !stays && pool.left > 0 {
                back.push((pool.bucket, pool.left, pool.at));
            }
            stays
        });
        back
    }
}

impl Pool {
    fn empty(bucket: Bucket) -> Self {
        Self {
            bucket,
            left: 0,
            at: 0,
            standing: Standing::default(),
            is_asking: false,
            is_used: false,
        }
    }

    /// How the bucket stands for callers of this process.
    fn standing(&self) -> Standing {
        let remaining = self.standing.remaining.saturating_add(self.left);
        Standing {
            remaining: remaining.min(self.standing.limit),
            ..self.standing
        }
    }
}

fn are_distinct(charges: &[Charge]) -> bool {
    let id = |charge: &Charge| charge.bucket().id();
    let all = charges.iter().enumerate();
    all.into_iter()
        .all(|(at, charge)| charges[..at].iter().all(|other| id(other) != id(charge)))
}
