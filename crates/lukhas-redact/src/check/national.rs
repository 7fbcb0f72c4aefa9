// SPDX-License-Identifier: Apache-2.0
//! National numbers. The tables of `detectors/national.rs` cite their sources.

use std::ops::Range;

use super::digits::{digits, goes_on, is_evenly_separated, is_one_digit, weighted};
use crate::detector::Candidate;

pub(crate) fn uk_nhs(candidate: Candidate<'_>) -> Option<Range<usize>> {
    let sum = weighted(digits(candidate.text), &[10, 9, 8, 7, 6, 5, 4, 3, 2, 1]);
    number(candidate, sum.is_multiple_of(11))
}

pub(crate) fn pl_pesel(candidate: Candidate<'_>) -> Option<Range<usize>> {
    let sum = weighted(digits(candidate.text), &[1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1]);
    number(candidate, sum.is_multiple_of(10))
}

pub(crate) fn es_nif(candidate: Candidate<'_>) -> Option<Range<usize>> {
    const LETTERS: &[u8] = b"TRWAGMYFPDXBNJZSQVHLCKE";
    let text = candidate.text.to_ascii_uppercase();
    let first = ["X", "Y", "Z"]
        .iter()
        .position(|letter| text.starts_with(letter));
    let first = first.and_then(|first| u32::try_from(first).ok());
    let number = first.into_iter().chain(digits(&text));
    let number = number.fold(0, |number, digit| number * 10 + digit);
    let letter = LETTERS[usize::try_from(number % 23).ok()?];
    candidate.whole_if(text.as_bytes().last() == Some(&letter))
}

pub(crate) fn br_cpf(candidate: Candidate<'_>) -> Option<Range<usize>> {
    let all = digits(candidate.text);
    let check = |weights: &[u32]| weighted(all.clone(), weights) * 10 % 11 % 10;
    let first = check(&[10, 9, 8, 7, 6, 5, 4, 3, 2]);
    let second = check(&[11, 10, 9, 8, 7, 6, 5, 4, 3, 2]);
    let right = all.clone().skip(9).eq([first, second]) && !is_one_digit(candidate.text);
    candidate.whole_if(right && !goes_on(candidate.before))
}

/// J. Verhoeff, "Error Detecting Decimal Codes", 1969: the dihedral group of order 10.
pub(crate) fn in_aadhaar(candidate: Candidate<'_>) -> Option<Range<usize>> {
    const STEP: [u32; 10] = [1, 5, 7, 6, 2, 8, 3, 0, 9, 4];
    let reversed = digits(candidate.text).rev().enumerate();
    let sum = reversed.fold(0, |sum, (at, digit)| {
        let moved = (0..at % 8).fold(digit, |digit, _| STEP[digit as usize % 10]);
        product(sum, moved)
    });
    number(candidate, sum == 0)
}

/// Multiplication in the dihedral group of order 10.
const fn product(a: u32, b: u32) -> u32 {
    match (a < 5, b < 5) {
        (true, true) => (a + b) % 5,
        (true, false) => (a + b - 5) % 5 + 5,
        (false, true) => (a - 5 + 5 - b) % 5 + 5,
        (false, false) => (a + 5 - b) % 5,
    }
}

fn number(candidate: Candidate<'_>, right: bool) -> Option<Range<usize>> {
    let text = candidate.text;
    let even = is_evenly_separated(text) && !is_one_digit(text);
    candidate.whole_if(right && even && !goes_on(candidate.before))
}
