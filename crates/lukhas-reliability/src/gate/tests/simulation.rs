// SPDX-License-Identifier: Apache-2.0
//! A service with a capacity, behind a gate, under more load than it bears.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use tokio::task::LocalSet;

use super::*;

/// Calls that the service bears at a time, and how long each takes.
const CAPACITY: usize = 20;
const TAKES: Duration = Duration::from_millis(100);

/// What came of a minute's load.
#[derive(Debug, Default)]
struct Outcome {
    good: usize,
    overloaded: usize,
    /// How long those waited that were let in.
    waits: Vec<Duration>,
    /// How long those waited that were shed.
    shed: Vec<Duration>,
}

/// The one that `share` of `times` do not exceed.
fn quantile(mut times: Vec<Duration>, share: f64) -> Duration {
    times.sort();
    let last = times.len().saturating_sub(1) as f64;
    times
        .get((last * share) as usize)
        .copied()
        .unwrap_or_default()
}

/// Offers `times` the load that the service bears, evenly, for a minute after ten seconds. Beyond its
/// capacity the service fails at once.
fn offer(times: f64, gate: &Gate) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    let outcome = Rc::new(RefCell::new(Outcome::default()));
    let busy = Rc::new(Cell::new(0_usize));
    let per_second = times * CAPACITY as f64 / TAKES.as_secs_f64();
    let calls = LocalSet::new();
    calls.block_on(&runtime, async {
        let begun = Instant::now();
        for number in 0..(per_second * 70.0) as u32 {
            tokio::time::sleep_until(
                begun + Duration::from_secs_f64(f64::from(number) / per_second),
            )
            .await;
            let (gate, outcome, busy) = (gate.clone(), Rc::clone(&outcome), Rc::clone(&busy));
            tokio::task::spawn_local(async move {
                let arrived = Instant::now();
                let counts = arrived.duration_since(begun) > Duration::from_secs(10);
                let entered = gate.enter(Priority::Normal).await;
                let waited = arrived.elapsed();
                let Ok(pass) = entered else {
                    if counts {
                        outcome.borrow_mut().shed.push(waited);
                    }
                    return;
                };
                let is_good = busy.get() < CAPACITY;
                if is_good {
                    busy.set(busy.get() + 1);
                    sleep(TAKES).await;
                    busy.set(busy.get() - 1);
                } else {
                    pass.congested();
                }
                if counts {
                    let mut outcome = outcome.borrow_mut();
                    outcome.good += usize::from(is_good);
                    outcome.overloaded += usize::from(!is_good);
                    outcome.waits.push(waited);
                }
            });
        }
    });
    outcome.take()
}

/// What the service can do in a minute.
const PEAK: f64 = 60.0 * CAPACITY as f64 * 10.0;

#[test]
fn beyond_its_capacity_a_service_does_what_it_can() {
    for times in [1.0, 2.0, 5.0] {
        let gate = Gate::new(GateConfig {
            max_limit: 1_000,
            max_wait: 500 * MS,
            ..config(1, 200)
        });
        let outcome = offer(times, &gate);
        let (good, bad) = (outcome.good as f64, outcome.overloaded as f64);
        assert!(good >= 0.9 * PEAK, "{times} times: {good} of {PEAK}");
        assert!(
            bad <= 0.1 * good,
            "{times} times: {bad} reach it that it cannot bear"
        );
    }
}

#[test]
fn under_a_standing_overload_few_wait_and_none_in_vain() {
    let gate = Gate::new(GateConfig {
        max_limit: CAPACITY,
        max_wait: Duration::from_secs(1),
        ..config(1, 1_000)
    });
    let Outcome {
        good, waits, shed, ..
    } = offer(5.0, &gate);
    let (wait, said) = (quantile(waits, 0.99), quantile(shed, 0.999));
    assert!(good as f64 >= 0.98 * PEAK, "{good} of {PEAK}");
    assert!(wait <= 200 * MS, "{wait:?}");
    assert_eq!(said, Duration::ZERO);
}
