// SPDX-License-Identifier: Apache-2.0
//! Points in time, as key stores write them.

use std::fmt;
use std::str::FromStr;
use std::time::{Duration, SystemTime};

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// The last second of the year 9999, the last that RFC 3339 can write.
const LAST: u64 = 253_402_300_799;

/// A second of the years 1970 to 9999, in UTC; written as RFC 3339 does, always with `Z`:
/// `2027-01-31T08:00:00Z`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UtcTime(u64);

/// The text is no such time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is not a time in UTC, as in `2027-01-31T08:00:00Z`")]
pub struct UtcTimeError;

impl UtcTime {
    /// The time of the system's clock.
    #[must_use]
    pub fn now() -> Self {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        Self(since.map_or(0, |since| since.as_secs()).min(LAST))
    }

    /// The second `seconds` after 1970 began, if its year is at most 9999.
    #[must_use]
    pub fn from_unix(seconds: u64) -> Option<Self> {
        (seconds <= LAST).then_some(Self(seconds))
    }

    /// Seconds since 1970 began.
    #[must_use]
    pub fn as_unix(self) -> u64 {
        self.0
    }

    /// The time `duration` later, in whole seconds, if its year is at most 9999.
    #[must_use]
    pub fn after(self, duration: Duration) -> Option<Self> {
        Self::from_unix(self.0.checked_add(duration.as_secs())?)
    }
}

impl fmt::Display for UtcTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = i64::try_from(self.0).map_err(|_| fmt::Error)?;
        let time = OffsetDateTime::from_unix_timestamp(seconds).map_err(|_| fmt::Error)?;
        f.write_str(&time.format(&Rfc3339).map_err(|_| fmt::Error)?)
    }
}

impl FromStr for UtcTime {
    type Err = UtcTimeError;

    fn from_str(text: &str) -> Result<Self, UtcTimeError> {
        let read = OffsetDateTime::parse(text, &Rfc3339).map_err(|_| UtcTimeError)?;
        let seconds = u64::try_from(read.unix_timestamp()).map_err(|_| UtcTimeError)?;
        let time = Self::from_unix(seconds).ok_or(UtcTimeError)?;
        // RFC 3339 has other spellings: this one is what is written back alike.
        if time.to_string() == text {
            Ok(time)
        } else {
            Err(UtcTimeError)
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn known_times_are_written_and_read() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (951_868_799, "2000-02-29T23:59:59Z"),
            (1_709_251_199, "2024-02-29T23:59:59Z"),
            (1_709_251_200, "2024-03-01T00:00:00Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
            (LAST, "9999-12-31T23:59:59Z"),
        ] {
            let time = UtcTime::from_unix(seconds).unwrap();
            assert_eq!(time.to_string(), text);
            assert_eq!(text.parse(), Ok(time));
        }
        assert_eq!(UtcTime::from_unix(LAST + 1), None);
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in [
            "",
            "2027-01-31",
            "2027-01-31T08:00:00",
            "2027-01-31T08:00:00+00:00",
            "2027-01-31T08:00:00.5Z",
            "2027-01-31t08:00:00z",
            "2027-01-31 08:00:00Z",
            "2027-02-29T08:00:00Z",
            "2027-00-31T08:00:00Z",
            "2027-13-31T08:00:00Z",
            "2027-01-00T08:00:00Z",
            "2027-01-32T08:00:00Z",
            "2027-01-31T24:00:00Z",
            "2027-01-31T08:60:00Z",
            "2027-01-31T23:59:60Z",
            "1969-12-31T23:59:59Z",
            "0000-01-01T00:00:00Z",
            "+027-01-31T08:00:00Z",
            "2027-01-31T08:00:00Z ",
            "２027-01-31T08:00:00Z",
        ] {
            assert_eq!(text.parse::<UtcTime>(), Err(UtcTimeError), "{text}");
        }
    }

    #[test]
    fn later_times_end_with_the_calendar() {
        let time = UtcTime::from_unix(10).unwrap();
        let later = time.after(Duration::from_millis(2_900)).unwrap();
        assert_eq!(later.as_unix(), 12);
        assert_eq!(time.after(Duration::from_secs(LAST)), None);
        assert_eq!(time.after(Duration::MAX), None);
    }

    proptest! {
        #[test]
        fn every_time_reads_back(seconds in 0..=LAST) {
            let time = UtcTime::from_unix(seconds).unwrap();
            prop_assert_eq!(time.to_string().parse(), Ok(time));
        }

        #[test]
        fn no_text_breaks_the_reader(text in "[0-9TZ:é-]{0,24}") {
            if let Ok(time) = text.parse::<UtcTime>() {
                prop_assert_eq!(time.to_string(), text);
            }
        }
    }
}
