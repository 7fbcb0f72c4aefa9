// SPDX-License-Identifier: Apache-2.0
use std::cell::RefCell;
use std::future;
use std::time::Duration;

use tokio::time::Instant;

use super::*;
use crate::fixture::{policy, rng};
use crate::{Failure, FailureKind};

/// Seconds at which attempts began, how the whole ended, and the second of the end.
type Run<E> = (Vec<u64>, Result<u32, RetryError<E>>, u64);

/// Runs `attempt` with a policy of `max_attempts`, for at most `seconds`.
async fn run<E: AsFailure, F: Future<Output = Result<u32, E>>>(
    policy: RetryPolicy,
    seconds: u64,
    attempt: impl Fn(u32) -> F,
) -> Run<E> {
    let start = Instant::now();
    let deadline = Deadline::after(Duration::from_secs(seconds));
    let begun = RefCell::new(Vec::new());
    let rng = &mut rng();
    let noted = |number| {
        begun.borrow_mut().push(start.elapsed().as_secs());
        attempt(number)
    };
    let answer = retry(&policy, deadline, rng, noted).await;
    (begun.take(), answer, start.elapsed().as_secs())
}

fn gave_up<E>(attempts: u32, reason: GiveUp, last: Option<E>) -> Result<u32, RetryError<E>> {
    Err(RetryError {
        attempts,
        reason,
        last,
    })
}

#[tokio::test(start_paused = true)]
async fn the_first_success_is_the_answer() {
    let fails_twice = |number| async move {
        if number < 2 {
            Err(FailureKind::Overloaded)
        } else {
            Ok(number)
        }
    };
    let (begun, answer, end) = run(policy(5, 5), 60, fails_twice).await;
    assert_eq!((begun, answer, end), (vec![0, 1, 3], Ok(2), 3));
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_retried_ends_at_once() {
    for kind in [FailureKind::Rejected, FailureKind::Truncated] {
        let run = run(policy(5, 5), 60, |_| future::ready(Err(kind))).await;
        let expected = gave_up(1, GiveUp::NotRetryable, Some(kind));
        assert_eq!(run, (vec![0], expected, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn attempts_and_budget_end_it() {
    let kind = FailureKind::Refused;
    let fails = |_| future::ready(Err(kind));
    let expected = gave_up(3, GiveUp::NoAttempts, Some(kind));
    assert_eq!(
        run(policy(3, 5), 60, fails).await,
        (vec![0, 1, 3], expected, 3)
    );
    // Its own request pays for one retry.
    let expected = gave_up(2, GiveUp::NoBudget, Some(kind));
    assert_eq!(
        run(policy(3, 0), 60, fails).await,
        (vec![0, 1], expected, 1)
    );
}

#[tokio::test(start_paused = true)]
async fn a_wait_that_does_not_fit_is_not_begun() {
    let kind = FailureKind::Refused;
    let expected = gave_up(3, GiveUp::NoTime, Some(kind));
    let run = run(policy(9, 9), 7, |_| future::ready(Err(kind))).await;
    assert_eq!(run, (vec![0, 1, 3], expected, 3));
}

#[tokio::test(start_paused = true)]
async fn retry_after_decides_the_moment() {
    for (asked, expected) in [(5, (vec![0, 5], 5)), (60, (vec![0], 0))] {
        let failure = Failure {
            kind: FailureKind::RateLimited,
            retry_after: Some(Duration::from_secs(asked)),
        };
        let (begun, answer, end) = run(policy(2, 9), 60, |_| future::ready(Err(failure))).await;
        assert_eq!((begun, end), expected);
        assert_eq!(answer.unwrap_err().last, Some(failure));
    }
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_hangs_is_dropped_at_the_deadline() {
    let hangs_second = |number| async move {
        if number == 1 {
            future::pending::<()>().await;
        }
        Err(FailureKind::Refused)
    };
    let expected = gave_up(2, GiveUp::NoTime, Some(FailureKind::Refused));
    let run = run(policy(9, 9), 10, hangs_second).await;
    assert_eq!(run, (vec![0, 1], expected, 10));
}

#[tokio::test(start_paused = true)]
async fn an_expired_deadline_begins_nothing() {
    let policy = policy(9, 0);
    let run = run(policy.clone(), 0, |number| {
        future::ready(Ok::<_, FailureKind>(number))
    });
    assert_eq!(run.await, (vec![], gave_up(0, GiveUp::NoTime, None), 0));
    assert_eq!(policy.budget().available(), 0);
}

#[test]
fn the_error_says_how_often_and_why() {
    let error = gave_up(3, GiveUp::NoAttempts, Some(Deadlock)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "gave up after 3 attempts: all attempts are used up"
    );
    let source = std::error::Error::source(&error).unwrap();
    assert_eq!(source.to_string(), "it hung");
}

#[derive(Debug, thiserror::Error)]
#[error("it hung")]
struct Deadlock;
