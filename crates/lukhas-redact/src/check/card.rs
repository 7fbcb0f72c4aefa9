// SPDX-License-Identifier: Apache-2.0
//! Payment cards.

use std::ops::{Range, RangeInclusive};

use super::digits::{count, goes_on, is_evenly_separated, is_one_digit, luhn};
use crate::detector::Candidate;

/// Six leading digits and lengths of issuers: ISO/IEC 7812, and what the networks publish.
const ISSUERS: &[(RangeInclusive<u32>, RangeInclusive<usize>)] = &[
    // Visa
    (400_000..=499_999, 13..=13),
    (400_000..=499_999, 16..=19),
    // Mastercard
    (510_000..=559_999, 16..=16),
    (222_100..=272_099, 16..=16),
    // American Express
    (340_000..=349_999, 15..=15),
    (370_000..=379_999, 15..=15),
    // Diners Club
    (300_000..=305_999, 14..=19),
    (309_500..=309_599, 14..=19),
    (360_000..=369_999, 14..=19),
    (380_000..=399_999, 14..=19),
    // JCB: 3528 to 3589 and what is reserved around them; its old prefixes
    (350_000..=359_999, 16..=19),
    (180_000..=180_099, 15..=15),
    (213_100..=213_199, 15..=15),
    // Discover
    (601_100..=601_199, 16..=19),
    (644_000..=659_999, 16..=19),
    // UnionPay
    (620_000..=629_999, 16..=19),
    (810_000..=817_199, 16..=19),
    // Maestro
    (500_000..=509_999, 12..=19),
    (560_000..=589_999, 12..=19),
    (600_000..=600_999, 12..=19),
    (630_000..=639_999, 12..=19),
    (670_000..=679_999, 12..=19),
    // Mir, Troy
    (220_000..=220_499, 16..=19),
    (979_200..=979_289, 16..=16),
];

/// A number that some issuer could have given, with its check digit.
pub(crate) fn number(candidate: Candidate<'_>) -> Option<Range<usize>> {
    let text = candidate.text;
    let head = text.chars().filter_map(|c| c.to_digit(10)).take(6);
    let head = head.fold(0, |number, digit| number * 10 + digit);
    let length = count(text);
    let given = ISSUERS
        .iter()
        .any(|(heads, lengths)| heads.contains(&head) && lengths.contains(&length));
    let right = given
        && !goes_on(
            candidate
                .before
                .filter(|&c| c != ':' && c != '=' && c != '#'),
        )
        && is_evenly_separated(text)
        && !is_one_digit(text)
        && luhn(text);
    candidate.whole_if(right)
}
