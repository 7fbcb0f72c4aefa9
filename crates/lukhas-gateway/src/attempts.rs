// SPDX-License-Identifier: Apache-2.0
//! Attempts to authenticate that failed: how many a client may make.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::time::Duration;

use lukhas_reliability::{Bucket, Charge, Limiter, Quota, QuotaConfig, SettingError};

use crate::Network;

/// Most buckets that are remembered: 3 MiB or so. A client whose bucket finds no place is not
/// limited: it is better that a few guesses too many are judged than that right keys are refused.
const MAX_BUCKETS: usize = 1 << 16;

/// In which time an attempt is forgotten for each that is allowed.
const PERIOD: Duration = Duration::from_secs(60);

/// Bits of an IPv6 address that tell clients apart: each has a network of its own to choose from.
const CLIENT_BITS: u32 = 64;

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
}

/// An attempt that was let through.
#[derive(Debug)]
pub(crate) struct Attempt([Bucket; 2]);

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
        })
    }

    /// Lets an attempt of `client` with the key `claimed` through, unless too many of them failed.
    ///
    /// # Errors
    /// After how long one more is let through.
    pub(crate) fn admit(&self, client: IpAddr, claimed: &[u8]) -> Result<Attempt, Duration> {
        let client = match client {
            IpAddr::V4(_) => client,
            IpAddr::V6(_) => Network::of(client, CLIENT_BITS).first(),
        };
        let buckets = [
            self.limiter.bucket(self.client, &client),
            self.limiter.bucket(self.key, &(client, claimed)),
        ];
        let is_empty = |bucket: &Bucket| self.limiter.standing(*bucket).remaining == 0;
        if !buckets.iter().any(is_empty) {
            return Ok(Attempt(buckets));
        }
        match self.take(buckets) {
            Ok(()) => Ok(Attempt(buckets)),
            Err(retry_after) => Err(retry_after),
        }
    }

    /// It failed.
    pub(crate) fn failed(&self, attempt: &Attempt) {
        // Another one may have taken the last of it meanwhile, and then there is no more to take.
        let _ = self.take(attempt.0);
    }

    fn take(&self, buckets: [Bucket; 2]) -> Result<(), Duration> {
        let mut charges = buckets.map(|bucket| Charge::new(bucket, 1));
        let taken = self.limiter.check(&mut charges);
        taken.map_err(|denied| denied.retry_after.unwrap_or(Duration::MAX))
    }
}

#[cfg(test)]
mod tests;
