// SPDX-License-Identifier: Apache-2.0
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::sync::LazyLock;

use lukhas_reliability::{Account, Ledger, Page, Period, Window};
use proptest::prelude::*;
use tempfile::TempDir;

use super::*;

/// The noon of 2026-11-25.
fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_608_000)
}

fn line(account: &str, window: &str, amount: u64) -> Line {
    let page = Page {
        account: account.into(),
        window: window.parse().unwrap(),
    };
    Line { page, amount }
}

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn open(folder: &TempDir) -> (SpendJournal, Restored) {
    SpendJournal::open(folder.path(), now).unwrap()
}

fn file(folder: &TempDir) -> PathBuf {
    folder.path().join("spends.journal")
}

fn append(journal: &SpendJournal, lines: &[Line]) {
    journal.append(&Spend { lines }).unwrap();
}

/// A journal of some spends, as a process that is killed leaves it; and how its accounts stand after
/// each of them.
fn killed(folder: &TempDir) -> (Vec<u8>, Vec<Vec<Line>>) {
    let (journal, _) = open(folder);
    let mut states = vec![SpendJournal::read(folder.path()).unwrap()];
    for number in 1..=6_u64 {
        append(
            &journal,
            &[
                line("a \"key\"", "2026-11", number),
                line("b", "2026-11-25", 10 * number),
            ],
        );
        states.push(SpendJournal::read(folder.path()).unwrap());
    }
    (fs::read(file(folder)).unwrap(), states)
}

#[test]
fn what_was_spent_is_there_after_the_process_is_gone() {
    let folder = folder();
    let (journal, restored) = open(&folder);
    assert!(restored.lines.is_empty());
    append(
        &journal,
        &[line("a", "2026-11", 7), line("b", "2026-11-25", 0)],
    );
    append(
        &journal,
        &[line("a", "2026-11", 5), line("a", "2026-11-25", 1)],
    );
    let expected = [line("a", "2026-11-25", 1), line("a", "2026-11", 12)];
    assert_eq!(
        SpendJournal::read(folder.path()).unwrap(),
        expected,
        "while it is open"
    );
    // Nothing that runs at a proper end is needed.
    let copy = self::folder();
    fs::copy(file(&folder), file(&copy)).unwrap();
    let (again, restored) = open(&copy);
    assert_eq!(restored.lines, expected);
    assert_eq!(restored.torn_at, None);
    append(&again, &[line("a", "2026-11", 1)]);
    drop(again);
    let (_, restored) = open(&copy);
    assert_eq!(restored.lines[1].amount, 13);
}

#[cfg(unix)]
#[test]
fn nobody_else_may_read_it() {
    use std::os::unix::fs::PermissionsExt;
    let folder = folder();
    let (journal, _) = open(&folder);
    append(&journal, &[line("a", "2026-11", 1)]);
    for entry in fs::read_dir(folder.path()).unwrap() {
        let mode = entry.unwrap().metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}

#[test]
fn windows_that_are_over_are_left_behind() {
    let folder = folder();
    let (journal, _) = open(&folder);
    for window in ["2026-10", "2026-11", "2026-11-24", "2026-11-25"] {
        append(&journal, &[line("a", window, 1)]);
    }
    drop(journal);
    let (_, restored) = open(&folder);
    let current = [line("a", "2026-11-25", 1), line("a", "2026-11", 1)];
    assert_eq!(restored.lines, current);
}

#[test]
fn one_process_at_a_time_has_the_journal() {
    let folder = folder();
    let (journal, _) = open(&folder);
    let error = SpendJournal::open(folder.path(), now).unwrap_err();
    assert!(matches!(error, JournalError::InUse(_)), "{error}");
    drop(journal);
    open(&folder);
}

#[test]
fn a_torn_write_is_cut_off_and_said() {
    let folder = folder();
    let (bytes, states) = killed(&folder);
    let torn = &bytes[..bytes.len() - 1];
    fs::write(file(&folder), torn).unwrap();
    let (journal, restored) = open(&folder);
    let last = bytes[..bytes.len() - 1]
        .iter()
        .rposition(|byte| *byte == b'\n');
    assert_eq!(restored.torn_at, last.map(|end| end + 1));
    assert_eq!(restored.lines, states[5]);
    append(&journal, &[line("c", "2026-11", 1)]);
    drop(journal);
    let (_, restored) = open(&folder);
    assert_eq!((restored.torn_at, restored.lines.len()), (None, 3));
}

#[track_caller]
fn check_refused(folder: &TempDir, bytes: &[u8], offset: usize, what: &str) {
    fs::write(file(folder), bytes).unwrap();
    let error = SpendJournal::open(folder.path(), now).unwrap_err();
    let path = file(folder);
    let expected = format!("`{}` is damaged at byte {offset}: {what}", path.display());
    assert_eq!(error.to_string(), expected);
    assert_eq!(fs::read(path).unwrap(), bytes, "nothing is changed");
}

#[test]
fn more_damage_than_a_torn_write_is_refused() {
    let folder = folder();
    let (bytes, _) = killed(&folder);
    let ends: Vec<_> = (0..bytes.len())
        .filter(|at| bytes[*at] == b'\n')
        .map(|at| at + 1)
        .collect();
    let mut flipped = bytes.clone();
    flipped[ends[1] + 3] ^= 1;
    check_refused(
        &folder,
        &flipped,
        ends[1],
        "a line is damaged, and intact ones follow it",
    );
    let missing = [&bytes[..ends[1]], &bytes[ends[2]..]].concat();
    check_refused(
        &folder,
        &missing,
        ends[1],
        "a spend is missing before this line",
    );
    let twice = [&bytes[..ends[2]], &bytes[ends[1]..]].concat();
    check_refused(
        &folder,
        &twice,
        ends[2],
        "a spend is missing before this line",
    );
    check_refused(
        &folder,
        &bytes[ends[0]..],
        0,
        "it does not begin with a snapshot",
    );
    check_refused(&folder, &bytes[..5], 0, "the first line is damaged");
    check_refused(&folder, b"", 0, "it is empty");
    let again = [&bytes[..], &bytes[..ends[0]]].concat();
    check_refused(&folder, &again, bytes.len(), "there is a second snapshot");
}

proptest! {
    /// Whatever becomes of its bytes, a journal says what was true after some spend, and that it was
    /// cut; or nothing at all.
    #[test]
    fn no_damage_is_taken_for_a_sum(
        flips in prop::collection::vec((any::<prop::sample::Index>(), 1_u8..), 0..3),
        cut in prop::option::of((any::<prop::sample::Index>(), 0_usize..200)),
        keep_tail in any::<bool>(),
    ) {
        static KILLED: LazyLock<(Vec<u8>, Vec<Vec<Line>>)> = LazyLock::new(|| killed(&folder()));
        let (whole, states) = &*KILLED;
        let folder = folder();
        let mut bytes = whole.clone();
        for (index, mask) in flips {
            let at = index.index(bytes.len());
            bytes[at] ^= mask;
        }
        if let Some((index, length)) = cut {
            let from = index.index(bytes.len());
            let to = if keep_tail { bytes.len().min(from + length) } else { bytes.len() };
            bytes.drain(from..to);
        }
        fs::write(file(&folder), &bytes).unwrap();
        if let Ok((_, restored)) = SpendJournal::open(folder.path(), now) {
            let spends = states.iter().position(|state| *state == restored.lines);
            prop_assert!(spends.is_some(), "{:?}", restored.lines);
            let is_prefix = whole.starts_with(&bytes) && bytes.ends_with(b"\n");
            prop_assert!(spends == Some(6) || restored.torn_at.is_some() || is_prefix);
        }
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let folder = folder();
        fs::write(file(&folder), bytes).unwrap();
        prop_assert!(SpendJournal::open(folder.path(), now).is_err());
    }
}

#[test]
fn a_journal_that_cannot_be_written_says_so_and_recovers() {
    let folder = folder();
    let (journal, _) = open(&folder);
    append(&journal, &[line("a", "2026-11", 1)]);
    // Neither the file nor another in its place can be written.
    let hurdle = folder.path().join("spends.journal.new");
    fs::create_dir(&hurdle).unwrap();
    let unwritable = File::open(file(&folder)).unwrap();
    journal.shared.lock().replace_file(unwritable);
    let lines = [line("a", "2026-11", 2)];
    journal.append(&Spend { lines: &lines }).unwrap_err();
    assert!(journal.check().is_err());
    journal.shared.turn();
    assert!(journal.check().is_err(), "as long as it cannot be written");
    journal.append(&Spend { lines: &lines }).unwrap_err();
    fs::remove_dir(&hurdle).unwrap();
    journal.shared.turn();
    journal.check().unwrap();
    append(&journal, &[line("a", "2026-11", 4)]);
    let total = SpendJournal::read(folder.path()).unwrap();
    assert_eq!(
        total,
        [line("a", "2026-11", 9)],
        "nothing is forgotten or counted twice"
    );
}

#[test]
fn a_journal_that_grows_is_written_anew_under_load() {
    const EACH: u64 = 6_000;
    let folder = folder();
    let (journal, _) = open(&folder);
    thread::scope(|scope| {
        let write = |account: &'static str| {
            let journal = &journal;
            move || {
                for _ in 0..EACH {
                    append(
                        journal,
                        &[line(account, "2026-11", 1), line("all", "2026-11-25", 2)],
                    );
                }
            }
        };
        let writers = ["a", "b", "c"].map(|account| scope.spawn(write(account)));
        while !writers.iter().all(thread::ScopedJoinHandle::is_finished) {
            journal.shared.turn();
        }
    });
    journal.shared.turn();
    let bytes = fs::metadata(file(&folder)).unwrap().len();
    assert!(bytes <= 1 << 20, "{bytes}");
    drop(journal);
    let (_, restored) = open(&folder);
    let totals: BTreeMap<_, _> = restored
        .lines
        .iter()
        .map(|line| (&*line.page.account, line.amount))
        .collect();
    let expected = [("a", EACH), ("all", 6 * EACH), ("b", EACH), ("c", EACH)];
    assert_eq!(totals, expected.into());
}

#[test]
fn a_ledger_goes_on_where_its_journal_stopped() {
    let folder = folder();
    let account = Account::new("a", Period::Month, 100);
    for used in [30, 60] {
        let (journal, restored) = open(&folder);
        let ledger = Ledger::with(9, Some(Box::new(journal)));
        for line in &restored.lines {
            ledger.restore(&line.page, line.amount).unwrap();
        }
        let call = ledger.reserve(&[(&account, 70)], now()).unwrap();
        call.settle(|_| used).unwrap();
    }
    let (_, restored) = open(&folder);
    let page = Page {
        account: "a".into(),
        window: Window::of(Period::Month, now()),
    };
    assert_eq!(restored.lines, [Line { page, amount: 90 }]);
}
