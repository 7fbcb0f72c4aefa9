// SPDX-License-Identifier: Apache-2.0
mod laws;
mod memory;

use std::thread;

use tokio::time;

use super::*;

const SECOND: u64 = 1_000_000_000;

fn quota(amount: u64, seconds: u64, burst: u64) -> Quota {
    let period = Duration::from_secs(seconds);
    let config = QuotaConfig {
        amount,
        period,
        burst,
    };
    Quota::new(config).unwrap()
}

/// Bursts of 5, and one more every 100 ms.
fn ten_a_second() -> Quota {
    quota(10, 1, 5)
}

#[tokio::test(start_paused = true)]
async fn a_verdict_says_limit_rest_reset_and_wait() {
    let limiter = Limiter::new();
    let bucket = limiter.bucket(ten_a_second(), &"alice");
    let standing = |remaining, millis| Standing {
        limit: 5,
        remaining,
        reset: Duration::from_millis(millis),
    };
    assert_eq!(limiter.standing(bucket), standing(5, 0));
    for (advance, cost, expected) in [
        (0, 1, Ok(standing(4, 100))),
        (0, 3, Ok(standing(1, 400))),
        (0, 2, Err(Some(100))),
        (99, 2, Err(Some(1))),
        (1, 2, Ok(standing(0, 500))),
        (0, 5, Err(Some(500))),
        (0, 0, Ok(standing(0, 500))),
        (250, 1, Ok(standing(1, 350))),
        (10_000, 5, Ok(standing(0, 500))),
        (0, 6, Err(None)),
        (0, u64::MAX, Err(None)),
    ] {
        time::advance(Duration::from_millis(advance)).await;
        let found = limiter.check_one(bucket, cost);
        let found = found.map_err(|it| it.retry_after);
        assert_eq!(found, expected.map_err(|it| it.map(Duration::from_millis)));
    }
}

#[tokio::test(start_paused = true)]
async fn keys_and_quotas_have_buckets_of_their_own() {
    let limiter = Limiter::new();
    let one = quota(1, 1, 1);
    for bucket in [
        limiter.bucket(one, &"alice"),
        limiter.bucket(one, &"bob"),
        limiter.bucket(quota(1, 2, 1), &"alice"),
        limiter.bucket(one, &("alice", 1)),
    ] {
        assert!(limiter.check_one(bucket, 1).is_ok());
        assert!(limiter.check_one(bucket, 1).is_err());
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_that_one_limit_denies_spends_nothing_of_the_others() {
    let limiter = Limiter::new();
    let [wide, narrow] = [quota(10, 1, 10), quota(1, 60, 2)];
    let [a, b] = [limiter.bucket(wide, &"a"), limiter.bucket(narrow, &"b")];
    let call = |cost| [Charge::new(a, cost), Charge::held(b, 1)];
    assert!(limiter.check(&mut call(1)).is_ok());
    assert!(limiter.check(&mut call(1)).is_ok());
    for _ in 0..20 {
        let denied = limiter.check(&mut call(1)).unwrap_err();
        let wait = Some(Duration::from_secs(60));
        assert_eq!((denied.index, denied.retry_after), (1, wait));
    }
    assert_eq!(limiter.standing(a).remaining, 8);
    // The longest wait counts, and never is longer than any.
    let never = limiter.check(&mut call(11)).unwrap_err();
    assert_eq!((never.index, never.retry_after), (0, None));
}

#[tokio::test(start_paused = true)]
async fn charges_of_one_bucket_count_together() {
    let limiter = Limiter::new();
    let bucket = limiter.bucket(ten_a_second(), &"alice");
    let mut call = [Charge::new(bucket, 3), Charge::new(bucket, 3)];
    let denied = limiter.check(&mut call).unwrap_err();
    assert_eq!((denied.index, denied.retry_after), (1, None));
    let mut call = [Charge::new(bucket, 3), Charge::held(bucket, 2)];
    assert!(limiter.check(&mut call).is_ok());
    assert_eq!(limiter.standing(bucket).remaining, 0);
}

#[tokio::test(start_paused = true)]
async fn what_is_held_comes_back_when_it_is_settled_and_not_before() {
    let limiter = Limiter::new();
    let bucket = limiter.bucket(ten_a_second(), &"alice");
    let mut call = [Charge::held(bucket, 4)];
    limiter.check(&mut call).unwrap();
    time::advance(Duration::from_secs(60)).await;
    assert_eq!(limiter.standing(bucket).remaining, 1);
    limiter.settle(&call[0], 2);
    assert_eq!(limiter.standing(bucket).remaining, 3);
    assert_eq!(limiter.standing(bucket).reset, Duration::from_millis(200));
    // More than the estimate is owed by whoever comes next.
    limiter.check(&mut call[..1]).unwrap_err();
    let mut call = [Charge::held(bucket, 3)];
    limiter.check(&mut call).unwrap();
    limiter.settle(&call[0], 8);
    let denied = limiter.check_one(bucket, 1).unwrap_err();
    assert_eq!(denied.retry_after, Some(Duration::from_millis(600)));
}

#[tokio::test(start_paused = true)]
async fn what_is_given_back_never_overfills() {
    let limiter = Limiter::new();
    let bucket = limiter.bucket(ten_a_second(), &"alice");
    let mut call = [Charge::new(bucket, 4)];
    limiter.check(&mut call).unwrap();
    limiter.refund(&call[0]);
    assert_eq!(limiter.standing(bucket).remaining, 5);
    limiter.refund(&call[0]);
    assert_eq!(limiter.standing(bucket).remaining, 5);
    // What came back by waiting is not given back once more.
    limiter.check(&mut call).unwrap();
    time::advance(Duration::from_millis(300)).await;
    assert!(limiter.check_one(bucket, 4).is_ok());
    limiter.refund(&call[0]);
    assert_eq!(limiter.standing(bucket).remaining, 1);
}

#[test]
fn time_that_goes_backwards_stands_still() {
    let limiter = Limiter::new();
    let bucket = limiter.bucket(ten_a_second(), &"alice");
    let check = |cost, now| {
        let mut charge = [Charge::new(bucket, cost)];
        let checked = limiter.check_at(&mut charge, now);
        checked.map_err(|it| it.retry_after.unwrap().as_millis())
    };
    assert_eq!(check(5, 9 * SECOND), Ok(()));
    assert_eq!(check(1, 2 * SECOND), Err(100));
    assert_eq!(check(1, 9 * SECOND + SECOND / 10), Ok(()));
    assert_eq!(check(1, 0), Err(100));
    assert_eq!(
        check(1, u64::MAX),
        Ok(()),
        "nothing overflows at the end of time"
    );
    assert_eq!(check(5, 0), Err(100));
}

#[test]
fn threads_together_get_what_the_limits_allow_and_no_more() {
    let limiter = Limiter::new();
    // Nothing comes back while this runs.
    let [narrow, wide] = [quota(1, 86_400, 1_000), quota(1, 86_400, 3_000)];
    let shared = limiter.bucket(wide, &"all");
    let own = [0, 1].map(|key| limiter.bucket(narrow, &key));
    let work = |thread: usize| {
        let mut admitted = [0, 0];
        for round in 0..4_000 {
            let key = (thread + round) % 2;
            // Named in either order.
            let mut call = [Charge::new(shared, 1), Charge::new(own[key], 1)];
            call.rotate_left(thread % 2);
            admitted[key] += usize::from(limiter.check_at(&mut call, 0).is_ok());
        }
        admitted
    };
    let admitted: Vec<[usize; 2]> = thread::scope(|scope| {
        let threads: Vec<_> = (0..8).map(|it| scope.spawn(move || work(it))).collect();
        threads.into_iter().map(|it| it.join().unwrap()).collect()
    });
    for key in [0, 1] {
        let admitted: usize = admitted.iter().map(|it| it[key]).sum();
        assert_eq!(admitted, 1_000);
    }
    let mut left = [Charge::new(shared, 1_000)];
    assert!(
        limiter.check_at(&mut left, 0).is_ok(),
        "denied calls spent nothing"
    );
    assert!(limiter.check_at(&mut [Charge::new(shared, 1)], 0).is_err());
}
