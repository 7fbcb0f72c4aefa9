// SPDX-License-Identifier: Apache-2.0
//! What the lock of a memory store guards: entries from the oldest to the youngest, and the account
//! of bytes.

use std::hash::BuildHasherDefault;
use std::sync::Arc;

use bytes::Bytes;
use hashlink::LinkedHashMap;
use lukhas_core::{Item, StoreError, StoredResponse};

use super::key::{Key, KeyHasher, Keys};
use super::log::{Log, Place};
use super::pack::Loose;
use super::record::{self, Record};
use super::turn::{Before, Items, Turn};
use super::{MemoryLimits, MemoryUsage};
use crate::size;

/// What an entry takes in the table: its node, and at most four slots (of a table that has just
/// doubled and is about to shrink).
const NODE_BYTES: usize =
    size_of::<(Key, Entry)>() + 2 * size_of::<usize>() + 4 * 16 + size::ALLOCATION;

/// What an entry outside the log takes beside its texts and its turn: itself, the handle of a body
/// that has been read, and what three allocations add.
const HELD_BYTES: usize = size_of::<Held>() + 32 + 3 * size::ALLOCATION;

/// Entries fewer than a fourth of this are not worth a smaller table.
const SMALL: usize = 1_024;

/// INVARIANT: `entries` is in the order in which they were put; `bytes` is the sum over all entries
/// and, outside the log, over all turns that an entry leads to.
pub(super) struct Shelf {
    entries: LinkedHashMap<Key, Entry, BuildHasherDefault<KeyHasher>>,
    log: Log,
    bytes: usize,
    evicted: u64,
}

/// A response on the shelf.
enum Entry {
    Logged(Place),
    Held(Box<Held>),
}

/// A response outside the log: in a conversation, large, or with something opaque.
#[derive(Clone)]
pub(super) struct Held {
    previous: Option<Box<str>>,
    body: Bytes,
    turn: Arc<Turn>,
}

/// A response on its way to the shelf, packed and measured outside the lock.
pub(super) struct Incoming {
    key: Key,
    kept: Kept,
}

enum Kept {
    Record(Record),
    Apart {
        previous: Option<(Key, Box<str>)>,
        body: Bytes,
        items: Items,
    },
}

/// What a reader takes away from the shelf, to be unpacked outside the lock.
pub(super) enum Found {
    Logged(Box<[u8]>),
    Held(Held),
}

impl Shelf {
    pub(super) fn new(limits: &MemoryLimits) -> Self {
        Self {
            entries: LinkedHashMap::default(),
            log: Log::new(limits.bytes),
            bytes: 0,
            evicted: 0,
        }
    }

    /// Most bytes of a record.
    pub(super) fn record_bytes(&self) -> usize {
        self.log.most()
    }

    /// Keeps `incoming`. What had to go comes back, so that the caller frees it outside the lock.
    pub(super) fn put(
        &mut self,
        limits: &MemoryLimits,
        incoming: Incoming,
    ) -> Result<Vec<Held>, StoreError> {
        let Incoming { key, kept } = incoming;
        let entry = match kept {
            Kept::Record(record) => {
                fits(NODE_BYTES + self.log.least_bytes(), limits)?;
                Entry::Logged(self.log.push(&record.parts()))
            }
            Kept::Apart {
                previous,
                body,
                items,
            } => {
                let (previous, name) = previous.unzip();
                let (before, taken) = self.before(previous.as_ref());
                let needed = NODE_BYTES + Held::bytes(name.as_deref(), &body);
                let needed = needed.saturating_add(items.turn_bytes());
                fits(needed.saturating_add(before.chain_bytes()), limits)?;
                if let (Some(previous), Some(held)) = (previous, taken) {
                    self.take(&previous, held);
                }
                // Its turn owns the turn before it from here on: replacing the entry of that one
                // below does not free it.
                let held = Held {
                    previous: name,
                    body,
                    turn: Arc::new(Turn::new(items, before)),
                };
                self.bytes += held.all_bytes();
                Entry::Held(Box::new(held))
            }
        };
        self.bytes += NODE_BYTES;
        let replaced = self.entries.insert(key, entry);
        let mut gone: Vec<_> = replaced
            .and_then(|entry| self.erase(entry))
            .into_iter()
            .collect();
        while self.bytes() > limits.bytes || self.entries.len() > limits.responses.get() {
            let Some((_, oldest)) = self.entries.pop_front() else {
                break;
            };
            self.evicted += 1;
            gone.extend(self.release(oldest));
        }
        self.shrink();
        Ok(gone)
    }

    pub(super) fn find(&self, key: &Key) -> Option<Found> {
        Some(match self.entries.get(key)? {
            Entry::Logged(place) => Found::Logged(self.log.read(place).into()),
            Entry::Held(held) => Found::Held(Held::clone(held)),
        })
    }

    /// Whether there was one, and what it leaves to be freed.
    pub(super) fn remove(&mut self, key: &Key) -> (bool, Option<Held>) {
        let Some(entry) = self.entries.remove(key) else {
            return (false, None);
        };
        let gone = self.erase(entry);
        self.shrink();
        (true, gone)
    }

    pub(super) fn usage(&self) -> MemoryUsage {
        MemoryUsage {
            bytes: self.bytes(),
            responses: self.entries.len(),
            evicted: self.evicted,
        }
    }

    fn bytes(&self) -> usize {
        self.bytes + self.log.bytes()
    }

    /// What comes before a response that continues `previous`; where that one is in the log, also
    /// what it is to become.
    fn before(&self, previous: Option<&Key>) -> (Before, Option<Held>) {
        let Some(previous) = previous else {
            return (Before::Start, None);
        };
        match self.entries.get(previous) {
            Some(Entry::Held(held)) => (Before::Turn(Arc::clone(&held.turn)), None),
            Some(Entry::Logged(place)) => {
                let held = Held::of_log(self.log.read(place));
                (Before::Turn(Arc::clone(&held.turn)), Some(held))
            }
            None => (Before::Lost, None),
        }
    }

    /// Takes the response `key` out of the log, which is now `held`: a conversation outlives it.
    fn take(&mut self, key: &Key, held: Held) {
        if let Some(entry) = self.entries.get_mut(key) {
            self.bytes += held.all_bytes();
            if let Entry::Logged(place) = std::mem::replace(entry, Entry::Held(Box::new(held))) {
                self.log.blank(&place);
                self.log.remove(&place);
            }
        }
    }

    /// Gives up what an entry took; what is to be freed comes back.
    fn release(&mut self, entry: Entry) -> Option<Held> {
        self.bytes -= NODE_BYTES;
        match entry {
            Entry::Logged(place) => {
                self.log.remove(&place);
                None
            }
            Entry::Held(held) => {
                self.bytes -= held.release();
                Some(*held)
            }
        }
    }

    /// Releases an entry that its owner wants gone: nothing of it stays in memory.
    fn erase(&mut self, entry: Entry) -> Option<Held> {
        if let Entry::Logged(place) = &entry {
            self.log.blank(place);
        }
        self.release(entry)
    }

    /// Gives back the room of entries that are gone: nobody accounts for it any more.
    fn shrink(&mut self) {
        if self.entries.len() < self.entries.capacity() / 4 && self.entries.capacity() > SMALL {
            self.entries.shrink_to_fit();
        }
    }
}

fn fits(needed: usize, limits: &MemoryLimits) -> Result<(), StoreError> {
    if needed <= limits.bytes {
        return Ok(());
    }
    Err(StoreError(format!(
        "the response and its conversation need {needed} bytes, and it holds at most {}",
        limits.bytes
    )))
}

impl Held {
    /// A response of the log.
    fn of_log(written: &[u8]) -> Self {
        let (items, body) = record::read(written);
        Self {
            previous: None,
            body,
            turn: Arc::new(Turn::new(items, Before::Start)),
        }
    }

    /// Bytes of a response, without its turn.
    fn bytes(previous: Option<&str>, body: &Bytes) -> usize {
        HELD_BYTES + previous.map_or(0, str::len) + body.len()
    }

    /// Bytes of this one, with its turn.
    fn all_bytes(&self) -> usize {
        Self::bytes(self.previous.as_deref(), &self.body) + self.turn.bytes()
    }

    /// Gives up its turn; the bytes that its going frees.
    fn release(&self) -> usize {
        Self::bytes(self.previous.as_deref(), &self.body) + self.turn.release()
    }
}

impl Incoming {
    /// `response` as it will be kept: as a record, where it is one of at most `most` bytes.
    pub(super) fn new(keys: &Keys, tenant: &str, response: StoredResponse, most: usize) -> Self {
        let StoredResponse {
            id,
            previous,
            body,
            input,
            output,
        } = response;
        let inputs = input.len();
        let items = Loose::new(input.into_iter().chain(output));
        let alone = match &previous {
            None => Record::new(inputs, items, body, most),
            Some(_) => Err((items, body)),
        };
        let kept = match alone {
            Ok(record) => Kept::Record(record),
            Err((items, body)) => Kept::Apart {
                previous: previous.map(|name| (keys.of(tenant, &name), name.into())),
                // A copy, because a slice would keep the whole buffer that it is cut from.
                body: Bytes::copy_from_slice(&body),
                items: Items::new(inputs, items.fit()),
            },
        };
        Self {
            key: keys.of(tenant, &id),
            kept,
        }
    }
}

impl Found {
    fn held(self) -> Held {
        match self {
            Self::Logged(written) => Held::of_log(&written),
            Self::Held(held) => held,
        }
    }

    pub(super) fn into_response(self, id: &str) -> StoredResponse {
        let Held {
            previous,
            body,
            turn,
        } = self.held();
        StoredResponse {
            id: id.to_owned(),
            previous: previous.map(Into::into),
            body,
            input: turn.items.input().collect(),
            output: turn.items.output().collect(),
        }
    }

    pub(super) fn context(self) -> Option<Vec<Item>> {
        self.held().turn.context()
    }
}
