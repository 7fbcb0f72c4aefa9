// SPDX-License-Identifier: Apache-2.0
//! The hash that places features. To change anything here is to change every vector.

/// The version of the features, `lexhash1` in ASCII.
const SEED: u64 = 0x6C65_7868_6173_6831;

/// 2^64 divided by the golden ratio, as an odd number.
const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

/// A hash in the making.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Hash(u64);

impl Hash {
    pub(super) const WORD: Self = Self(SEED);
    pub(super) const PAIR: Self = Self(SEED ^ GOLDEN);
    pub(super) const GRAM: Self = Self(SEED.wrapping_mul(GOLDEN));

    /// The hash of what it is the hash of, followed by `value`.
    pub(super) fn then(self, value: u64) -> Self {
        Self((self.0.rotate_left(23) ^ value).wrapping_mul(GOLDEN))
    }

    /// The finished hash: every bit depends on every bit before (splitmix64's finaliser).
    pub(super) fn finish(self) -> u64 {
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        bits ^ (bits >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_never_change() {
        let word = "lukhas"
            .chars()
            .fold(Hash::WORD, |hash, c| hash.then(u64::from(c)));
        let seen = [Hash::WORD, Hash::PAIR, Hash::GRAM, word].map(Hash::finish);
        let expected = [
            0xFD26_BD21_324B_B84B,
            0x0436_127B_5A25_86C7,
            0xD487_BEE5_6688_5389,
            0x6637_92C3_5FEB_8049,
        ];
        assert_eq!(seen, expected);
    }
}
