// SPDX-License-Identifier: Apache-2.0
//! The hash function that the build script and the lookup share.

/// Slots of the vocabulary's hash table, a power of two: 38 % full.
pub(crate) const SLOTS: usize = 1 << 18;

/// The slot where the search for `bytes` starts.
pub(crate) fn slot_of(bytes: &[u8]) -> usize {
    const MULTIPLIER: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut state = bytes.len() as u64;
    let (words, rest) = bytes.as_chunks::<8>();
    for word in words {
        state = mix(state ^ u64::from_le_bytes(*word), MULTIPLIER);
    }
    let mut last = 0;
    for &byte in rest {
        last = last << 8 | u64::from(byte);
    }
    let state = mix(state ^ last, MULTIPLIER);
    (state >> (64 - SLOTS.trailing_zeros())) as usize
}

/// The slot to look at after `slot`.
pub(crate) fn next_slot(slot: usize) -> usize {
    (slot + 1) & (SLOTS - 1)
}

fn mix(state: u64, multiplier: u64) -> u64 {
    let state = state.wrapping_mul(multiplier);
    (state ^ state >> 32).wrapping_mul(multiplier)
}
