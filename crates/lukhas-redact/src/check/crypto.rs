// SPDX-License-Identifier: Apache-2.0
//! Addresses of wallets.

use std::ops::Range;

use sha2::{Digest, Sha256};

use crate::detector::Candidate;

const BASE58: &[u8] = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
const BECH32: &[u8] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";

/// Bytes of an address: a version, a hash, and the beginning of its digest.
const BASE58_BYTES: usize = 25;
const CHECKSUM_BYTES: usize = 4;

/// Base58Check: 21 bytes, and the first four of the SHA-256 of their SHA-256.
pub(crate) fn base58(candidate: Candidate<'_>) -> Option<Range<usize>> {
    let mut bytes = [0_u8; BASE58_BYTES];
    for byte in candidate.text.bytes() {
        let place = BASE58.iter().position(|&letter| letter == byte)?;
        let mut carry = u32::try_from(place).ok()?;
        for byte in bytes.iter_mut().rev() {
            carry += u32::from(*byte) * 58;
            let [low, ..] = carry.to_le_bytes();
            *byte = low;
            carry >>= 8;
        }
        if carry != 0 {
            return None;
        }
    }
    let (payload, checksum) = bytes.split_at(BASE58_BYTES - CHECKSUM_BYTES);
    let digest = Sha256::digest(Sha256::digest(payload));
    candidate.whole_if(digest.starts_with(checksum))
}

/// Remainders of the polynomial: Bech32 (BIP 173) and Bech32m (BIP 350).
const REMAINDERS: [u32; 2] = [1, 0x2bc8_30a3];
/// BIP 173, section "Checksum".
const GENERATOR: [u32; 5] = [
    0x3b6a_57b2,
    0x2650_8e6d,
    0x1ea1_19fa,
    0x3d42_33dd,
    0x2a14_62b3,
];

/// An address of a segregated witness.
pub(crate) fn bech32(candidate: Candidate<'_>) -> Option<Range<usize>> {
    let (human, data) = candidate.text.split_once('1')?;
    let data = data.bytes().map(|byte| {
        let place = BECH32.iter().position(|&letter| letter == byte);
        place.and_then(|place| u32::try_from(place).ok())
    });
    let high = human.bytes().map(|byte| Some(u32::from(byte >> 5)));
    let low = human.bytes().map(|byte| Some(u32::from(byte & 31)));
    let mut values = high.chain([Some(0)]).chain(low).chain(data);
    let remainder = values.try_fold(1_u32, |sum, value| Some(polynomial(sum) ^ value?))?;
    candidate.whole_if(REMAINDERS.contains(&remainder))
}

fn polynomial(sum: u32) -> u32 {
    let top = sum >> 25;
    let shifted = (sum & 0x01ff_ffff) << 5;
    let factors = GENERATOR.iter().enumerate();
    factors.fold(shifted, |sum, (bit, factor)| {
        if top >> bit & 1 == 1 {
            sum ^ factor
        } else {
            sum
        }
    })
}

/// Forty digits that are not all the same few: `0x000…dead` is nobody's.
pub(crate) fn ethereum(candidate: Candidate<'_>) -> Option<Range<usize>> {
    const LEAST: usize = 8;
    let digits = candidate.text.get(2..)?;
    candidate.whole_if(super::entropy::distinct(digits) >= LEAST)
}
