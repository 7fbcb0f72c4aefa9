// SPDX-License-Identifier: Apache-2.0
//! Several endpoints for the same work, and which one to call.

mod choice;
mod config;
mod ejection;
mod lease;
mod member;
mod order;

use std::fmt;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use rand::Rng;
use tokio::time::Instant;

pub use self::config::{Balance, EjectionConfig, PoolConfig};
use self::ejection::Ejector;
pub use self::lease::Lease;
use self::member::Member;
pub use self::order::Order;
use crate::error::require;
use crate::{BreakerState, SettingError};

/// One that can do the work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Endpoint<T> {
    target: T,
    weight: NonZeroU32,
    tier: u32,
}

/// Several endpoints for the same work, and which one to call.
///
/// It passes over endpoints that are ejected (they failed several times in a row, or clearly more
/// often than the others), that asked to be left alone, or whose circuit breaker is open. Among
/// the rest the lowest tier is taken, and in it the [`Balance`] decides. When all are out, it is
/// the least bad: first one that did not ask to be left alone, then the one that is back soonest.
/// There is always an answer.
///
/// INVARIANT: never are all endpoints ejected, nor more than the configured share.
///
/// An endpoint that comes back is on probation: it gets one call first, and more as they succeed.
/// If one fails, it is ejected again, for twice as long. For each stretch of service as long as
/// its last ejection one repetition is forgotten. Choosing takes no lock unless a circuit breaker
/// is not closed. Clones share everything.
///
/// ```
/// use lukhas_reliability::{Endpoint, FailureKind, Outcome, Pool, PoolConfig};
///
/// let endpoints = [Endpoint::new("a"), Endpoint::new("b"), Endpoint::new("backup").with_tier(1)];
/// let pool = Pool::new(endpoints, PoolConfig::default())?;
///
/// let mut order = pool.order(&mut rand::rng()); // for one request
/// let first = order.next_lease();
/// let failed = *first.target();
/// first.fail(&FailureKind::Timeout);
/// let second = order.next_lease(); // another one
/// assert!(*second.target() != failed && *second.target() != "backup");
/// second.finish(Outcome::Success);
/// # Ok::<(), lukhas_reliability::SettingError>(())
/// ```
pub struct Pool<T> {
    shared: Arc<Shared<T>>,
}

/// How an endpoint of a [`Pool`] does, for metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EndpointStatus<'p, T> {
    /// The endpoint.
    pub target: &'p T,
    /// Calls under way.
    pub in_flight: u32,
    /// How much longer it is ejected; zero when it is not.
    pub ejected_for: Duration,
    /// How often it was ejected so far.
    pub ejections: u64,
    /// How much longer it wants to be left alone; zero when it does not.
    pub cooling_for: Duration,
    /// Where its circuit breaker stands, when it has one.
    pub breaker: Option<BreakerState>,
}

struct Shared<T> {
    /// INVARIANT: not empty.
    members: Box<[Member<T>]>,
    balance: Balance,
    ejector: Ejector,
}

impl<T> Endpoint<T> {
    /// `target`, with weight 1 on tier 0.
    pub fn new(target: T) -> Self {
        Self {
            target,
            weight: NonZeroU32::MIN,
            tier: 0,
        }
    }

    /// The same, with `weight`: its share of the calls, compared with the others of its tier.
    #[must_use]
    pub fn with_weight(mut self, weight: NonZeroU32) -> Self {
        self.weight = weight;
        self
    }

    /// The same, on `tier`: it is called when all of the lower tiers are out or were tried.
    #[must_use]
    pub fn with_tier(mut self, tier: u32) -> Self {
        self.tier = tier;
        self
    }
}

impl<T> Pool<T> {
    /// A pool of `endpoints`, all of them in service.
    ///
    /// # Errors
    /// [`SettingError`] when there is no endpoint, or for the field of `config` that is out of its
    /// range.
    pub fn new(
        endpoints: impl IntoIterator<Item = Endpoint<T>>,
        config: PoolConfig,
    ) -> Result<Self, SettingError> {
        config.ejection.check()?;
        let member = |endpoint| Member::new(endpoint, &config);
        let members = endpoints.into_iter().map(member);
        let members = members.collect::<Result<Box<[_]>, _>>()?;
        require(!members.is_empty(), "endpoints", "at least one")?;
        let shared = Shared {
            ejector: Ejector::new(config.ejection, members.len()),
            members,
            balance: config.balance,
        };
        Ok(Self {
            shared: Arc::new(shared),
        })
    }

    /// Number of endpoints, at least 1.
    #[must_use]
    pub fn size(&self) -> usize {
        self.shared.members.len()
    }

    /// The endpoint for one call.
    pub fn choose(&self, rng: &mut (impl Rng + ?Sized)) -> Lease<T> {
        Lease::take(&self.shared, &[], rng)
    }

    /// The endpoints for the attempts at one request, one after another.
    #[must_use]
    pub fn order(&self, rng: &mut (impl Rng + ?Sized)) -> Order<T> {
        Order::new(self.clone(), rng)
    }

    /// How every endpoint does, in the order in which they were given.
    pub fn status(&self) -> impl Iterator<Item = EndpointStatus<'_, T>> {
        let now = Instant::now();
        let members = self.shared.members.iter();
        members.map(move |member| member.status(now))
    }
}

impl<T> Clone for Pool<T> {
    fn clone(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
        }
    }
}

impl<T: fmt::Debug> fmt::Debug for Pool<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.status()).finish()
    }
}

#[cfg(test)]
mod tests;
