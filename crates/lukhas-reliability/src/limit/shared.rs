// SPDX-License-Identifier: Apache-2.0
//! Limits that several processes share.

use std::fmt;
use std::sync::Arc;

use futures_core::future::BoxFuture;

use super::{Charge, Denied, NoSlot, Slot};

/// Limits that several processes share: what [`Limiter`](super::Limiter) and
/// [`ConcurrencyLimiter`](super::ConcurrencyLimiter) are together for one, kept in one place that all
/// of them ask.
///
/// Buckets and slots are identified by numbers that are the same in every process
/// ([`Bucket::of`](super::Bucket::of), [`Slot::of`]). Implementers keep the promise of `Limiter`, by
/// the clock of that place: in any window of time `T`, all processes together admit at most
/// `burst + rate x T`.
///
/// What a process has taken until its calls end (slots, and what is held) comes back by itself soon
/// after the process is gone.
pub trait SharedLimiter: Send + Sync {
    /// Name for readiness checks of where they are kept, such as `redis`.
    fn name(&self) -> &'static str;

    /// Admits a call that takes all of its slots and charges, or refuses it, which takes none. Each
    /// charge then says how its bucket stands.
    ///
    /// Waits no longer than a bound of the implementer's. When the future is dropped, what the call
    /// takes until its end is given back; what it spends may be spent.
    ///
    /// # Errors
    /// [`SharedRefusal`].
    fn admit(
        &self,
        call: SharedCall,
    ) -> BoxFuture<'_, Result<Box<dyn SharedPermit>, SharedRefusal>>;

    /// Whether it can be asked now.
    ///
    /// # Errors
    /// [`Unreachable`] with a reason that may be shown to anybody.
    fn check(&self) -> Result<(), Unreachable>;
}

/// What one call takes.
#[derive(Debug, Default)]
pub struct SharedCall {
    /// Its places among the calls at a time.
    pub slots: Vec<Slot>,
    /// What it spends and holds.
    pub charges: Vec<Charge>,
    /// What was charged to the same call before, and is given back if this is denied.
    pub spent: Vec<Charge>,
}

/// Leave to make a call. Dropped, it gives back its slots and all that it holds.
#[must_use = "slots and what is held are given back when this is dropped"]
pub trait SharedPermit: Send + Sync {
    /// What was charged, each with how its bucket stood then.
    fn charges(&self) -> &[Charge];

    /// Ends the call, which used `used(i)` of the [held](Charge::held) charge `i`: as
    /// [`Limiter::settle`](super::Limiter::settle). Waits for nothing.
    fn settle(self: Box<Self>, used: &dyn Fn(usize) -> u64);
}

/// A call is not admitted. Nothing is taken.
#[derive(Debug)]
pub enum SharedRefusal {
    /// As many calls are under way as a limit allows.
    NoSlot {
        /// Which, and how many.
        no_slot: NoSlot,
        /// What was spent before, as it stands now that it has been given back.
        spent: Vec<Charge>,
    },
    /// A rate allows no such call now.
    Denied {
        /// Which, and for how long.
        denied: Denied,
        /// The call's charges, as they stand.
        charges: Vec<Charge>,
        /// What was spent before, as it stands now that it has been given back.
        spent: Vec<Charge>,
    },
    /// Nobody knows: the limits cannot be asked now.
    Unreachable(Unreachable),
}

/// What several processes share cannot be reached.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unreachable(pub Arc<str>);

impl fmt::Debug for dyn SharedPermit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedPermit")
            .field("charges", &self.charges())
            .finish_non_exhaustive()
    }
}
