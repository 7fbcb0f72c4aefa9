// SPDX-License-Identifier: Apache-2.0
//! Numbers of bank accounts.

use std::ops::Range;

use crate::detector::Candidate;

/// Length of each country's: SWIFT, IBAN Registry, release 99.
const LENGTHS: &[(&str, usize)] = &[
    ("AD", 24),
    ("AE", 23),
    ("AL", 28),
    ("AT", 20),
    ("AZ", 28),
    ("BA", 20),
    ("BE", 16),
    ("BG", 22),
    ("BH", 22),
    ("BI", 27),
    ("BR", 29),
    ("BY", 28),
    ("CH", 21),
    ("CR", 22),
    ("CY", 28),
    ("CZ", 24),
    ("DE", 22),
    ("DJ", 27),
    ("DK", 18),
    ("DO", 28),
    ("EE", 20),
    ("EG", 29),
    ("ES", 24),
    ("FI", 18),
    ("FK", 18),
    ("FO", 18),
    ("FR", 27),
    ("GB", 22),
    ("GE", 22),
    ("GI", 23),
    ("GL", 18),
    ("GR", 27),
    ("GT", 28),
    ("HN", 28),
    ("HR", 21),
    ("HU", 28),
    ("IE", 22),
    ("IL", 23),
    ("IQ", 23),
    ("IS", 26),
    ("IT", 27),
    ("JO", 30),
    ("KW", 30),
    ("KZ", 20),
    ("LB", 28),
    ("LC", 32),
    ("LI", 21),
    ("LT", 20),
    ("LU", 20),
    ("LV", 21),
    ("LY", 25),
    ("MC", 27),
    ("MD", 24),
    ("ME", 22),
    ("MK", 19),
    ("MN", 20),
    ("MR", 27),
    ("MT", 31),
    ("MU", 30),
    ("NI", 28),
    ("NL", 18),
    ("NO", 15),
    ("OM", 23),
    ("PK", 24),
    ("PL", 28),
    ("PS", 29),
    ("PT", 25),
    ("QA", 29),
    ("RO", 24),
    ("RS", 22),
    ("RU", 33),
    ("SA", 24),
    ("SC", 31),
    ("SD", 18),
    ("SE", 24),
    ("SI", 19),
    ("SK", 24),
    ("SM", 27),
    ("SO", 23),
    ("ST", 25),
    ("SV", 28),
    ("TL", 23),
    ("TN", 24),
    ("TR", 26),
    ("UA", 29),
    ("VA", 22),
    ("VG", 24),
    ("XK", 20),
    ("YE", 30),
];

/// As many characters as the country's have, if their check digits are right. What a greedy match
/// took beyond them, as of a capital word behind the number, is none of it.
pub(crate) fn code(candidate: Candidate<'_>) -> Option<Range<usize>> {
    let bytes = candidate.text.as_bytes();
    let country = candidate.text.get(..2)?;
    let found = LENGTHS.binary_search_by_key(&country, |(name, _)| name);
    let (_, length) = LENGTHS[found.ok()?];
    let mut places = (0..).zip(bytes).filter(|(_, b)| b.is_ascii_alphanumeric());
    let (last, _) = places.nth(length - 1)?;
    let end = last + 1;
    let next = bytes.get(end);
    let whole = next.is_none_or(|b| !b.is_ascii_alphanumeric());
    (whole && remainder(&bytes[..end]) == 1).then_some(0..end)
}

/// ISO/IEC 7064, MOD 97-10, with the first four characters moved to the end.
fn remainder(text: &[u8]) -> u64 {
    let (first, rest) = text.split_at(4);
    let moved = rest.iter().chain(first);
    let number = moved.fold(0_u64, |number, &byte| {
        // A division takes as long as many other steps: only where the next character might not fit.
        let number = if number < u64::MAX / 1000 {
            number
        } else {
            number % 97
        };
        match byte {
            b'0'..=b'9' => number * 10 + u64::from(byte - b'0'),
            b'A'..=b'Z' => number * 100 + u64::from(byte - b'A') + 10,
            _ => number,
        }
    });
    number % 97
}

#[cfg(test)]
mod tests {
    #[test]
    fn countries_are_in_the_order_of_their_names() {
        assert!(super::LENGTHS.is_sorted());
    }
}
