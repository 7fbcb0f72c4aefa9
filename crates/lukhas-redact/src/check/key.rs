// SPDX-License-Identifier: Apache-2.0
//! Keys that their issuers made by chance.

use std::ops::Range;

use super::entropy::{bits, changes, distinct};
use crate::detector::Candidate;

/// Different characters of a key at least: `sk-xxxxxxxxxxxxxxxx` shows where one would be.
const DISTINCT: usize = 10;
/// Bits for each character at least, of the key with its prefix.
const BITS: f64 = 3.0;

/// Something drawn by chance, and not the example of a manual.
pub(crate) fn random(candidate: Candidate<'_>) -> Option<Range<usize>> {
    let text = candidate.text;
    let chance = changes(text) >= 2 || text.len() > 2 && is_mixed(text);
    candidate.whole_if(distinct(text) >= DISTINCT && bits(text) >= BITS && chance)
}

/// The same for keys of letters alone.
pub(crate) fn letters(candidate: Candidate<'_>) -> Option<Range<usize>> {
    let text = candidate.text;
    candidate.whole_if(distinct(text) >= DISTINCT && is_mixed(text))
}

/// Whether small and capital letters change about as words do not.
fn is_mixed(text: &str) -> bool {
    let pairs = text.as_bytes().windows(2);
    let up = pairs.filter(|pair| pair[0].is_ascii_lowercase() && pair[1].is_ascii_uppercase());
    up.count() >= 3
}

/// Characters of the checksum.
const CHECKSUM: usize = 6;
const BASE62: &[u8] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// A token of GitHub's form: a prefix, `_`, 30 characters, and their CRC32 in base62.
pub(crate) fn with_crc32(candidate: Candidate<'_>) -> Option<Range<usize>> {
    let (_, body) = candidate.text.rsplit_once('_')?;
    let (chance, checksum) = body.split_at_checked(body.len().checked_sub(CHECKSUM)?)?;
    let mut rest = crc32(chance.as_bytes());
    let mut expected = [BASE62[0]; CHECKSUM];
    for place in expected.iter_mut().rev() {
        let digit = usize::try_from(rest % 62).ok()?;
        *place = BASE62[digit];
        rest /= 62;
    }
    candidate.whole_if(checksum.as_bytes() == expected)
}

/// ISO/IEC 8802-3, bit by bit: tokens are short and rare.
pub(super) fn crc32(bytes: &[u8]) -> u32 {
    const POLYNOMIAL: u32 = 0xedb8_8320;
    let sum = bytes.iter().fold(!0, |sum, &byte| {
        (0..8).fold(sum ^ u32::from(byte), |sum, _| {
            let carry = if sum & 1 == 1 { POLYNOMIAL } else { 0 };
            sum >> 1 ^ carry
        })
    });
    !sum
}
