// SPDX-License-Identifier: Apache-2.0
use proptest::prelude::*;
use rand::SeedableRng;
use rand::rngs::SmallRng;
use tokio::runtime::Builder;

use super::*;
use crate::FailureKind;
use crate::fixture::{policy, rng};

fn nth(number: u32) -> Attempt {
    Attempt {
        number,
        ..Attempt::FIRST
    }
}

fn asked(kind: FailureKind, seconds: u64) -> Failure {
    Failure {
        kind,
        retry_after: Some(Duration::from_secs(seconds)),
    }
}

fn retry(seconds: u64) -> Decision {
    Decision::Retry {
        after: Duration::from_secs(seconds),
    }
}

/// Decides about `attempt` of a policy of three attempts, 10 s before the deadline.
#[track_caller]
fn check(attempt: u32, failure: impl Into<Failure>, expected: Decision) {
    let policy = policy(3, 1);
    let deadline = Deadline::after(Duration::from_secs(10));
    let rng = &mut rng();
    let failure = failure.into();
    let decision = policy.decide(nth(attempt), failure, deadline, rng);
    assert_eq!(decision, expected, "{failure:?}");
    let spent = matches!(decision, Decision::Retry { .. });
    assert_eq!(policy.budget().available(), u64::from(!spent));
}

#[tokio::test(start_paused = true)]
async fn the_kind_of_failure_decides_first() {
    use FailureKind::*;
    let no = |reason| Decision::GiveUp { reason };
    for kind in [
        Refused,
        ResetBeforeHead,
        Timeout,
        Overloaded,
        RateLimited,
        ServerError,
    ] {
        check(0, kind, retry(1));
        check(1, kind, retry(2));
        check(2, kind, no(GiveUp::NoAttempts));
        check(u32::MAX, kind, no(GiveUp::NoAttempts));
    }
    for kind in [Rejected, Truncated] {
        check(0, kind, no(GiveUp::NotRetryable));
        check(0, asked(kind, 1), no(GiveUp::NotRetryable));
    }
}

#[tokio::test(start_paused = true)]
async fn retry_after_is_obeyed_exactly_or_not_at_all() {
    let kind = FailureKind::RateLimited;
    for (seconds, expected) in [
        (0, retry(0)),
        (1, retry(1)),
        (9, retry(9)),
        (
            10,
            Decision::GiveUp {
                reason: GiveUp::NoTime,
            },
        ),
        (
            u64::MAX,
            Decision::GiveUp {
                reason: GiveUp::NoTime,
            },
        ),
    ] {
        check(0, asked(kind, seconds), expected);
    }
}

#[tokio::test(start_paused = true)]
async fn without_budget_there_is_no_retry() {
    let policy = policy(3, 0);
    let deadline = Deadline::after(Duration::from_secs(10));
    let rng = &mut rng();
    let failure = FailureKind::Refused.into();
    let decision = policy.decide(Attempt::FIRST, failure, deadline, rng);
    let reason = GiveUp::NoBudget;
    assert_eq!(decision, Decision::GiveUp { reason });
}

proptest! {
    #[test]
    fn no_wait_reaches_the_deadline_and_none_is_less_than_asked(
        number in 0_u32..12,
        kind in prop::sample::select(FailureKind::ALL.as_slice()),
        asked in prop::option::of(0_u64..40_000),
        left in 0_u64..40_000,
        seed in any::<u64>(),
    ) {
        let runtime = Builder::new_current_thread().enable_time().start_paused(true).build();
        runtime.unwrap().block_on(async {
            let retry_after = asked.map(Duration::from_millis);
            let failure = Failure { kind, retry_after };
            let deadline = Deadline::after(Duration::from_millis(left));
            let rng = &mut SmallRng::seed_from_u64(seed);
            match policy(10, 1).decide(nth(number), failure, deadline, rng) {
                Decision::Retry { after } => {
                    prop_assert!(after < deadline.remaining());
                    prop_assert!(retry_after.is_none_or(|asked| after == asked));
                    prop_assert!(kind.is_retryable() && number < 9);
                }
                Decision::GiveUp { reason } => {
                    let true_reason = match reason {
                        GiveUp::NotRetryable => !kind.is_retryable(),
                        GiveUp::NoAttempts => number >= 9,
                        GiveUp::NoTime => left <= asked.unwrap_or(30_000),
                        GiveUp::NoBudget => false,
                    };
                    prop_assert!(true_reason, "{:?}", reason);
                }
            }
            Ok(())
        })?;
    }
}
