// SPDX-License-Identifier: Apache-2.0
//! Many keys, known only by their digests.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;
use std::sync::Arc;

use hmac::{Hmac, KeyInit, Mac};
use lukhas_core::{AuthError, Authenticator, Principal};
use rand::CryptoRng;
use sha2::Sha256;
use subtle::ConstantTimeEq;

use crate::{KeyEntry, KeyError, MAX_TOKEN_CHARS};

type Digest = [u8; 32];

/// Bytes of an HMAC-SHA-256 key that need no hashing of their own.
const PEPPER_BYTES: usize = 64;

/// Many keys, known only by HMAC-SHA-256 digests under a pepper that lives as long as the set.
///
/// INVARIANT: `keys` is sorted by digest and holds none twice.
///
/// Every token up to 1,024 bytes costs the same work, known or not: one HMAC, a binary search of a
/// depth that depends on the number of keys alone, and one comparison in constant time. The search
/// compares digests in variable time, which tells nothing: without the pepper nobody can choose or
/// predict a digest.
pub struct KeySet {
    pepper: Hmac<Sha256>,
    keys: Vec<Key>,
}

struct Key {
    digest: Digest,
    principal: Arc<Principal>,
}

impl KeySet {
    /// The set of `entries`, which may be empty. The pepper is drawn from `rng`.
    ///
    /// A principal's `key_id` is the name of its entry, else the public id inside a key of this
    /// server, else `key_` and 8 hexadecimal digits of a keyed digest: those reveal nothing about
    /// the token and are others in every set, so name a foreign token whose id should last.
    ///
    /// # Errors
    /// [`KeyError::DuplicateKey`] and [`KeyError::DuplicateId`].
    pub fn new(
        rng: &mut (impl CryptoRng + ?Sized),
        entries: impl IntoIterator<Item = KeyEntry>,
    ) -> Result<Self, KeyError> {
        let mut bits = [0; PEPPER_BYTES];
        rng.fill_bytes(&mut bits);
        let pepper = Hmac::new(&bits.into());
        let mut origins = Origins::default();
        let mut keys = Vec::new();
        for entry in entries {
            let key = Key::new(&pepper, &entry);
            origins.claim(&key, entry.origin)?;
            keys.push(key);
        }
        keys.sort_unstable_by_key(|key| key.digest);
        Ok(Self { pepper, keys })
    }

    /// Number of keys.
    #[must_use]
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// The holders of the keys, in no order that says anything.
    pub fn principals(&self) -> impl Iterator<Item = &Principal> {
        self.keys.iter().map(|key| &*key.principal)
    }

    /// Whether there is no key, so that nobody can be authenticated.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }
}

impl Authenticator for KeySet {
    fn authenticate(&self, token: &[u8]) -> Result<Arc<Principal>, AuthError> {
        // No key is that long; an attacker learns nothing but the length it sent.
        if token.len() > MAX_TOKEN_CHARS {
            return Err(AuthError);
        }
        let digest = digest(&self.pepper, &[token]);
        let at = self.keys.partition_point(|key| key.digest < digest);
        let candidate = self.keys.get(at).or(self.keys.last()).ok_or(AuthError)?;
        if candidate.digest.ct_eq(&digest).into() {
            Ok(Arc::clone(&candidate.principal))
        } else {
            Err(AuthError)
        }
    }
}

impl fmt::Debug for KeySet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeySet")
            .field("keys", &self.keys.len())
            .finish_non_exhaustive()
    }
}

impl Key {
    fn new(pepper: &Hmac<Sha256>, entry: &KeyEntry) -> Self {
        let token = entry.token.expose().as_bytes();
        let key_id = match &entry.public_id {
            Some(id) => Arc::clone(id),
            None => anonymous_id(pepper, token),
        };
        Self {
            digest: digest(pepper, &[token]),
            principal: Arc::new(Principal {
                key_id,
                tenant: Arc::clone(&entry.tenant),
                scopes: Arc::clone(&entry.scopes),
            }),
        }
    }
}

/// Where each token and each public id was first seen.
#[derive(Default)]
struct Origins {
    tokens: HashMap<Digest, Arc<str>>,
    ids: HashMap<Arc<str>, Arc<str>>,
}

impl Origins {
    fn claim(&mut self, key: &Key, origin: String) -> Result<(), KeyError> {
        let origin: Arc<str> = origin.into();
        match self.tokens.entry(key.digest) {
            Entry::Occupied(first) => {
                return Err(KeyError::DuplicateKey {
                    first: first.get().to_string(),
                    second: origin.to_string(),
                });
            }
            Entry::Vacant(vacant) => vacant.insert(Arc::clone(&origin)),
        };
        match self.ids.entry(Arc::clone(&key.principal.key_id)) {
            Entry::Occupied(first) => Err(KeyError::DuplicateId {
                first: first.get().to_string(),
                second: origin.to_string(),
                key_id: first.key().to_string(),
            }),
            Entry::Vacant(vacant) => {
                vacant.insert(origin);
                Ok(())
            }
        }
    }
}

fn anonymous_id(pepper: &Hmac<Sha256>, token: &[u8]) -> Arc<str> {
    // No token holds a zero byte, so this is never the digest that authenticates one.
    let digest = digest(pepper, &[b"key id\0", token]);
    let [a, b, c, d, ..] = digest;
    format!("key_{:08x}", u32::from_be_bytes([a, b, c, d])).into()
}

fn digest(pepper: &Hmac<Sha256>, parts: &[&[u8]]) -> Digest {
    let mut mac = pepper.clone();
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests;
