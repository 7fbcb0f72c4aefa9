// SPDX-License-Identifier: Apache-2.0
//! How many tests passed and failed, as the test programs themselves say.

use std::fmt;
use std::ops::AddAssign;

/// How many tests passed and failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
}

impl Tally {
    /// What one line of a test program's output adds: the summary lines of libtest, pytest and
    /// `node --test`. Any other line adds nothing.
    pub(crate) fn of_line(line: &str) -> Self {
        let line = line.trim();
        if let Some(summary) = line.strip_prefix("test result: ") {
            return Self::of_words(summary);
        }
        if line.starts_with("== ") || line.starts_with("=== ") || line.starts_with("====") {
            let summary = line.trim_matches(['=', ' ']);
            // The headings between pytest's sections are framed alike, but take no time.
            let is_result = summary.ends_with('s') && summary.contains(" in ");
            return if is_result {
                Self::of_words(summary)
            } else {
                Self::default()
            };
        }
        let Some(counter) = line.strip_prefix("ℹ ").or(line.strip_prefix("# ")) else {
            return Self::default();
        };
        let count = |name: &str| {
            counter
                .strip_prefix(name)
                .and_then(|rest| rest.trim().parse().ok())
                .unwrap_or(0)
        };
        Self {
            passed: count("pass "),
            failed: count("fail "),
        }
    }

    /// The same, for a step that passed or not: one without tests, or with a failure that none of
    /// its tests reported, counts as one.
    pub(crate) fn or_one(mut self, passed: bool) -> Self {
        match passed {
            true if self.passed == 0 => self.passed = 1,
            false if self.failed == 0 => self.failed = 1,
            _ => {}
        }
        self
    }

    /// Numbers followed by the words `passed`, `failed` or `errors`.
    fn of_words(summary: &str) -> Self {
        let words: Vec<_> = summary
            .split_whitespace()
            .map(|word| word.trim_matches([',', ';', '.']))
            .collect();
        let mut tally = Self::default();
        for pair in words.windows(2) {
            let [count, word] = pair else { continue };
            let Ok(count) = count.parse::<u64>() else {
                continue;
            };
            match *word {
                "passed" => tally.passed += count,
                "failed" | "error" | "errors" => tally.failed += count,
                _ => {}
            }
        }
        tally
    }
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed", self.passed, self.failed)
    }
}

#[cfg(test)]
mod tests {
    use super::Tally;

    #[track_caller]
    fn check(line: &str, passed: u64, failed: u64) {
        assert_eq!(Tally::of_line(line), Tally { passed, failed }, "{line}");
    }

    #[test]
    fn summary_lines_count() {
        check(
            "test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 3 filtered out; finished in 0.01s",
            12,
            0,
        );
        check(
            "test result: FAILED. 1 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out",
            1,
            2,
        );
        check("===== 41 passed in 3.21s =====", 41, 0);
        check("== 1 failed, 40 passed, 2 errors in 3.21s ==", 40, 3);
        check("ℹ pass 30", 30, 0);
        check("# fail 2", 0, 2);
    }

    #[test]
    fn a_step_counts_as_one_when_its_tests_do_not_tell() {
        let tally = |passed, failed| Tally { passed, failed };
        assert_eq!(tally(0, 0).or_one(true), tally(1, 0));
        assert_eq!(tally(4, 0).or_one(true), tally(4, 0));
        assert_eq!(tally(4, 0).or_one(false), tally(4, 1));
        assert_eq!(tally(4, 2).or_one(false), tally(4, 2));
    }

    #[test]
    fn other_lines_do_not() {
        check("test wire::tests::a_body ... ok", 0, 0);
        check("===== 1 failed =====", 0, 0);
        check("===== test session starts =====", 0, 0);
        check("FAILED test_chat.py::test_n - 3 failed", 0, 0);
        check("ℹ tests 30", 0, 0);
        check("5 passed", 0, 0);
        check("", 0, 0);
    }
}
