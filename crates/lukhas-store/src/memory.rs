// SPDX-License-Identifier: Apache-2.0
//! Responses in this process's memory.

mod key;
mod log;
mod pack;
mod record;
mod shelf;
mod turn;

use std::fmt;
use std::future::ready;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard};

use lukhas_core::{BoxFuture, Item, ResponseStore, StoreError, StoredResponse};

use self::key::Keys;
use self::shelf::{Found, Incoming, Shelf};

/// How much a [`MemoryStore`] keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryLimits {
    /// Most bytes, for all tenants together.
    pub bytes: usize,
    /// Most responses, for all tenants together.
    pub responses: NonZeroUsize,
}

/// What a [`MemoryStore`] holds now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MemoryUsage {
    /// Bytes accounted for.
    pub bytes: usize,
    /// Responses that can be fetched.
    pub responses: usize,
    /// Responses dropped so far to stay within the limits.
    pub evicted: u64,
}

/// Responses in this process's memory, within [`MemoryLimits`]; gone when it ends.
///
/// A response that begins a conversation is a record in a log: a few large pieces of memory, written
/// one after the other. One that continues a conversation, and the one it continues, are entries
/// (their bodies) and turns (their items, packed). A turn points to the turn it continued, so a
/// conversation of N turns takes the room of N turns, and deleting or evicting an earlier response
/// takes away its entry but leaves its turn to the conversations that need it. Responses that are
/// large for the log (8 KiB, less where the store is small) are entries and turns from the start.
///
/// Bytes count what is allocated: pieces of the log, bodies, items, and the tables around them. A
/// piece counts whole while one record of it is left. A turn counts once, until the last entry that
/// leads to it goes, so turns that only a later conversation holds count too. When a `put` exceeds a
/// limit, the entries put longest ago go first, whoever's they are, until it fits; dropping
/// everything else always makes it fit, because a response that with its whole conversation exceeds
/// the limit is refused, and nothing changed. What a caller is just reading is the caller's. What is
/// deleted is overwritten or freed at once.
///
/// All methods finish at their first poll. Apart from the freeing of accounts for evicted turns,
/// the work under the lock does not depend on the size of anything beyond the 8 KiB of a record.
pub struct MemoryStore {
    limits: MemoryLimits,
    keys: Keys,
    /// Most bytes of a record in the log.
    record_bytes: usize,
    shelf: Mutex<Shelf>,
}

impl MemoryStore {
    /// An empty store.
    #[must_use]
    pub fn new(limits: MemoryLimits) -> Self {
        let shelf = Shelf::new(&limits);
        Self {
            limits,
            keys: Keys::new(),
            record_bytes: shelf.record_bytes(),
            shelf: Mutex::new(shelf),
        }
    }

    /// What it holds now.
    ///
    /// # Errors
    /// As every method: [`StoreError`] after a defect left the store unusable.
    pub fn usage(&self) -> Result<MemoryUsage, StoreError> {
        self.shelf().map(|shelf| shelf.usage())
    }

    fn shelf(&self) -> Result<MutexGuard<'_, Shelf>, StoreError> {
        let broken = |_| StoreError("a defect interrupted an earlier change".to_owned());
        self.shelf.lock().map_err(broken)
    }

    fn put_now(&self, tenant: &str, response: StoredResponse) -> Result<(), StoreError> {
        let incoming = Incoming::new(&self.keys, tenant, response, self.record_bytes);
        // Bound after the guard is gone: what leaves the shelf is freed outside the lock.
        let _evicted = self.shelf()?.put(&self.limits, incoming)?;
        Ok(())
    }

    fn find(&self, tenant: &str, id: &str) -> Result<Option<Found>, StoreError> {
        let key = self.keys.of(tenant, id);
        Ok(self.shelf()?.find(&key))
    }

    fn delete_now(&self, tenant: &str, id: &str) -> Result<bool, StoreError> {
        let key = self.keys.of(tenant, id);
        let (removed, _gone) = self.shelf()?.remove(&key);
        Ok(removed)
    }
}

impl Default for MemoryLimits {
    /// 16 MiB and 100,000 responses.
    fn default() -> Self {
        const RESPONSES: NonZeroUsize = NonZeroUsize::new(100_000).unwrap();
        Self {
            bytes: 16 << 20,
            responses: RESPONSES,
        }
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new(MemoryLimits::default())
    }
}

impl ResponseStore for MemoryStore {
    fn name(&self) -> &'static str {
        "memory"
    }

    fn put<'a>(
        &'a self,
        tenant: &'a str,
        response: StoredResponse,
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        // At once: a future that holds a response is moved with it.
        Box::pin(ready(self.put_now(tenant, response)))
    }

    fn get<'a>(
        &'a self,
        tenant: &'a str,
        id: &'a str,
    ) -> BoxFuture<'a, Result<Option<Arc<StoredResponse>>, StoreError>> {
        Box::pin(async move {
            let found = self.find(tenant, id)?;
            Ok(found.map(|found| Arc::new(found.into_response(id))))
        })
    }

    fn delete<'a>(
        &'a self,
        tenant: &'a str,
        id: &'a str,
    ) -> BoxFuture<'a, Result<bool, StoreError>> {
        Box::pin(async move { self.delete_now(tenant, id) })
    }

    fn context<'a>(
        &'a self,
        tenant: &'a str,
        id: &'a str,
    ) -> BoxFuture<'a, Result<Option<Vec<Item>>, StoreError>> {
        Box::pin(async move {
            let found = self.find(tenant, id)?;
            Ok(found.and_then(|found| found.context()))
        })
    }

    fn check(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(async move { self.usage().map(drop) })
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore")
            .field("limits", &self.limits)
            .field("usage", &self.usage())
            .finish()
    }
}

#[cfg(test)]
mod tests;
