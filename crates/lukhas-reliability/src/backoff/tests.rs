// SPDX-License-Identifier: Apache-2.0
use proptest::prelude::*;
use rand::SeedableRng;
use rand::rngs::SmallRng;

use super::*;

const DEFAULT: BackoffConfig = BackoffConfig {
    base: 0.1,
    factor: 2.0,
    max: 30.0,
    jitter: Jitter::Shorten(0.1),
};

fn nth(number: u32) -> Attempt {
    Attempt {
        number,
        ..Attempt::FIRST
    }
}

#[track_caller]
fn check(config: BackoffConfig, expected: Option<&str>) {
    let error = Backoff::new(config).err();
    assert_eq!(error.map(|error| error.field), expected, "{config:?}");
}

#[test]
fn impossible_settings_are_named() {
    check(DEFAULT, None);
    for base in [-0.1, f64::NAN, f64::INFINITY] {
        check(BackoffConfig { base, ..DEFAULT }, Some("base"));
    }
    for factor in [0.99, -2.0, f64::NAN, f64::INFINITY] {
        check(BackoffConfig { factor, ..DEFAULT }, Some("factor"));
    }
    for max in [0.09, -1.0, f64::NAN, f64::INFINITY, 1e30] {
        check(BackoffConfig { max, ..DEFAULT }, Some("max"));
    }
    for share in [-0.1, 1.1, f64::NAN] {
        let jitter = Jitter::Shorten(share);
        check(BackoffConfig { jitter, ..DEFAULT }, Some("jitter"));
    }
    for jitter in [Jitter::NONE, Jitter::FULL, Jitter::Decorrelated] {
        check(BackoffConfig { jitter, ..DEFAULT }, None);
    }
}

#[test]
fn an_error_says_what_the_field_must_be() {
    let factor = 0.5;
    let error = Backoff::new(BackoffConfig { factor, ..DEFAULT }).unwrap_err();
    assert_eq!(error.to_string(), "`factor` must be a number from 1");
}

#[test]
fn the_default_is_what_its_config_says() {
    assert_eq!(BackoffConfig::default(), DEFAULT);
    assert_eq!(Backoff::new(DEFAULT), Ok(Backoff::default()));
}

#[test]
fn waits_double_up_to_the_maximum() {
    let backoff = Backoff::default();
    for (number, milliseconds) in [
        (0, 100),
        (1, 200),
        (2, 400),
        (8, 25_600),
        (9, 30_000),
        (2_000, 30_000),
        (u32::MAX, 30_000),
    ] {
        let expected = Duration::from_millis(milliseconds);
        assert_eq!(backoff.ceiling(number), expected, "{number}");
    }
}

#[test]
fn a_base_of_zero_never_waits() {
    let config = BackoffConfig {
        base: 0.0,
        ..DEFAULT
    };
    let backoff = Backoff::new(config).unwrap();
    assert_eq!(backoff.ceiling(0), Duration::ZERO);
    assert_eq!(backoff.ceiling(u32::MAX), Duration::ZERO);
}

#[test]
fn full_jitter_uses_the_whole_wait() {
    let jitter = Jitter::FULL;
    let backoff = Backoff::new(BackoffConfig { jitter, ..DEFAULT }).unwrap();
    let mut rng = SmallRng::seed_from_u64(1);
    let mut draw = || backoff.delay(nth(3), &mut rng).as_secs_f64();
    let waits: Vec<f64> = (0..10_000).map(|_| draw()).collect();
    let mean = waits.iter().sum::<f64>() / 10_000.0;
    assert!((mean - 0.4).abs() < 0.01, "{mean}");
    assert!(waits.iter().any(|wait| *wait < 0.01) && waits.iter().any(|wait| *wait > 0.79));
}

proptest! {
    #[test]
    fn jitter_only_shortens(
        base in 0.0_f64..10.0,
        factor in 1.0_f64..10.0,
        more in 0.0_f64..100.0,
        share in 0.0_f64..=1.0,
        number in any::<u32>(),
        seed in any::<u64>(),
    ) {
        let max = base + more;
        let jitter = Jitter::Shorten(share);
        let backoff = Backoff::new(BackoffConfig { base, factor, max, jitter }).unwrap();
        let ceiling = backoff.ceiling(number);
        let mut rng = SmallRng::seed_from_u64(seed);
        for _ in 0..100 {
            let wait = backoff.delay(nth(number), &mut rng);
            prop_assert!(wait <= ceiling);
            prop_assert!(wait.as_secs_f64() >= ceiling.as_secs_f64() * (1.0 - share) - 1e-8);
        }
        prop_assert!(ceiling.as_secs_f64() <= max + 1e-9);
        prop_assert!(ceiling <= backoff.ceiling(number.saturating_add(1)));
    }

    #[test]
    fn decorrelated_waits_stay_between_base_and_three_times_the_last(
        base in 0.001_f64..10.0,
        more in 0.0_f64..100.0,
        seed in any::<u64>(),
    ) {
        let (max, jitter) = (base + more, Jitter::Decorrelated);
        let backoff = Backoff::new(BackoffConfig { base, max, jitter, ..DEFAULT }).unwrap();
        let mut rng = SmallRng::seed_from_u64(seed);
        let mut attempt = Attempt::FIRST;
        for _ in 0..20 {
            let wait = backoff.delay(attempt, &mut rng);
            let most = (attempt.waited.as_secs_f64().max(base) * 3.0).min(max);
            prop_assert!((base - 1e-8..=most + 1e-8).contains(&wait.as_secs_f64()));
            attempt = attempt.next(wait);
        }
    }
}
