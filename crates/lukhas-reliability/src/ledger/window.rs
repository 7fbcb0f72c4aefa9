// SPDX-License-Identifier: Apache-2.0
//! Days and months.

use std::fmt;
use std::str::FromStr;
use std::time::{Duration, SystemTime};

use time::format_description::well_known::Iso8601;
use time::{Date, OffsetDateTime};

const DAY: Duration = Duration::from_hours(24);

/// Unix time of the last second of the year 9999.
const LAST: i64 = 253_402_300_799;

/// How long a window is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Period {
    /// A day, from midnight to midnight UTC.
    Day,
    /// A month of the calendar, UTC.
    Month,
}

/// One day or month of the years 1970 to 9999. Windows of one period are in the order of time.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Window {
    period: Period,
    /// The day on which it begins.
    first: Date,
}

impl Period {
    /// Every period.
    pub const ALL: [Self; 2] = [Self::Day, Self::Month];
}

impl Window {
    /// The window of `period` that `moment` lies in; for moments before or after all windows, the
    /// first or the last one.
    #[must_use]
    pub fn of(period: Period, moment: SystemTime) -> Self {
        let since = moment.duration_since(SystemTime::UNIX_EPOCH);
        let seconds = i64::try_from(since.unwrap_or_default().as_secs());
        let moment = OffsetDateTime::from_unix_timestamp(seconds.unwrap_or(LAST).min(LAST));
        let day = moment.unwrap_or(OffsetDateTime::UNIX_EPOCH).date();
        let first = match period {
            Period::Day => day,
            // Every month has a first day.
            Period::Month => day.replace_day(1).unwrap_or(day),
        };
        Self { period, first }
    }

    /// Its period.
    #[must_use]
    pub fn period(self) -> Period {
        self.period
    }

    /// When it begins.
    #[must_use]
    pub fn start(self) -> SystemTime {
        self.first.midnight().assume_utc().into()
    }

    /// When it ends, and the next one begins.
    #[must_use]
    pub fn end(self) -> SystemTime {
        let days = match self.period {
            Period::Day => 1,
            Period::Month => self.first.month().length(self.first.year()),
        };
        self.start() + DAY * days.into()
    }
}

/// The window as `2026-11-25` or `2026-11`.
impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month) = (self.first.year(), u8::from(self.first.month()));
        match self.period {
            Period::Day => write!(f, "{}", self.first),
            Period::Month => write!(f, "{year:04}-{month:02}"),
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
        let (period, first) = match text.len() {
            7 => (Period::Month, format!("{text}-01")),
            _ => (Period::Day, text.to_owned()),
        };
        let first = Date::parse(&first, &Iso8601::DATE).map_err(|_| WindowError)?;
        let window = Self { period, first };
        // ISO 8601 has other spellings: this one is what is written back alike.
        if (1970..=9999).contains(&first.year()) && window.to_string() == text {
            Ok(window)
        } else {
            Err(WindowError)
        }
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
            let next = Window::of(window.period(), window.end());
            assert!(next > window && next.start() == window.end());
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
            (253_399_622_399, "9999-11-30"),
        ] {
            check(seconds, day);
        }
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
            "10000-01-01",
            "-001-01",
            "20261125",
            "2026-W48-3",
            "2026-329",
            "2026-11-25T00:00:00Z",
            "２026-11",
            "2026-11-25 ",
        ] {
            assert_eq!(text.parse::<Window>(), Err(WindowError), "{text}");
        }
    }

    #[test]
    fn every_day_is_in_its_month_and_the_next_one_follows_it() {
        let (mut day, mut month) = (
            Window::of(Period::Day, at(0)),
            Window::of(Period::Month, at(0)),
        );
        // Two cycles of the Gregorian calendar.
        for _ in 0..2 * 146_097 {
            assert_eq!(Window::of(Period::Month, day.start()), month);
            assert_eq!(day.end().duration_since(day.start()).unwrap(), DAY);
            day = Window::of(Period::Day, day.end());
            if day.start() == month.end() {
                month = Window::of(Period::Month, month.end());
            }
        }
        assert_eq!(
            [day, month].map(|it| it.to_string()),
            ["2770-01-01", "2770-01"]
        );
    }

    #[test]
    fn time_has_an_end_and_a_beginning_without_a_panic() {
        for seconds in [LAST as u64, LAST as u64 + 1, i64::MAX as u64] {
            let windows = Period::ALL.map(|period| Window::of(period, at(seconds)));
            assert_eq!(windows.map(|it| it.to_string()), ["9999-12-31", "9999-12"]);
            assert!(windows.iter().all(|it| it.end() == at(LAST as u64 + 1)));
        }
        let before = SystemTime::UNIX_EPOCH - Duration::from_secs(1);
        let windows = Period::ALL.map(|period| Window::of(period, before).to_string());
        assert_eq!(windows, ["1970-01-01", "1970-01"]);
    }
}
