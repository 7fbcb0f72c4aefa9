// SPDX-License-Identifier: Apache-2.0
//! Many keys, known only by their digests.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use lukhas_core::{AuthError, Authenticator, Principal};
use rand::CryptoRng;
use subtle::Choice;

use crate::format::{self, ID_CHARS};
use crate::pepper::Digest;
use crate::{KeyEntry, KeyError, KeyRecord, KeyStore, MAX_TOKEN_CHARS, Pepper, UtcTime};

/// Tells the time.
pub type Clock = Arc<dyn Fn() -> UtcTime + Send + Sync>;

/// Many keys, known only by HMAC-SHA-256 digests under a [`Pepper`].
///
/// INVARIANT: `own` is sorted by public identifier, `foreign` by digest, and neither holds one twice.
///
/// A token of up to 1,024 bytes is judged by one path, whatever comes of it: one HMAC, one look at
/// the clock if any key of the set expires, one binary search of a depth that depends on the number of keys alone, and one
/// comparison in constant time with the key that the search ends at, whoever's it is. The search
/// compares in variable time, which tells nothing: identifiers are public, and without the pepper
/// nobody can choose or predict a digest. Which list is searched the token's shape says, to whoever
/// sent it, too. So an identifier that nobody has, a wrong secret, and a key that has expired or was
/// revoked cannot be told apart.
pub struct KeySet {
    pepper: Pepper,
    clock: Clock,
    /// Whether any key ends by itself: if none does, nobody need know the time.
    expires: bool,
    /// Keys of this server's form, which hold their identifier.
    own: Vec<Key>,
    /// Keys that operators chose.
    foreign: Vec<Key>,
    /// Where those come from that have no name, and their holders.
    nameless: Vec<(String, Arc<Principal>)>,
}

struct Key {
    /// The identifier inside an own key.
    public_id: [u8; ID_CHARS],
    digest: Digest,
    /// Unix time in seconds from which on it is nobody's.
    until: u64,
    principal: Arc<Principal>,
}

impl KeySet {
    /// The set of `entries`, which may be empty. The pepper is drawn from `rng`.
    ///
    /// A principal's `key_id` is the name of its entry, else the public id inside a key of this
    /// server, else `key_` and 8 hexadecimal digits of a keyed digest: those reveal nothing about
    /// the token and are others under every pepper, so name a foreign token whose id should last.
    ///
    /// # Errors
    /// [`KeyError::DuplicateKey`] and [`KeyError::DuplicateId`].
    pub fn new(
        rng: &mut (impl CryptoRng + ?Sized),
        entries: impl IntoIterator<Item = KeyEntry>,
    ) -> Result<Self, KeyError> {
        Self::with_pepper(Pepper::random(rng), entries)
    }

    /// [`new`](Self::new) with a pepper that is there already: under the same one, tokens without a
    /// name keep their `key_id` from set to set.
    ///
    /// # Errors
    /// [`KeyError::DuplicateKey`] and [`KeyError::DuplicateId`].
    pub fn with_pepper(
        pepper: Pepper,
        entries: impl IntoIterator<Item = KeyEntry>,
    ) -> Result<Self, KeyError> {
        Builder::new(pepper).build(entries)
    }

    /// The set of `entries` and of every key of `store`, which is at `path` and was made with
    /// `pepper`. Keys of the store that are of no use stay known, and are refused.
    ///
    /// # Errors
    /// [`KeyError::OtherPepper`], [`KeyError::DuplicateKey`] and [`KeyError::DuplicateId`].
    pub fn with_store(
        path: &Path,
        store: &KeyStore,
        pepper: Pepper,
        entries: impl IntoIterator<Item = KeyEntry>,
    ) -> Result<Self, KeyError> {
        store.check_pepper(path, &pepper)?;
        let mut builder = Builder::new(pepper);
        for (record, line) in store.records().iter().zip(2..) {
            builder.record(record, format!("`{}` line {line}", path.display()))?;
        }
        builder.build(entries)
    }

    /// The same set, with another clock than the system's to tell whether a key has expired.
    #[must_use]
    pub fn with_clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Number of keys.
    #[must_use]
    pub fn len(&self) -> usize {
        self.own.len() + self.foreign.len()
    }

    /// How many of them are of use now.
    #[must_use]
    pub fn active(&self) -> usize {
        let now = (self.clock)().as_unix();
        let keys = self.own.iter().chain(&self.foreign);
        keys.filter(|key| now < key.until).count()
    }

    /// The holders of the keys, in no order that says anything.
    pub fn principals(&self) -> impl Iterator<Item = &Principal> {
        let keys = self.own.iter().chain(&self.foreign);
        keys.map(|key| &*key.principal)
    }

    /// Those of them whose `key_id` is another one under another pepper, each with the origin of its
    /// key: the holders of keys that operators chose and gave no name.
    pub fn nameless(&self) -> impl Iterator<Item = (&str, &Principal)> {
        let nameless = self.nameless.iter();
        nameless.map(|(origin, principal)| (&**origin, &**principal))
    }

    /// Whether there is no key, so that nobody can be authenticated.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Authenticator for KeySet {
    fn authenticate(&self, token: &[u8]) -> Result<Arc<Principal>, AuthError> {
        // No key is that long; an attacker learns nothing but the length it sent.
        if token.len() > MAX_TOKEN_CHARS {
            return Err(AuthError);
        }
        let now = if self.expires {
            (self.clock)().as_unix()
        } else {
            0
        };
        let digest = self.pepper.digest(&[token]);
        let candidate = match format::public_id(token) {
            Some(id) => nearest(&self.own, |key| key.public_id < id),
            None => nearest(&self.foreign, |key| key.digest < digest),
        };
        let candidate = candidate.ok_or(AuthError)?;
        let alive = Choice::from(u8::from(now < candidate.until));
        if (candidate.digest.is(&digest) & alive).into() {
            Ok(Arc::clone(&candidate.principal))
        } else {
            Err(AuthError)
        }
    }

    fn claimed<'t>(&self, token: &'t [u8]) -> &'t [u8] {
        format::claimed(token)
    }
}

/// The first key that is not `before` what is looked for, or the last: the only one that can be it.
fn nearest(keys: &[Key], before: impl Fn(&Key) -> bool) -> Option<&Key> {
    keys.get(keys.partition_point(before)).or(keys.last())
}

impl fmt::Debug for KeySet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeySet")
            .field("keys", &self.len())
            .finish_non_exhaustive()
    }
}

/// A set on its way.
struct Builder {
    pepper: Pepper,
    origins: Origins,
    own: Vec<Key>,
    foreign: Vec<Key>,
    nameless: Vec<(String, Arc<Principal>)>,
}

impl Builder {
    fn new(pepper: Pepper) -> Self {
        Self {
            pepper,
            origins: Origins::default(),
            own: Vec::new(),
            foreign: Vec::new(),
            nameless: Vec::new(),
        }
    }

    fn record(&mut self, record: &KeyRecord, origin: String) -> Result<(), KeyError> {
        let mut public_id = [0; ID_CHARS];
        // A record's identifier has just that length.
        public_id.copy_from_slice(record.id.as_bytes());
        let key = Key {
            public_id,
            digest: record.digest,
            until: record.until(),
            principal: Arc::new(record.principal()),
        };
        self.origins.claim(key.digest, [&record.id], origin)?;
        self.own.push(key);
        Ok(())
    }

    fn entry(&mut self, entry: KeyEntry) -> Result<(), KeyError> {
        let token = entry.token.expose().as_bytes();
        let digest = self.pepper.digest(&[token]);
        let inside = format::public_id(token);
        let inside_text = inside.map(|id| Arc::from(String::from_utf8_lossy(&id)));
        let (key_id, nameless) = match entry.public_id {
            Some(id) => (id, None),
            None => (
                anonymous_id(&self.pepper, token),
                Some(entry.origin.clone()),
            ),
        };
        let ids = [
            Some(&key_id),
            inside_text.as_ref().filter(|id| **id != key_id),
        ];
        self.origins
            .claim(digest, ids.into_iter().flatten(), entry.origin)?;
        let keys = match inside {
            Some(_) => &mut self.own,
            None => &mut self.foreign,
        };
        let principal = Arc::new(Principal {
            project: entry.project,
            scopes: entry.scopes,
            models: entry.models,
            indexes: entry.indexes,
            ..Principal::new(key_id, entry.tenant)
        });
        let nameless = nameless.map(|origin| (origin, Arc::clone(&principal)));
        self.nameless.extend(nameless);
        keys.push(Key {
            public_id: inside.unwrap_or_default(),
            digest,
            until: u64::MAX,
            principal,
        });
        Ok(())
    }

    fn build(mut self, entries: impl IntoIterator<Item = KeyEntry>) -> Result<KeySet, KeyError> {
        for entry in entries {
            self.entry(entry)?;
        }
        self.own.sort_unstable_by_key(|key| key.public_id);
        self.foreign.sort_unstable_by_key(|key| key.digest);
        Ok(KeySet {
            pepper: self.pepper,
            clock: Arc::new(UtcTime::now),
            expires: self
                .own
                .iter()
                .any(|key| (1..u64::MAX).contains(&key.until)),
            own: self.own,
            foreign: self.foreign,
            nameless: self.nameless,
        })
    }
}

/// Where each token and each public id was first seen.
#[derive(Default)]
struct Origins {
    tokens: HashMap<Digest, Arc<str>>,
    ids: HashMap<Arc<str>, Arc<str>>,
}

impl Origins {
    fn claim<'i>(
        &mut self,
        token: Digest,
        ids: impl IntoIterator<Item = &'i Arc<str>>,
        origin: String,
    ) -> Result<(), KeyError> {
        let origin: Arc<str> = origin.into();
        match self.tokens.entry(token) {
            Entry::Occupied(first) => {
                return Err(KeyError::DuplicateKey {
                    first: first.get().to_string(),
                    second: origin.to_string(),
                });
            }
            Entry::Vacant(vacant) => vacant.insert(Arc::clone(&origin)),
        };
        for id in ids {
            match self.ids.entry(Arc::clone(id)) {
                Entry::Occupied(first) => {
                    return Err(KeyError::DuplicateId {
                        first: first.get().to_string(),
                        second: origin.to_string(),
                        key_id: first.key().to_string(),
                    });
                }
                Entry::Vacant(vacant) => vacant.insert(Arc::clone(&origin)),
            };
        }
        Ok(())
    }
}

fn anonymous_id(pepper: &Pepper, token: &[u8]) -> Arc<str> {
    // No token holds a zero byte, so this is never the digest that authenticates one.
    let digest = pepper.digest(&[b"key id\0", token]);
    format!("key_{:08x}", u32::from_be_bytes(digest.first_bytes())).into()
}

#[cfg(test)]
mod tests;
