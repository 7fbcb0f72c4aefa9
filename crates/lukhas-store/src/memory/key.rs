// SPDX-License-Identifier: Apache-2.0
//! What identifies a response in the table.

use std::array;
use std::hash::{BuildHasher, Hash, Hasher, RandomState};

/// Makes keys of one store.
///
/// They are two halves of one hash, whose secrets nobody outside can know: keys that meet cannot
/// be made on purpose, and of 100,000 responses two meet by chance with a chance of 2^-95.
pub(super) struct Keys([RandomState; 2]);

/// An identifier and whose it is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Key([u64; 2]);

/// Takes a part of a key as its hash.
#[derive(Default)]
pub(super) struct KeyHasher(u64);

impl Keys {
    pub(super) fn new() -> Self {
        Self(array::from_fn(|_| RandomState::new()))
    }

    pub(super) fn of(&self, tenant: &str, id: &str) -> Key {
        Key(self.0.each_ref().map(|half| half.hash_one((tenant, id))))
    }
}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.0[0]);
    }
}

impl Hasher for KeyHasher {
    fn write(&mut self, _: &[u8]) {
        debug_assert!(false, "a key is a number");
    }

    fn write_u64(&mut self, part: u64) {
        self.0 = part;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
