// SPDX-License-Identifier: Apache-2.0
//! How much the limiter remembers.

use super::*;

fn kept(limiter: &Limiter) -> usize {
    limiter.shards.each().map(|table| table.len()).sum()
}

/// Checks 1 unit for each of `keys` at `now`. How many were admitted.
fn admitted(limiter: &Limiter, keys: std::ops::Range<u64>, now: u64) -> usize {
    let check = |key: &u64| {
        let bucket = limiter.bucket(ten_a_second(), key);
        limiter.check_at(&mut [Charge::new(bucket, 1)], now).is_ok()
    };
    keys.filter(check).count()
}

#[test]
fn a_million_keys_leave_nothing_behind() {
    let limiter = Limiter::new();
    let mut most = 0;
    for round in 0..1_000 {
        // 1,000 keys every 100 ms, each of which is full again after that time.
        let keys = round * 1_000..(round + 1) * 1_000;
        assert_eq!(admitted(&limiter, keys, round * SECOND / 10), 1_000);
        most = most.max(kept(&limiter));
    }
    assert!(most < 5_000, "{most}");
}

#[test]
fn without_room_newcomers_wait_until_there_is_some() {
    let limiter = Limiter::with_max_buckets(320);
    let first = admitted(&limiter, 0..100_000, 0);
    assert_eq!((first, kept(&limiter)), (320, 320));

    let newcomer = limiter.bucket(ten_a_second(), &"newcomer");
    let mut call = [Charge::new(newcomer, 1)];
    let denied = limiter.check_at(&mut call, 0).unwrap_err();
    let wait = u64::try_from(denied.retry_after.unwrap().as_nanos()).unwrap();
    assert!(limiter.check_at(&mut call, wait - 1).is_err());
    assert!(limiter.check_at(&mut call, wait).is_ok());
    assert!(kept(&limiter) <= 320);
    assert!(
        limiter.check_at(&mut call, wait).is_ok(),
        "those inside go on"
    );
}

#[test]
fn a_held_unit_is_never_forgotten() {
    let limiter = Limiter::with_max_buckets(32);
    let bucket = limiter.bucket(ten_a_second(), &"held");
    let mut call = [Charge::held(bucket, 5)];
    limiter.check_at(&mut call, 0).unwrap();
    admitted(&limiter, 0..10_000, SECOND);
    admitted(&limiter, 0..10_000, 60 * SECOND);
    let mut late = [Charge::new(bucket, 1)];
    assert!(limiter.check_at(&mut late, 60 * SECOND).is_err());
    assert_eq!(late[0].standing().remaining, 0);
}
