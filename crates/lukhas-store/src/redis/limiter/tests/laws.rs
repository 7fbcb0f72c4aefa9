// SPDX-License-Identifier: Apache-2.0
//! The scripts against a log of everything that was admitted.

use lukhas_reliability::AdmissionLog;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::*;

/// Each asks a real Redis some 30 times.
const CASES: u32 = 96;

/// Quotas in which neither a unit nor a tick is a whole number of microseconds, so slow that no bucket
/// expires by Redis's own clock while a test sets another.
fn quotas() -> impl Strategy<Value = Quota> {
    let periods = prop_oneof![
        Just(1_000_000_000_000_u64),
        1_000_000_000_000..5_000_000_000_000_u64
    ];
    (1_u64..50, periods, 1_u64..30)
        .prop_map(|(amount, period, burst)| quota(amount, Duration::from_nanos(period), burst))
}

/// Time that passes in microseconds, as a share of a thousand seconds in thousandths.
fn pauses() -> impl Strategy<Value = u64> {
    let share = prop_oneof![2 => Just(0_u64), 3 => 0_u64..200, 1 => 0_u64..5_000];
    (share, 0_u64..1_000_000).prop_map(|(share, micros)| match share {
        0 => 0,
        share => share * 1_000_000 + micros,
    })
}

fn run<S: Strategy>(
    strategy: S,
    law: impl Fn(&mut Bench, u128, S::Value) -> Result<(), TestCaseError>,
) {
    let bench = std::cell::RefCell::new((Bench::start(), 0_u128));
    let config = Config {
        cases: CASES,
        failure_persistence: None,
        max_shrink_iters: 500,
        ..Config::default()
    };
    let tested = TestRunner::new(config).run(&strategy, |value| {
        let (bench, next) = &mut *bench.borrow_mut();
        // Each case has buckets of its own.
        *next += 100;
        law(bench, *next, value)
    });
    tested.unwrap();
}

#[test]
fn a_call_is_admitted_exactly_when_the_log_allows_it() {
    let steps = prop::collection::vec((pauses(), [0_usize..3, 0..3], 0_u64..12), 1..40);
    run(
        ([quotas(), quotas()], steps),
        |bench, base, (quotas, steps)| {
            let mut logs = quotas.map(|quota| [0; 3].map(|_| AdmissionLog::new(quota)));
            let mut now = 0;
            for (pause, keys, cost) in steps {
                now += pause;
                bench.set(now);
                let nanos = now * 1_000;
                let id = |at: usize| base + 3 * at as u128 + keys[at] as u128;
                let charges = [0, 1].map(|at| spend(quotas[at], id(at), cost));
                let allowed = |logs: &[[AdmissionLog; 3]; 2], now| {
                    (0..2).all(|at| logs[at][keys[at]].allows(now, cost))
                };
                let charges = match bench.admit(call(&[], &charges, &[])) {
                    Ok(permit) => {
                        prop_assert!(allowed(&logs, nanos));
                        (0..2).for_each(|at| logs[at][keys[at]].spend(nanos, cost));
                        permit.charges().to_vec()
                    }
                    Err(SharedRefusal::Denied {
                        denied, charges, ..
                    }) => {
                        match denied.retry_after {
                            None => prop_assert!(cost > quotas[denied.index].burst()),
                            Some(wait) => {
                                let wait = u64::try_from(wait.as_nanos()).unwrap();
                                prop_assert!(wait > 0);
                                prop_assert!(!allowed(&logs, nanos + wait - 1_000));
                                prop_assert!(allowed(&logs, nanos + wait));
                            }
                        }
                        charges
                    }
                    Err(other) => panic!("{other:?}"),
                };
                for at in 0..2 {
                    let (log, standing) = (&logs[at][keys[at]], charges[at].standing());
                    prop_assert_eq!(standing.limit, quotas[at].burst());
                    prop_assert_eq!(standing.remaining, log.remaining(nanos));
                    let reset = u64::try_from(standing.reset.as_nanos()).unwrap();
                    prop_assert_eq!(log.remaining(nanos + reset), quotas[at].burst());
                    if reset > 0 {
                        prop_assert!(!log.allows(nanos + reset - 1, quotas[at].burst()));
                    }
                }
            }
            Ok(())
        },
    );
}

#[test]
fn what_is_settled_stays_within_the_limit_whatever_was_estimated() {
    let step = (pauses(), 0_u64..12, any::<u64>(), any::<bool>());
    let steps = prop::collection::vec(step, 1..40);
    run((quotas(), steps), |bench, id, (quota, steps)| {
        let mut log = AdmissionLog::new(quota);
        let mut open: Vec<(u64, Box<dyn SharedPermit>)> = Vec::new();
        let mut now = 0;
        for (pause, estimate, random, ends) in steps {
            now += pause;
            bench.set(now);
            let nanos = now * 1_000;
            if ends && !open.is_empty() {
                let (cost, permit) = open.swap_remove(random as usize % open.len());
                let used = random % (cost + 1);
                permit.settle(&|_| used);
                bench.come_to_rest();
                log.release(cost);
                prop_assert!(log.allows(nanos, used));
                log.spend(nanos, used);
            } else {
                let answer = bench.admit(call(&[], &[hold(quota, id, estimate)], &[]));
                prop_assert_eq!(answer.is_ok(), log.allows(nanos, estimate));
                if let Ok(permit) = answer {
                    log.hold(estimate);
                    prop_assert_eq!(remaining(permit.charges()), [log.remaining(nanos)]);
                    open.push((estimate, permit));
                }
            }
        }
        Ok(())
    });
}

#[test]
fn what_is_given_back_admits_no_more_than_if_the_call_had_never_been() {
    let step = (pauses(), 0_u64..12, any::<u64>(), any::<bool>());
    let steps = prop::collection::vec(step, 1..40);
    run((quotas(), steps), |bench, id, (quota, steps)| {
        let mut log = AdmissionLog::new(quota);
        let mut admitted: Vec<Charge> = Vec::new();
        let mut now = 0;
        let never = [spend(quota, id + 1, 1_000)];
        for (pause, cost, random, gives_back) in steps {
            now += pause;
            bench.set(now);
            let nanos = now * 1_000;
            if gives_back && !admitted.is_empty() {
                let charge = admitted.swap_remove(random as usize % admitted.len());
                prop_assert!(bench.admit(call(&[], &never, &[charge])).is_err());
                let at = charge.admitted_at() - 1_000_000_000_000_000_000;
                log.forget(at, charge.cost());
            } else if let Ok(permit) = bench.admit(call(&[], &[spend(quota, id, cost)], &[])) {
                prop_assert!(log.allows(nanos, cost));
                log.spend(nanos, cost);
                admitted.extend(permit.charges());
            }
        }
        Ok(())
    });
}
