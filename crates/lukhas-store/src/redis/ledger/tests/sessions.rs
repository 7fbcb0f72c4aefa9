// SPDX-License-Identifier: Apache-2.0
//! Budgets over sessions that begin and end.

use super::*;

/// Reserves for a moment alone, so that a test need not wait.
static BRIEF: LazyLock<Scripts> =
    LazyLock::new(|| Scripts::new(Duration::from_millis(300), script));

/// A Redis that remembers everything when it is killed.
fn lasting() -> LocalRedis {
    LocalRedis::start(&["--appendonly", "yes", "--appendfsync", "always"]).unwrap()
}

#[track_caller]
fn unreachable(answer: Answer) {
    match answer {
        Err(SharedRefused::Unreachable(_)) => {}
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_a_killed_replica_had_reserved_counts_as_used() {
    let redis = LocalRedis::start(&[]).unwrap();
    let [killed, other] = [(); 2].map(|()| RedisLedger::with_scripts(open(&redis), &BRIEF));
    let reserved = reserve(&killed, &[(daily(100), 60)]).unwrap();
    // It is reserved for 300 ms, and said again once a second: to the other it looks killed in between.
    until(|| stands(&other).0 == 60);
    assert!(reserve(&other, &[(daily(100), 41)]).is_err());
    drop(reserved);
    until(|| stands(&other) == (60, 0));
    assert!(reserve(&other, &[(daily(100), 40)]).is_ok());
}

#[test]
fn what_is_reserved_is_said_again_and_does_not_count_as_used() {
    let redis = LocalRedis::start(&[]).unwrap();
    static SCRIPTS: LazyLock<Scripts> =
        LazyLock::new(|| Scripts::new(Duration::from_secs(3), script));
    let [holder, other] = [(); 2].map(|()| RedisLedger::with_scripts(open(&redis), &SCRIPTS));
    let reserved = reserve(&holder, &[(daily(100), 60)]).unwrap();
    let start = Instant::now();
    while start.elapsed() < Duration::from_millis(3_500) {
        assert_eq!(stands(&other), (0, 60));
        thread::sleep(Duration::from_millis(20));
    }
    reserved.settle(&|_| 10);
    until(|| stands(&other) == (10, 0));
}

#[test]
fn what_is_reserved_outlasts_a_redis_that_forgets_it() {
    let redis = LocalRedis::start(&[]).unwrap();
    let [holder, other] = [(); 2].map(|()| RedisLedger::new(open(&redis)));
    let reserved = reserve(&holder, &[(daily(100), 60)]).unwrap();
    redis.restart().unwrap();
    // The holder says so first in its new session; that it has one does not mean that it was heard.
    until(|| ask(&redis, "EXISTS") == ":1");
    until(|| other.0.redis.check().is_ok());
    assert_eq!(stands(&other), (0, 60));
    reserved.settle(&|_| 20);
    until(|| stands(&other) == (20, 0));
}

#[test]
fn what_ends_while_redis_is_gone_is_booked_once_when_it_is_back() {
    let redis = lasting();
    let ledger = RedisLedger::new(open(&redis));
    let held = [30, 40, 20].map(|units| reserve(&ledger, &[(daily(100), units)]).unwrap());
    let [goes_on, ends, is_dropped] = held;
    let alone = reserve(&ledger, &[(monthly(100), 50)]).unwrap();
    redis.kill().unwrap();
    until(|| ledger.0.redis.check().is_err());
    ends.settle(&|_| 25);
    drop(is_dropped);
    alone.settle(&|_| 5);
    redis.restart().unwrap();
    until(|| ledger.0.redis.check().is_ok());
    assert_eq!(stands(&ledger), (25, 30));
    // What is settled, and one session: nothing of the one before is left to lapse.
    assert_eq!(ask(&redis, "HLEN"), ":2");
    let project = balance(&ledger, &monthly(0), at(0));
    assert_eq!((project.settled, project.reserved), (5, 0));
    goes_on.settle(&|_| 30);
    assert_eq!(stands(&ledger), (55, 0));
    assert_eq!(ask(&redis, "HLEN"), ":1");
}

#[test]
fn what_may_have_been_reserved_for_nobody_is_not() {
    let redis = LocalRedis::start(&[]).unwrap();
    let ledger = RedisLedger::new(open_at(redis.url(), Duration::from_millis(200)));
    assert_eq!(stands(&ledger), (0, 0));
    redis.signal("STOP").unwrap();
    unreachable(reserve(&ledger, &[(daily(100), 60)]));
    redis.signal("CONT").unwrap();
    // It runs what it was sent; the next session takes that back.
    until(|| ledger.0.redis.check().is_ok());
    until(|| ask(&redis, "EXISTS") == ":0");
    assert!(reserve(&ledger, &[(daily(100), 100)]).is_ok());
}

#[test]
fn while_redis_is_gone_nobody_waits_for_it_and_nothing_is_granted() {
    let redis = lasting();
    let ledger = RedisLedger::new(open(&redis));
    let call = reserve(&ledger, &[(daily(100), 70)]).unwrap();
    call.settle(&|_| 70);
    assert_eq!(stands(&ledger), (70, 0));
    redis.kill().unwrap();
    until(|| ledger.0.redis.check().is_err());
    for _ in 0..1_000 {
        unreachable(reserve(&ledger, &[(daily(100), 1)]));
    }
    redis.restart().unwrap();
    until(|| ledger.0.redis.check().is_ok());
    assert_eq!(stands(&ledger), (70, 0), "it remembers");
    assert!(reserve(&ledger, &[(daily(100), 31)]).is_err());
}

#[test]
fn what_could_not_be_told_is_told_by_and_by() {
    let redis = LocalRedis::start(&[]).unwrap();
    let ledger = RedisLedger::new(open(&redis));
    // As after a call that ended between two sessions.
    let page = Line::new(&daily(0), 0, at(0)).page;
    ledger.0.lock().owe(page, amount(5));
    until(|| stands(&ledger) == (5, 0));
    assert!(ledger.0.lock().pages.is_empty());
}
