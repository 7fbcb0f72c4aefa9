// SPDX-License-Identifier: Apache-2.0
//! Keys that can be exchanged while they are asked for.

use std::sync::{Arc, PoisonError, RwLock};

use lukhas_core::{AuthError, Authenticator, Principal};

use crate::{KeySet, format};

/// A [`KeySet`] that can be exchanged for another at once, while requests are authenticated.
#[derive(Debug)]
pub struct KeyRing(RwLock<KeySet>);

impl KeyRing {
    /// The keys of `set`, for now.
    #[must_use]
    pub fn new(set: KeySet) -> Self {
        Self(RwLock::new(set))
    }

    /// How many keys are of use now.
    #[must_use]
    pub fn active(&self) -> usize {
        let keys = self.0.read().unwrap_or_else(PoisonError::into_inner);
        keys.active()
    }

    /// From now on, the keys of `set` and no others.
    pub fn replace(&self, set: KeySet) {
        let mut keys = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let old = std::mem::replace(&mut *keys, set);
        drop(keys);
        // To give back the memory of many keys takes time, and nobody should wait for it.
        drop(old);
    }
}

impl Authenticator for KeyRing {
    fn authenticate(&self, token: &[u8]) -> Result<Arc<Principal>, AuthError> {
        let keys = self.0.read().unwrap_or_else(PoisonError::into_inner);
        keys.authenticate(token)
    }

    fn claimed<'t>(&self, token: &'t [u8]) -> &'t [u8] {
        format::claimed(token)
    }
}

#[cfg(test)]
mod tests {
    use lukhas_redact::Secret;
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::*;
    use crate::KeyEntry;

    #[test]
    fn exchanged_keys_are_the_only_ones() {
        let set = |token: &str| {
            let entry = KeyEntry::new("the test", Secret::new(token.to_owned())).unwrap();
            KeySet::new(&mut StdRng::seed_from_u64(1), [entry]).unwrap()
        };
        let (old, new) = ("o".repeat(20), "n".repeat(20));
        let ring = KeyRing::new(set(&old));
        let knows = |token: &str| ring.authenticate(token.as_bytes()).is_ok();
        assert!(knows(&old) && !knows(&new));
        ring.replace(set(&new));
        assert!(!knows(&old) && knows(&new));
    }
}
