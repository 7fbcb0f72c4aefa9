// SPDX-License-Identifier: Apache-2.0
mod laws;
mod leases;
mod sessions;

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::num::NonZeroU32;
use std::thread;

use lukhas_reliability::{Bucket, Charge, Quota, QuotaConfig, Slot};
use tokio::runtime::{Builder, Runtime};
use tokio::time::Instant;

use super::*;
use crate::redis::LocalRedis;
use crate::redis::script::script_of_test;
use crate::redis::testing::{PATIENCE, open, open_at, until, wait};

/// By a clock that a test sets, and for longer than any test lasts by that.
static TEST_SCRIPTS: LazyLock<Scripts> =
    LazyLock::new(|| Scripts::new(Duration::from_secs(1_000_000_000), script_of_test));

fn quota(amount: u64, period: Duration, burst: u64) -> Quota {
    let config = QuotaConfig {
        amount,
        period,
        burst,
    };
    Quota::new(config).unwrap()
}

/// Bursts of 5, and one more every 100 s.
fn slow() -> Quota {
    quota(10, Duration::from_secs(1_000), 5)
}

fn spend(quota: Quota, id: u128, cost: u64) -> Charge {
    Charge::new(Bucket::of(quota, id), cost)
}

fn hold(quota: Quota, id: u128, cost: u64) -> Charge {
    Charge::held(Bucket::of(quota, id), cost)
}

fn call(slots: &[Slot], charges: &[Charge], spent: &[Charge]) -> SharedCall {
    SharedCall {
        slots: slots.to_vec(),
        charges: charges.to_vec(),
        spent: spent.to_vec(),
    }
}

fn slot(limit: u32, id: u128) -> Slot {
    Slot::of(NonZeroU32::new(limit).unwrap(), id)
}

fn admit(limiter: &RedisLimiter, call: SharedCall) -> Answer {
    wait(limiter.admit(call))
}

/// A limiter whose clock a test sets.
struct Bench {
    limiter: RedisLimiter,
    clock: BufReader<TcpStream>,
    runtime: Runtime,
    redis: LocalRedis,
}

impl Bench {
    fn start() -> Self {
        let redis = LocalRedis::start(&[]).unwrap();
        let mut bench = Self {
            limiter: RedisLimiter::with_scripts(open(&redis), 0, &TEST_SCRIPTS),
            clock: BufReader::new(TcpStream::connect(redis.address()).unwrap()),
            runtime: Builder::new_current_thread().build().unwrap(),
            redis,
        };
        bench.set(0);
        bench
    }

    /// Sets the clock to `now`, in microseconds of this century.
    fn set(&mut self, now: u64) {
        let now = now + 1_000_000_000_000_000;
        let command = format!("SET test:now {now}\r\n");
        self.clock.get_mut().write_all(command.as_bytes()).unwrap();
        let mut answer = String::new();
        self.clock.read_line(&mut answer).unwrap();
        assert_eq!(answer, "+OK\r\n");
    }

    /// Waits until everything that was submitted has been answered.
    fn come_to_rest(&self) {
        assert!(self.admit(SharedCall::default()).is_ok());
    }

    fn admit(&self, call: SharedCall) -> Answer {
        self.runtime.block_on(self.limiter.admit(call))
    }

    /// Admits a call with `charges`: how their buckets stand, or how long it has to wait.
    fn check(&self, charges: &[Charge]) -> Result<Vec<u64>, (usize, Option<Duration>)> {
        match self.admit(call(&[], charges, &[])) {
            Ok(permit) => Ok(remaining(permit.charges())),
            Err(SharedRefusal::Denied { denied, .. }) => Err((denied.index, denied.retry_after)),
            Err(other) => panic!("{other:?}"),
        }
    }
}

fn remaining(charges: &[Charge]) -> Vec<u64> {
    charges.iter().map(|it| it.standing().remaining).collect()
}

#[test]
fn a_call_that_one_limit_denies_spends_nothing_of_the_others() {
    let bench = Bench::start();
    let (wide, narrow) = (slow(), quota(1, Duration::from_secs(60), 2));
    let charges = [spend(wide, 1, 1), spend(narrow, 2, 1)];
    assert_eq!(bench.check(&charges), Ok(vec![4, 1]));
    assert_eq!(bench.check(&charges), Ok(vec![3, 0]));
    let minute = Some(Duration::from_secs(60));
    for _ in 0..3 {
        assert_eq!(bench.check(&charges), Err((1, minute)));
    }
    assert_eq!(bench.check(&charges[..1]), Ok(vec![2]));
    // The longest wait counts, and never is longer than any.
    let never = [spend(wide, 1, 6), spend(narrow, 2, 1)];
    assert_eq!(bench.check(&never), Err((0, None)));
}

#[test]
fn charges_of_one_bucket_count_together() {
    let bench = Bench::start();
    let both = [spend(slow(), 1, 3), spend(slow(), 1, 3)];
    assert_eq!(bench.check(&both), Err((1, None)));
    let both = [spend(slow(), 1, 3), hold(slow(), 1, 2)];
    assert_eq!(bench.check(&both), Ok(vec![2, 0]));
}

#[test]
fn what_is_held_comes_back_when_it_is_settled_and_not_before() {
    let mut bench = Bench::start();
    let one = [hold(slow(), 1, 4)];
    let permit = bench.admit(call(&[], &one, &[])).unwrap();
    bench.set(8_000_000);
    assert_eq!(bench.check(&[spend(slow(), 1, 0)]), Ok(vec![1]));
    permit.settle(&|_| 2);
    assert_eq!(bench.check(&[spend(slow(), 1, 0)]), Ok(vec![3]));
    // More than the estimate is owed by whoever comes next.
    let permit = bench.admit(call(&[], &[hold(slow(), 1, 3)], &[])).unwrap();
    permit.settle(&|_| 8);
    let wait = Some(Duration::from_secs(600));
    assert_eq!(bench.check(&[spend(slow(), 1, 1)]), Err((0, wait)));
}

#[test]
fn who_does_not_wait_for_the_answer_holds_nothing() {
    let bench = Bench::start();
    for _ in 0..50 {
        drop(
            bench
                .limiter
                .admit(call(&[slot(1, 1)], &[hold(slow(), 2, 5)], &[])),
        );
    }
    // What the first of them took is given back once its answer has come.
    bench.come_to_rest();
    let permit = bench.admit(call(&[slot(1, 1)], &[hold(slow(), 2, 5)], &[]));
    assert_eq!(remaining(permit.unwrap().charges()), [0]);
}

#[test]
fn slots_are_given_back_when_a_call_ends() {
    let bench = Bench::start();
    let both = [slot(2, 1), slot(1, 2)];
    let first = bench.admit(call(&both, &[], &[])).unwrap();
    let denied = bench.admit(call(&both, &[spend(slow(), 3, 1)], &[]));
    match denied.unwrap_err() {
        SharedRefusal::NoSlot { no_slot, .. } => {
            assert_eq!((no_slot.index, no_slot.limit), (1, 1));
        }
        other => panic!("{other:?}"),
    }
    let second = bench.admit(call(&both[..1], &[], &[])).unwrap();
    assert!(bench.admit(call(&both[..1], &[], &[])).is_err());
    drop(first);
    let third = bench.admit(call(&both, &[spend(slow(), 3, 1)], &[]));
    assert_eq!(
        remaining(third.unwrap().charges()),
        [4],
        "the denied call spent nothing"
    );
    drop(second);
    let twice = [slot(2, 1), slot(2, 1)];
    assert!(bench.admit(call(&twice, &[], &[])).is_ok());
    let twice = [slot(1, 2), slot(1, 2)];
    assert!(
        bench.admit(call(&twice, &[], &[])).is_err(),
        "there is only one"
    );
}

#[test]
fn what_was_spent_before_is_given_back_when_the_rest_is_denied() {
    let mut bench = Bench::start();
    let early = bench.admit(call(&[], &[spend(slow(), 1, 2)], &[])).unwrap();
    let early = early.charges().to_vec();
    let late = [spend(slow(), 2, 6)];
    let spent = |answer: Answer| match answer {
        Err(SharedRefusal::Denied { spent, .. }) => spent,
        other => panic!("{other:?}"),
    };
    bench.set(100_000_000);
    let back = spent(bench.admit(call(&[], &late, &early)));
    // One of the two has come back by waiting.
    assert_eq!(remaining(&back), [5]);
    assert_eq!(bench.check(&[spend(slow(), 1, 5)]), Ok(vec![0]));
    let early = bench.admit(call(&[slot(1, 3)], &[], &[])).unwrap();
    let refused = bench.admit(call(&[slot(1, 3)], &[], &[spend(slow(), 1, 5)]));
    let Err(SharedRefusal::NoSlot { spent, .. }) = refused else {
        panic!("there is a slot");
    };
    assert_eq!(spent.len(), 1);
    drop(early);
}
