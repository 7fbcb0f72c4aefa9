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

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{:032x}", self.prefix, self.bits)
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl From<Id> for String {
    fn from(id: Id) -> Self {
        id.to_string()
    }
}
