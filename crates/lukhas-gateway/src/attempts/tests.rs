// SPDX-License-Identifier: Apache-2.0
use tokio::time::advance;

use super::*;

const CLIENT: &str = "203.0.113.7";

fn failures(per_client: u32, per_key: u32) -> FailedAttempts {
    let number = |number| NonZeroU32::new(number).unwrap();
    FailedAttempts::new(number(per_client), number(per_key)).unwrap()
}

/// A failed attempt; the time to wait when it is not let through.
fn fail(failures: &FailedAttempts, client: &str, key: &str) -> Result<(), Duration> {
    let attempt = failures.admit(client.parse().unwrap(), key.as_bytes())?;
    failures.failed(attempt);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_key_is_limited_for_the_client_that_tries_it_alone() {
    let failures = failures(100, 3);
    for _ in 0..3 {
        assert_eq!(fail(&failures, CLIENT, "key"), Ok(()));
    }
    assert_eq!(fail(&failures, CLIENT, "key"), Err(Duration::from_secs(20)));
    assert_eq!(fail(&failures, CLIENT, "other"), Ok(()), "its neighbour");
    assert_eq!(fail(&failures, "203.0.113.8", "key"), Ok(()), "its holder");
}

#[tokio::test(start_paused = true)]
async fn a_client_is_limited_whatever_keys_it_tries() {
    let failures = failures(6, 3);
    for number in 0..6 {
        assert_eq!(fail(&failures, CLIENT, &format!("guess {number}")), Ok(()));
    }
    let wait = Duration::from_secs(10);
    assert_eq!(fail(&failures, CLIENT, "guess 7"), Err(wait));
    assert_eq!(fail(&failures, "203.0.113.8", "guess 7"), Ok(()));
}

#[tokio::test(start_paused = true)]
async fn who_waits_as_told_is_let_through_and_not_before() {
    let failures = failures(6, 3);
    for _ in 0..3 {
        fail(&failures, CLIENT, "key").unwrap();
    }
    let wait = fail(&failures, CLIENT, "key").unwrap_err();
    advance(wait - Duration::from_millis(1)).await;
    assert!(fail(&failures, CLIENT, "key").is_err());
    advance(Duration::from_millis(1)).await;
    assert_eq!(fail(&failures, CLIENT, "key"), Ok(()));
    assert_eq!(fail(&failures, CLIENT, "key"), Err(wait));
}

#[tokio::test(start_paused = true)]
async fn what_succeeds_and_what_is_refused_costs_nothing() {
    let failures = failures(6, 3);
    let client = CLIENT.parse().unwrap();
    for _ in 0..1_000 {
        failures.admit(client, b"key").unwrap();
    }
    for _ in 0..3 {
        fail(&failures, CLIENT, "key").unwrap();
    }
    for _ in 0..1_000 {
        fail(&failures, CLIENT, "key").unwrap_err();
    }
    for _ in 0..3 {
        assert_eq!(fail(&failures, CLIENT, "other"), Ok(()));
    }
    fail(&failures, CLIENT, "third").unwrap_err();
}

#[tokio::test(start_paused = true)]
async fn a_network_of_ipv6_is_one_client() {
    let failures = failures(2, 2);
    assert_eq!(fail(&failures, "2001:db8::1", "a"), Ok(()));
    assert_eq!(fail(&failures, "2001:db8::ffff:1", "b"), Ok(()));
    assert!(fail(&failures, "2001:db8::2", "c").is_err());
    assert_eq!(fail(&failures, "2001:db8:0:1::1", "c"), Ok(()));
}

#[tokio::test(start_paused = true)]
async fn clients_without_number_are_not_remembered_and_shut_nobody_out() {
    let failures = failures(2, 2);
    for number in 0..200_000_u32 {
        let client = IpAddr::V4(number.into());
        let attempt = failures.admit(client, b"key").unwrap();
        failures.failed(attempt);
    }
    let client = CLIENT.parse().unwrap();
    assert!(failures.admit(client, b"key").is_ok());
}

#[tokio::test(start_paused = true)]
async fn who_has_not_failed_for_a_minute_is_not_looked_at_more_closely() {
    let failures = failures(6, 3);
    let client = CLIENT.parse().unwrap();
    assert!(!failures.has_failed_lately(client));
    fail(&failures, CLIENT, "key").unwrap();
    assert!(failures.has_failed_lately(client));
    advance(PERIOD - Duration::from_millis(1)).await;
    assert!(failures.has_failed_lately(client));
    advance(Duration::from_millis(1)).await;
    assert!(!failures.has_failed_lately(client));

    let neighbours = (0..100_u8).map(|last| IpAddr::from([198, 51, 100, last]));
    fail(&failures, CLIENT, "key").unwrap();
    let met = neighbours.filter(|other| failures.has_failed_lately(*other));
    assert!(met.count() < 10, "groups are spread");
}

/// For any times of failures: what the glance passes over is full.
#[tokio::test(start_paused = true)]
async fn a_glance_never_hides_a_failure_that_counts() {
    let failures = failures(4, 4);
    for step in [0, 1, 15_000, 14_999, 30_000, 1, 1, 1, 59_999, 60_000, 7] {
        advance(Duration::from_millis(step)).await;
        let _ = fail(&failures, CLIENT, "key");
        for later in [0, 1, 29_999, 30_000, 59_999, 60_000] {
            let client: IpAddr = CLIENT.parse().unwrap();
            let attempt = Attempt {
                client,
                claimed: b"key",
            };
            advance(Duration::from_millis(later)).await;
            let is_full = |bucket| {
                let standing = failures.limiter.standing(bucket);
                standing.remaining == standing.limit
            };
            let full = failures.buckets(attempt).into_iter().all(is_full);
            assert!(failures.has_failed_lately(client) || full);
        }
    }
}
