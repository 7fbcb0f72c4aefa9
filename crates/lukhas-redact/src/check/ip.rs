// SPDX-License-Identifier: Apache-2.0
//! Addresses of machines.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::ops::Range;

use crate::detector::Candidate;

/// An address that may be somebody's: not this host, not a mask, not everybody.
pub(crate) fn v4(candidate: Candidate<'_>) -> Option<Range<usize>> {
    let address: Ipv4Addr = candidate.text.parse().ok()?;
    let right = !address.is_loopback()
        && !address.is_unspecified()
        && address.octets()[0] != 255
        // A longer number, or a version: `1.2.3.4.5`, `-1.2.3.4`.
        && !candidate.before.is_some_and(|c| matches!(c, '.' | '-' | '+'));
    candidate.whole_if(right)
}

/// An address that is written out, or one of a kind that is given to machines. Paths in code look
/// like others: `abc::def`.
pub(crate) fn v6(candidate: Candidate<'_>) -> Option<Range<usize>> {
    let text = candidate.text;
    let address: Ipv6Addr = text.parse().ok()?;
    let first = address.segments()[0];
    let written_out = !text.contains("::");
    let given = written_out
        || matches!(first, 0x2000..=0x3fff | 0xfc00..=0xfdff | 0xfe80..=0xfebf | 0xff00..=0xffff);
    let right =
        given && text.bytes().any(|byte| byte.is_ascii_digit()) && candidate.before != Some(':');
    candidate.whole_if(right)
}

/// An address of a network card: six bytes, not all the same, and not a part of a fingerprint.
pub(crate) fn mac(candidate: Candidate<'_>) -> Option<Range<usize>> {
    let text = candidate.text;
    let hex = text.bytes().filter(u8::is_ascii_hexdigit);
    let mut separators = text.bytes().filter(|byte| !byte.is_ascii_hexdigit());
    let separator = separators.next();
    let mut bytes = hex.clone();
    let first = bytes.next();
    let right = hex.count() == 12
        && separators.all(|byte| Some(byte) == separator)
        && !bytes.all(|byte| Some(byte) == first)
        && !candidate
            .before
            .is_some_and(|c| matches!(c, ':' | '-' | '.'));
    candidate.whole_if(right)
}
