// SPDX-License-Identifier: Apache-2.0
//! What the lock of a memory store guards: entries from the oldest to the youngest, and the account
//! of bytes.

use std::sync::Arc;

use bytes::Bytes;
use hashlink::LinkedHashMap;
use lukhas_core::{Item, StoreError, StoredResponse};

use super::turn::{Before, Items, Turn};
use super::{MemoryLimits, MemoryUsage};
use crate::size;

/// What an entry takes beside its texts: its node in the table, at most four slots of it (a table
/// that has just doubled and is about to shrink), the handle of a body that has been read, and what
/// four allocations add.
const ENTRY_BYTES: usize =
    size_of::<(Key, Entry)>() + 2 * size_of::<usize>() + 4 * 16 + 32 + 4 * size::ALLOCATION;

/// Entries fewer than a fourth of this are not worth a smaller table.
const SMALL: usize = 1_024;

/// INVARIANT: `entries` is in the order in which they were put; `bytes` is the sum over all entries
/// and over all turns that an entry leads to.
#[derive(Default)]
pub(super) struct Shelf {
    entries: LinkedHashMap<Key, Entry>,
    bytes: usize,
    evicted: u64,
}

/// An identifier and whose it is.
#[derive(PartialEq, Eq, Hash)]
struct Key(Box<[u8]>);

/// A response on the shelf.
pub(super) struct Entry {
    bytes: usize,
    previous: Option<Box<str>>,
    body: Bytes,
    turn: Arc<Turn>,
}

/// A response on its way to the shelf, packed and measured outside the lock.
pub(super) struct Incoming {
    key: Key,
    previous: Option<Box<str>>,
    body: Bytes,
    items: Items,
    entry_bytes: usize,
}

/// What a reader takes away from the shelf, to be unpacked outside the lock.
pub(super) struct Found {
    previous: Option<Box<str>>,
    body: Bytes,
    turn: Arc<Turn>,
}

impl Shelf {
    /// Keeps `incoming`. What had to go comes back, so that the caller frees it outside the lock.
    pub(super) fn put(
        &mut self,
        limits: &MemoryLimits,
        tenant: &str,
        incoming: Incoming,
    ) -> Result<Vec<Entry>, StoreError> {
        let before = self.before(tenant, incoming.previous.as_deref());
        let needed = incoming.bytes().saturating_add(before.chain_bytes());
        if needed > limits.bytes {
            return Err(StoreError(format!(
                "the response and its conversation need {needed} bytes, and it holds at most {}",
                limits.bytes
            )));
        }
        // Its turn owns the turn before it from here on: replacing the entry of that one below
        // does not free it.
        let (key, entry) = incoming.into_entry(before);
        self.bytes += entry.bytes + entry.turn.bytes();
        let mut gone: Vec<Entry> = self.entries.insert(key, entry).into_iter().collect();
        for replaced in &gone {
            self.bytes -= replaced.release();
        }
        while self.bytes > limits.bytes || self.entries.len() > limits.responses.get() {
            let Some((_, oldest)) = self.entries.pop_front() else {
                break;
            };
            self.evicted += 1;
            self.bytes -= oldest.release();
            gone.push(oldest);
        }
        self.shrink();
        Ok(gone)
    }

    pub(super) fn find(&self, tenant: &str, id: &str) -> Option<Found> {
        let entry = self.entries.get(&Key::new(tenant, id))?;
        Some(Found {
            previous: entry.previous.clone(),
            body: entry.body.clone(),
            turn: Arc::clone(&entry.turn),
        })
    }

    pub(super) fn remove(&mut self, tenant: &str, id: &str) -> Option<Entry> {
        let entry = self.entries.remove(&Key::new(tenant, id))?;
        self.bytes -= entry.release();
        self.shrink();
        Some(entry)
    }

    pub(super) fn usage(&self) -> MemoryUsage {
        MemoryUsage {
            bytes: self.bytes,
            responses: self.entries.len(),
            evicted: self.evicted,
        }
    }

    fn before(&self, tenant: &str, previous: Option<&str>) -> Before {
        match previous {
            None => Before::Start,
            Some(previous) => match self.entries.get(&Key::new(tenant, previous)) {
                Some(entry) => Before::Turn(Arc::clone(&entry.turn)),
                None => Before::Lost,
            },
        }
    }

    /// Gives back the room of entries that are gone: nobody accounts for it any more.
    fn shrink(&mut self) {
        if self.entries.len() < self.entries.capacity() / 4 && self.entries.capacity() > SMALL {
            self.entries.shrink_to_fit();
        }
    }
}

impl Key {
    /// The length comes first: no two pairs make the same key.
    fn new(tenant: &str, id: &str) -> Self {
        let len = tenant.len().to_ne_bytes();
        let key = [&len, tenant.as_bytes(), id.as_bytes()].concat();
        Self(key.into())
    }
}

impl Entry {
    /// Gives up its turn; the bytes that its going frees.
    fn release(&self) -> usize {
        self.bytes + self.turn.release()
    }
}

impl Incoming {
    pub(super) fn new(tenant: &str, response: StoredResponse) -> Self {
        let StoredResponse {
            id,
            previous,
            body,
            input,
            output,
        } = response;
        let key = Key::new(tenant, &id);
        let names = key.0.len() + previous.as_ref().map_or(0, String::len);
        Self {
            entry_bytes: ENTRY_BYTES + names + body.len(),
            key,
            previous: previous.map(Into::into),
            // A copy, because a slice would keep the whole buffer that it is cut from.
            body: Bytes::copy_from_slice(&body),
            items: Items::new(input, output),
        }
    }

    /// Bytes of its entry and its turn.
    fn bytes(&self) -> usize {
        self.entry_bytes.saturating_add(self.items.turn_bytes())
    }

    fn into_entry(self, before: Before) -> (Key, Entry) {
        let entry = Entry {
            bytes: self.entry_bytes,
            previous: self.previous,
            body: self.body,
            turn: Arc::new(Turn::new(self.items, before)),
        };
        (self.key, entry)
    }
}

impl Found {
    pub(super) fn into_response(self, id: &str) -> StoredResponse {
        StoredResponse {
            id: id.to_owned(),
            previous: self.previous.map(Into::into),
            body: self.body,
            input: self.turn.items.input().collect(),
            output: self.turn.items.output().collect(),
        }
    }

    pub(super) fn context(&self) -> Option<Vec<Item>> {
        self.turn.context()
    }
}
