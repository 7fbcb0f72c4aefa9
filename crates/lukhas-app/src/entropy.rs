// SPDX-License-Identifier: Apache-2.0
//! Where identifiers come from.

use lukhas_core::Entropy;

/// Each thread's own generator: cryptographic, seeded by the system, without a lock.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ThreadEntropy;

impl Entropy for ThreadEntropy {
    fn bits(&self) -> u128 {
        rand::random()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_do_not_repeat() {
        assert_ne!(ThreadEntropy.bits(), ThreadEntropy.bits());
    }
}
