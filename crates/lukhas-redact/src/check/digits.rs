// SPDX-License-Identifier: Apache-2.0
//! Digits of a number that is written with separators.

/// The digits in `text`, as numbers.
pub(super) fn digits(text: &str) -> impl DoubleEndedIterator<Item = u32> + Clone {
    let digits = text.bytes().filter(u8::is_ascii_digit);
    digits.map(|digit| u32::from(digit - b'0'))
}

/// How many there are.
pub(super) fn count(text: &str) -> usize {
    text.bytes().filter(u8::is_ascii_digit).count()
}

/// Whether the check digit of ISO/IEC 7812-1, annex B, is right.
pub(super) fn luhn(text: &str) -> bool {
    let sum: u32 = digits(text)
        .rev()
        .enumerate()
        .map(|(at, digit)| match (at % 2, digit) {
            (0, _) => digit,
            (_, 0..=4) => digit * 2,
            (_, _) => digit * 2 - 9,
        })
        .sum();
    sum.is_multiple_of(10)
}

/// Whether all digits are the same one: no issuer gives such a number.
pub(super) fn is_one_digit(text: &str) -> bool {
    let mut all = digits(text);
    let first = all.next();
    all.all(|digit| Some(digit) == first)
}

/// Whether all separators in `text` are the same character.
pub(super) fn is_evenly_separated(text: &str) -> bool {
    let mut separators = text.chars().filter(|c| !c.is_ascii_digit());
    let first = separators.next();
    separators.all(|c| Some(c) == first)
}

/// The weighted sum of `digits`.
pub(super) fn weighted(digits: impl Iterator<Item = u32>, weights: &[u32]) -> u32 {
    digits
        .zip(weights)
        .map(|(digit, weight)| digit * weight)
        .sum()
}

/// Whether a number could go on to the left of a match: `1.2` before `3.4.5.6`.
pub(super) fn goes_on(before: Option<char>) -> bool {
    before.is_some_and(|c| matches!(c, '.' | '-' | '+' | ':' | '/' | ',' | '#' | '='))
}
