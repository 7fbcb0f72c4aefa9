// SPDX-License-Identifier: Apache-2.0
//! What the lock of a memory store guards: entries, their ages and the account of bytes.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use bytes::Bytes;
use lukhas_core::{Item, StoreError, StoredResponse};

use super::turn::{self, Before, Turn};
use super::{MemoryLimits, MemoryUsage};

/// What an entry takes in the tables, with their free slots: keys, ages, and its share of a
/// tenant's table.
const TABLE_BYTES: usize = 512;

/// INVARIANT: `ages` holds every entry exactly once, under its age; `bytes` is the sum over all
/// entries and over all turns that an entry leads to; no tenant is without entries.
#[derive(Default)]
pub(super) struct Shelf {
    tenants: HashMap<Arc<str>, Tenant>,
    ages: BTreeMap<u64, (Arc<str>, Arc<str>)>,
    next_age: u64,
    bytes: usize,
    evicted: u64,
}

/// The entries of one tenant, by identifier.
struct Tenant {
    name: Arc<str>,
    entries: HashMap<Arc<str>, Entry>,
}

/// A response on the shelf.
pub(super) struct Entry {
    age: u64,
    bytes: usize,
    previous: Option<Arc<str>>,
    body: Bytes,
    turn: Arc<Turn>,
}

/// A response on its way to the shelf, measured outside the lock.
pub(super) struct Incoming {
    id: Arc<str>,
    previous: Option<Arc<str>>,
    body: Bytes,
    input: Vec<Item>,
    output: Vec<Item>,
    entry_bytes: usize,
    turn_bytes: usize,
}

/// What a reader takes away from the shelf, to be copied outside the lock.
pub(super) struct Found {
    previous: Option<Arc<str>>,
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
        let (id, entry) = incoming.into_entry(self.next_age, before);
        let mut gone: Vec<Entry> = self.insert(tenant, id, entry).into_iter().collect();
        while self.bytes > limits.bytes || self.ages.len() > limits.responses.get() {
            gone.extend(self.evict_oldest());
        }
        Ok(gone)
    }

    pub(super) fn find(&self, tenant: &str, id: &str) -> Option<Found> {
        let entry = self.entry(tenant, id)?;
        Some(Found {
            previous: entry.previous.clone(),
            body: entry.body.clone(),
            turn: Arc::clone(&entry.turn),
        })
    }

    pub(super) fn remove(&mut self, tenant: &str, id: &str) -> Option<Entry> {
        let entry = self.take(tenant, id)?;
        self.ages.remove(&entry.age);
        Some(entry)
    }

    pub(super) fn usage(&self) -> MemoryUsage {
        MemoryUsage {
            bytes: self.bytes,
            responses: self.ages.len(),
            evicted: self.evicted,
        }
    }

    fn entry(&self, tenant: &str, id: &str) -> Option<&Entry> {
        self.tenants.get(tenant)?.entries.get(id)
    }

    fn before(&self, tenant: &str, previous: Option<&str>) -> Before {
        match previous {
            None => Before::Start,
            Some(previous) => match self.entry(tenant, previous) {
                Some(entry) => Before::Turn(Arc::clone(&entry.turn)),
                None => Before::Lost,
            },
        }
    }

    /// Inserts `entry`; the one that it replaces.
    fn insert(&mut self, tenant: &str, id: Arc<str>, entry: Entry) -> Option<Entry> {
        self.next_age += 1;
        self.bytes += entry.bytes + entry.turn.bytes();
        let age = entry.age;
        let tenant = match self.tenants.get_mut(tenant) {
            Some(tenant) => tenant,
            None => self
                .tenants
                .entry(tenant.into())
                .or_insert_with_key(Tenant::new),
        };
        let replaced = tenant.entries.insert(Arc::clone(&id), entry);
        self.ages.insert(age, (Arc::clone(&tenant.name), id));
        if let Some(replaced) = &replaced {
            self.ages.remove(&replaced.age);
            self.bytes -= replaced.release();
        }
        replaced
    }

    /// Takes an entry away, but not its age.
    fn take(&mut self, tenant: &str, id: &str) -> Option<Entry> {
        let entries = &mut self.tenants.get_mut(tenant)?.entries;
        let entry = entries.remove(id)?;
        if entries.is_empty() {
            self.tenants.remove(tenant);
        }
        self.bytes -= entry.release();
        Some(entry)
    }

    fn evict_oldest(&mut self) -> Option<Entry> {
        let (_, (tenant, id)) = self.ages.pop_first()?;
        self.evicted += 1;
        self.take(&tenant, &id)
    }
}

impl Tenant {
    fn new(name: &Arc<str>) -> Self {
        Self {
            name: Arc::clone(name),
            entries: HashMap::new(),
        }
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
        let names = tenant.len() + id.len() + previous.as_ref().map_or(0, String::len);
        Self {
            entry_bytes: TABLE_BYTES + size_of::<Entry>() + names + body.len(),
            turn_bytes: turn::bytes_of(&input, &output),
            id: id.into(),
            previous: previous.map(Into::into),
            // A copy, because a slice would keep the whole buffer that it is cut from.
            body: Bytes::copy_from_slice(&body),
            input,
            output,
        }
    }

    /// Bytes of its entry and its turn.
    fn bytes(&self) -> usize {
        self.entry_bytes.saturating_add(self.turn_bytes)
    }

    /// Its entry, under its identifier.
    fn into_entry(self, age: u64, before: Before) -> (Arc<str>, Entry) {
        let turn = Turn::new(self.input, self.output, self.turn_bytes, before);
        let entry = Entry {
            age,
            bytes: self.entry_bytes,
            previous: self.previous,
            body: self.body,
            turn: Arc::new(turn),
        };
        (self.id, entry)
    }
}

impl Found {
    pub(super) fn into_response(self, id: &str) -> StoredResponse {
        StoredResponse {
            id: id.to_owned(),
            previous: self.previous.as_deref().map(str::to_owned),
            body: self.body,
            input: self.turn.input.clone(),
            output: self.turn.output.clone(),
        }
    }

    pub(super) fn context(&self) -> Option<Vec<Item>> {
        self.turn.context()
    }
}
