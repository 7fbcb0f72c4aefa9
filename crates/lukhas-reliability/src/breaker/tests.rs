// SPDX-License-Identifier: Apache-2.0
use proptest::prelude::*;
use tokio::runtime::Builder;
use tokio::time;

use super::*;

const CONFIG: BreakerConfig = BreakerConfig {
    failure_ratio: 0.5,
    minimum_calls: 4,
    window: Duration::from_secs(10),
    open_time: Duration::from_secs(5),
    max_open_time: Duration::from_secs(15),
    probes: 2,
};

fn breaker() -> CircuitBreaker {
    CircuitBreaker::new(CONFIG).unwrap()
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Makes calls that end as `outcomes` says: `+` succeeds, `-` fails, `0` is cancelled.
fn calls(breaker: &CircuitBreaker, outcomes: &str) {
    for outcome in outcomes.chars() {
        let permit = breaker.acquire().unwrap();
        match outcome {
            '+' => permit.finish(Outcome::Success),
            '-' => permit.finish(Outcome::Failure),
            _ => drop(permit),
        }
    }
}

#[track_caller]
fn check_refuses(breaker: &CircuitBreaker, retry_after: u64) {
    let retry_after = seconds(retry_after);
    assert_eq!(breaker.acquire().err(), Some(BreakerOpen { retry_after }));
}

#[tokio::test(start_paused = true)]
async fn it_opens_when_enough_calls_failed() {
    for (outcomes, expected) in [
        ("---", BreakerState::Closed),
        ("----", BreakerState::Open),
        ("+++--", BreakerState::Closed),
        ("+++---", BreakerState::Open),
        ("---+", BreakerState::Closed),
        ("---+-", BreakerState::Open),
        ("000---000", BreakerState::Closed),
    ] {
        let breaker = breaker();
        calls(&breaker, outcomes);
        assert_eq!(breaker.state(), expected, "{outcomes}");
    }
}

#[tokio::test(start_paused = true)]
async fn failures_outside_the_window_do_not_count() {
    let breaker = breaker();
    calls(&breaker, "---");
    time::advance(seconds(11)).await;
    calls(&breaker, "---");
    assert_eq!(breaker.state(), BreakerState::Closed);
    calls(&breaker, "-");
    assert_eq!(breaker.state(), BreakerState::Open);
}

#[tokio::test(start_paused = true)]
async fn it_refuses_until_its_time_and_closes_after_its_probes() {
    let breaker = breaker();
    calls(&breaker, "----");
    check_refuses(&breaker, 5);
    time::advance(seconds(4)).await;
    check_refuses(&breaker, 1);
    time::advance(seconds(1)).await;
    calls(&breaker, "+");
    assert_eq!(breaker.state(), BreakerState::HalfOpen);
    calls(&breaker, "+");
    assert_eq!(breaker.state(), BreakerState::Closed);
    calls(&breaker, "---");
    assert_eq!(breaker.state(), BreakerState::Closed, "a fresh window");
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_fails_doubles_the_time_up_to_the_maximum() {
    let breaker = breaker();
    calls(&breaker, "----");
    for expected in [5, 10, 15, 15] {
        check_refuses(&breaker, expected);
        time::advance(seconds(expected)).await;
        calls(&breaker, "+-");
    }
    time::advance(seconds(15)).await;
    calls(&breaker, "++----");
    check_refuses(&breaker, 5);
}

#[tokio::test(start_paused = true)]
async fn no_more_probes_than_configured_run_at_a_time() {
    let breaker = breaker();
    calls(&breaker, "----");
    time::advance(seconds(5)).await;
    let first = breaker.acquire().unwrap();
    let second = breaker.acquire().unwrap();
    check_refuses(&breaker, 5);
    drop(first);
    let third = breaker.acquire().unwrap();
    check_refuses(&breaker, 5);
    second.finish(Outcome::Success);
    check_refuses(&breaker, 5);
    third.finish(Outcome::Success);
    assert_eq!(breaker.state(), BreakerState::Closed);
}

#[tokio::test(start_paused = true)]
async fn calls_of_an_earlier_period_do_not_count() {
    let breaker = breaker();
    let late = || breaker.acquire().unwrap();
    let (failing, succeeding, cancelled) = (late(), late(), late());
    calls(&breaker, "----");
    time::advance(seconds(5)).await;
    let probes = [late(), late()];
    drop(cancelled);
    check_refuses(&breaker, 5);
    succeeding.finish(Outcome::Success);
    failing.finish(Outcome::Failure);
    assert_eq!(breaker.state(), BreakerState::HalfOpen);
    for probe in probes {
        probe.finish(Outcome::Success);
    }
    assert_eq!(breaker.state(), BreakerState::Closed);
}

#[track_caller]
fn check(config: BreakerConfig, expected: Option<&str>) {
    let error = CircuitBreaker::new(config).err();
    assert_eq!(error.map(|error| error.field), expected, "{config:?}");
}

#[test]
fn impossible_settings_are_named() {
    check(CONFIG, None);
    check(BreakerConfig::default(), None);
    for failure_ratio in [0.0, -0.5, 1.1, f64::NAN] {
        let config = BreakerConfig {
            failure_ratio,
            ..CONFIG
        };
        check(config, Some("failure_ratio"));
    }
    let zero = Duration::ZERO;
    for (config, field) in [
        (
            BreakerConfig {
                minimum_calls: 0,
                ..CONFIG
            },
            "minimum_calls",
        ),
        (
            BreakerConfig {
                window: zero,
                ..CONFIG
            },
            "window",
        ),
        (
            BreakerConfig {
                open_time: zero,
                ..CONFIG
            },
            "open_time",
        ),
        (
            BreakerConfig {
                max_open_time: seconds(4),
                ..CONFIG
            },
            "max_open_time",
        ),
        (
            BreakerConfig {
                probes: 0,
                ..CONFIG
            },
            "probes",
        ),
    ] {
        check(config, Some(field));
    }
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Begin,
    /// Ends the call at this place among those under way.
    End(usize, Option<Outcome>),
    Pass(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let outcome = prop::sample::select(vec![
        None,
        Some(Outcome::Success),
        Some(Outcome::Failure),
        Some(Outcome::Failure),
    ]);
    prop_oneof![
        4 => Just(Step::Begin),
        4 => (any::<usize>(), outcome).prop_map(|(at, outcome)| Step::End(at, outcome)),
        1 => (0_u64..6).prop_map(Step::Pass),
    ]
}

proptest! {
    /// However calls end, the breaker never lets more than its probes through while it is not
    /// closed, and when nothing runs and its time has passed it lets one through.
    #[test]
    fn it_never_floods_and_never_sticks(steps in prop::collection::vec(step(), 0..200)) {
        let runtime = Builder::new_current_thread().enable_time().start_paused(true).build();
        runtime.unwrap().block_on(async {
            let breaker = breaker();
            let mut running: Vec<Permit> = Vec::new();
            for step in steps {
                match step {
                    Step::Begin => {
                        if let Ok(permit) = breaker.acquire() {
                            running.push(permit);
                        }
                    }
                    Step::End(_, _) if running.is_empty() => {}
                    Step::End(at, outcome) => {
                        let permit = running.swap_remove(at % running.len());
                        match outcome {
                            Some(outcome) => permit.finish(outcome),
                            None => drop(permit),
                        }
                    }
                    Step::Pass(time) => time::advance(seconds(time)).await,
                }
                if breaker.state() == BreakerState::HalfOpen {
                    let period = breaker.shared.lock().period();
                    let probes = running.iter().filter(|permit| permit.period == period);
                    prop_assert!(probes.count() <= 2);
                }
            }
            running.clear();
            time::advance(CONFIG.max_open_time).await;
            prop_assert!(breaker.acquire().is_ok());
            Ok(())
        })?;
    }
}
