// SPDX-License-Identifier: Apache-2.0
//! A service with a capacity, behind a gate, under more load than it bears.

use std::cell::{Cell, RefCell};
use std::ops::Range;
use std::rc::Rc;

use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use tokio::sync::Semaphore;
use tokio::task::LocalSet;
use tokio::time::sleep_until;

use super::*;

/// What a service does with more calls than it bears.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Beyond {
    /// Says so.
    Refuses,
    /// Serves all of them, each as much slower as there are more.
    SlowsDown,
    /// Has them wait, first come, first served.
    Queues,
}

/// A service.
#[derive(Clone)]
struct Service {
    beyond: Beyond,
    /// Calls that it bears at a time, how long each takes then, and how long it may take.
    capacity: u32,
    takes: Duration,
    patience: Duration,
    /// The seconds in which it answers nobody.
    outage: Range<u64>,
    /// Which of its calls fail by chance: one of so many.
    flaw: u64,
    calls: Rc<Cell<u64>>,
    busy: Rc<Cell<u32>>,
    places: Rc<Semaphore>,
}

/// What came of a load.
#[derive(Debug, Default)]
struct Outcome {
    good: usize,
    /// By priority.
    served: [usize; 3],
    congested: usize,
    /// How long those waited that were let in, and those that were shed.
    waits: Vec<Duration>,
    shed: Vec<Duration>,
}

struct Busy<'s>(&'s Cell<u32>);

impl Service {
    /// One that is fast.
    fn new(beyond: Beyond) -> Self {
        Self::with(beyond, 40, 100 * MS, 1_000 * MS)
    }

    fn with(beyond: Beyond, capacity: u32, takes: Duration, patience: Duration) -> Self {
        Self {
            beyond,
            capacity,
            takes,
            patience,
            outage: 0..0,
            flaw: u64::MAX,
            calls: Rc::default(),
            busy: Rc::default(),
            places: Rc::new(Semaphore::new(capacity as usize)),
        }
    }

    /// What it can do in a second.
    fn peak(&self) -> f64 {
        f64::from(self.capacity) / self.takes.as_secs_f64()
    }

    /// Whether it answers in time, `since` its first call.
    async fn call(&self, since: Duration) -> bool {
        if self.outage.contains(&since.as_secs()) {
            sleep(self.patience).await;
            return false;
        }
        self.calls.set(self.calls.get() + 1);
        let is_lucky = !self.calls.get().is_multiple_of(self.flaw);
        is_lucky && timeout(self.patience, self.serve()).await == Ok(true)
    }

    async fn serve(&self) -> bool {
        let _busy = Busy::new(&self.busy);
        match self.beyond {
            Beyond::Refuses if self.busy.get() > self.capacity => {
                sleep(MS).await;
                return false;
            }
            Beyond::Refuses => sleep(self.takes).await,
            Beyond::SlowsDown => {
                for _ in 0..10 {
                    let sharers = self.busy.get().max(self.capacity);
                    sleep(self.takes / 10 * sharers / self.capacity).await;
                }
            }
            Beyond::Queues => {
                let _place = self.places.acquire().await;
                sleep(self.takes).await;
            }
        }
        true
    }
}

impl<'s> Busy<'s> {
    fn new(busy: &'s Cell<u32>) -> Self {
        busy.set(busy.get() + 1);
        Self(busy)
    }
}

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

/// The one that `share` of `times` do not exceed.
fn quantile(mut times: Vec<Duration>, share: f64) -> Duration {
    times.sort();
    let last = times.len().saturating_sub(1) as f64;
    let quantile = times.get((last * share) as usize);
    quantile.copied().unwrap_or_default()
}

/// Offers `service` so many times what it bears, at random moments, and gives what came of the calls
/// that were made in the `measured` seconds.
fn offer(times: f64, gate: &Gate, service: &Service, measured: Range<u64>) -> Outcome {
    offer_mix(&[Normal], times, gate, service, measured)
}

/// The same, of the priorities of `mix` as many each.
fn offer_mix(
    mix: &[Priority],
    times: f64,
    gate: &Gate,
    service: &Service,
    measured: Range<u64>,
) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    let outcome = Rc::new(RefCell::new(Outcome::default()));
    let mut random = SmallRng::seed_from_u64(7);
    let calls = LocalSet::new();
    calls.block_on(&runtime, async {
        let begun = Instant::now();
        let mut due = begun;
        loop {
            let gap = -f64::ln(1.0 - random.random::<f64>()) / (service.peak() * times);
            due += Duration::from_secs_f64(gap);
            let second = due.duration_since(begun).as_secs();
            if second >= measured.end {
                break;
            }
            sleep_until(due).await;
            let (gate, service, outcome) = (gate.clone(), service.clone(), Rc::clone(&outcome));
            let counts = measured.contains(&second);
            let priority = mix[random.random_range(0..mix.len())];
            tokio::task::spawn_local(async move {
                let arrived = Instant::now();
                let entered = gate.enter(priority).await;
                let waited = arrived.elapsed();
                let outcome_of = |note: &dyn Fn(&mut Outcome)| {
                    if counts {
                        note(&mut outcome.borrow_mut());
                    }
                };
                let Ok(mut pass) = entered else {
                    return outcome_of(&|it| it.shed.push(waited));
                };
                outcome_of(&|it| it.waits.push(waited));
                if service.call(arrived.duration_since(begun)).await {
                    outcome_of(&|it| it.good += 1);
                    outcome_of(&|it| it.served[priority as usize] += 1);
                } else {
                    pass.congested();
                    outcome_of(&|it| it.congested += 1);
                }
            });
        }
    });
    outcome.take()
}

fn gate_for_many() -> Gate {
    Gate::new(GateConfig {
        min_limit: 4,
        max_limit: 1_000,
        max_queue: 256,
        max_wait: 1_000 * MS,
    })
}

#[track_caller]
fn check(service: &Service, times: f64, measured: Range<u64>) {
    let seconds = (measured.end - measured.start) as f64;
    let Outcome { good, shed, .. } = offer(times, &gate_for_many(), service, measured);
    let share = good as f64 / seconds / service.peak();
    assert!(share >= 0.9, "{:?} {times}: {share}", service.beyond);
    if times == 5.0 {
        let heard = quantile(shed, 0.99);
        assert_eq!(heard, Duration::ZERO, "{:?}", service.beyond);
    }
}

#[test]
fn beyond_its_capacity_a_service_does_what_it_can() {
    for beyond in [Beyond::Refuses, Beyond::SlowsDown, Beyond::Queues] {
        for times in [1.0, 2.0, 5.0] {
            check(&Service::new(beyond), times, 20..50);
        }
    }
}

#[test]
fn a_slow_service_does_what_it_can_as_well() {
    for beyond in [Beyond::Refuses, Beyond::SlowsDown, Beyond::Queues] {
        let service = Service::with(beyond, 20, 5_000 * MS, 15_000 * MS);
        check(&service, 2.0, 300..2_000);
        check(&service, 5.0, 300..2_000);
    }
}

#[test]
fn an_outage_is_forgotten_soon() {
    let mut service = Service::new(Beyond::SlowsDown);
    service.outage = 10..30;
    let gate = gate_for_many();
    let Outcome { good, .. } = offer(0.8, &gate, &service, 50..60);
    let offered = 0.8 * 10.0 * service.peak();
    assert!(good as f64 >= 0.95 * offered, "{good} of {offered}");
}

#[test]
fn failures_by_chance_are_no_congestion() {
    let mut service = Service::with(Beyond::SlowsDown, 400, 100 * MS, 1_000 * MS);
    service.flaw = 50;
    let gate = gate_for_many();
    let outcome = offer(0.5, &gate, &service, 0..20);
    assert_eq!((outcome.shed.len(), gate.status().limit), (0, 1_000));
    assert!(outcome.congested > 500, "{}", outcome.congested);
}

#[test]
fn whatever_is_asked_with_high_priority_the_others_get_their_share() {
    let service = Service::new(Beyond::Refuses);
    for (mix, shares) in [
        (
            [High, High, High, High, High, Normal, Low],
            [1.0, 3.0, 12.0],
        ),
        ([High, High, High, High, High, High, Low], [1.0, 0.0, 15.0]),
        (
            [Normal, Normal, Normal, Normal, Normal, Normal, Low],
            [1.0, 15.0, 0.0],
        ),
    ] {
        // Of each class more than its share.
        let outcome = offer_mix(&mix, 10.0, &gate_for_many(), &service, 10..30);
        let good = outcome.good as f64;
        for (served, share) in outcome.served.into_iter().zip(shares) {
            let least = 0.9 * good * share / 16.0;
            assert!(served as f64 >= least, "{mix:?} {:?}", outcome.served);
        }
    }
}
