// SPDX-License-Identifier: Apache-2.0
//! The limiter against a log of everything it admitted.

use proptest::prelude::*;

use super::*;

fn quotas() -> impl Strategy<Value = Quota> {
    let periods = prop_oneof![Just(1_u64), Just(1_000), Just(SECOND), 1..SECOND];
    (1_u64..50, periods, 1_u64..30).prop_map(|(amount, period, burst)| {
        Quota::new(QuotaConfig {
            amount,
            period: Duration::from_nanos(period),
            burst,
        })
        .unwrap()
    })
}

/// One step: time that passes, as a share of the first quota's period in thousandths, and a call:
/// which keys it names, and at what cost.
type Step = (u64, [usize; 2], u64);

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let pause = prop_oneof![2 => Just(0), 3 => 0_u64..200, 1 => 0_u64..5_000];
    let keys = [0_usize..3, 0..3];
    prop::collection::vec((pause, keys, 0_u64..12), 1..60)
}

proptest! {
    #[test]
    fn a_call_is_admitted_exactly_when_the_log_allows_it(
        quotas in [quotas(), quotas()],
        steps in steps(),
    ) {
        let limiter = Limiter::new();
        let mut logs = quotas.map(|quota| [0; 3].map(|_| AdmissionLog::new(quota)));
        let mut now = 0;
        for (pause, keys, cost) in steps {
            now += pause * quotas[0].period / 1_000;
            let mut call = [0, 1].map(|at| {
                Charge::new(limiter.bucket(quotas[at], &(at, keys[at])), cost)
            });
            let allowed = |logs: &[[AdmissionLog; 3]; 2], now| {
                (0..2).all(|at| logs[at][keys[at]].allows(now, cost))
            };
            match limiter.check_at(&mut call, now) {
                Ok(()) => {
                    prop_assert!(allowed(&logs, now));
                    (0..2).for_each(|at| logs[at][keys[at]].spend(now, cost));
                }
                Err(Denied { retry_after: None, index }) => {
                    prop_assert!(cost > quotas[index].burst);
                }
                Err(Denied { retry_after: Some(wait), index }) => {
                    let wait = u64::try_from(wait.as_nanos()).unwrap();
                    prop_assert!(wait > 0);
                    prop_assert!(!allowed(&logs, now + wait - 1));
                    prop_assert!(allowed(&logs, now + wait));
                    prop_assert!(!logs[index][keys[index]].allows(now + wait - 1, cost));
                }
            }
            for at in 0..2 {
                let (log, standing) = (&logs[at][keys[at]], call[at].standing());
                prop_assert_eq!(standing.limit, quotas[at].burst);
                prop_assert_eq!(standing.remaining, log.remaining(now));
                let reset = u64::try_from(standing.reset.as_nanos()).unwrap();
                prop_assert_eq!(log.remaining(now + reset), quotas[at].burst);
                if reset > 0 {
                    prop_assert!(!log.allows(now + reset - 1, quotas[at].burst));
                }
            }
        }
    }

    #[test]
    fn what_is_settled_stays_within_the_limit_whatever_was_estimated(
        quota in quotas(),
        steps in prop::collection::vec((0_u64..400, 0_u64..12, any::<u64>(), any::<bool>()), 1..60),
    ) {
        let limiter = Limiter::new();
        let bucket = limiter.bucket(quota, &"key");
        let mut log = AdmissionLog::new(quota);
        let mut open: Vec<Charge> = Vec::new();
        let mut now = 0;
        for (pause, estimate, random, ends) in steps {
            now += pause * quota.period / 1_000;
            if ends && !open.is_empty() {
                let charge = open.swap_remove(random as usize % open.len());
                let used = random % (charge.cost() + 1);
                limiter.settle_at(&charge, used, now);
                log.release(charge.cost());
                prop_assert!(log.allows(now, used));
                log.spend(now, used);
            } else {
                let mut call = [Charge::held(bucket, estimate)];
                let admitted = limiter.check_at(&mut call, now).is_ok();
                prop_assert_eq!(admitted, log.allows(now, estimate));
                if admitted {
                    log.hold(estimate);
                    open.push(call[0]);
                }
                prop_assert_eq!(call[0].standing().remaining, log.remaining(now));
            }
        }
    }

    #[test]
    fn what_is_given_back_admits_no_more_than_if_the_call_had_never_been(
        quota in quotas(),
        steps in prop::collection::vec((0_u64..400, 0_u64..12, any::<u64>(), any::<bool>()), 1..60),
    ) {
        let limiter = Limiter::new();
        let bucket = limiter.bucket(quota, &"key");
        let mut log = AdmissionLog::new(quota);
        let mut admitted: Vec<(u64, Charge)> = Vec::new();
        let mut now = 0;
        for (pause, cost, random, gives_back) in steps {
            now += pause * quota.period / 1_000;
            if gives_back && !admitted.is_empty() {
                let (at, charge) = admitted.swap_remove(random as usize % admitted.len());
                limiter.refund_at(&charge, now);
                log.forget(at, charge.cost());
            } else {
                let mut call = [Charge::new(bucket, cost)];
                if limiter.check_at(&mut call, now).is_ok() {
                    prop_assert!(log.allows(now, cost));
                    log.spend(now, cost);
                    admitted.push((now, call[0]));
                }
            }
        }
    }

    #[test]
    fn a_clock_that_goes_backwards_admits_as_one_that_stands_still(
        quota in quotas(),
        steps in prop::collection::vec((0_u64..400, 0_u64..400, 0_u64..12), 1..60),
    ) {
        let limiters = [Limiter::new(), Limiter::new()];
        let (mut now, mut latest) = (0, 0);
        for (ahead, back, cost) in steps {
            now = (now + ahead * quota.period / 1_000).saturating_sub(back * quota.period / 1_000);
            latest = latest.max(now);
            let [real, still] = [(0, now), (1, latest)].map(|(at, now)| {
                let mut call = [Charge::new(limiters[at].bucket(quota, &"key"), cost)];
                (limiters[at].check_at(&mut call, now), call[0].standing())
            });
            prop_assert_eq!(real, still);
        }
    }
}
