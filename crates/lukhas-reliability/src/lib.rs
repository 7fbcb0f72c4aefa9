// SPDX-License-Identifier: Apache-2.0
//! What keeps calls to unreliable services reliable.
//!
//! | question | type |
//! |---|---|
//! | Is there time left? | [`Deadline`], [`Timeouts`], [`IdleStream`] |
//! | Try again, and when? | [`retry()`] or [`RetryPolicy::decide`], with [`Backoff`] and [`RetryBudget`] |
//! | Try beside, when the first is slow? | [`hedge()`] |
//! | Is the other side to be left alone? | [`Cooldown`] when it said so, [`CircuitBreaker`] when it fails |
//! | Which of several? | [`Pool`] |
//! | How often, how much, how many at a time? | [`Limiter`], [`ConcurrencyLimiter`]; of several processes together, a [`SharedLimiter`] |
//! | How many at a time, when nobody knows, and who first? | [`Gate`], [`StandingDelay`] |
//! | How much in a day or a month? | [`Ledger`]; of several processes together, a [`SharedLedger`] |
//!
//! Plain types, each usable alone: no HTTP, no IO. Time is tokio's clock, and randomness is passed
//! in as a [`rand::Rng`], so that tests hold both still. Callers say how an attempt failed in the
//! words of [`FailureKind`]. With the feature `tower` there are layers for retries and circuit
//! breakers.

mod backoff;
mod breaker;
mod budget;
mod clock;
mod cooldown;
mod deadline;
mod error;
mod failure;
#[cfg(test)]
mod fixture;
mod gate;
mod hedge;
mod idle;
#[cfg(any(test, feature = "tower"))]
mod layer;
mod ledger;
mod limit;
mod policy;
mod pool;
mod random;
mod retry;
mod timeouts;
mod window;

pub use backoff::{Attempt, Backoff, BackoffConfig, Jitter};
pub use breaker::{BreakerConfig, BreakerOpen, BreakerState, CircuitBreaker, Permit};
pub use budget::{RetryBudget, RetryBudgetConfig};
pub use cooldown::Cooldown;
pub use deadline::{Deadline, DeadlinePassed};
pub use error::SettingError;
pub use failure::{AsFailure, Failure, FailureKind, Outcome};
pub use gate::{Gate, GateConfig, GateStatus, Pass, Priority, Shed, StandingDelay};
pub use hedge::hedge;
pub use idle::{IdleStream, StreamTimeout};
#[cfg(any(test, feature = "tower"))]
pub use layer::{Breaker, BreakerError, BreakerLayer, Retry, RetryLayer};
pub use ledger::{
    Account, AccountBalance, Ledger, Line, Page, Period, Refused, Reservation, SharedLedger,
    SharedRefused, SharedReservation, Spend, SpendLog, SpendLogError, Window, WindowError,
};
#[cfg(any(test, feature = "oracle"))]
pub use limit::AdmissionLog;
pub use limit::{
    Bucket, Charge, ConcurrencyLimiter, ConcurrencyPermit, Denied, Limiter, NoSlot, Quota,
    QuotaConfig, SharedCall, SharedLimiter, SharedPermit, SharedRefusal, Slot, Standing,
    Unreachable,
};
pub use policy::{Decision, GiveUp, RetryPolicy};
pub use pool::{Balance, EjectionConfig, Endpoint, EndpointStatus, Lease, Order, Pool, PoolConfig};
pub use retry::{RetryError, retry};
pub use timeouts::{Timeouts, TimeoutsConfig};
