// SPDX-License-Identifier: Apache-2.0
//! Telephone numbers.

use std::ops::Range;

use super::digits::{count, digits, goes_on, is_one_digit};
use crate::detector::Candidate;

/// Without an extension.
fn subscriber(text: &str) -> &str {
    text.split(['x', 'e', '#']).next().unwrap_or(text)
}

fn is_free(candidate: Candidate<'_>) -> bool {
    !goes_on(candidate.before.filter(|&c| !":=#/".contains(c)))
}

/// A country code and a number, 15 digits at most (ITU-T E.164), brackets in pairs.
pub(crate) fn international(candidate: Candidate<'_>) -> Option<Range<usize>> {
    let text = subscriber(candidate.text);
    let number = text.trim_start_matches('+');
    let number = number
        .strip_prefix("00")
        .or(number.strip_prefix("011"))
        .unwrap_or(number);
    let paired = text.matches('(').count() == text.matches(')').count();
    // Digits in a row behind a plain 00 are some other number.
    let written = text.starts_with('+') || groups(text).count() > 1;
    let right = (8..=15).contains(&count(number))
        && paired
        && written
        && !is_one_digit(number)
        && is_free(candidate);
    candidate.whole_if(right)
}

/// Ten digits. Real area codes and exchanges begin with 2 to 9, made-up ones with anything.
pub(crate) fn north_american(candidate: Candidate<'_>) -> Option<Range<usize>> {
    let right = !is_one_digit(subscriber(candidate.text)) && is_free(candidate);
    candidate.whole_if(right)
}

/// Nine to eleven digits that begin with 0: two groups of fewer are the numbers of a street.
pub(crate) fn trunk(candidate: Candidate<'_>) -> Option<Range<usize>> {
    let text = candidate.text;
    let paired = text.contains('(') == text.contains(')');
    let groups = groups(text).count();
    let least = if groups > 2 { 9 } else { 10 };
    let right = (least..=11).contains(&count(text))
        && paired
        && !digits(text).skip(1).take(2).all(|digit| digit == 0)
        && is_free(candidate);
    candidate.whole_if(right)
}

fn groups(text: &str) -> impl Iterator<Item = &str> {
    let groups = text.split(|c: char| !c.is_ascii_digit());
    groups.filter(|group| !group.is_empty())
}

/// Six to twelve digits in groups that are no date.
pub(crate) fn grouped(candidate: Candidate<'_>) -> Option<Range<usize>> {
    let text = subscriber(candidate.text);
    let is_year =
        |group: &str| group.len() == 4 && (group.starts_with("19") || group.starts_with("20"));
    let date = groups(text).count() == 3
        && (groups(text).next().is_some_and(is_year) || groups(text).nth(2).is_some_and(is_year));
    let right = (6..=12).contains(&count(text)) && !date && is_free(candidate);
    candidate.whole_if(right)
}

/// Digits in a row.
pub(crate) fn digits_alone(candidate: Candidate<'_>) -> Option<Range<usize>> {
    let right = !is_one_digit(candidate.text) && is_free(candidate);
    candidate.whole_if(right)
}
