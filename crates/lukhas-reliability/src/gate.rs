// SPDX-License-Identifier: Apache-2.0
//! How many calls at a time, when nobody knows how many are too many.

mod delay;
mod drain;
mod limit;
mod queue;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::{Instant, timeout};

use self::drain::Rate;
use self::limit::AdaptiveLimit;
use self::queue::Queue;

pub use self::delay::StandingDelay;
pub use self::queue::Priority;

/// The shortest and the longest time that whoever is shed is told to wait.
const RETRY: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(60));

/// What of the longest wait is left in a queue that stands.
const STANDING: u32 = 10;

/// Lets calls through, as many at a time as what is behind it bears; the others wait for a while, or
/// are told when to come back.
///
/// The limit is found by additive increase and multiplicative decrease, as TCP finds its window:
/// reports of [congestion](Pass::congested) lower it by a tenth of what runs, at most ten times a
/// second; every second in which it was reached, and of which nothing was reported, raises it by a
/// sixteenth. A few reports in a second are forgiven. What congestion is, callers know: a service that
/// says so, or a queue that does not go down ([`StandingDelay`]). How long calls take is no
/// sign of it where they mostly wait.
///
/// The queue is bounded in length and in time. Of those who wait, higher [priorities](Priority) go
/// first, and are displaced last; among equals the first that came. A queue is there for bursts. When
/// it has not been empty for `max_wait`, waiting helps nobody any more, and only those come in who
/// will wait for a tenth of that, going by the pace of the last second ("Fail at scale", ACM Queue
/// 13/8): so those who are let in have waited little, and those who are shed hear of it at once.
/// At no moment do more calls run than the limit allows, and none waits while it allows more. When
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
    state: Mutex<State>,
}

/// INVARIANT: nobody waits while fewer run than the limit allows.
struct State {
    limit: AdaptiveLimit,
    running: usize,
    queue: Queue<oneshot::Sender<Pass>>,
    /// When the queue was last seen empty.
    empty: Instant,
    ended: Rate,
    shed: Rate,
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
pub struct Pass(Gate);

/// There is no room for the call now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no room for the call now")]
pub struct Shed {
    /// After how long those who wait, and those who were shed in the last second, will have been
    /// served at the pace of the last second. Spread those who come back over a time as long again.
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
        let (min, max) = (config.min_limit, config.max_limit);
        Self(Arc::new(Inner {
            max_wait: config.max_wait,
            state: Mutex::new(State {
                limit: AdaptiveLimit::new(min.min(max), max, now),
                running: 0,
                queue: Queue::new(config.max_queue),
                empty: now,
                ended: Rate::new(now),
                shed: Rate::new(now),
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
        let (sender, receiver) = oneshot::channel();
        let place = match self.arrive(priority, sender)? {
            None => return Ok(Pass(self.clone())),
            Some(place) => place,
        };
        let mut waiting = Waiting {
            gate: self,
            place,
            receiver,
        };
        match timeout(self.0.max_wait, &mut waiting.receiver).await {
            Ok(Ok(pass)) => Ok(pass),
            Ok(Err(_)) | Err(_) => Err(self.state().shed()),
        }
    }

    /// Sheds a call that would not even find a place in the queue: for less than it takes to read
    /// what it is about.
    ///
    /// # Errors
    /// [`Shed`]. `Ok` promises nothing.
    pub fn check(&self, priority: Priority) -> Result<(), Shed> {
        let mut state = self.state();
        if state.has_room() || state.takes(priority, self.0.max_wait) {
            return Ok(());
        }
        Err(state.shed())
    }

    /// What is behind the gate had more to do than it bears.
    pub fn congested(&self) {
        let mut state = self.state();
        let running = state.running;
        state.limit.congested(running, Instant::now());
    }

    /// How it stands.
    #[must_use]
    pub fn status(&self) -> GateStatus {
        let state = self.state();
        GateStatus {
            limit: state.limit.get(),
            running: state.running,
            queued: state.queue.len(),
        }
    }

    /// Takes a call in, at once (`None`) or into the queue, at a place.
    fn arrive(
        &self,
        priority: Priority,
        sender: oneshot::Sender<Pass>,
    ) -> Result<Option<(Priority, u64)>, Shed> {
        let mut state = self.state();
        state.limit.tick(Instant::now());
        if state.has_room() {
            state.running += 1;
            return Ok(None);
        }
        state.limit.reached();
        let place = if state.takes(priority, self.0.max_wait) {
            state.queue.push(priority, sender)
        } else {
            None
        };
        let Some((place, displaced)) = place else {
            return Err(state.shed());
        };
        let admitted = state.admit();
        drop(state);
        drop(displaced);
        self.wake(admitted);
        Ok(Some((priority, place)))
    }

    fn leave(&self) {
        let mut state = self.state();
        let now = Instant::now();
        state.running -= 1;
        state.ended.count(now);
        state.limit.tick(now);
        let admitted = state.admit();
        drop(state);
        self.wake(admitted);
    }

    /// Hands passes out. One whose call has left meanwhile comes back by being dropped.
    fn wake(&self, admitted: Vec<oneshot::Sender<Pass>>) {
        for sender in admitted {
            let _ = sender.send(Pass(self.clone()));
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // The state is whole between any two statements, so a panic elsewhere does not spoil it.
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn has_room(&self) -> bool {
        self.running < self.limit.get() && self.queue.len() == 0
    }

    /// Whether a call of `priority` may wait now.
    fn takes(&mut self, priority: Priority, max_wait: Duration) -> bool {
        let now = Instant::now();
        if self.queue.len() == 0 {
            self.empty = now;
        }
        let is_burst = now.duration_since(self.empty) <= max_wait;
        let wait = if is_burst {
            max_wait
        } else {
            max_wait / STANDING
        };
        let ahead = self.queue.ahead_of(priority) as f64;
        let pace = self.ended.per_second(now);
        // Where nothing has ended for a second, nobody knows.
        let is_soon = pace == 0.0 || ahead <= pace * wait.as_secs_f64();
        is_soon && self.queue.has_place(priority)
    }

    /// Counts those in that there is room for now.
    fn admit(&mut self) -> Vec<oneshot::Sender<Pass>> {
        let mut admitted = Vec::new();
        while self.running < self.limit.get() {
            let Some(sender) = self.queue.take() else {
                break;
            };
            if !sender.is_closed() {
                self.running += 1;
                admitted.push(sender);
            }
        }
        admitted
    }

    fn shed(&mut self) -> Shed {
        let now = Instant::now();
        let before = self.queue.len() as f64 + self.shed.per_second(now);
        self.shed.count(now);
        // Where nothing has ended for a second, one a second is as good a guess as any.
        let pace = self.ended.per_second(now).max(1.0);
        let wait = Duration::from_secs_f64((before + 1.0) / pace);
        Shed {
            retry_after: wait.clamp(RETRY.0, RETRY.1),
        }
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
    /// The call has failed because what it called had more to do than it bears.
    pub fn congested(&self) {
        self.0.congested();
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        self.0.leave();
    }
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Gate").field(&self.status()).finish()
    }
}

impl fmt::Debug for Pass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Pass").field(&self.0).finish()
    }
}

#[cfg(test)]
mod tests;
