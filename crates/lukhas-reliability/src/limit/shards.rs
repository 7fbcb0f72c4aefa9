// SPDX-License-Identifier: Apache-2.0
//! State behind several locks, found by the hash of a key.

use std::array;
use std::collections::HashMap;
use std::hash::{BuildHasher, BuildHasherDefault, Hash, Hasher, RandomState};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How many locks there are.
pub(super) const COUNT: usize = 16;

/// A map from hashes, which are not hashed again.
pub(super) type IdMap<T> = HashMap<u128, T, BuildHasherDefault<IdHasher>>;

/// State behind several locks.
#[derive(Debug)]
pub(super) struct Shards<T> {
    /// Two halves of one hash, whose secrets nobody outside can know: keys that meet in one place
    /// cannot be made on purpose.
    hashers: [RandomState; 2],
    shards: [Mutex<T>; COUNT],
}

/// The shards of one call, locked.
#[derive(Debug)]
pub(super) struct Locked<'s, T> {
    shards: [Option<MutexGuard<'s, T>>; COUNT],
}

/// Bytes of the parts of a common key.
const USUAL: usize = 128;

/// Gathers the parts of a key, which hashers read faster together than one by one, twice.
#[derive(Debug)]
struct Parts(Vec<u8>);

/// Takes a part of an id as its hash.
#[derive(Debug, Default)]
pub(super) struct IdHasher(u64);

impl<T> Shards<T> {
    /// As many as `make` makes.
    pub(super) fn new(mut make: impl FnMut() -> T) -> Self {
        Self {
            hashers: array::from_fn(|_| RandomState::new()),
            shards: array::from_fn(|_| Mutex::new(make())),
        }
    }

    /// What identifies `key`. Of a million keys two are taken for one with a chance of 2^-89.
    pub(super) fn id(&self, key: &impl Hash) -> u128 {
        let mut parts = Parts(Vec::with_capacity(USUAL));
        key.hash(&mut parts);
        let [high, low] = self.hashers.each_ref().map(|hasher| {
            let mut hasher = hasher.build_hasher();
            hasher.write(&parts.0);
            u128::from(hasher.finish())
        });
        high << 64 | low
    }

    /// Locks the shards of `ids`, always in the same order, so that no two calls wait for each other.
    pub(super) fn lock(&self, ids: impl IntoIterator<Item = u128>) -> Locked<'_, T> {
        let wanted = ids.into_iter().fold(0_u32, |set, id| set | 1 << place(id));
        let lock = |at: usize| {
            self.shards[at]
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
        };
        Locked {
            shards: array::from_fn(|at| (wanted >> at & 1 == 1).then(|| lock(at))),
        }
    }

    #[cfg(test)]
    pub(super) fn each(&self) -> impl Iterator<Item = MutexGuard<'_, T>> {
        self.shards.iter().map(|shard| shard.lock().unwrap())
    }
}

impl<T> Locked<'_, T> {
    /// The shard of `id`, if it is one of those that were locked.
    pub(super) fn get_mut(&mut self, id: u128) -> Option<&mut T> {
        self.shards[place(id)].as_deref_mut()
    }

    /// All that were locked.
    pub(super) fn all_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.shards.iter_mut().filter_map(Option::as_deref_mut)
    }
}

/// The shard of an id: its highest bits, because maps use the lowest.
fn place(id: u128) -> usize {
    (id >> 124) as usize % COUNT
}

impl Hasher for Parts {
    /// Nobody asks: it has none.
    fn finish(&self) -> u64 {
        0
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }
}

impl Hasher for IdHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u128(&mut self, id: u128) {
        self.0 = id as u64;
    }
}
