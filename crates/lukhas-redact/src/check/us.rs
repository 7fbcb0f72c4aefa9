// SPDX-License-Identifier: Apache-2.0
//! Numbers of the United States.

use std::ops::Range;

use super::digits::{count, digits, goes_on, is_evenly_separated, is_one_digit};
use crate::detector::Candidate;

/// Area, group and serial number.
fn parts(text: &str) -> (u32, u32, u32) {
    let number = digits(text).fold(0, |number, digit| number * 10 + digit);
    (number / 1_000_000, number / 10_000 % 100, number % 10_000)
}

/// Numbers that were printed as examples, and are nobody's.
const EXAMPLES: &[(u32, u32, u32)] = &[(78, 5, 1120), (219, 9, 9999), (123, 45, 6789)];

/// A social security number that may have been given: no area 000, 666 or 9xx, no zeros.
pub(crate) fn ssn(candidate: Candidate<'_>) -> Option<Range<usize>> {
    let text = candidate.text;
    let (area, group, serial) = parts(text);
    let given = !matches!(area, 0 | 666 | 900..) && group != 0 && serial != 0;
    let right = given
        && count(text) == 9
        && is_evenly_separated(text)
        && !is_one_digit(text)
        && !EXAMPLES.contains(&(area, group, serial))
        && !goes_on(candidate.before.filter(|&c| !":#=/".contains(c)));
    candidate.whole_if(right)
}

/// A taxpayer's number: groups 50 to 65, 70 to 88, 90 to 92 and 94 to 99.
pub(crate) fn itin(candidate: Candidate<'_>) -> Option<Range<usize>> {
    let (area, group, _) = parts(candidate.text);
    let given = area >= 900 && matches!(group, 50..=65 | 70..=88 | 90..=92 | 94..=99);
    candidate.whole_if(
        given
            && is_evenly_separated(candidate.text)
            && !goes_on(candidate.before.filter(|&c| !":#=/".contains(c))),
    )
}
