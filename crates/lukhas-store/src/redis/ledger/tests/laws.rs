// SPDX-License-Identifier: Apache-2.0
//! The scripts against a ledger in memory, which its own tests hold against plain sums.

use std::cell::RefCell;

use lukhas_reliability::{Ledger, Refused};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::*;

/// Each asks a real Redis some 50 times.
const CASES: u32 = 192;

/// A step of a random history. Amounts are so many of what the accounts of the history count in.
#[derive(Clone, Debug)]
enum Step {
    Reserve { accounts: Vec<usize>, amount: u64 },
    Settle { which: usize, used: u64 },
    Release { which: usize },
    Wait { seconds: u64 },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let accounts = prop::collection::vec(0_usize..4, 1..4);
    let step = prop_oneof![
        4 => (accounts, 0_u64..40).prop_map(|(accounts, amount)| Step::Reserve { accounts, amount }),
        3 => (any::<usize>(), 0_u64..60).prop_map(|(which, used)| Step::Settle { which, used }),
        1 => any::<usize>().prop_map(|which| Step::Release { which }),
        1 => (0..20 * DAY).prop_map(|seconds| Step::Wait { seconds }),
    ];
    prop::collection::vec(step, 1..40)
}

/// What a history counts in: from the least to far beyond where Lua's numbers are exact.
fn coins() -> impl Strategy<Value = u64> {
    prop_oneof![
        Just(1),
        1..1_000_000_000_u64,
        999_999_999..1_000_000_002_u64,
        (1_u64 << 53)..(1 << 55)
    ]
}

#[test]
fn any_history_is_as_in_memory_whichever_replica_it_happens_to() {
    let redis = LocalRedis::start(&[]).unwrap();
    let replicas = [(); 2].map(|()| RedisLedger::new(open(&redis)));
    let cases = RefCell::new(0);
    let config = Config {
        cases: CASES,
        failure_persistence: None,
        max_shrink_iters: 500,
        ..Config::default()
    };
    let tested = TestRunner::new(config).run(&(steps(), coins()), |(steps, coin)| {
        *cases.borrow_mut() += 1;
        let name = |name: &str| format!("{}/{name}", cases.borrow());
        let accounts = [
            Account::new(name("key"), Period::Day, 60 * coin + 1),
            Account::new(name("key"), Period::Month, 90 * coin),
            Account::new(name("other"), Period::Day, 45 * coin),
            Account::new(name("project"), Period::Month, 100 * coin + 7),
        ];
        let memory = Ledger::new();
        let mut open = Vec::new();
        let mut now = at(0);
        for (number, step) in steps.into_iter().enumerate() {
            let replica = &replicas[number % 2];
            match step {
                Step::Reserve {
                    accounts: which,
                    amount,
                } => {
                    // Of each account another amount.
                    let units = |at: usize| amount * coin + at as u64;
                    let wanted = which.iter().map(|&at| (accounts[at].clone(), units(at)));
                    let wanted: Vec<_> = wanted.collect();
                    let of_memory: Vec<_> = wanted.iter().map(|(it, units)| (it, *units)).collect();
                    let reserved = wait(replica.reserve(&wanted, now));
                    match (memory.reserve(&of_memory, now), reserved) {
                        (Ok(memory), Ok(shared)) => open.push((memory, shared, number % 2)),
                        (
                            Err(Refused::Exceeded { index, balance }),
                            Err(SharedRefused::Exceeded {
                                index: other,
                                balance: shared,
                            }),
                        ) => prop_assert_eq!((index, balance), (other, shared)),
                        other => prop_assert!(false, "{other:?}"),
                    }
                }
                Step::Settle { which, used } if !open.is_empty() => {
                    let (memory, shared, at) = open.swap_remove(which % open.len());
                    let used = |index: usize| used * coin + 3 * index as u64;
                    memory.settle(used).unwrap();
                    shared.settle(&used);
                    // Whoever is asked later, on another connection, finds it told.
                    balance(&replicas[at], &accounts[0], now);
                }
                Step::Release { which } if !open.is_empty() => {
                    let (memory, shared, at) = open.swap_remove(which % open.len());
                    drop((memory, shared));
                    balance(&replicas[at], &accounts[0], now);
                }
                Step::Settle { .. } | Step::Release { .. } => {}
                Step::Wait { seconds } => now += Duration::from_secs(seconds),
            }
            let account = &accounts[number % 4];
            let (shared, memory) = (balance(replica, account, now), memory.balance(account, now));
            prop_assert_eq!(
                (shared.window, shared.settled, shared.reserved),
                (memory.window, memory.settled, memory.reserved)
            );
        }
        Ok(())
    });
    tested.unwrap();
}
