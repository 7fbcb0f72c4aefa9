// SPDX-License-Identifier: Apache-2.0
use futures_util::FutureExt;
use lukhas_observability::BuildInfo;

use super::*;
use crate::{ErrorCode, Overload};

struct Zero;

impl Entropy for Zero {
    fn bits(&self) -> u128 {
        0
    }
}

/// Admits so many runs at a time, of which none waits, and nothing is measured.
pub(crate) fn admission(max_in_flight: usize) -> Arc<Admission> {
    with(max_in_flight, 0, None)
}

fn with(max_in_flight: usize, max_queue: usize, max_delay: Option<Duration>) -> Arc<Admission> {
    let limits = Limits {
        max_in_flight,
        overload: Overload {
            max_queue,
            max_delay,
            min_limit: 1,
            ..Overload::default()
        },
        ..Limits::default()
    };
    let metrics = Metrics::new(BuildInfo {
        version: "test",
        revision: None,
    });
    Admission::new(&limits, &metrics, Arc::new(Zero))
}

/// A place for a run of a model that bears any number of them.
pub(crate) async fn admit(admission: &Arc<Admission>) -> Result<Permit, ApiError> {
    let model = Overload::default().gate(1_000);
    admission.admit(Priority::Normal, Some(&model)).await
}

#[tokio::test]
async fn a_drain_refuses_new_runs_and_waits_for_the_old_ones() {
    let admission = admission(2);
    let drain = Drain::new(Arc::clone(&admission));
    let permit = admit(&admission).await.expect("there is room");
    drain.begin();
    let refused = admit(&admission).await.expect_err("draining");
    assert_eq!(refused.code(), ErrorCode::Overloaded);
    assert_eq!(drain.in_flight(), 1);
    let waiting = drain.idle();
    tokio::pin!(waiting);
    assert!(waiting.as_mut().now_or_never().is_none());
    drop(permit);
    waiting.await;
    drain.force();
    drain.begin();
    assert_eq!(
        admission.phase(),
        Phase::Forced,
        "a phase is never taken back"
    );
}

#[tokio::test]
async fn a_run_that_waits_when_a_drain_begins_is_refused() {
    let admission = with(1, 1, None);
    let permit = admit(&admission).await.expect("there is room");
    let mut waiting = Box::pin(admit(&admission));
    assert!(waiting.as_mut().now_or_never().is_none());
    Drain::new(Arc::clone(&admission)).begin();
    drop(permit);
    let refused = waiting.await.expect_err("draining");
    assert_eq!(refused.code(), ErrorCode::Overloaded);
    assert_eq!(Drain::new(Arc::clone(&admission)).in_flight(), 0);
}

#[tokio::test]
async fn a_refused_run_takes_no_place() {
    let admission = admission(1);
    let permit = admit(&admission).await.expect("there is room");
    for _ in 0..3 {
        let refused = admit(&admission).await.expect_err("full");
        assert_eq!(refused.code(), ErrorCode::Overloaded);
        assert!(admission.check(Priority::Normal).is_err());
    }
    drop(permit);
    assert!(admission.check(Priority::Normal).is_ok());
    assert!(admit(&admission).await.is_ok());
}

#[tokio::test]
async fn a_run_that_finds_no_place_at_its_model_gives_that_of_the_server_back() {
    let admission = admission(5);
    let model = Overload {
        max_queue: 0,
        ..Overload::default()
    };
    let model = model.gate(1);
    let mut first = admission.admit(Priority::Normal, Some(&model)).await;
    assert!(admission.admit(Priority::High, Some(&model)).await.is_err());
    assert_eq!(admission.figures().running, 1);
    for kind in [RunErrorKind::Internal, RunErrorKind::Overloaded] {
        first.as_mut().expect("there is room").failed(kind);
    }
    drop(first);
    assert_eq!(
        (admission.figures().running, model.status().running),
        (0, 0)
    );
}

#[tokio::test]
async fn whoever_waits_for_its_model_takes_no_place_of_the_server() {
    let admission = with(5, 1, None);
    let model = Overload::default().gate(1);
    let first = admission.admit(Priority::Normal, Some(&model)).await;
    let mut waiting = Box::pin(admission.admit(Priority::Normal, Some(&model)));
    assert!(waiting.as_mut().now_or_never().is_none());
    assert_eq!(admission.figures().running, 1);
    drop(first);
    assert!(waiting.await.is_ok());
}

#[tokio::test]
async fn a_drain_ends_when_the_last_one_leaves_before_it_knows_that_it_was_let_in() {
    let admission = with(1, 1, None);
    let drain = Drain::new(Arc::clone(&admission));
    let first = admit(&admission).await.expect("there is room");
    let mut second = Box::pin(admit(&admission));
    assert!(second.as_mut().now_or_never().is_none());
    drain.begin();
    let mut idle = Box::pin(drain.idle());
    assert!(idle.as_mut().now_or_never().is_none());
    drop(first);
    assert!(
        idle.as_mut().now_or_never().is_none(),
        "the second was let in"
    );
    drop(second);
    assert!(idle.now_or_never().is_some());
}

/// The limit after many runs beside a task that holds the thread up for 15 ms at a time, where work may
/// wait for so long.
async fn limit_where_work_may_wait(max_delay: Duration) -> usize {
    let admission = with(64, 0, Some(max_delay));
    let mut busy = tokio::task::JoinSet::new();
    busy.spawn(async {
        loop {
            tokio::time::advance(Duration::from_millis(15)).await;
        }
    });
    for _ in 0..100 {
        drop(admit(&admission).await);
        yield_now().await;
    }
    admission.figures().limit
}

#[tokio::test(start_paused = true)]
async fn threads_that_do_not_come_round_let_fewer_runs_in() {
    assert!(limit_where_work_may_wait(Duration::from_millis(14)).await < 64);
    assert_eq!(
        limit_where_work_may_wait(Duration::from_millis(15)).await,
        64
    );
}
