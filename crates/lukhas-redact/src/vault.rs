// SPDX-License-Identifier: Apache-2.0
//! Values that were replaced, to be put back.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

/// Values that placeholders with numbers stand for. The same value has the same number.
///
/// One vault belongs to one conversation, for whoever writes a placeholder is given its value.
/// Clones share their values, which are overwritten when the last clone is dropped. A vault holds
/// [`Vault::CAPACITY`] values; later ones get placeholders without a number, which stay.
#[derive(Clone, Default)]
pub struct Vault {
    kept: Arc<Mutex<Kept>>,
}

#[derive(Default)]
struct Kept {
    /// The values of each entity; the first has number 1.
    values: HashMap<String, Vec<Zeroizing<String>>>,
    /// The number of each value that was known at once, by digest.
    numbers: HashMap<[u8; 32], u32>,
    count: usize,
}

/// A place in a vault whose value may still grow.
#[derive(Clone, Debug)]
pub(crate) struct Slot {
    entity: String,
    pub(crate) number: u32,
}

impl Vault {
    /// Values that it holds at most.
    pub const CAPACITY: usize = 10_000;

    /// An empty vault.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The number that `value` has, or gets now.
    pub(crate) fn number(&self, entity: &str, value: &str) -> Option<u32> {
        let digest = Sha256::new()
            .chain_update(entity.as_bytes())
            .chain_update([0]);
        let digest = digest.chain_update(value).finalize().into();
        let mut kept = self.kept();
        if let Some(number) = kept.numbers.get(&digest) {
            return Some(*number);
        }
        let number = kept.add(entity, value)?;
        kept.numbers.insert(digest, number);
        Some(number)
    }

    /// A new place for a value that begins with `value` and is not complete.
    pub(crate) fn open(&self, entity: &str, value: &str) -> Option<Slot> {
        let number = self.kept().add(entity, value)?;
        let entity = entity.to_owned();
        Some(Slot { entity, number })
    }

    /// More of an open value.
    pub(crate) fn extend(&self, slot: &Slot, more: &str) {
        if let Some(value) = self.kept().value(&slot.entity, slot.number) {
            // A `String` that grows leaves its old bytes behind: it is made anew, the old one wiped.
            let mut grown = Zeroizing::new(String::with_capacity(2 * (value.len() + more.len())));
            if value.capacity() < value.len() + more.len() {
                grown.push_str(value);
                std::mem::swap(value, &mut grown);
            }
            value.push_str(more);
        }
    }

    /// Gives the value behind a placeholder to `read`.
    pub(crate) fn with_value<R>(
        &self,
        entity: &str,
        number: u32,
        read: impl FnOnce(&str) -> R,
    ) -> Option<R> {
        let mut kept = self.kept();
        let value = kept.value(entity, number)?;
        Some(read(value))
    }

    /// A thread that panicked has left no value half written that anybody was told of.
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn add(&mut self, entity: &str, value: &str) -> Option<u32> {
        if self.count >= Vault::CAPACITY {
            return None;
        }
        self.count += 1;
        let value = Zeroizing::new(value.to_owned());
        if let Some(values) = self.values.get_mut(entity) {
            values.push(value);
            return u32::try_from(values.len()).ok();
        }
        self.values.insert(entity.to_owned(), vec![value]);
        Some(1)
    }

    fn value(&mut self, entity: &str, number: u32) -> Option<&mut Zeroizing<String>> {
        let index = usize::try_from(number).ok()?.checked_sub(1)?;
        self.values.get_mut(entity)?.get_mut(index)
    }
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Vault(***)")
    }
}
