// SPDX-License-Identifier: Apache-2.0
//! Attempts to authenticate that failed: how many a client may make.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use lukhas_reliability::{Bucket, Charge, Limiter, Quota, QuotaConfig, SettingError};
use tokio::time::Instant;

use crate::Network;
use crate::network::CLIENT_BITS;

/// Most buckets that are remembered: 3 MiB or so. A client whose bucket finds no place is not
/// limited: it is better that a few guesses too many are judged than that right keys are refused.
const MAX_BUCKETS: usize = 1 << 16;

/// In which time as many attempts are forgotten as are allowed.
const PERIOD_MS: u64 = 60_000;
const PERIOD: Duration = Duration::from_millis(PERIOD_MS);

/// In how many groups clients are, by which it is told at a glance that one has not failed lately.
const GROUPS: usize = 256;

/// Counts the attempts that failed, and refuses further ones before they cost anything.
///
/// There are two limits: one for each client, whatever keys it tries, and a narrower one for each
/// key that a client tries. The second keeps a client that goes on with an old key from shutting out
/// others behind the same address. None is for a key alone: with it, anyone who has seen a key's
/// identifier, which is no secret, could shut out its holder.
///
/// What a request costs before it is refused does not depend on how many attempts failed, and no
/// address and no key is remembered, only hashes of them.
#[derive(Debug)]
pub struct FailedAttempts {
    limiter: Limiter,
    client: Quota,
    key: Quota,
    epoch: Instant,
    /// For each group of clients, the milliseconds since `epoch` from which on all of their buckets
    /// are full; 0 while none of them has failed.
    ///
    /// Nearly all requests bear the right key and come from clients that have not failed lately. To
    /// look up their buckets would cost more than to judge the key.
    full_from: [AtomicU64; GROUPS],
}

/// An attempt that was let through.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Attempt<'t> {
    client: IpAddr,
    claimed: &'t [u8],
}

impl FailedAttempts {
    /// Allows `per_client` failures of one client in a minute, and `per_key` of them with one key.
    ///
    /// # Errors
    /// [`SettingError`] would be a defect: every number is possible.
    pub fn new(per_client: NonZeroU32, per_key: NonZeroU32) -> Result<Self, SettingError> {
        let quota = |failures: NonZeroU32| {
            Quota::new(QuotaConfig {
                amount: failures.get().into(),
                period: PERIOD,
                burst: failures.get().into(),
            })
        };
        Ok(Self {
            limiter: Limiter::with_max_buckets(MAX_BUCKETS),
            client: quota(per_client)?,
            key: quota(per_key)?,
            epoch: Instant::now(),
            full_from: [const { AtomicU64::new(0) }; GROUPS],
        })
    }

    /// Lets an attempt of the client at `address` with the key `claimed` through, unless too many of
    /// them failed.
    ///
    /// # Errors
    /// After how long one more is let through.
    pub(crate) fn admit<'t>(
        &self,
        address: IpAddr,
        claimed: &'t [u8],
    ) -> Result<Attempt<'t>, Duration> {
        let client = Network::of_client(address).first();
        let attempt = Attempt { client, claimed };
        if self.has_failed_lately(client) {
            let is_empty = |bucket: &Bucket| self.limiter.standing(*bucket).remaining == 0;
            if self.buckets(attempt).iter().any(is_empty) {
                self.take(attempt)?;
            }
        }
        Ok(attempt)
    }

    /// It failed.
    pub(crate) fn failed(&self, attempt: Attempt<'_>) {
        // Another one may have taken the last of it meanwhile, and then there is no more to take.
        let _ = self.take(attempt);
        let full_from = self.now().saturating_add(PERIOD_MS);
        self.group(attempt.client)
            .fetch_max(full_from, Ordering::Relaxed);
    }

    /// Whether a bucket of `client` may lack something. A failure that another thread counts at this
    /// moment may be missed.
    fn has_failed_lately(&self, client: IpAddr) -> bool {
        let full_from = self.group(client).load(Ordering::Relaxed);
        full_from != 0 && self.now() < full_from
    }

    fn group(&self, client: IpAddr) -> &AtomicU64 {
        // Clients that meet in a group cost each other a closer look, no more: any spread will do.
        const SPREAD: u64 = 0x9E37_79B9_7F4A_7C15;
        let number = match client {
            IpAddr::V4(ip) => ip.to_bits().into(),
            IpAddr::V6(ip) => (ip.to_bits() >> CLIENT_BITS) as u64,
        };
        let [group, ..] = number.wrapping_mul(SPREAD).to_be_bytes();
        &self.full_from[usize::from(group)]
    }

    fn now(&self) -> u64 {
        u64::try_from(self.epoch.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn buckets(&self, Attempt { client, claimed }: Attempt<'_>) -> [Bucket; 2] {
        [
            self.limiter.bucket(self.client, &client),
            self.limiter.bucket(self.key, &(client, claimed)),
        ]
    }

    fn take(&self, attempt: Attempt<'_>) -> Result<(), Duration> {
        let mut charges = self.buckets(attempt).map(|bucket| Charge::new(bucket, 1));
        let taken = self.limiter.check(&mut charges);
        taken.map_err(|denied| denied.retry_after.unwrap_or(Duration::MAX))
    }
}

#[cfg(test)]
mod tests;
