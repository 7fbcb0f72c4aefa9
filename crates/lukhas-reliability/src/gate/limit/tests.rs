// SPDX-License-Identifier: Apache-2.0
use proptest::prelude::*;
use tokio::time::advance;

use super::*;

const SECOND: Duration = Duration::from_secs(1);

/// A limit, and calls that end one after the other.
struct Calling {
    limit: AdaptiveLimit,
    calls: Calls,
}

impl Calling {
    /// So many run, of a limit of 4 to 1,000.
    fn new(running: usize) -> Self {
        Self {
            limit: AdaptiveLimit::new(4, 1_000, Instant::now()),
            calls: Calls { ended: 0, running },
        }
    }

    fn succeed(&mut self, calls: u32) {
        self.calls.ended = self.calls.ended.wrapping_add(calls);
    }

    /// So many calls fail that `entered` then.
    fn fail(&mut self, calls: u32, entered: Instant) {
        for _ in 0..calls {
            self.calls.ended = self.calls.ended.wrapping_add(1);
            self.limit.failed(entered, self.calls, Instant::now());
        }
    }

    fn limit(&self) -> usize {
        self.limit.at(Instant::now())
    }
}

#[tokio::test(start_paused = true)]
async fn a_few_failures_are_forgiven_and_more_lower_it_to_nine_tenths_of_what_runs() {
    let mut calling = Calling::new(800);
    let begun = Instant::now();
    for _ in 0..100 {
        calling.succeed(960);
        calling.fail(40, begun);
    }
    assert_eq!(calling.limit(), 1_000);
    calling.succeed(100);
    calling.fail(41, begun);
    assert_eq!(calling.limit(), 720);
}

#[tokio::test(start_paused = true)]
async fn where_few_run_it_is_halved_at_most() {
    let mut calling = Calling::new(10);
    calling.succeed(1);
    calling.fail(3, Instant::now());
    assert_eq!(calling.limit(), 500);
}

#[tokio::test(start_paused = true)]
async fn it_is_halved_when_none_succeed_and_only_for_calls_that_began_since() {
    let mut calling = Calling::new(1_000);
    let begun = Instant::now();
    advance(SECOND).await;
    calling.fail(500, begun);
    assert_eq!(calling.limit(), 1_000, "one of them may succeed yet");
    calling.fail(1, begun);
    assert_eq!(calling.limit(), 500);
    advance(SECOND / 100).await;
    calling.fail(1_000, begun);
    assert_eq!(calling.limit(), 500, "they began before");
    calling.calls.running = 500;
    calling.fail(251, Instant::now());
    assert_eq!(calling.limit(), 250, "nor are they successes");
}

#[tokio::test(start_paused = true)]
async fn where_the_fewest_fail_it_is_not_because_of_how_many_they_are() {
    let mut calling = Calling::new(4);
    for _ in 0..8 {
        calling.fail(3, Instant::now());
    }
    assert_eq!(calling.limit(), 4);
    calling.fail(3, Instant::now());
    advance(PERIOD.0).await;
    assert_eq!(calling.limit(), 1_000);
}

#[tokio::test(start_paused = true)]
async fn it_grows_back_fast_then_slowly_and_then_beyond() {
    // Calls that fail at once, after two seconds, and after a minute.
    for (took, period) in [(0, PERIOD.0), (2, 40 * SECOND), (60, PERIOD.1)] {
        let mut calling = Calling::new(200);
        let (calls, now) = (calling.calls, Instant::now());
        calling.limit.set(200.0, 190.0, PERIOD.1, calls, now);
        advance(PERIOD.1 - took * SECOND).await;
        let entered = Instant::now();
        advance(took * SECOND).await;
        calling.succeed(10);
        calling.fail(11, entered);
        let limits = [0, 1, 2, 4, 8, 12].map(|quarters: u32| {
            let limit = &calling.limit;
            limit.at(Instant::now() + period * quarters / 4)
        });
        assert_eq!(limits, [180, 191, 197, 200, 220, 360], "{took}");
    }
}

proptest! {
    /// Whatever happens, it stays within its bounds, and time alone only raises it.
    #[test]
    fn it_keeps_its_bounds(
        min in 1_usize..20,
        max in 1_usize..2_000,
        steps in proptest::collection::vec((0_u8..3, 0_u32..3_000, 1_usize..3_000), 1..50),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let mut calling = Calling::new(0);
            calling.limit = AdaptiveLimit::new(min, max, Instant::now());
            for (what, amount, running) in steps {
                calling.calls.running = running;
                let before = calling.limit();
                match what {
                    0 => {
                        advance(Duration::from_millis(u64::from(amount) * 10)).await;
                        assert!(calling.limit() >= before);
                    }
                    1 => calling.succeed(amount),
                    _ => {
                        let entered = Instant::now();
                        advance(Duration::from_millis(1)).await;
                        calling.fail(amount, entered);
                    }
                }
                assert!((min.min(max)..=max).contains(&calling.limit()));
            }
        });
    }
}
