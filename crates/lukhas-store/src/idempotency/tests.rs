// SPDX-License-Identifier: Apache-2.0
use futures_util::{FutureExt, StreamExt};
use tokio::time::advance;

use super::*;
use crate::check_idempotency;

const ONE: Fingerprint = Fingerprint([1; 32]);
const PIECE: usize = 1_000;

fn store(bytes: usize, answers: usize, entry_bytes: usize) -> MemoryIdempotency {
    MemoryIdempotency::new(IdempotencyLimits {
        bytes,
        answers: NonZeroUsize::new(answers).unwrap(),
        entry_bytes,
        ttl: Duration::from_secs(60),
    })
}

async fn claim(store: &MemoryIdempotency, key: &str) -> Claimed {
    store.claim("acme", "key", key, ONE).await.unwrap()
}

async fn new(store: &MemoryIdempotency, key: &str) -> (Box<dyn Claim>, AnswerPieces) {
    match claim(store, key).await {
        Claimed::New(claim, pieces) => (claim, pieces),
        other => panic!("{other:?}"),
    }
}

async fn append(claim: &dyn Claim, count: usize) {
    for _ in 0..count {
        claim.append(vec![b'x'; PIECE].into()).await.unwrap();
    }
}

/// Keeps an answer of `count` pieces.
async fn keep(store: &MemoryIdempotency, key: &str, count: usize) {
    let (claim, _own) = new(store, key).await;
    append(&*claim, count).await;
    claim.finish().await.unwrap();
}

#[track_caller]
fn is(claimed: &Claimed, expected: &str) {
    assert_eq!(format!("{claimed:?}"), expected);
}

#[tokio::test]
async fn it_keeps_the_rules() {
    check_idempotency(&MemoryIdempotency::default())
        .await
        .unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_answer_is_kept_for_its_time_after_its_end_and_no_longer() {
    let store = store(1 << 20, 10, 1 << 16);
    let (made, _own) = new(&store, "a").await;
    append(&*made, 1).await;
    advance(Duration::from_secs(3_600)).await;
    is(&claim(&store, "a").await, "Running");
    made.finish().await.unwrap();
    advance(Duration::from_secs(59)).await;
    is(&claim(&store, "a").await, "Done");
    let mut reading = match claim(&store, "a").await {
        Claimed::Done(pieces) => pieces,
        other => panic!("{other:?}"),
    };
    advance(Duration::from_secs(1)).await;
    is(&claim(&store, "a").await, "New");
    // Who is reading it reads on.
    assert_eq!(reading.next().await.unwrap().unwrap().len(), PIECE);
    assert!(reading.next().await.is_none());
    assert_eq!(store.usage().evicted, 0);
}

#[tokio::test(start_paused = true)]
async fn every_answer_that_has_expired_gives_its_room_back() {
    let store = store(1 << 20, 10, 1 << 16);
    for key in ["a", "b", "c"] {
        keep(&store, key, 3).await;
    }
    assert!(store.usage().bytes > 9 * PIECE);
    advance(Duration::from_secs(60)).await;
    drop(claim(&store, "d").await);
    assert_eq!(store.usage(), IdempotencyUsage::default());
}

#[tokio::test]
async fn the_answers_that_ended_first_go_first_when_there_are_too_many() {
    let store = store(1 << 20, 3, 1 << 16);
    let (first, _own) = new(&store, "running").await;
    for key in ["a", "b", "c"] {
        keep(&store, key, 1).await;
    }
    is(&claim(&store, "b").await, "Done");
    is(&claim(&store, "c").await, "Done");
    is(&claim(&store, "running").await, "Running");
    let usage = store.usage();
    assert_eq!((usage.answers, usage.evicted), (3, 1));
    first.finish().await.unwrap();
    is(&claim(&store, "a").await, "New");
    is(&claim(&store, "b").await, "New");
}

#[tokio::test]
async fn a_piece_does_not_keep_the_buffer_it_is_cut_from() {
    let store = MemoryIdempotency::default();
    let (made, mut own) = new(&store, "a").await;
    let buffer = Bytes::from(vec![b'x'; 1 << 20]);
    let cut = buffer.slice(7..8);
    made.append(cut.clone()).await.unwrap();
    let piece = own.next().await.unwrap().unwrap();
    assert_eq!(piece, cut);
    assert_ne!(piece.as_ptr(), cut.as_ptr());
}

#[tokio::test]
async fn there_is_no_room_when_all_answers_are_under_way() {
    let store = store(1 << 20, 2, 1 << 16);
    let all = [new(&store, "a").await, new(&store, "b").await];
    is(&claim(&store, "c").await, "Full");
    drop(all);
    is(&claim(&store, "c").await, "New");
}

#[tokio::test]
async fn bytes_stay_within_the_limit_whatever_comes() {
    const LIMIT: usize = 20_000;
    let store = store(LIMIT, 1_000, LIMIT);
    for round in 0..200 {
        keep(&store, &round.to_string(), round % 7).await;
        assert!(store.usage().bytes <= LIMIT, "{:?}", store.usage());
    }
    let usage = store.usage();
    assert!(usage.evicted > 100 && usage.answers > 3, "{usage:?}");
    // Ones under way share what there is: the one that finds none is not kept.
    let (one, _a) = new(&store, "one").await;
    append(&*one, 10).await;
    let (two, _b) = new(&store, "two").await;
    append(&*two, 5).await;
    for _ in 0..5 {
        let _ = two.append(vec![0; PIECE].into()).now_or_never();
        assert!(store.usage().bytes <= LIMIT, "{:?}", store.usage());
    }
    is(&claim(&store, "one").await, "Running");
    is(&claim(&store, "two").await, "TooLarge");
}

#[tokio::test]
async fn an_answer_that_is_too_large_reaches_its_readers_and_nobody_later() {
    let store = store(1 << 20, 10, 4 * PIECE);
    let (made, mut own) = new(&store, "a").await;
    let Claimed::Running(mut slow) = claim(&store, "a").await else {
        panic!("it is not running");
    };
    append(&*made, 3).await;
    is(&claim(&store, "a").await, "Running");
    let mut fourth = made.append(vec![b'4'; PIECE].into());
    assert!(
        (&mut fourth).now_or_never().is_none(),
        "it waits for readers"
    );
    is(&claim(&store, "a").await, "TooLarge");
    assert!(store.usage().bytes < PIECE, "what is not kept has no place");
    for _ in 0..3 {
        own.next().await.unwrap().unwrap();
    }
    assert!(
        (&mut fourth).now_or_never().is_none(),
        "it waits for all of them"
    );
    for _ in 0..3 {
        slow.next().await.unwrap().unwrap();
    }
    fourth.await.unwrap();
    // Who has gone is not waited for.
    drop(slow);
    assert_eq!(own.next().await.unwrap().unwrap()[0], b'4');
    append(&*made, 1).await;
    made.finish().await.unwrap();
    own.next().await.unwrap().unwrap();
    assert!(own.next().await.is_none());
    is(&claim(&store, "a").await, "TooLarge");
    let other = store.claim("acme", "key", "a", Fingerprint([2; 32])).await;
    is(&other.unwrap(), "Reused");
}

#[tokio::test(start_paused = true)]
async fn an_answer_is_made_for_as_long_as_somebody_may_come_back() {
    let store = store(1 << 20, 10, 1 << 16);
    let (made, own) = new(&store, "a").await;
    let patience = Duration::from_secs(30);
    let mut deserted = made.deserted(patience);
    assert!((&mut deserted).now_or_never().is_none());
    drop(own);
    assert!((&mut deserted).now_or_never().is_none());
    advance(Duration::from_secs(29)).await;
    let Claimed::Running(back) = claim(&store, "a").await else {
        panic!("it is not running");
    };
    advance(Duration::from_secs(3_600)).await;
    assert!((&mut deserted).now_or_never().is_none(), "it has a reader");
    drop(back);
    let start = Instant::now();
    deserted.await;
    assert_eq!(start.elapsed(), patience);
    is(&claim(&store, "a").await, "New");
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_too_large_is_given_up_with_its_last_reader() {
    let store = store(1 << 20, 10, 2 * PIECE);
    let (made, own) = new(&store, "a").await;
    append(&*made, 1).await;
    let mut second = made.append(vec![0; PIECE].into());
    assert!((&mut second).now_or_never().is_none());
    drop(own);
    second.await.unwrap();
    let start = Instant::now();
    made.deserted(Duration::from_secs(30)).await;
    assert_eq!(start.elapsed(), Duration::ZERO);
    drop(made);
    is(&claim(&store, "a").await, "TooLarge");
    advance(Duration::from_secs(60)).await;
    is(&claim(&store, "a").await, "New");
}

#[tokio::test]
async fn who_comes_at_the_last_moment_is_not_left_alone() {
    let MemoryIdempotency(shared) = MemoryIdempotency::default();
    let key = Key::new("acme", "key", "a");
    let found = shared
        .table()
        .claim(&shared.limits, &key, ONE, &mut Vec::new());
    let Found::New(log, reader) = found else {
        panic!("the key is new");
    };
    let made = MemoryClaim { shared, key, log };
    assert!(!made.give_up_if_deserted(), "it has a reader");
    drop(reader);
    assert!(made.give_up_if_deserted());
}
