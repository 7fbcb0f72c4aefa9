// SPDX-License-Identifier: Apache-2.0
//! Who is taken out, for how long, and never all.

use proptest::prelude::*;
use rand::SeedableRng;
use rand::rngs::SmallRng;
use tokio::runtime::Builder;
use tokio::time;

use super::*;

#[tokio::test(start_paused = true)]
async fn failures_in_a_row_eject() {
    let pool = pool(3, config());
    fail(&pool, 'b', 2);
    lease(&pool, 'b').finish(Outcome::Success);
    fail(&pool, 'b', 2);
    drop(lease(&pool, 'b'));
    assert_eq!(ejected(&pool), [0, 0, 0]);
    let late = lease(&pool, 'b');
    assert!(lease(&pool, 'b').fail(&FailureKind::Timeout));
    assert_eq!(ejected(&pool), [0, 10, 0]);
    assert!(!late.fail(&FailureKind::Timeout), "it is out already");
    let counts = calls(&pool);
    assert_eq!(counts[1], ('b', 0));
    assert!(counts[0].1 > 2_700 && counts[2].1 > 2_700, "{counts:?}");
}

#[tokio::test(start_paused = true)]
async fn what_is_not_the_endpoints_fault_does_not_eject() {
    let pool = pool(3, config());
    for _ in 0..20 {
        lease(&pool, 'b').fail(&FailureKind::Rejected);
        lease(&pool, 'b').fail(&FailureKind::RateLimited);
    }
    assert_eq!(ejected(&pool), [0, 0, 0]);
}

#[tokio::test(start_paused = true)]
async fn a_rate_clearly_above_the_others_ejects() {
    let good = |calls| "+".repeat(calls);
    for (own, others, expected) in [
        ("+-+-+-+-+-".to_owned(), good(20), 10),
        // The others do no better.
        ("+-+-+-+-+-".to_owned(), "+-".repeat(10), 0),
        // Too few calls of its own, and of the others.
        ("+--+--+--".to_owned(), good(20), 0),
        ("+--+--+--+--".to_owned(), good(9), 0),
        // Perhaps by chance, and too little to matter.
        ("++++++++++++++++++-".to_owned(), good(20), 0),
        (format!("{}+-+-+-", good(94)), good(1_000), 0),
    ] {
        let pool = pool(2, config());
        for (target, outcomes) in [('b', &others), ('a', &own)] {
            for outcome in outcomes.chars() {
                let outcome = match outcome {
                    '+' => Outcome::Success,
                    _ => Outcome::Failure,
                };
                lease(&pool, target).finish(outcome);
            }
        }
        assert_eq!(ejected(&pool)[0], expected, "{own} against {others}");
    }
}

#[tokio::test(start_paused = true)]
async fn repetition_doubles_the_time_and_good_service_forgets_it() {
    let pool = pool(3, config());
    fail(&pool, 'b', 3);
    for expected in [20, 30, 30] {
        time::advance(pool.status().map(|it| it.ejected_for).max().unwrap()).await;
        fail(&pool, 'b', 1);
        assert_eq!(ejected(&pool), [0, expected, 0]);
    }
    // In service for as long as the last three ejections: three of four repetitions are forgotten.
    time::advance(seconds(30 + 90)).await;
    fail(&pool, 'b', 1);
    assert_eq!(ejected(&pool), [0, 20, 0]);
    time::advance(seconds(20 + 1_000)).await;
    fail(&pool, 'b', 1);
    assert_eq!(ejected(&pool), [0, 10, 0]);
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_that_comes_back_is_called_more_as_its_calls_succeed() {
    let pool = pool(3, config());
    let in_flight = || {
        let rng = &mut rng();
        let held: Vec<_> = (0..300).map(|_| pool.choose(rng)).collect();
        held.iter().filter(|it| *it.target() == 'b').count()
    };
    fail(&pool, 'b', 3);
    assert_eq!(in_flight(), 0);
    time::advance(seconds(10)).await;
    assert_eq!(in_flight(), 1);
    assert_eq!(in_flight(), 1, "cancelled calls are given back");
    lease(&pool, 'b').finish(Outcome::Success);
    assert_eq!(in_flight(), 2);
    lease(&pool, 'b').finish(Outcome::Success);
    assert_eq!(in_flight(), 100);
    fail(&pool, 'b', 2);
    assert_eq!(ejected(&pool), [0, 0, 0], "no longer on probation");
}

#[tokio::test(start_paused = true)]
async fn calls_begun_before_an_ejection_do_not_count_after_it() {
    let pool = pool(3, config());
    let late = lease(&pool, 'b');
    fail(&pool, 'b', 3);
    time::advance(seconds(10)).await;
    late.fail(&FailureKind::Timeout);
    assert_eq!(ejected(&pool), [0, 0, 0]);
}

#[tokio::test(start_paused = true)]
async fn some_always_stay() {
    for (count, max_ejected, expected) in [
        (1, 1.0, 0),
        (2, 1.0, 1),
        (3, 1.0, 2),
        (3, 0.5, 1),
        (3, 0.0, 0),
        (10, 0.3, 3),
        (10, 0.7, 7),
    ] {
        let ejection = EjectionConfig {
            max_ejected,
            ..EJECTION
        };
        let pool = pool(
            count,
            PoolConfig {
                ejection,
                ..config()
            },
        );
        let mut rng = rng();
        for _ in 0..1_000 {
            pool.choose(&mut rng).fail(&FailureKind::Refused);
        }
        let out = ejected(&pool).into_iter().filter(|it| *it > 0).count();
        assert_eq!(out, expected, "{count} {max_ejected}");
    }
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Take,
    /// Ends the lease at this place among those held.
    End(usize, Option<FailureKind>),
    /// Milliseconds.
    Pass(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let kind = prop::option::weighted(0.7, prop::sample::select(FailureKind::ALL.as_slice()));
    prop_oneof![
        5 => Just(Step::Take),
        5 => (any::<usize>(), kind).prop_map(|(at, kind)| Step::End(at, kind)),
        1 => (0_u64..8_000).prop_map(Step::Pass),
    ]
}

proptest! {
    #[test]
    fn never_are_all_ejected_nor_more_than_the_share(
        count in 1_u8..8,
        max_ejected in 0.0_f64..=1.0,
        steps in prop::collection::vec(step(), 0..300),
        seed in any::<u64>(),
    ) {
        let runtime = Builder::new_current_thread().enable_time().start_paused(true).build();
        runtime.unwrap().block_on(async {
            let ejection = EjectionConfig { max_ejected, ..EJECTION };
            let pool = pool(count, PoolConfig { ejection, ..config() });
            let mut rng = SmallRng::seed_from_u64(seed);
            let mut held = Vec::new();
            for step in steps {
                match step {
                    Step::Take => {
                        let lease = pool.choose(&mut rng);
                        let called = pool.status().find(|it| it.target == lease.target());
                        // Somebody is always in service, and only they are called.
                        let ejected_for = called.map(|it| it.ejected_for);
                        prop_assert_eq!(ejected_for, Some(Duration::ZERO));
                        held.push(lease);
                    }
                    Step::End(_, _) if held.is_empty() => {}
                    Step::End(at, kind) => {
                        let lease = held.swap_remove(at % held.len());
                        let before = pool.status().map(|it| it.ejections).sum::<u64>();
                        let ejects = match kind {
                            Some(kind) => lease.fail(&kind),
                            None => lease.finish(Outcome::Success),
                        };
                        let after = pool.status().map(|it| it.ejections).sum::<u64>();
                        prop_assert_eq!(after, before + u64::from(ejects));
                    }
                    Step::Pass(time) => time::advance(Duration::from_millis(time)).await,
                }
                let out = pool.status().filter(|it| !it.ejected_for.is_zero()).count();
                prop_assert!(out < count.into());
                prop_assert!(out as f64 <= f64::from(count) * max_ejected + 1e-9);
                let in_flight: u32 = pool.status().map(|it| it.in_flight).sum();
                prop_assert_eq!(in_flight as usize, held.len());
            }
            Ok(())
        })?;
    }
}
