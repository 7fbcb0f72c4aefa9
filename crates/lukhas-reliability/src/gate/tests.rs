// SPDX-License-Identifier: Apache-2.0
mod simulation;

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use futures_util::FutureExt;
use futures_util::future::join_all;
use proptest::prelude::*;
use tokio::time::{advance, sleep};

use super::*;
use Priority::{High, Low, Normal};

const MS: Duration = Duration::from_millis(1);

fn config(limit: usize, queue: usize) -> GateConfig {
    GateConfig {
        min_limit: 1,
        max_limit: limit,
        max_queue: queue,
        max_wait: 100 * MS,
    }
}

fn gate(limit: usize, queue: usize) -> Gate {
    Gate::new(config(limit, queue))
}

#[test]
fn the_least_is_never_more_than_the_most() {
    let gate = Gate::new(GateConfig {
        min_limit: 5,
        ..config(2, 0)
    });
    assert_eq!(gate.status().limit, 2);
}

#[tokio::test(start_paused = true)]
async fn those_beyond_the_limit_wait_for_room_and_no_longer_than_they_may() {
    let gate = gate(1, 2);
    let first = gate.enter(Priority::Normal).await.unwrap();
    let begun = Instant::now();
    let leave = async {
        sleep(50 * MS).await;
        drop(first);
    };
    let (second, ()) = tokio::join!(gate.enter(Priority::Normal), leave);
    assert_eq!(begun.elapsed(), 50 * MS);
    let second = second.unwrap();
    gate.enter(Priority::Normal).await.unwrap_err();
    assert_eq!(begun.elapsed(), 150 * MS);
    let status = GateStatus {
        limit: 1,
        running: 1,
        queued: 0,
    };
    assert_eq!(gate.status(), status);
    drop(second);
    assert_eq!(gate.status().running, 0);
}

#[tokio::test(start_paused = true)]
async fn whoever_leaves_the_queue_leaves_it_whole() {
    let gate = gate(1, 1);
    let pass = gate.enter(Priority::Normal).await.unwrap();
    let mut waiting = Box::pin(gate.enter(Priority::Normal));
    assert!(waiting.as_mut().now_or_never().is_none());
    assert!(
        gate.enter(Priority::Normal)
            .now_or_never()
            .unwrap()
            .is_err()
    );
    drop(waiting);
    let mut waiting = Box::pin(gate.enter(Priority::Normal));
    assert!(waiting.as_mut().now_or_never().is_none());
    drop(pass);
    // It was let in, and leaves before it knows.
    assert_eq!(gate.status().running, 1);
    drop(waiting);
    assert_eq!(
        gate.status(),
        GateStatus {
            limit: 1,
            ..GateStatus::default()
        }
    );
}

#[tokio::test(start_paused = true)]
async fn higher_priorities_take_the_places_of_lower_ones_and_are_shed_last() {
    let gate = gate(1, 2);
    let _running = gate.enter(Priority::Low).await.unwrap();
    let wait = |priority| Box::pin(gate.enter(priority));
    let (mut low, mut normal) = (wait(Priority::Low), wait(Priority::Normal));
    assert!(low.as_mut().now_or_never().is_none());
    assert!(normal.as_mut().now_or_never().is_none());
    assert!(gate.check(Priority::Low).is_err());
    assert!(gate.check(Priority::High).is_ok());
    let mut high = wait(Priority::High);
    assert!(high.as_mut().now_or_never().is_none());
    assert!(low.now_or_never().unwrap().is_err(), "displaced at once");
    assert!(gate.check(Priority::Normal).is_err(), "not by its equal");
    let mut second = wait(Priority::High);
    assert!(second.as_mut().now_or_never().is_none());
    assert!(normal.now_or_never().unwrap().is_err());
    assert!(gate.check(Priority::High).is_err());
}

#[test]
fn lower_priorities_get_their_share() {
    let mut queue = Queue::new(1_000);
    for _ in 0..100 {
        for priority in [High, Normal, Low] {
            queue.push(priority, priority).unwrap();
        }
    }
    let taken: Vec<Priority> = (0..32).filter_map(|_| queue.take()).collect();
    let count = |priority| taken.iter().filter(|it| **it == priority).count();
    assert_eq!([count(High), count(Normal), count(Low)], [24, 6, 2]);
}

#[tokio::test(start_paused = true)]
async fn whoever_is_shed_is_told_how_long_the_others_take() {
    let gate = gate(10, 5);
    // A hundred a second.
    let mut running = Vec::new();
    for _ in 0..100 {
        running.push(gate.enter(Normal).await.unwrap());
        if running.len() == 10 {
            running.clear();
            advance(100 * MS).await;
        }
    }
    running.extend(
        join_all((0..10).map(|_| gate.enter(Normal)))
            .await
            .into_iter()
            .flatten(),
    );
    let waiting = join_all((0..5).map(|_| gate.enter(Normal)));
    tokio::pin!(waiting);
    assert!(waiting.as_mut().now_or_never().is_none());
    let told = (0..100).map(|_| gate.check(Normal).unwrap_err().retry_after);
    let told: Vec<_> = told.collect();
    let (first, last) = (told[0], told[99]);
    assert_eq!(first, 100 * MS, "six take less than that");
    let all = Duration::from_millis(105 * 10);
    assert!((all..all + 150 * MS).contains(&last), "{last:?}");
}

#[tokio::test(start_paused = true)]
async fn calls_that_fail_for_congestion_lower_the_limit() {
    let gate = gate(100, 0);
    let mut running = join_all((0..50).map(|_| gate.enter(Normal))).await;
    drop(running.split_off(40));
    for pass in running.iter_mut().take(4) {
        pass.as_mut().unwrap().congested();
    }
    drop(running);
    assert_eq!(gate.status().limit, 50, "by half at most");
    gate.congested();
    assert_eq!(gate.status().limit, 25);
}

#[tokio::test(start_paused = true)]
async fn a_limit_is_not_lowered_again_before_that_had_its_effect() {
    let gate = gate(100, 0);
    let mut running = join_all((0..50).map(|_| gate.enter(Normal))).await;
    gate.congested();
    gate.congested();
    for _ in 0..10 {
        gate.congested();
        assert_eq!(gate.status().limit, 45);
    }
    drop(running.split_off(45));
    gate.congested();
    assert_eq!(gate.status().limit, 40);
}

#[test]
fn threads_together_never_run_more_than_the_limit() {
    let gate = gate(3, 8);
    let running = AtomicUsize::new(0);
    let work = || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build();
        runtime.unwrap().block_on(async {
            let mut served = 0;
            for round in 0..2_000 {
                let priority = [Low, Normal, High][round % 3];
                let Ok(pass) = gate.enter(priority).await else {
                    continue;
                };
                assert!(running.fetch_add(1, SeqCst) < 3);
                std::thread::yield_now();
                running.fetch_sub(1, SeqCst);
                drop(pass);
                served += 1;
            }
            served
        })
    };
    let served: usize = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..6).map(|_| scope.spawn(work)).collect();
        threads.into_iter().map(|it| it.join().unwrap()).sum()
    });
    assert!(served > 2_000, "{served}");
    assert_eq!(
        gate.status(),
        GateStatus {
            limit: 3,
            ..GateStatus::default()
        }
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever calls do: no more run than may, none waits while there is room, the queue is bounded,
    /// and in the end nothing is left.
    #[test]
    fn a_gate_is_exact_and_work_conserving(
        limit in 1_usize..5,
        most in 0_usize..5,
        steps in proptest::collection::vec((0_u8..4, 0_u64..60), 1..200),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let gate = gate(limit, most);
            let (mut running, mut waiting) = (Vec::new(), Vec::new());
            for (what, millis) in steps {
                match what {
                    0 if !running.is_empty() => drop(running.swap_remove(millis as usize % running.len())),
                    1 if !waiting.is_empty() => drop(waiting.swap_remove(millis as usize % waiting.len())),
                    2 => advance(MS * u32::try_from(millis).unwrap()).await,
                    _ => {
                        let gate = gate.clone();
                        let priority = [Low, Normal, High][millis as usize % 3];
                        waiting.push(Box::pin(async move { gate.enter(priority).await }));
                    }
                }
                let mut left = Vec::new();
                for mut call in waiting {
                    match call.as_mut().now_or_never() {
                        Some(entered) => running.extend(entered),
                        None => left.push(call),
                    }
                }
                waiting = left;
                let status = gate.status();
                assert!(status.running <= limit && status.queued <= most, "{status:?}");
                assert!(status.queued == 0 || status.running == limit, "{status:?}");
                // Whoever was let in by the last poll of this round hears of it in the next.
                assert!(running.len() <= status.running, "{status:?}");
            }
            drop((running, waiting));
            assert_eq!(gate.status(), GateStatus { limit, ..GateStatus::default() });
        });
    }
}
