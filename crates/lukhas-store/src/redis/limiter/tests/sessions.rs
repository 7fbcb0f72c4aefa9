// SPDX-License-Identifier: Apache-2.0
//! Limits by Redis's own clock, over sessions that begin and end.

use super::*;

/// Far longer than a call of a Redis that is not held up, and what a call of one that is costs once.
const SHORT: Duration = Duration::from_millis(500);

/// Holds for a moment alone, so that a test need not wait.
static BRIEF: LazyLock<Scripts> =
    LazyLock::new(|| Scripts::new(Duration::from_millis(300), script));

#[track_caller]
fn unreachable(answer: Answer) {
    match answer {
        Err(SharedRefusal::Unreachable(_)) => {}
        other => panic!("{other:?}"),
    }
}

/// Milliseconds until the bucket `id` expires.
fn expires(redis: &LocalRedis, id: u128) -> i64 {
    let answer = redis.ask(&format!("PTTL test:limit:{id:032x}")).unwrap();
    answer.trim_start_matches(':').parse().unwrap()
}

#[test]
fn a_bucket_is_kept_until_it_is_full_and_no_longer() {
    let redis = LocalRedis::start(&[]).unwrap();
    let limiter = RedisLimiter::new(open(&redis), 0);
    // One comes back every 50 ms.
    let quick = quota(20, Duration::from_secs(1), 20);
    drop(admit(&limiter, call(&[], &[spend(quick, 1, 2)], &[])).unwrap());
    assert!((1..=101).contains(&expires(&redis, 1)));
    drop(admit(&limiter, call(&[], &[spend(slow(), 2, 5)], &[])).unwrap());
    assert!((400_000..=500_001).contains(&expires(&redis, 2)));
    // What is held is kept until it lapses, and renewed before.
    let permit = admit(&limiter, call(&[slot(1, 3)], &[hold(quick, 4, 1)], &[]));
    for id in [3, 4] {
        assert!((8_000..=10_001).contains(&expires(&redis, id)));
    }
    drop(permit.unwrap());
    for id in [1, 3, 4] {
        until(|| expires(&redis, id) == -2);
    }
}

#[test]
fn what_a_killed_replica_held_comes_back() {
    let redis = LocalRedis::start(&[]).unwrap();
    let brief = || RedisLimiter::with_scripts(open(&redis), 0, &BRIEF);
    let (killed, other) = (brief(), brief());
    let both = || call(&[slot(1, 1)], &[hold(slow(), 2, 5)], &[]);
    let permit = admit(&killed, both()).unwrap();
    assert!(admit(&other, both()).is_err());
    // It holds for 300 ms, and says so again once a second: to the other it looks killed in between.
    until(|| admit(&other, both()).is_ok());
    drop(permit);
}

#[test]
fn what_is_held_is_renewed() {
    let redis = LocalRedis::start(&[]).unwrap();
    static SCRIPTS: LazyLock<Scripts> =
        LazyLock::new(|| Scripts::new(Duration::from_secs(3), script));
    let limiter = || RedisLimiter::with_scripts(open(&redis), 0, &SCRIPTS);
    let (holder, other) = (limiter(), limiter());
    let both = || call(&[slot(1, 1)], &[hold(slow(), 2, 5)], &[]);
    let permit = admit(&holder, both()).unwrap();
    let start = Instant::now();
    while start.elapsed() < Duration::from_millis(3_500) {
        assert!(admit(&other, both()).is_err());
        thread::sleep(Duration::from_millis(20));
    }
    drop(permit);
    until(|| admit(&other, both()).is_ok());
}

#[test]
fn what_is_held_outlasts_a_redis_that_forgets_it() {
    let redis = LocalRedis::start(&[]).unwrap();
    let (holder, other) = (
        RedisLimiter::new(open(&redis), 0),
        RedisLimiter::new(open(&redis), 0),
    );
    let both = || call(&[slot(1, 1)], &[hold(slow(), 2, 5)], &[]);
    let permit = admit(&holder, both()).unwrap();
    redis.restart().unwrap();
    for limiter in [&holder, &other] {
        until(|| limiter.check().is_ok());
    }
    // The holder says so first in its new session; that it has one does not mean that it was heard.
    until(|| redis.ask("DBSIZE").unwrap() != ":0");
    assert!(matches!(
        admit(&other, both()),
        Err(SharedRefusal::NoSlot { .. } | SharedRefusal::Denied { .. })
    ));
    drop(permit);
    until(|| admit(&other, both()).is_ok());
}

#[test]
fn a_new_session_holds_what_the_one_before_did_and_not_twice() {
    let redis = LocalRedis::start(&[]).unwrap();
    let limiter = RedisLimiter::new(open(&redis), 0);
    let both = || call(&[slot(2, 1)], &[hold(slow(), 2, 2)], &[]);
    let _permit = admit(&limiter, both()).unwrap();
    // The connection breaks, and Redis remembers.
    redis.ask("CLIENT KILL TYPE normal").unwrap();
    until(|| admit(&limiter, both()).is_ok());
    // Another one has been given back since.
    until(|| admit(&limiter, both()).is_ok());
    assert!(admit(&limiter, call(&[slot(2, 1), slot(2, 1)], &[], &[])).is_err());
}

#[test]
fn while_redis_is_gone_nothing_waits_for_it() {
    let redis = LocalRedis::start(&[]).unwrap();
    let limiter = RedisLimiter::new(open(&redis), 0);
    let one = || call(&[], &[spend(slow(), 1, 1)], &[]);
    assert!(admit(&limiter, one()).is_ok());
    redis.kill().unwrap();
    until(|| limiter.check().is_err());
    let start = Instant::now();
    for _ in 0..1_000 {
        unreachable(admit(&limiter, one()));
    }
    assert!(start.elapsed() < PATIENCE / 10);
    redis.restart().unwrap();
    until(|| admit(&limiter, one()).is_ok());
}

#[test]
fn a_redis_that_does_not_answer_is_waited_for_once() {
    let redis = LocalRedis::start(&[]).unwrap();
    let limiter = RedisLimiter::new(open_at(redis.url(), SHORT), 0);
    let one = || call(&[], &[spend(slow(), 1, 1)], &[]);
    assert!(admit(&limiter, one()).is_ok());
    redis.signal("STOP").unwrap();
    let start = Instant::now();
    unreachable(admit(&limiter, one()));
    assert!(start.elapsed() < 4 * SHORT, "{:?}", start.elapsed());
    let start = Instant::now();
    for _ in 0..1_000 {
        unreachable(admit(&limiter, one()));
    }
    assert!(start.elapsed() < PATIENCE / 10, "each waits");
    redis.signal("CONT").unwrap();
    until(|| admit(&limiter, one()).is_ok());
}

#[test]
fn what_a_call_used_is_booked_when_redis_is_back() {
    let redis = LocalRedis::start(&[]).unwrap();
    let limiter = RedisLimiter::new(open(&redis), 0);
    let permit = admit(&limiter, call(&[], &[hold(slow(), 1, 5)], &[])).unwrap();
    redis.kill().unwrap();
    until(|| limiter.check().is_err());
    permit.settle(&|_| 2);
    redis.restart().unwrap();
    let mut seen = Vec::new();
    until(
        || match admit(&limiter, call(&[], &[spend(slow(), 1, 0)], &[])) {
            Ok(permit) => {
                seen = remaining(permit.charges());
                true
            }
            Err(_) => false,
        },
    );
    assert_eq!(seen, [3]);
}

#[test]
fn what_could_not_be_told_is_told_by_and_by() {
    let redis = LocalRedis::start(&[]).unwrap();
    let limiter = RedisLimiter::new(open(&redis), 0);
    // As after a call that ended between two sessions.
    limiter.0.holdings().owe(1, Amount::of(slow(), 2));
    until(|| {
        let permit = admit(&limiter, call(&[], &[spend(slow(), 1, 0)], &[]));
        remaining(permit.unwrap().charges()) == [3]
    });
}

#[test]
fn replicas_together_admit_exactly_the_limit() {
    let redis = LocalRedis::start(&[]).unwrap();
    // Nothing comes back while this runs.
    let [narrow, wide] = [300, 800].map(|burst| quota(1, Duration::from_secs(86_400), burst));
    let replica = |replica: u128| {
        let limiter = RedisLimiter::new(open(&redis), 0);
        let mut admitted = [0, 0];
        for round in 0..250 {
            let key = (replica + round) % 2;
            // Named in either order.
            let mut charges = [spend(wide, 9, 1), spend(narrow, key, 1)];
            charges.rotate_left(replica as usize % 2);
            let is_admitted = admit(&limiter, call(&[], &charges, &[])).is_ok();
            admitted[key as usize] += usize::from(is_admitted);
        }
        admitted
    };
    let admitted: Vec<[usize; 2]> = thread::scope(|scope| {
        let all: Vec<_> = (0..4).map(|it| scope.spawn(move || replica(it))).collect();
        all.into_iter().map(|it| it.join().unwrap()).collect()
    });
    for key in [0, 1] {
        let admitted: usize = admitted.iter().map(|it| it[key]).sum();
        assert_eq!(admitted, 300);
    }
    let limiter = RedisLimiter::new(open(&redis), 0);
    let rest = |cost| admit(&limiter, call(&[], &[spend(wide, 9, cost)], &[]));
    assert!(rest(201).is_err());
    assert!(rest(200).is_ok(), "denied calls spent nothing");
}
