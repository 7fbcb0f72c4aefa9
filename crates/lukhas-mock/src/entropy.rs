// SPDX-License-Identifier: Apache-2.0
//! Identifiers that are the same for the same request.

use std::sync::atomic::{AtomicU64, Ordering};

use lukhas_core::{Entropy, Id};
use sha2::{Digest, Sha256};

/// The SHA-256 of a request's body.
pub(crate) type BodyDigest = [u8; 32];

/// Bits that depend on a request's body alone: whoever sends the same body gets the same bytes.
#[derive(Debug)]
pub(crate) struct BodyEntropy {
    digest: BodyDigest,
    next: AtomicU64,
}

impl BodyEntropy {
    /// The bits of the body with that digest, from the first.
    pub(crate) fn of(digest: &BodyDigest) -> Self {
        Self {
            digest: *digest,
            next: AtomicU64::new(0),
        }
    }

    /// The bits of the same body for the calls of its answer: others than for the answer itself.
    pub(crate) fn of_calls(digest: &BodyDigest) -> Self {
        Self {
            digest: *digest,
            next: AtomicU64::new(1 << 32),
        }
    }

    /// The next identifier.
    pub(crate) fn id(&self, prefix: &'static str) -> String {
        Id::new(prefix, self).into()
    }
}

impl Entropy for BodyEntropy {
    fn bits(&self) -> u128 {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let digest = Sha256::new()
            .chain_update(self.digest)
            .chain_update(number.to_be_bytes())
            .finalize();
        let bytes = digest.iter().take(16);
        bytes.fold(0, |bits, byte| bits << 8 | u128::from(*byte))
    }
}
