// SPDX-License-Identifier: Apache-2.0
use std::collections::HashMap;
use std::sync::Barrier;
use std::thread;
use std::time::Duration;

use proptest::prelude::*;

use super::*;

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

fn stands(ledger: &Ledger, account: &Account, now: SystemTime) -> (u64, u64) {
    let balance = ledger.balance(account, now);
    (balance.settled, balance.reserved)
}

#[test]
fn the_day_of_these_tests_is_the_last_of_its_month() {
    let days = [0, DAY - 1, DAY].map(|it| Window::of(Period::Day, at(it)).to_string());
    assert_eq!(days, ["2026-11-30", "2026-11-30", "2026-12-01"]);
}

#[test]
fn a_reservation_is_granted_by_all_accounts_or_by_none() {
    let ledger = Ledger::new();
    let (key, project) = (daily(100), monthly(150));
    let first = ledger
        .reserve(&[(&key, 80), (&project, 80)], at(0))
        .unwrap();
    let error = ledger
        .reserve(&[(&project, 30), (&key, 30)], at(0))
        .unwrap_err();
    let Refused::Exceeded { index, balance } = error else {
        panic!("{error:?}")
    };
    assert_eq!((index, balance.remaining()), (1, 20));
    assert_eq!(balance.window.end(), at(DAY));
    assert_eq!(stands(&ledger, &project, at(0)), (0, 80));
    // Of several that refuse, the one that does so longest is named.
    let error = ledger
        .reserve(&[(&key, 90), (&project, 90)], at(0))
        .unwrap_err();
    assert!(
        matches!(error, Refused::Exceeded { index: 0, .. }),
        "both end then"
    );
    drop(first);
    assert_eq!(stands(&ledger, &project, at(0)), (0, 0));
    let twice = ledger.reserve(&[(&key, 60), (&key, 60)], at(0));
    assert!(twice.is_err(), "an account that is named twice pays twice");
}

#[test]
fn more_than_was_reserved_is_booked_and_shown() {
    let ledger = Ledger::new();
    let key = daily(100);
    let call = ledger.reserve(&[(&key, 60)], at(0)).unwrap();
    call.settle(|_| 130).unwrap();
    let balance = ledger.balance(&key, at(0));
    assert_eq!((balance.remaining(), balance.overrun()), (0, 30));
    assert!(ledger.reserve(&[(&key, 1)], at(DAY - 1)).is_err());
    assert!(ledger.reserve(&[(&key, 100)], at(DAY)).is_ok());
}

#[test]
fn what_an_account_holds_counts_against_the_limit_it_comes_with() {
    let ledger = Ledger::new();
    let first = ledger.reserve(&[(&daily(100), 60)], at(0)).unwrap();
    assert!(ledger.reserve(&[(&daily(70), 11)], at(0)).is_err());
    let second = ledger.reserve(&[(&daily(130), 70)], at(0)).unwrap();
    first.settle(|_| 60).unwrap();
    second.settle(|_| 70).unwrap();
    assert_eq!(ledger.balance(&daily(100), at(0)).overrun(), 30);
    assert_eq!(ledger.balance(&daily(200), at(0)).remaining(), 70);
}

#[test]
fn a_call_is_booked_in_the_window_in_which_it_began() {
    let ledger = Ledger::new();
    let (key, project) = (daily(100), monthly(100));
    let call = ledger
        .reserve(&[(&key, 90), (&project, 90)], at(DAY - 1))
        .unwrap();
    assert_eq!(stands(&ledger, &key, at(DAY)), (0, 0));
    let next = ledger
        .reserve(&[(&key, 90), (&project, 90)], at(DAY))
        .unwrap();
    assert_eq!(call.lines()[0].page.window.to_string(), "2026-11-30");
    call.settle(|_| 50).unwrap();
    assert_eq!(stands(&ledger, &key, at(DAY)), (0, 90));
    next.settle(|_| 70).unwrap();
    assert_eq!(stands(&ledger, &project, at(DAY)), (70, 0));
    // A clock that goes back finds the day of the latest moment.
    assert_eq!(stands(&ledger, &key, at(0)), (70, 0));
    assert_eq!(
        ledger.shared.lock().len(),
        2,
        "windows that are over are forgotten"
    );
}

#[test]
fn accounts_are_bounded_and_empty_ones_take_no_room() {
    let ledger = Ledger::with(2, None);
    let account = |name: &str, period| Account::new(name, period, 10);
    let [a, b, c] = ["a", "b", "c"].map(|name| account(name, Period::Day));
    for name in 0..1_000 {
        let account = account(&name.to_string(), Period::Day);
        drop(ledger.reserve(&[(&account, 1)], at(0)).unwrap());
    }
    ledger
        .reserve(&[(&a, 1)], at(0))
        .unwrap()
        .settle(|_| 1)
        .unwrap();
    let held = ledger.reserve(&[(&b, 1)], at(0)).unwrap();
    let error = ledger.reserve(&[(&a, 1), (&c, 1)], at(0)).unwrap_err();
    assert_eq!(error, Refused::TooManyAccounts);
    assert_eq!(stands(&ledger, &a, at(0)), (1, 0));
    assert_eq!(
        ledger.restore(&c.page(at(0)), 1),
        Err(Refused::TooManyAccounts)
    );
    drop(held);
    assert!(ledger.reserve(&[(&c, 1)], at(0)).is_ok());
}

#[test]
fn what_was_settled_before_counts_when_it_is_restored() {
    let ledger = Ledger::new();
    let key = daily(100);
    ledger.restore(&key.page(at(0)), 70).unwrap();
    ledger.restore(&key.page(at(0)), 40).unwrap();
    assert_eq!(ledger.balance(&key, at(0)).overrun(), 10);
    assert_eq!(stands(&ledger, &key, at(DAY)), (0, 0));
    ledger.restore(&key.page(at(0)), 5).unwrap();
    assert_eq!(
        ledger.shared.lock().len(),
        0,
        "what is over is not taken in"
    );
}

/// Keeps what it is told, or says that it cannot.
struct Journal {
    spends: Mutex<Vec<Vec<Line>>>,
    is_full: bool,
}

impl SpendLog for Arc<Journal> {
    fn append(&self, spend: &Spend<'_>) -> Result<(), SpendLogError> {
        if self.is_full {
            return Err(SpendLogError::new("the disk is full"));
        }
        self.spends.lock().unwrap().push(spend.lines.to_vec());
        Ok(())
    }

    fn check(&self) -> Result<(), SpendLogError> {
        Ok(())
    }
}

fn with_journal(is_full: bool) -> (Ledger, Arc<Journal>) {
    let journal = Arc::new(Journal {
        spends: Mutex::default(),
        is_full,
    });
    let ledger = Ledger::with(9, Some(Box::new(Arc::clone(&journal))));
    (ledger, journal)
}

#[test]
fn a_ledger_restored_from_its_journal_stands_as_it_stood() {
    let (ledger, journal) = with_journal(false);
    let (key, project) = (daily(100), monthly(1_000));
    ledger
        .reserve(&[(&key, 40), (&project, 40)], at(0))
        .unwrap()
        .settle(|_| 30)
        .unwrap();
    ledger
        .reserve(&[(&project, 40)], at(0))
        .unwrap()
        .settle(|_| 50)
        .unwrap();
    ledger
        .reserve(&[(&project, 40)], at(0))
        .unwrap()
        .settle(|_| 0)
        .unwrap();
    drop(ledger.reserve(&[(&key, 40)], at(0)).unwrap());
    let again = Ledger::new();
    for line in journal.spends.lock().unwrap().iter().flatten() {
        again.restore(&line.page, line.amount).unwrap();
    }
    assert_eq!(
        journal.spends.lock().unwrap().len(),
        2,
        "nothing used, nothing told"
    );
    for (account, settled) in [(&key, 30), (&project, 80)] {
        assert_eq!(stands(&again, account, at(0)), (settled, 0));
        assert_eq!(stands(&ledger, account, at(0)), (settled, 0));
    }
}

/// A log that cannot be written, and knows it.
struct Unwritable;

impl SpendLog for Unwritable {
    fn append(&self, _: &Spend<'_>) -> Result<(), SpendLogError> {
        self.check()
    }

    fn check(&self) -> Result<(), SpendLogError> {
        Err(SpendLogError::new("the disk is full"))
    }
}

#[test]
fn nothing_is_granted_that_could_not_be_recorded() {
    let ledger = Ledger::with(9, Some(Box::new(Unwritable)));
    let key = daily(100);
    let error = ledger.reserve(&[(&key, 1)], at(0)).unwrap_err();
    assert_eq!(error, Refused::Unrecorded);
    assert!(ledger.check().is_err());
    assert_eq!(stands(&ledger, &key, at(0)), (0, 0));
}

#[test]
fn each_account_has_an_amount_of_its_own() {
    let ledger = Ledger::new();
    let (tokens, money) = (daily(100), monthly(1_000));
    let call = ledger
        .reserve(&[(&tokens, 40), (&money, 900)], at(0))
        .unwrap();
    call.settle(|line| [30, 700][line]).unwrap();
    assert_eq!(stands(&ledger, &tokens, at(0)), (30, 0));
    assert_eq!(stands(&ledger, &money, at(0)), (700, 0));
    let error = ledger
        .reserve(&[(&tokens, 70), (&money, 301)], at(0))
        .unwrap_err();
    assert!(matches!(error, Refused::Exceeded { index: 1, .. }));
}

#[test]
fn what_cannot_be_recorded_is_said_and_counts() {
    let (ledger, _) = with_journal(true);
    let key = daily(100);
    let error = ledger
        .reserve(&[(&key, 40)], at(0))
        .unwrap()
        .settle(|_| 30)
        .unwrap_err();
    assert_eq!(error.source().unwrap().to_string(), "the disk is full");
    assert_eq!(stands(&ledger, &key, at(0)), (30, 0));
}

#[test]
fn five_hundred_calls_at_the_edge_get_what_there_is_and_no_more() {
    const CALLS: u64 = 500;
    let ledger = Ledger::new();
    let (key, project) = (daily(1_000), monthly(700));
    let begin = Barrier::new(CALLS as usize);
    let call = |number: u64| {
        begin.wait();
        let accounts = [[&key, &project], [&project, &key]][number as usize % 2];
        let granted = ledger.reserve(&accounts.map(|it| (it, 7)), at(0)).ok();
        let balance = ledger.balance(&project, at(0));
        assert!(balance.settled + balance.reserved <= 700);
        if let Some(granted) = granted {
            granted.settle(|_| number % 8).unwrap();
        }
        let balance = ledger.balance(&project, at(0));
        assert!(balance.settled + balance.reserved <= 700);
    };
    thread::scope(|scope| {
        (0..CALLS).for_each(|number| drop(scope.spawn(move || call(number))));
    });
    // What is left is less than a call needs, or all were granted.
    let balance = ledger.balance(&project, at(0));
    assert_eq!(balance.reserved, 0);
    assert_eq!(ledger.balance(&key, at(0)).settled, balance.settled);

    let held: Vec<_> = thread::scope(|scope| {
        let reserve = || {
            ledger
                .reserve(&[(&monthly(1_000), 3), (&daily(10_000), 3)], at(31 * DAY))
                .ok()
        };
        let threads: Vec<_> = (0..CALLS).map(|_| scope.spawn(reserve)).collect();
        threads
            .into_iter()
            .filter_map(|it| it.join().unwrap())
            .collect()
    });
    assert_eq!(held.len(), 333);
}

/// A step of a random history.
#[derive(Clone, Debug)]
enum Step {
    Reserve { accounts: Vec<usize>, amount: u64 },
    Settle { which: usize, used: u64 },
    Release { which: usize },
    Wait { seconds: u64 },
    Back { seconds: u64 },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let accounts = prop::sample::subsequence(vec![0_usize, 1, 2, 3], 1..4);
    let step = prop_oneof![
        4 => (accounts, 0_u64..40).prop_map(|(accounts, amount)| Step::Reserve { accounts, amount }),
        3 => (any::<usize>(), 0_u64..60).prop_map(|(which, used)| Step::Settle { which, used }),
        1 => any::<usize>().prop_map(|which| Step::Release { which }),
        2 => (0..20 * DAY).prop_map(|seconds| Step::Wait { seconds }),
        1 => (0..3 * DAY).prop_map(|seconds| Step::Back { seconds }),
    ];
    prop::collection::vec(step, 1..80)
}

/// What a ledger must be: sums over everything that ever happened.
#[derive(Default)]
struct Model {
    settled: HashMap<Page, u64>,
    open: Vec<Vec<Line>>,
}

impl Model {
    fn taken(&self, page: &Page) -> (u64, u64) {
        let lines = self.open.iter().flatten();
        let of_page = lines.filter(|line| line.page == *page);
        let reserved = of_page.map(|line| line.amount).sum();
        (self.settled.get(page).copied().unwrap_or(0), reserved)
    }

    fn settle(&mut self, which: usize, used: u64) {
        for line in self.open.swap_remove(which) {
            *self.settled.entry(line.page).or_default() += used;
        }
    }
}

fn least(reservation: &Reservation) -> u64 {
    let amounts = reservation.lines().iter().map(|line| line.amount);
    amounts.min().unwrap_or(0)
}

proptest! {
    #[test]
    fn any_history_leaves_what_a_plain_sum_leaves(steps in steps(), overruns in any::<bool>()) {
        let ledger = Ledger::new();
        let accounts = [
            daily(60),
            Account::new("key", Period::Month, 90),
            Account::new("other", Period::Day, 45),
            monthly(100),
        ];
        let mut model = Model::default();
        let mut open: Vec<Reservation> = Vec::new();
        let (mut seconds, mut latest) = (0, 0);
        for step in steps {
            match step {
                Step::Reserve { accounts: which, amount } => {
                    // Of each account another amount.
                    let wanted: Vec<_> =
                        which.iter().map(|at| (&accounts[*at], amount + *at as u64)).collect();
                    let line = |(account, amount): &(&Account, u64)| Line {
                        page: account.page(at(latest)),
                        amount: *amount,
                    };
                    let lines: Vec<_> = wanted.iter().map(line).collect();
                    let fits = wanted.iter().zip(&lines).all(|((account, amount), line)| {
                        let (settled, reserved) = model.taken(&line.page);
                        settled + reserved + amount <= account.limit
                    });
                    match ledger.reserve(&wanted, at(seconds)) {
                        Ok(reservation) => {
                            prop_assert!(fits);
                            prop_assert_eq!(reservation.lines(), &*lines);
                            model.open.push(lines);
                            open.push(reservation);
                        }
                        Err(_) => prop_assert!(!fits),
                    }
                }
                Step::Settle { which, used } if !open.is_empty() => {
                    let which = which % open.len();
                    let reservation = open.swap_remove(which);
                    let used = if overruns { used } else { used.min(least(&reservation)) };
                    reservation.settle(|_| used).unwrap();
                    model.settle(which, used);
                }
                Step::Release { which } if !open.is_empty() => {
                    let which = which % open.len();
                    drop(open.swap_remove(which));
                    model.open.swap_remove(which);
                }
                Step::Settle { .. } | Step::Release { .. } => {}
                Step::Wait { seconds: more } => seconds += more,
                Step::Back { seconds: less } => seconds = seconds.saturating_sub(less),
            }
            latest = latest.max(seconds);
            for account in &accounts {
                let balance = ledger.balance(account, at(seconds));
                let (settled, reserved) = model.taken(&account.page(at(latest)));
                prop_assert_eq!((balance.settled, balance.reserved), (settled, reserved));
                prop_assert!(overruns || settled + reserved <= account.limit);
            }
            let kept = ledger.shared.lock().len();
            prop_assert!(kept <= accounts.len() + 3 * open.len());
        }
    }
}
