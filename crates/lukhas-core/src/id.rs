// SPDX-License-Identifier: Apache-2.0
//! Identifiers: a type prefix and 128 random bits in hexadecimal.

use std::fmt;

/// Source of the bits that identifiers are made of.
///
/// Implementers: bits must be unpredictable in production (identifiers are
/// capabilities within a tenant); tests pass a counter instead.
pub trait Entropy: Send + Sync {
    /// The next 128 bits.
    fn bits(&self) -> u128;
}

const HEX: &[u8; 16] = b"0123456789abcdef";

/// An identifier such as `resp_0f3a…`: a prefix that names its type, then 32
/// hexadecimal digits. Displayed, never parsed: callers compare whole strings.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Id {
    prefix: &'static str,
    bits: u128,
}

impl Id {
    /// Makes an identifier with `prefix` (underscore or dash included, as in
    /// `resp_` and `chatcmpl-`) from the next bits of `entropy`.
    #[must_use]
    pub fn new(prefix: &'static str, entropy: &dyn Entropy) -> Self {
        Self {
            prefix,
            bits: entropy.bits(),
        }
    }
}

impl Id {
    /// The digits, without the formatting machinery: every request makes several.
    fn digits(self) -> [u8; 32] {
        let mut digits = [0; 32];
        for (byte, pair) in self
            .bits
            .to_be_bytes()
            .iter()
            .zip(digits.chunks_exact_mut(2))
        {
            pair[0] = HEX[usize::from(byte >> 4)];
            pair[1] = HEX[usize::from(byte & 15)];
        }
        digits
    }

    fn write(self, out: &mut impl fmt::Write) -> fmt::Result {
        out.write_str(self.prefix)?;
        // INVARIANT: hexadecimal digits are UTF-8.
        out.write_str(std::str::from_utf8(&self.digits()).unwrap_or_default())
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f)
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl From<Id> for String {
    fn from(id: Id) -> Self {
        let mut text = Self::with_capacity(id.prefix.len() + 32);
        // Writing to a string cannot fail.
        let _ = id.write(&mut text);
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fixed(u128);

    impl Entropy for Fixed {
        fn bits(&self) -> u128 {
            self.0
        }
    }

    #[test]
    fn an_identifier_is_its_prefix_and_32_digits() {
        for bits in [0, 1, u128::MAX, 0x0123_4567_89ab_cdef_fedc_ba98_7654_3210] {
            let id = Id::new("resp_", &Fixed(bits));
            assert_eq!(id.to_string(), format!("resp_{bits:032x}"));
            assert_eq!(format!("{id:?}"), id.to_string());
            assert_eq!(String::from(id), id.to_string());
        }
    }
}
