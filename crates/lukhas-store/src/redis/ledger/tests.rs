// SPDX-License-Identifier: Apache-2.0
mod laws;
mod sessions;

use std::thread;

use lukhas_reliability::{AccountBalance, Period};
use tokio::time::Instant;

use super::*;
use crate::redis::LocalRedis;
use crate::redis::testing::{open, open_at, until, wait};

const DAY: u64 = 86_400;

/// The moment `seconds` after 2026-11-30, the last day of its month, begins.
fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_996_800 + seconds)
}

fn daily(limit: u64) -> Account {
    Account::new("key", Period::Day, limit)
}

fn monthly(limit: u64) -> Account {
    Account::new("project", Period::Month, limit)
}

fn reserve(ledger: &RedisLedger, wanted: &[(Account, u64)]) -> Answer {
    wait(ledger.reserve(wanted, at(0)))
}

/// How `account` stands at `now`.
fn balance(ledger: &RedisLedger, account: &Account, now: SystemTime) -> AccountBalance {
    let PageOf { account, window } = account.page(now);
    let closed = Account::new(account, window.period(), 0);
    match wait(ledger.reserve(&[(closed, 1)], now)) {
        Err(SharedRefused::Exceeded { balance, .. }) => balance,
        other => panic!("{other:?}"),
    }
}

/// What is settled and what is reserved of the key.
fn stands(ledger: &RedisLedger) -> (u64, u64) {
    let balance = balance(ledger, &daily(0), at(0));
    (balance.settled, balance.reserved)
}

/// The first line of what `redis` answers to `command` about the key's page.
fn ask(redis: &LocalRedis, command: &str) -> String {
    let page = Line::new(&daily(0), 0, at(0)).page;
    let answer = redis.ask(&format!("{command} {}", page.key("test")));
    answer.unwrap()
}

#[test]
fn a_reservation_is_granted_by_all_accounts_or_by_none() {
    let redis = LocalRedis::start(&[]).unwrap();
    let ledger = RedisLedger::new(open(&redis));
    let first = reserve(&ledger, &[(daily(100), 80), (monthly(150), 80)]).unwrap();
    let refused = reserve(&ledger, &[(monthly(150), 30), (daily(100), 30)]);
    let SharedRefused::Exceeded { index, balance } = refused.unwrap_err() else {
        panic!("it can be asked");
    };
    assert_eq!((index, balance.remaining()), (1, 20));
    assert_eq!(balance.window.end(), at(DAY));
    let granted = reserve(&ledger, &[(monthly(150), 70)]);
    assert!(granted.is_ok(), "the refused one reserved nothing");
    drop((first, granted));
    assert_eq!(stands(&ledger), (0, 0));
    assert_eq!(ask(&redis, "EXISTS"), ":0");
}

#[test]
fn what_was_used_is_settled_and_the_rest_comes_back() {
    let redis = LocalRedis::start(&[]).unwrap();
    let ledger = RedisLedger::new(open(&redis));
    let both = || reserve(&ledger, &[(daily(100), 60), (monthly(100), 100)]).unwrap();
    both().settle(&|index| [30, 0][index]);
    assert_eq!(stands(&ledger), (30, 0));
    // More than was reserved is booked all the same, and the account grants nothing any more.
    both().settle(&|index| [100, 1][index]);
    assert_eq!(stands(&ledger), (130, 0));
    for units in [0, 1] {
        let refused = reserve(&ledger, &[(daily(100), units)]).unwrap_err();
        assert!(matches!(refused, SharedRefused::Exceeded { index: 0, .. }));
    }
    assert!(reserve(&ledger, &[(daily(131), 1)]).is_ok());
    let tomorrow = wait(ledger.reserve(&[(daily(100), 100)], at(DAY)));
    assert!(tomorrow.is_ok());
}

#[test]
fn what_was_spent_can_be_looked_up() {
    let redis = LocalRedis::start(&[]).unwrap();
    let ledger = RedisLedger::new(open(&redis));
    let mut wanted: Vec<_> = (0..AT_ONCE as u64 + 10)
        .map(|number| {
            (
                Account::new(format!("a{number}"), Period::Day, 1_000),
                number,
            )
        })
        .collect();
    reserve(&ledger, &wanted)
        .unwrap()
        .settle(&|index| index as u64);
    let _held = reserve(&ledger, &[(wanted[7].0.clone(), 100)]).unwrap();
    wanted.push((Account::new("nobody", Period::Day, 1), 0));
    let pages = wanted.iter().map(|(account, _)| account.page(at(0)));
    let spent = wait(ledger.spent(pages.clone().collect())).unwrap();
    let lines = pages.zip(0..).map(|(page, amount)| Spent { page, amount });
    let lines: Vec<_> = lines.collect();
    // Nothing of the first, and of whom nobody knows.
    assert_eq!(spent, lines[1..lines.len() - 1]);
    redis.kill().unwrap();
    until(|| ledger.0.redis.check().is_err());
    let page = daily(1).page(at(0));
    assert_eq!(wait(ledger.spent(vec![page])).unwrap_err(), away());
}

#[test]
fn who_does_not_wait_for_the_answer_reserves_nothing() {
    let redis = LocalRedis::start(&[]).unwrap();
    let ledger = RedisLedger::new(open(&redis));
    for _ in 0..50 {
        drop(ledger.reserve(&[(daily(100), 100)], at(0)));
    }
    // What the first of them reserved is given back once its answer has come.
    stands(&ledger);
    assert_eq!(stands(&ledger), (0, 0));
    assert!(reserve(&ledger, &[(daily(100), 100)]).is_ok());
}

#[test]
fn a_page_is_kept_for_two_days_after_its_window() {
    let redis = LocalRedis::start(&[]).unwrap();
    let ledger = RedisLedger::new(open(&redis));
    let noon = at(DAY / 2);
    let open = wait(ledger.reserve(&[(daily(100), 10)], noon)).unwrap();
    let kept = || ask(&redis, "PTTL")[1..].parse::<u64>().unwrap();
    // Whatever day the clock of this test says it is.
    let expected = (DAY / 2 + 2 * DAY) * 1_000;
    assert!((expected - 60_000..=expected).contains(&kept()));
    open.settle(&|_| 3);
    assert_eq!(stands(&ledger), (3, 0));
    assert!((expected - 60_000..=expected).contains(&kept()));
}

#[test]
fn replicas_together_never_reserve_more_than_the_limit() {
    const CALLS: u64 = 150;
    let redis = LocalRedis::start(&[]).unwrap();
    let (key, project) = (daily(1_000), monthly(700));
    let replica = |number: u64| {
        let ledger = RedisLedger::new(open(&redis));
        for call in 0..CALLS {
            let mut wanted = [(key.clone(), 7), (project.clone(), 7)];
            wanted.rotate_left(number as usize % 2);
            let granted = reserve(&ledger, &wanted).ok();
            let stands = balance(&ledger, &project, at(0));
            assert!(stands.settled + stands.reserved <= 700, "{stands:?}");
            if let Some(granted) = granted {
                granted.settle(&|_| call % 8);
            }
        }
        // What was settled is told.
        balance(&ledger, &project, at(0));
    };
    thread::scope(|scope| (0..4).for_each(|number| drop(scope.spawn(move || replica(number)))));
    let ledger = RedisLedger::new(open(&redis));
    let [of_key, of_project] = [&key, &project].map(|it| balance(&ledger, it, at(0)));
    assert_eq!((of_project.reserved, of_key.reserved), (0, 0));
    assert_eq!(of_key.settled, of_project.settled);
    assert!((694..=700).contains(&of_key.settled), "{of_key:?}");

    let held = |_| {
        let ledger = RedisLedger::new(open(&redis));
        let granted = (0..CALLS).map(|_| reserve(&ledger, &[(monthly(2_000), 3)]).ok());
        granted.flatten().collect::<Vec<_>>()
    };
    let held: Vec<_> = thread::scope(|scope| {
        let all: Vec<_> = (0..4).map(|it| scope.spawn(move || held(it))).collect();
        all.into_iter().flat_map(|it| it.join().unwrap()).collect()
    });
    let left = 2_000 - of_project.settled;
    assert_eq!(held.len() as u64, left / 3);
}
