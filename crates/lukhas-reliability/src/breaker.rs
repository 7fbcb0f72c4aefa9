// SPDX-License-Identifier: Apache-2.0
//! Not calling what fails.

mod machine;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use self::machine::Machine;
use crate::error::{require, require_some};
use crate::{Outcome, SettingError};

/// How a [`CircuitBreaker`] is set up.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BreakerConfig {
    /// The share of failures that opens it, above 0 and up to 1.
    pub failure_ratio: f64,
    /// Fewest calls in the window that say anything.
    pub minimum_calls: u32,
    /// How long an outcome counts.
    pub window: Duration,
    /// How long it stays open the first time. Each time that a probe fails doubles it.
    pub open_time: Duration,
    /// Most time that it stays open.
    pub max_open_time: Duration,
    /// Calls that must succeed, when it has been open, before all are let through; no more of them
    /// are made at a time.
    pub probes: u32,
}

/// Where a [`CircuitBreaker`] stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BreakerState {
    /// Calls go through.
    Closed,
    /// No call goes through. It stays so until the first call after its time.
    Open,
    /// A few calls go through, to see whether they succeed.
    HalfOpen,
}

/// The circuit breaker lets no call through now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the circuit breaker is open")]
pub struct BreakerOpen {
    /// When to ask again. While probes are under way, the time they may take is unknown, and this
    /// is the configured `open_time`.
    pub retry_after: Duration,
}

/// Stops calls to what fails, and lets a few through after a while to see whether it still does.
///
/// Closed, it opens when enough calls of late failed. Open, it refuses until its time has passed;
/// then it is half-open, and as many probes as configured must succeed to close it. One that fails
/// opens it for twice the time. Outcomes of calls begun in an earlier state do not count. Clones
/// share the state.
///
/// ```
/// use lukhas_reliability::{BreakerConfig, BreakerState, CircuitBreaker, Outcome};
///
/// let breaker = CircuitBreaker::new(BreakerConfig { minimum_calls: 3, ..BreakerConfig::default() })?;
/// for _ in 0..3 {
///     let permit = breaker.acquire()?;
///     permit.finish(Outcome::Failure); // the call was made in between
/// }
/// assert_eq!(breaker.state(), BreakerState::Open);
/// assert!(breaker.acquire().is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct CircuitBreaker {
    shared: Arc<Shared>,
}

/// Leave to make one call. Dropped without an outcome, as when the call is cancelled, it counts as
/// neither, and a probe is given back.
#[derive(Debug)]
#[must_use = "the call counts only with its outcome"]
pub struct Permit {
    shared: Arc<Shared>,
    /// The period in which it was given.
    period: u64,
    outcome: Option<Outcome>,
}

#[derive(Debug)]
struct Shared {
    /// The period in which calls go through freely, or [`NOT_CLOSED`]: a copy of what the machine
    /// says, for calls that need nothing else.
    closed_in: AtomicU64,
    machine: Mutex<Machine>,
}

const NOT_CLOSED: u64 = u64::MAX;

impl CircuitBreaker {
    /// A closed breaker.
    ///
    /// # Errors
    /// [`SettingError`] names the field that is out of its range.
    pub fn new(config: BreakerConfig) -> Result<Self, SettingError> {
        let ratio = config.failure_ratio;
        let possible = ratio > 0.0 && ratio <= 1.0;
        require(possible, "failure_ratio", "above 0 and at most 1")?;
        require(config.minimum_calls > 0, "minimum_calls", "at least 1")?;
        require_some(config.window, "window")?;
        require_some(config.open_time, "open_time")?;
        let growing = config.max_open_time >= config.open_time;
        require(growing, "max_open_time", "at least `open_time`")?;
        require(config.probes > 0, "probes", "at least 1")?;
        let machine = Machine::new(config);
        let shared = Shared {
            closed_in: AtomicU64::new(machine.period()),
            machine: Mutex::new(machine),
        };
        Ok(Self {
            shared: Arc::new(shared),
        })
    }

    /// Leave to make a call.
    ///
    /// # Errors
    /// [`BreakerOpen`] when none may be made.
    pub fn acquire(&self) -> Result<Permit, BreakerOpen> {
        let closed_in = self.shared.closed_in.load(Ordering::Relaxed);
        let period = match closed_in {
            NOT_CLOSED => self.shared.change(|it| it.begin(Instant::now()))?,
            period => period,
        };
        Ok(Permit {
            shared: Arc::clone(&self.shared),
            period,
            outcome: None,
        })
    }

    /// Where it stands.
    #[must_use]
    pub fn state(&self) -> BreakerState {
        self.shared.lock().state()
    }

    /// How long no call would go through; zero when one would.
    pub(crate) fn blocked_for(&self, now: Instant) -> Duration {
        match self.shared.closed_in.load(Ordering::Relaxed) {
            NOT_CLOSED => self.shared.lock().blocked_for(now),
            _ => Duration::ZERO,
        }
    }
}

impl Permit {
    /// The call came to its end.
    pub fn finish(mut self, outcome: Outcome) {
        self.outcome = Some(outcome);
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let closed = self.shared.closed_in.load(Ordering::Relaxed) == self.period;
        match self.outcome {
            None if closed => {}
            None => self.shared.change(|it| it.give_back(self.period)),
            Some(outcome) => {
                let now = Instant::now();
                self.shared.change(|it| it.end(self.period, outcome, now));
            }
        }
    }
}

impl Shared {
    fn change<T>(&self, change: impl FnOnce(&mut Machine) -> T) -> T {
        let mut machine = self.lock();
        let changed = change(&mut machine);
        let closed_in = match machine.state() {
            BreakerState::Closed => machine.period(),
            BreakerState::Open | BreakerState::HalfOpen => NOT_CLOSED,
        };
        self.closed_in.store(closed_in, Ordering::Relaxed);
        changed
    }

    /// Nothing under the lock panics, and no change leaves the machine half done.
    fn lock(&self) -> MutexGuard<'_, Machine> {
        self.machine.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for BreakerConfig {
    /// Half of at least 20 calls in 10 s; open for 5 s, and up to 60 s; 3 probes.
    fn default() -> Self {
        Self {
            failure_ratio: 0.5,
            minimum_calls: 20,
            window: Duration::from_secs(10),
            open_time: Duration::from_secs(5),
            max_open_time: Duration::from_secs(60),
            probes: 3,
        }
    }
}

#[cfg(test)]
mod tests;
