// SPDX-License-Identifier: Apache-2.0
//! Days and months.

use std::fmt;
use std::str::FromStr;
use std::time::{Duration, SystemTime};

const DAY: u64 = 86_400;

/// How long a window is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Period {
    /// A day, from midnight to midnight UTC.
    Day,
    /// A month of the calendar, UTC.
    Month,
}

/// One day or month. Windows of one period are in the order of time.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Window {
    period: Period,
    /// Days since 1970-01-01, or months since 1970-01.
    number: u64,
}

impl Period {
    /// Every period.
    pub const ALL: [Self; 2] = [Self::Day, Self::Month];
}

impl Window {
    /// The window of `period` that `moment` lies in; the first one for moments before 1970.
    #[must_use]
    pub fn of(period: Period, moment: SystemTime) -> Self {
        let since = moment.duration_since(SystemTime::UNIX_EPOCH);
        let days = since.unwrap_or_default().as_secs() / DAY;
        let number = match period {
            Period::Day => days,
            Period::Month => month_of(days),
        };
        Self { period, number }
    }

    /// Its period.
    #[must_use]
    pub fn period(self) -> Period {
        self.period
    }

    /// When it begins.
    #[must_use]
    pub fn start(self) -> SystemTime {
        let days = match self.period {
            Period::Day => self.number,
            Period::Month => first_day_of(self.number),
        };
        let since = Duration::from_secs(days.saturating_mul(DAY));
        let start = SystemTime::UNIX_EPOCH.checked_add(since);
        start.unwrap_or(SystemTime::UNIX_EPOCH)
    }

    /// When it ends, and the next one begins.
    #[must_use]
    pub fn end(self) -> SystemTime {
        let next = Self {
            number: self.number + 1,
            ..self
        };
        next.start()
    }
}

/// The month, from 1970-01, that a day, from 1970-01-01, lies in.
fn month_of(day: u64) -> u64 {
    // A month has at most 31 days, so the guess is not too late; and never by more than a few in a
    // hundred years, because it has 30.44 on average.
    let mut month = day / 31;
    month += (day - first_day_of(month)) / 31;
    while first_day_of(month + 1) <= day {
        month += 1;
    }
    month
}

/// Days from 1970-01-01 to the first of a month, in the Gregorian calendar.
fn first_day_of(month: u64) -> u64 {
    /// Days before each month of a year that begins in March, so that the leap day is its last.
    const BEFORE: [u64; 12] = [0, 31, 61, 92, 122, 153, 184, 214, 245, 275, 306, 337];
    /// Days from 0000-03-01 to 1970-01-01.
    const EPOCH: u64 = 719_468;
    // January and February belong to the year before.
    let months = 1970 * 12 + month - 2;
    let (year, month) = (months / 12, months % 12);
    let leap_days = year / 4 - year / 100 + year / 400;
    year * 365 + leap_days + BEFORE[month as usize] - EPOCH
}

/// The window as `2026-11-25` or `2026-11`.
impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let month = match self.period {
            Period::Day => month_of(self.number),
            Period::Month => self.number,
        };
        write!(f, "{:04}-{:02}", 1970 + month / 12, month % 12 + 1)?;
        match self.period {
            Period::Day => write!(f, "-{:02}", self.number - first_day_of(month) + 1),
            Period::Month => Ok(()),
        }
    }
}

/// A text is no [`Window`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is not a day as `2026-11-25` or a month as `2026-11`")]
pub struct WindowError;

/// The window that is written as `2026-11-25` or `2026-11`.
impl FromStr for Window {
    type Err = WindowError;

    fn from_str(text: &str) -> Result<Self, WindowError> {
        let mut parts = text
            .split('-')
            .map(|part| part.parse().map_err(|_| WindowError));
        let mut next = || parts.next().transpose();
        let (Some(year), Some(month), day, None) = (next()?, next()?, next()?, next()?) else {
            return Err(WindowError);
        };
        if !(1970..=9999).contains(&year) || !(1..=12).contains(&month) {
            return Err(WindowError);
        }
        let month: u64 = (year - 1970) * 12 + month - 1;
        let window = match day {
            None => Self {
                period: Period::Month,
                number: month,
            },
            Some(day @ 1..=31) => Self {
                period: Period::Day,
                number: first_day_of(month) + day - 1,
            },
            Some(_) => return Err(WindowError),
        };
        // One way to write each: no sign, no other number of digits, no day that the month lacks.
        (window.to_string() == text)
            .then_some(window)
            .ok_or(WindowError)
    }
}

impl fmt::Debug for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    #[track_caller]
    fn check(seconds: u64, day: &str) {
        let [of_day, of_month] = Period::ALL.map(|period| Window::of(period, at(seconds)));
        assert_eq!(of_day.to_string(), day);
        assert_eq!(of_month.to_string(), day[..7]);
        for window in [of_day, of_month] {
            assert_eq!(window.to_string().parse(), Ok(window));
            assert!(window.start() <= at(seconds) && at(seconds) < window.end());
            assert_eq!(Window::of(window.period(), window.start()), window);
            assert!(Window::of(window.period(), window.end()) > window);
        }
    }

    #[test]
    fn windows_are_days_and_months_of_the_calendar() {
        for (seconds, day) in [
            (0, "1970-01-01"),
            (86_399, "1970-01-01"),
            (86_400, "1970-01-02"),
            (68_169_600, "1972-02-29"),
            (951_782_400, "2000-02-29"),
            (951_868_800, "2000-03-01"),
            (1_709_164_800, "2024-02-29"),
            (1_767_225_599, "2025-12-31"),
            (1_767_225_600, "2026-01-01"),
            (4_107_456_000, "2100-02-28"),
            (4_107_542_400, "2100-03-01"),
            (253_402_300_799, "9999-12-31"),
        ] {
            check(seconds, day);
        }
        let before = SystemTime::UNIX_EPOCH - Duration::from_secs(1);
        assert_eq!(Window::of(Period::Day, before).to_string(), "1970-01-01");
    }

    #[test]
    fn a_text_that_is_no_window_is_refused() {
        for text in [
            "",
            "2026",
            "2026-1",
            "2026-13",
            "2026-00",
            "1969-12",
            "2026-02-29",
            "2026-11-31",
            "2026-11-00",
            "2026-11-1",
            "2026-11-25-",
            "+2026-11",
            "2026-11-99999999999999999999",
            "2026-11-18446744073709551615",
            "10000-01",
            "2026-11-25 ",
        ] {
            assert_eq!(text.parse::<Window>(), Err(WindowError), "{text}");
        }
    }

    #[test]
    fn months_follow_each_other_day_by_day() {
        let mut lengths = Vec::new();
        for month in 0..12 * 800 {
            let length = first_day_of(month + 1) - first_day_of(month);
            assert!((28..=31).contains(&length));
            assert_eq!(month_of(first_day_of(month)), month);
            assert_eq!(month_of(first_day_of(month + 1) - 1), month);
            lengths.push(length);
        }
        let leap = lengths.iter().filter(|it| **it == 29).count();
        assert_eq!(leap, 2 * 97, "two cycles of 400 years");
    }

    #[test]
    fn the_end_of_time_is_no_panic() {
        let window = Window::of(Period::Month, at(i64::MAX as u64));
        assert!(!window.to_string().is_empty());
        let _ = (window.start(), window.end());
    }
}
