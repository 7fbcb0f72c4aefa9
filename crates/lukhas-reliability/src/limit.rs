// SPDX-License-Identifier: Apache-2.0
//! How often, and how much.

mod concurrency;
mod level;
#[cfg(any(test, feature = "oracle"))]
mod log;
mod quota;
mod shards;
mod shared;
mod table;

use std::hash::Hash;
use std::time::Duration;

use tokio::time::Instant;

use crate::clock::Epoch;

use self::shards::Shards;
use self::table::Table;

pub use self::concurrency::{ConcurrencyLimiter, ConcurrencyPermit, NoSlot, Slot};
#[cfg(any(test, feature = "oracle"))]
pub use self::log::AdmissionLog;
pub use self::quota::{Quota, QuotaConfig};
pub use self::shared::{SharedCall, SharedLimiter, SharedPermit, SharedRefusal, Unreachable};

/// Most buckets that are remembered when nobody says.
const DEFAULT_MAX_BUCKETS: usize = 1 << 20;

/// Keyed rate limits, exact in one process (the generic cell rate algorithm, ITU-T I.371).
///
/// For every bucket and in any window of time `T`
///
/// > units admitted <= burst + rate x T
///
/// exactly: levels are integers in which neither a unit nor a nanosecond leaves a remainder, so
/// nothing drifts. Several limits of one call are all or nothing, under concurrency too: a call that
/// one of them denies spends nothing of the others.
///
/// A bucket that is full is not kept: a key that has not been seen lately costs no memory. When
/// `max_buckets` are not full at the same time, calls that need one more are denied until one of
/// them is; what identifies a bucket is kept as a hash under a secret of this limiter, so no key and
/// no address stays in memory. Time that goes backwards stands still. Locks are sharded; share it
/// with an `Arc`.
///
/// ```
/// use std::time::Duration;
/// use lukhas_reliability::{Charge, Limiter, Quota, QuotaConfig};
///
/// let limiter = Limiter::new();
/// let requests = Quota::new(QuotaConfig { amount: 2, period: Duration::from_secs(60), burst: 2 })?;
/// let tokens = Quota::new(QuotaConfig { amount: 1_000, period: Duration::from_secs(60), burst: 1_000 })?;
///
/// let mut call = [
///     Charge::new(limiter.bucket(requests, &("alice", "requests")), 1),
///     Charge::held(limiter.bucket(tokens, &("alice", "tokens")), 700), // an estimate
/// ];
/// limiter.check(&mut call)?;
/// assert_eq!(call[0].standing().remaining, 1);
///
/// let denied = limiter.check(&mut call).unwrap_err(); // 700 more tokens are too many for now
/// assert_eq!(denied.index, 1);
/// assert!(denied.retry_after > Some(Duration::from_secs(23)));
///
/// limiter.settle(&call[1], 120); // what the call used in the end
/// limiter.check(&mut call)?; // the second request: the denied one did not count
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Limiter {
    epoch: Epoch,
    shards: Shards<Table>,
}

/// What a limiter counts in: one limit for one key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bucket {
    quota: Quota,
    id: u128,
}

/// What one call takes out of one bucket.
#[derive(Clone, Copy, Debug)]
pub struct Charge {
    bucket: Bucket,
    cost: u64,
    kind: Kind,
    /// When it was admitted, in nanoseconds since the limiter's epoch.
    at: u64,
    standing: Standing,
}

/// How a bucket stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Units of a full bucket.
    pub limit: u64,
    /// Units that a call could take now.
    pub remaining: u64,
    /// Until it is full again, if nothing else comes.
    pub reset: Duration,
}

/// A limit admits no such call now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the call is over a limit")]
pub struct Denied {
    /// Which charge of the call it is that has to wait longest.
    pub index: usize,
    /// After exactly how long the same call is admitted, if nothing else comes; `None` for never,
    /// because it costs more than the bucket holds.
    ///
    /// Two things are not known exactly: while units are held, it is the time as if they were all
    /// used now; and while there is no room for another bucket, the time until it is looked for.
    pub retry_after: Option<Duration>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Spent when it is admitted.
    Spent,
    /// Held from when it is admitted until it is settled.
    Held,
}

impl Limiter {
    /// A limiter that remembers up to a million buckets, of 48 bytes and a little more.
    #[must_use]
    pub fn new() -> Self {
        Self::with_max_buckets(DEFAULT_MAX_BUCKETS)
    }

    /// A limiter that remembers up to `max_buckets`, which are shared out evenly among its locks.
    #[must_use]
    pub fn with_max_buckets(max_buckets: usize) -> Self {
        let each = max_buckets.div_ceil(shards::COUNT).max(1);
        Self {
            epoch: Epoch::now(),
            shards: Shards::new(|| Table::new(each)),
        }
    }

    /// The bucket of `key` under `quota`. The same key under another quota has another bucket.
    pub fn bucket(&self, quota: Quota, key: &impl Hash) -> Bucket {
        Bucket {
            quota,
            id: self.shards.id(&(quota, key)),
        }
    }

    /// Admits a call, and takes out what it costs of every bucket; each of `charges` then says how
    /// its bucket stands. Charges of the same bucket count together.
    ///
    /// # Errors
    /// [`Denied`] when one of them allows no such call now. Nothing is taken out then.
    pub fn check(&self, charges: &mut [Charge]) -> Result<(), Denied> {
        self.check_at(charges, self.now())
    }

    /// [`check`](Self::check) for a call with one limit. Says how the bucket stands.
    ///
    /// # Errors
    /// [`Denied`] when it allows no such call now.
    pub fn check_one(&self, bucket: Bucket, cost: u64) -> Result<Standing, Denied> {
        let mut charge = [Charge::new(bucket, cost)];
        self.check(&mut charge)?;
        Ok(charge[0].standing)
    }

    /// Ends a charge that was admitted as [held](Charge::held) with what was used in the end: the
    /// rest is given back. More than the estimate is taken out all the same, and whoever comes next
    /// waits for it. Once for a charge.
    ///
    /// > units settled in any window `T` <= burst + rate x T
    ///
    /// as long as none is settled with more than its estimate.
    pub fn settle(&self, charge: &Charge, used: u64) {
        self.settle_at(charge, used, self.now());
    }

    /// Gives back what a charge took out, of a call that did not happen in the end; a bucket is
    /// never more than full, and what it has gained since the call counts as given back. Once for a
    /// charge that was admitted.
    pub fn refund(&self, charge: &Charge) {
        self.refund_at(charge, self.now());
    }

    /// How `bucket` stands.
    #[must_use]
    pub fn standing(&self, bucket: Bucket) -> Standing {
        let now = self.now();
        let mut shards = self.shards.lock([bucket.id]);
        let Some(table) = shards.get_mut(bucket.id) else {
            return Standing::default();
        };
        let now = table.clock(now);
        table.level(bucket.id).standing(bucket.quota, now)
    }

    fn now(&self) -> u64 {
        self.epoch.nanos(Instant::now())
    }

    fn check_at(&self, charges: &mut [Charge], now: u64) -> Result<(), Denied> {
        let mut shards = self
            .shards
            .lock(charges.iter().map(|charge| charge.bucket.id));
        let now = shards.all_mut().fold(now, |now, table| table.clock(now));
        let mut denied: Option<Denied> = None;
        for index in 0..charges.len() {
            let Charge { bucket, cost, .. } = charges[index];
            let Some(table) = shards.get_mut(bucket.id) else {
                continue;
            };
            let same = charges[..index]
                .iter()
                .filter(|it| it.bucket.id == bucket.id);
            let cost = same.fold(cost, |sum, it| sum.saturating_add(it.cost));
            let wait = match table.level(bucket.id).wait(bucket.quota, now, cost) {
                Some(Duration::ZERO) => Some(table.wait_for_room(bucket.id, now)),
                wait => wait,
            };
            if wait != Some(Duration::ZERO) && denied.is_none_or(|it| it.is_shorter(wait)) {
                denied = Some(Denied {
                    index,
                    retry_after: wait,
                });
            }
        }
        for charge in charges {
            let Bucket { quota, id } = charge.bucket;
            let Some(table) = shards.get_mut(id) else {
                continue;
            };
            charge.standing = match denied {
                Some(_) => table.level(id).standing(quota, now),
                None => {
                    charge.at = now;
                    let level = table.level_mut(id);
                    match charge.kind {
                        Kind::Spent => level.spend(quota, now, charge.cost),
                        Kind::Held => level.hold(charge.cost),
                    }
                    level.standing(quota, now)
                }
            };
        }
        denied.map_or(Ok(()), Err)
    }

    fn settle_at(&self, charge: &Charge, used: u64, now: u64) {
        let Bucket { quota, id } = charge.bucket;
        if let Some(table) = self.shards.lock([id]).get_mut(id) {
            let now = table.clock(now);
            let level = table.level_mut(id);
            level.release(charge.cost);
            level.spend(quota, now, used);
        }
    }

    fn refund_at(&self, charge: &Charge, now: u64) {
        let Bucket { quota, id } = charge.bucket;
        if let Some(table) = self.shards.lock([id]).get_mut(id) {
            let now = table.clock(now);
            if table.holds(id) {
                table
                    .level_mut(id)
                    .refund(quota, charge.at, now, charge.cost);
            }
        }
    }
}

impl Default for Limiter {
    fn default() -> Self {
        Self::new()
    }
}

impl Bucket {
    /// The bucket under `quota` that limiters elsewhere know by `id`, for a
    /// [`SharedLimiter`]. Another quota under the same identifier is not another
    /// bucket.
    #[must_use]
    pub fn of(quota: Quota, id: u128) -> Self {
        Self { quota, id }
    }

    /// What it holds.
    #[must_use]
    pub fn quota(&self) -> Quota {
        self.quota
    }

    /// What identifies it.
    #[must_use]
    pub fn id(&self) -> u128 {
        self.id
    }
}

impl Charge {
    /// `cost` units of `bucket`, spent when the call is admitted.
    #[must_use]
    pub fn new(bucket: Bucket, cost: u64) -> Self {
        Self {
            bucket,
            cost,
            kind: Kind::Spent,
            at: 0,
            standing: Standing::default(),
        }
    }

    /// `cost` units of `bucket`, an estimate: they are held from when the call is admitted until
    /// [`Limiter::settle`] is told what was used. Held units do not come back by waiting.
    #[must_use]
    pub fn held(bucket: Bucket, cost: u64) -> Self {
        Self {
            kind: Kind::Held,
            ..Self::new(bucket, cost)
        }
    }

    /// What it takes out of.
    #[must_use]
    pub fn bucket(&self) -> Bucket {
        self.bucket
    }

    /// What it takes out.
    #[must_use]
    pub fn cost(&self) -> u64 {
        self.cost
    }

    /// Whether it is held until it is settled, and not spent at once.
    #[must_use]
    pub fn is_held(&self) -> bool {
        self.kind == Kind::Held
    }

    /// When it was admitted, in nanoseconds since whatever its limiter counts from.
    #[must_use]
    pub fn admitted_at(&self) -> u64 {
        self.at
    }

    /// How the bucket stood after the last check of this charge.
    #[must_use]
    pub fn standing(&self) -> Standing {
        self.standing
    }

    /// Takes note of a check elsewhere, `at` so many nanoseconds since whatever that limiter counts
    /// from, after which the bucket stood as `standing` says.
    pub fn checked(&mut self, at: u64, standing: Standing) {
        self.at = at;
        self.standing = standing;
    }
}

impl Denied {
    /// Whether its wait is over before `other`, where `None` is never.
    fn is_shorter(self, other: Option<Duration>) -> bool {
        let endless = |wait: Option<Duration>| wait.unwrap_or(Duration::MAX);
        endless(self.retry_after) < endless(other)
    }
}

#[cfg(test)]
mod tests;
