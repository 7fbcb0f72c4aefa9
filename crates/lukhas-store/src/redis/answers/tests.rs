// SPDX-License-Identifier: Apache-2.0
use std::num::NonZeroUsize;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{FutureExt, StreamExt};
use lukhas_core::Claim;
use tokio::time::{Instant, sleep, timeout};

use super::*;
use crate::check_idempotency;
use crate::redis::LocalRedis;
use crate::redis::testing::{PATIENCE, open, open_at};

const ONE: Fingerprint = Fingerprint([1; 32]);
const PIECE: usize = 1_000;

fn limits(bytes: usize, answers: usize, entry_bytes: usize) -> IdempotencyLimits {
    IdempotencyLimits {
        bytes,
        answers: NonZeroUsize::new(answers).unwrap(),
        entry_bytes,
        ttl: Duration::from_secs(60),
    }
}

/// A replica that shares `redis`.
fn replica(redis: &LocalRedis, limits: IdempotencyLimits) -> RedisIdempotency {
    RedisIdempotency::new(open(redis), limits, None)
}

/// Two of them, with room for everything.
fn two(redis: &LocalRedis) -> [RedisIdempotency; 2] {
    [(); 2].map(|()| replica(redis, IdempotencyLimits::default()))
}

async fn claim(store: &RedisIdempotency, key: &str) -> Claimed {
    store.claim("acme", "key", key, ONE).await.unwrap()
}

async fn new(store: &RedisIdempotency, key: &str) -> (Box<dyn Claim>, AnswerPieces) {
    match claim(store, key).await {
        Claimed::New(claim, pieces) => (claim, pieces),
        other => panic!("{other:?}"),
    }
}

async fn running(store: &RedisIdempotency, key: &str) -> AnswerPieces {
    match claim(store, key).await {
        Claimed::Running(pieces) => pieces,
        other => panic!("{other:?}"),
    }
}

async fn append(claim: &dyn Claim, text: &str) {
    let piece = Bytes::copy_from_slice(text.as_bytes());
    claim.append(piece).await.unwrap();
}

/// Keeps an answer of `count` pieces.
async fn keep(store: &RedisIdempotency, key: &str, count: usize) {
    let (claim, _own) = new(store, key).await;
    for _ in 0..count {
        append(&*claim, &"x".repeat(PIECE)).await;
    }
    claim.finish().await.unwrap();
}

async fn next(pieces: &mut AnswerPieces) -> Option<Result<String, String>> {
    let piece = timeout(PATIENCE, pieces.next()).await.expect("it comes")?;
    let text = piece.map(|piece| String::from_utf8(piece.to_vec()).unwrap());
    Some(text.map_err(|error| error.to_string()))
}

async fn reads(pieces: &mut AnswerPieces, expected: &[&str]) {
    for expected in expected {
        assert_eq!(next(pieces).await, Some(Ok((*expected).to_owned())));
    }
}

#[track_caller]
fn is(claimed: &Claimed, expected: &str) {
    assert_eq!(format!("{claimed:?}"), expected);
}

/// Waits until a claim by `store` is `expected`.
async fn until(store: &RedisIdempotency, key: &str, expected: &str) {
    let start = Instant::now();
    while format!("{:?}", claim(store, key).await) != expected {
        assert!(start.elapsed() < PATIENCE, "it never happens");
        sleep(Duration::from_millis(10)).await;
    }
}

/// A whole number that Redis answers.
fn number(redis: &LocalRedis, command: &str) -> i64 {
    let answer = redis.ask(command).unwrap();
    answer.trim_start_matches(':').parse().unwrap()
}

/// The bytes that are accounted for.
fn total(redis: &LocalRedis) -> i64 {
    number(redis, "INCRBY test:answers:total 0")
}

#[tokio::test]
async fn it_keeps_the_rules() {
    let redis = LocalRedis::start(&[]).unwrap();
    // As a user that may do what the documentation says, and nothing else.
    let leave = "~test:* +@read +@write +@scripting +@connection +info +time";
    let set = redis.ask(&format!("ACL SETUSER lukhas on >word {leave}"));
    assert_eq!(set.unwrap(), "+OK");
    let url = redis.url().replace("//", "//lukhas:word@");
    let store = RedisIdempotency::new(open_at(url, PATIENCE), IdempotencyLimits::default(), None);
    check_idempotency(&store).await.unwrap();
}

#[tokio::test]
async fn an_answer_is_read_from_its_beginning_and_then_live_by_another_replica() {
    let redis = LocalRedis::start(&[]).unwrap();
    let [here, there] = two(&redis);
    let (made, _own) = new(&here, "a").await;
    append(&*made, "one").await;
    append(&*made, "").await;
    let mut reader = running(&there, "a").await;
    reads(&mut reader, &["one", ""]).await;
    assert!(reader.next().now_or_never().is_none());
    append(&*made, "d\0\r\né").await;
    reads(&mut reader, &["d\0\r\né"]).await;
    let many: Vec<_> = (0..100).map(|number| number.to_string()).collect();
    for piece in &many {
        append(&*made, piece).await;
    }
    made.finish().await.unwrap();
    let many: Vec<_> = many.iter().map(String::as_str).collect();
    reads(&mut reader, &many).await;
    assert_eq!(next(&mut reader).await, None);
    for store in [&here, &there] {
        let Claimed::Done(mut again) = claim(store, "a").await else {
            panic!("it is not done");
        };
        reads(&mut again, &["one", "", "d\0\r\né"]).await;
        reads(&mut again, &many).await;
        assert_eq!(next(&mut again).await, None);
    }
    let other = there.claim("acme", "key", "a", Fingerprint([2; 32])).await;
    is(&other.unwrap(), "Reused");
}

#[tokio::test]
async fn of_replicas_that_claim_at_once_one_gets_it() {
    let redis = LocalRedis::start(&[]).unwrap();
    let [here, there] = two(&redis);
    for round in 0..20 {
        let key = round.to_string();
        let (first, second) = tokio::join!(claim(&here, &key), claim(&there, &key));
        let mut found = [first, second].map(|it| (format!("{it:?}"), it));
        found.sort_by(|one, other| one.0.cmp(&other.0));
        assert_eq!([&*found[0].0, &*found[1].0], ["New", "Running"]);
    }
}

#[tokio::test]
async fn an_answer_that_is_forgotten_or_given_up_ends_for_readers_elsewhere() {
    let redis = LocalRedis::start(&[]).unwrap();
    let [here, there] = two(&redis);
    let (made, _own) = new(&here, "a").await;
    append(&*made, "one").await;
    let mut reader = running(&there, "a").await;
    made.forget().await.unwrap();
    reads(&mut reader, &["one"]).await;
    assert_eq!(next(&mut reader).await, None);

    let (made, _own) = new(&there, "a").await;
    append(&*made, "two").await;
    let mut reader = running(&here, "a").await;
    drop(made);
    reads(&mut reader, &["two"]).await;
    let lost = "the store failed: the answer was given up before its end";
    assert_eq!(next(&mut reader).await, Some(Err(lost.to_owned())));
    assert_eq!(next(&mut reader).await, None);
    until(&here, "a", "New").await;
    let start = Instant::now();
    while total(&redis) > 0 {
        assert!(start.elapsed() < PATIENCE, "what is forgotten has a place");
        sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn a_reader_elsewhere_keeps_an_answer_from_being_given_up() {
    let redis = LocalRedis::start(&[]).unwrap();
    let [here, there] = two(&redis);
    let (made, own) = new(&here, "a").await;
    append(&*made, "one").await;
    let mut reader = running(&there, "a").await;
    reads(&mut reader, &["one"]).await;
    drop(own);
    // It goes on looking for more.
    let reading = async {
        let more = reader.next();
        timeout(Duration::from_secs(3), more).await.unwrap_err();
    };
    let mut deserted = made.deserted(Duration::ZERO);
    tokio::select! {
        () = reading => {}
        () = &mut deserted => panic!("somebody reads it"),
    }
    drop(reader);
    timeout(PATIENCE, deserted).await.unwrap();
    until(&there, "a", "New").await;
}

#[tokio::test]
async fn a_claim_lapses_with_its_replica_and_is_renewed_as_long_as_it_lives() {
    let redis = LocalRedis::start(&[]).unwrap();
    // A session of the third ends without a word, as when its process is killed.
    let [here, there, gone] = [(); 3].map(|()| {
        let lease = Duration::from_secs(3);
        RedisIdempotency::with_lease(lease, open(&redis), IdempotencyLimits::default(), None)
    });
    let (_made, _own) = new(&here, "renewed").await;
    let (left, _own) = new(&gone, "left").await;
    append(&*left, "one").await;
    let mut reader = running(&there, "left").await;
    gone.answers.making().clear();
    let start = Instant::now();
    until(&there, "left", "New").await;
    assert!(
        start.elapsed() >= Duration::from_secs(2),
        "it lapsed too soon"
    );
    reads(&mut reader, &["one"]).await;
    let why = "the store failed: who made the answer is gone, or it was not kept";
    assert_eq!(next(&mut reader).await, Some(Err(why.to_owned())));
    // What the one that was thought to be gone still does changes nothing.
    let (made, _own) = new(&there, "left").await;
    append(&*made, "new").await;
    append(&*left, "two").await;
    left.finish().await.unwrap_err();
    made.finish().await.unwrap();
    let Claimed::Done(mut again) = claim(&here, "left").await else {
        panic!("it is not done");
    };
    reads(&mut again, &["new"]).await;
    is(&claim(&there, "renewed").await, "Running");
}

#[tokio::test]
async fn an_answer_is_kept_for_its_time_and_no_longer() {
    let redis = LocalRedis::start(&[]).unwrap();
    let short = IdempotencyLimits {
        ttl: Duration::from_secs(1),
        ..IdempotencyLimits::default()
    };
    let [here, there] = [(); 2].map(|()| replica(&redis, short));
    keep(&here, "a", 2).await;
    keep(&here, "b", 2).await;
    is(&claim(&there, "a").await, "Done");
    until(&there, "a", "New").await;
    // The other gives its room back, too.
    until(&here, "c", "New").await;
    let start = Instant::now();
    while total(&redis) > 0 {
        assert!(start.elapsed() < PATIENCE);
        drop(claim(&here, "d").await);
    }
    // Redis forgets by itself what nobody asks for any more.
    keep(&here, "e", 2).await;
    let names = || {
        number(
            &redis,
            r#"EVAL "return #redis.call('KEYS','test:answers:*:*')" 0"#,
        )
    };
    assert!(names() > 0);
    for name in ["running", "ended", "sizes", "total"] {
        let expires = number(&redis, &format!("PTTL test:answers:{name}"));
        assert!(expires != -1, "{name} is kept for ever");
    }
    let start = Instant::now();
    while names() > 0 {
        assert!(start.elapsed() < PATIENCE, "what is over is kept");
        sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn answers_of_all_replicas_stay_within_the_limits() {
    let redis = LocalRedis::start(&[]).unwrap();
    let few = limits(1 << 20, 3, 1 << 16);
    let [here, there] = [(); 2].map(|()| replica(&redis, few));
    let (_first, _own) = new(&here, "running").await;
    for key in ["a", "b", "c"] {
        keep(&there, key, 1).await;
    }
    for (key, expected) in [("b", "Done"), ("c", "Done"), ("running", "Running")] {
        is(&claim(&there, key).await, expected);
    }
    let _more = [new(&there, "d").await, new(&there, "e").await];
    is(&claim(&here, "f").await, "Full");
    assert_eq!(number(&redis, "ZCARD test:answers:running"), 3);
}

#[tokio::test]
async fn bytes_of_all_replicas_stay_within_the_limit() {
    const LIMIT: usize = 20_000;
    let redis = LocalRedis::start(&[]).unwrap();
    let narrow = limits(LIMIT, 1_000, LIMIT);
    let [here, there] = [(); 2].map(|()| replica(&redis, narrow));
    for round in 0..40 {
        let store = if round % 2 == 0 { &here } else { &there };
        keep(store, &round.to_string(), round % 7).await;
        assert!(total(&redis) <= 20_000, "{}", total(&redis));
    }
    assert!(number(&redis, "ZCARD test:answers:ended") > 3);
    // Ones under way share what there is: the one that finds none is not kept.
    let (one, mut own) = new(&here, "one").await;
    let (two, _two) = new(&there, "two").await;
    let text = "x".repeat(PIECE);
    for _ in 0..10 {
        append(&*one, &text).await;
    }
    // All of it has arrived before the other asks for room.
    let mut elsewhere = running(&there, "one").await;
    reads(&mut elsewhere, &[&*text; 10]).await;
    for _ in 0..8 {
        let _ = two.append(vec![0; PIECE].into()).now_or_never();
    }
    until(&here, "two", "TooLarge").await;
    until(&there, "two", "TooLarge").await;
    assert!(total(&redis) <= 20_000);
    one.finish().await.unwrap();
    assert!(own.next().await.is_some());
    is(&claim(&there, "one").await, "Done");
}

#[tokio::test]
async fn an_answer_that_is_too_large_reaches_its_readers_here_and_is_remembered() {
    let redis = LocalRedis::start(&[]).unwrap();
    let small = limits(1 << 20, 10, 4 * PIECE);
    let [here, there] = [(); 2].map(|()| replica(&redis, small));
    let (made, mut own) = new(&here, "a").await;
    let mut elsewhere = running(&there, "a").await;
    let text = "x".repeat(PIECE);
    for _ in 0..3 {
        append(&*made, &text).await;
    }
    reads(&mut elsewhere, &[&text, &text, &text]).await;
    let mut fourth = made.append(text.clone().into());
    assert!(
        (&mut fourth).now_or_never().is_none(),
        "it waits for its reader"
    );
    reads(&mut own, &[&text, &text, &text]).await;
    fourth.await.unwrap();
    reads(&mut own, &[&text]).await;
    let why = "the store failed: who made the answer is gone, or it was not kept";
    assert_eq!(next(&mut elsewhere).await, Some(Err(why.to_owned())));
    for store in [&here, &there] {
        is(&claim(store, "a").await, "TooLarge");
    }
    made.finish().await.unwrap();
    assert_eq!(next(&mut own).await, None);
    for store in [&here, &there] {
        is(&claim(store, "a").await, "TooLarge");
    }
    assert!(total(&redis) < 1_000, "what is not kept has no place");
    // With its last reader it is given up, and remembered: what it cost has been spent.
    let (made, own) = new(&here, "b").await;
    for _ in 0..4 {
        let _ = made.append(text.clone().into()).now_or_never();
    }
    drop(own);
    timeout(PATIENCE, made.deserted(PATIENCE * 10))
        .await
        .unwrap();
    drop(made);
    is(&claim(&there, "b").await, "TooLarge");
}

#[tokio::test]
async fn while_redis_is_gone_claims_are_not_to_be_had_or_made_alone() {
    let redis = LocalRedis::start(&[]).unwrap();
    let [here, there] = two(&redis);
    let memory = MemoryIdempotency::default();
    let alone = RedisIdempotency::new(open(&redis), IdempotencyLimits::default(), Some(memory));
    let (made, mut own) = new(&here, "a").await;
    append(&*made, "one").await;
    let mut reader = running(&there, "a").await;
    reads(&mut reader, &["one"]).await;
    redis.kill().unwrap();
    until(&there, "b", "Unreachable").await;
    until(&alone, "b", "New").await;
    let (kept, _own) = new(&alone, "b").await;
    kept.finish().await.unwrap();
    is(&claim(&alone, "b").await, "Done");
    // Who reads the answer here gets all of it, and it is not kept.
    is(&claim(&here, "a").await, "Running");
    append(&*made, "two").await;
    made.finish().await.unwrap_err();
    reads(&mut own, &["one", "two"]).await;
    assert_eq!(next(&mut own).await, None);
    redis.restart().unwrap();
    until(&there, "a", "New").await;
    until(&here, "a", "New").await;
}
