// SPDX-License-Identifier: Apache-2.0
//! How many calls at a time, when nobody knows how many are too many.

mod count;
mod delay;
mod limit;
mod queue;
mod rate;

use std::fmt;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::{Instant, timeout};

use self::count::Count;
use self::limit::{AdaptiveLimit, Calls};
use self::queue::Queue;
use self::rate::Rate;

pub use self::delay::StandingDelay;
pub use self::queue::Priority;

/// The shortest and the longest time that whoever is shed is told to wait, and that where nobody knows
/// how fast calls end.
const RETRY: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(60));
const RETRY_UNKNOWN: Duration = Duration::from_secs(1);

/// Slower than one in so many seconds is not meant: it is chance that nothing has ended.
const SLOWEST: f64 = 10.0;

/// The share of the longest wait that a wait is likely to take at most, so that few wait in vain.
const EXPECTED: f64 = 0.4;

/// For how long after somebody found no room every call looks closer.
const PRESSURE: Duration = Duration::from_secs(1);

/// Lets calls through, as many at a time as what is behind it bears; the others wait for a while, or
/// are told when to come back.
///
/// The limit is found as TCP finds its window. When more than one in twenty of the calls of a round are
/// [congested](Pass::congested), it is lowered to nine tenths of what runs; to half when none of them
/// succeeds; never below half of what it was at once, and never for fewer than three. Those that began
/// before that do not count any more: they say nothing of the limit as it is now. It grows back within
/// five seconds to two minutes, the longer the slower congestion shows, and then beyond (CUBIC, RFC
/// 9438). What congestion is, callers know: a service that says so or answers too late, or a queue that
/// does not go down ([`StandingDelay`]).
///
/// The queue is bounded in length and in time. Of those who wait, higher [priorities](Priority) go
/// first, and are displaced last; among equals the first that came. A queue is there for bursts. Only
/// those come in whose turn is likely within four tenths of `max_wait`, going by the pace of the last
/// five seconds: so hardly anybody waits in vain, and those who are shed hear of it at once. At no moment do more calls run than the limit allows, and none waits while it allows more. When
/// the limit is lowered, what runs goes on. Clones are one gate.
///
/// ```
/// use std::time::Duration;
/// use lukhas_reliability::{Gate, GateConfig, Priority};
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build()?.block_on(async {
/// let gate = Gate::new(GateConfig {
///     min_limit: 1,
///     max_limit: 1,
///     max_queue: 1,
///     max_wait: Duration::from_millis(500),
/// });
/// let call = gate.enter(Priority::Normal).await?;
/// let shed = gate.enter(Priority::High).await.unwrap_err(); // it has waited for half a second
/// assert!(shed.retry_after >= Duration::from_millis(100));
/// drop(call); // it has ended
/// assert!(gate.enter(Priority::Low).await.is_ok());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Gate(Arc<Inner>);

struct Inner {
    max_wait: Duration,
    count: Count,
    /// As it was when somebody last looked closer: since then it has only grown.
    limit: AtomicUsize,
    state: Mutex<State>,
}

/// What calls look at while there is pressure.
///
/// INVARIANT: whoever finds no room, and holds this, has put pressure on before: every call that ends
/// from then on looks at the queue.
struct State {
    limit: AdaptiveLimit,
    queue: Queue<oneshot::Sender<Pass>>,
    /// When somebody last found no room.
    pressed: Instant,
    pace: Rate,
    shed: u32,
    shedding: Rate,
}

/// How a [`Gate`] is set up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GateConfig {
    /// The limit is never lowered below so many, if it may be so many.
    pub min_limit: usize,
    /// The limit at first, and at most.
    pub max_limit: usize,
    /// Most calls that wait.
    pub max_queue: usize,
    /// Most time that a call waits.
    pub max_wait: Duration,
}

/// Leave to run. The call has ended when this is dropped.
#[must_use = "the call has ended when this is dropped"]
pub struct Pass {
    gate: Gate,
    entered: Instant,
    is_congested: bool,
}

/// There is no room for the call now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no room for the call now")]
pub struct Shed {
    /// After how long those who wait, and as many as are shed in a second, will have been served at the
    /// pace of the last five. Spread those who come back over a time as long again.
    pub retry_after: Duration,
}

/// How a gate stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GateStatus {
    /// How many calls may run at a time, for now.
    pub limit: usize,
    /// How many run.
    pub running: usize,
    /// How many wait.
    pub queued: usize,
}

impl Gate {
    /// A gate that lets `max_limit` calls through until it hears of congestion.
    #[must_use]
    pub fn new(config: GateConfig) -> Self {
        let now = Instant::now();
        let limit = AdaptiveLimit::new(config.min_limit, config.max_limit, now);
        Self(Arc::new(Inner {
            max_wait: config.max_wait,
            count: Count::default(),
            limit: AtomicUsize::new(limit.at(now)),
            state: Mutex::new(State {
                limit,
                queue: Queue::new(config.max_queue),
                pressed: now,
                pace: Rate::new(0, now),
                shed: 0,
                shedding: Rate::new(0, now),
            }),
        }))
    }

    /// Lets a call through, at once or when there is room. Dropping the future gives the place in the
    /// queue up.
    ///
    /// # Errors
    /// [`Shed`] when the queue is full, when a call of a higher priority takes the place in it, or
    /// when there was no room for `max_wait`.
    pub async fn enter(&self, priority: Priority) -> Result<Pass, Shed> {
        let inner = &*self.0;
        if inner.count.enter(inner.limit.load(Relaxed)) {
            return Ok(self.pass());
        }
        // Rare, and much larger: it lives elsewhere.
        Box::pin(self.wait(priority)).await
    }

    /// Waits in the queue, if there is still no room.
    async fn wait(&self, priority: Priority) -> Result<Pass, Shed> {
        let (sender, receiver) = oneshot::channel();
        let Some(place) = self.arrive(priority, sender)? else {
            return Ok(self.pass());
        };
        let mut waiting = Waiting {
            gate: self,
            place: (priority, place),
            receiver,
        };
        match timeout(self.0.max_wait, &mut waiting.receiver).await {
            Ok(Ok(pass)) => Ok(pass),
            Ok(Err(_)) | Err(_) => Err(self.state().shed(self.calls(), Instant::now())),
        }
    }

    /// Sheds a call that would not even find a place in the queue: for less than it takes to read
    /// what it is about.
    ///
    /// # Errors
    /// [`Shed`]. `Ok` promises nothing.
    pub fn check(&self, priority: Priority) -> Result<(), Shed> {
        let inner = &*self.0;
        if inner.count.has_room(inner.limit.load(Relaxed)) {
            return Ok(());
        }
        let now = Instant::now();
        let mut state = self.pressed(now);
        let has_room = state.queue.len() == 0 && inner.count.running() < state.limit.at(now);
        if has_room || state.takes(priority, inner.max_wait, self.calls(), now) {
            return Ok(());
        }
        Err(state.shed(self.calls(), now))
    }

    /// What is behind the gate has a little more to do than it bears.
    pub fn congested(&self) {
        let (now, calls) = (Instant::now(), self.calls());
        let mut state = self.state();
        // While more run than may, what the last time did is still to have its effect.
        if calls.running <= state.limit.at(now) {
            state.limit.lower(Duration::ZERO, calls, now);
            self.refresh(&state, now);
        }
    }

    /// How many calls run.
    #[must_use]
    pub fn running(&self) -> usize {
        self.0.count.running()
    }

    /// How it stands.
    #[must_use]
    pub fn status(&self) -> GateStatus {
        let state = self.state();
        GateStatus {
            limit: state.limit.at(Instant::now()),
            running: self.0.count.running(),
            queued: state.queue.len(),
        }
    }

    /// Takes a call in, at once (`None`) or into the queue, at a place.
    fn arrive(
        &self,
        priority: Priority,
        sender: oneshot::Sender<Pass>,
    ) -> Result<Option<u64>, Shed> {
        let now = Instant::now();
        let mut state = self.pressed(now);
        let limit = self.refresh(&state, now);
        if state.queue.len() == 0 && self.0.count.enter_under_pressure(limit) {
            return Ok(None);
        }
        let place = if state.takes(priority, self.0.max_wait, self.calls(), now) {
            state.queue.push(priority, sender)
        } else {
            None
        };
        let Some((place, displaced)) = place else {
            return Err(state.shed(self.calls(), now));
        };
        self.admit(state, now);
        drop(displaced);
        Ok(Some(place))
    }

    /// A call has ended.
    fn leave(&self, pass: &Pass) {
        let is_pressed = self.0.count.leave();
        if !is_pressed && !pass.is_congested {
            return;
        }
        let now = Instant::now();
        let mut state = self.state();
        if pass.is_congested {
            state.limit.failed(pass.entered, self.calls(), now);
            self.refresh(&state, now);
        }
        // Asked again and again, so that it is known when it is needed.
        state.pace.per_second(self.calls().ended, now);
        if state.queue.len() == 0 && now.duration_since(state.pressed) >= PRESSURE {
            self.0.count.release();
        }
        self.admit(state, now);
    }

    /// Lets those in that there is room for. One who has left meanwhile gives the pass back by dropping
    /// it.
    fn admit(&self, mut state: MutexGuard<'_, State>, now: Instant) {
        let limit = self.refresh(&state, now);
        let mut admitted = Vec::new();
        while self.0.count.running() < limit {
            let Some(sender) = state.queue.take() else {
                break;
            };
            if !sender.is_closed() && self.0.count.enter_under_pressure(limit) {
                admitted.push(sender);
            }
        }
        drop(state);
        for sender in admitted {
            let _ = sender.send(self.pass());
        }
    }

    fn pass(&self) -> Pass {
        Pass {
            gate: self.clone(),
            entered: Instant::now(),
            is_congested: false,
        }
    }

    /// The limit as it is `now`, for those who do not look closer.
    fn refresh(&self, state: &State, now: Instant) -> usize {
        let limit = state.limit.at(now);
        self.0.limit.store(limit, Relaxed);
        limit
    }

    fn calls(&self) -> Calls {
        Calls {
            ended: self.0.count.ended(),
            running: self.0.count.running(),
        }
    }

    /// The state, and pressure on whoever comes and goes.
    fn pressed(&self, now: Instant) -> MutexGuard<'_, State> {
        let mut state = self.state();
        self.0.count.press();
        state.pressed = now;
        state
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // The state is whole between any two statements, so a panic elsewhere does not spoil it.
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Whether a call of `priority` may wait now.
    fn takes(
        &mut self,
        priority: Priority,
        max_wait: Duration,
        calls: Calls,
        now: Instant,
    ) -> bool {
        // Where the limit has been lowered, as many as run beyond it let nobody in when they end.
        let beyond = calls.running.saturating_sub(self.limit.at(now));
        let turn = (beyond + self.queue.ahead_of(priority)) as f64 + 1.0;
        let pace = self.pace.per_second(calls.ended, now);
        // Calls end by chance: as many as are expected, give or take their root.
        let likely = turn + turn.sqrt();
        let is_soon = pace.is_none_or(|pace| likely <= pace * max_wait.as_secs_f64() * EXPECTED);
        is_soon && self.queue.has_place(priority)
    }

    fn shed(&mut self, calls: Calls, now: Instant) -> Shed {
        let shedding = self.shedding.per_second(self.shed, now);
        self.shed = self.shed.wrapping_add(1);
        let before = self.queue.len() as f64 + shedding.unwrap_or_default();
        let pace = self.pace.per_second(calls.ended, now);
        let retry_after = pace.map_or(RETRY_UNKNOWN, |pace| {
            let seconds = (before + 1.0) / pace.max(SLOWEST.recip());
            Duration::from_secs_f64(seconds).clamp(RETRY.0, RETRY.1)
        });
        Shed { retry_after }
    }
}

/// A call in the queue; it gives its place up when dropped.
struct Waiting<'g> {
    gate: &'g Gate,
    place: (Priority, u64),
    receiver: oneshot::Receiver<Pass>,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let (priority, place) = self.place;
        let left = self.gate.state().queue.remove(priority, place);
        drop(left);
    }
}

impl Pass {
    /// The call fails because what it called has more to do than it bears: it said so, or answers too
    /// late.
    pub fn congested(&mut self) {
        self.is_congested = true;
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        self.gate.leave(self);
    }
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Gate").field(&self.status()).finish()
    }
}

impl fmt::Debug for Pass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pass")
            .field("gate", &self.gate)
            .field("is_congested", &self.is_congested)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
