// SPDX-License-Identifier: Apache-2.0
//! What the lock of a memory store of answers guards: answers under way, those that have ended from
//! the oldest to the youngest, and the account of bytes.

use std::collections::HashMap;
use std::sync::Arc;

use hashlink::LinkedHashMap;
use lukhas_core::Fingerprint;
use tokio::time::Instant;

use super::log::{End, Log, Reader};
use super::{IdempotencyLimits, IdempotencyUsage};
use crate::size::ALLOCATION;

/// What an answer takes beside its key and its pieces: its node in a table, at most four slots of it,
/// its log with a reader, and what four allocations add.
pub(crate) const ENTRY_BYTES: usize =
    size_of::<(Key, Ended)>() + size_of::<Log>() + 4 * 16 + 64 + 4 * ALLOCATION;

/// What a piece takes beside its bytes: two slots of a list that has just doubled, the count of its
/// owners, and what two allocations add.
pub(crate) const PIECE_BYTES: usize = 2 * size_of::<bytes::Bytes>() + 32 + 2 * ALLOCATION;

/// Entries fewer than a fourth of this are not worth a smaller table.
const SMALL: usize = 1_024;

/// INVARIANT: `ended` is in the order in which answers ended, which is that in which they expire;
/// `bytes` is the sum over all entries; no key is in both tables.
#[derive(Default)]
pub(super) struct Table {
    running: HashMap<Key, Running>,
    ended: LinkedHashMap<Key, Ended>,
    bytes: usize,
    evicted: u64,
}

/// An idempotency key and whose it is.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct Key(Arc<[u8]>);

/// An answer under way.
struct Running {
    fingerprint: Fingerprint,
    log: Arc<Log>,
    /// Those of the entry itself and of its pieces; of the entry alone when these are not kept.
    bytes: usize,
}

/// An answer that has ended. Freed outside the lock.
pub(super) struct Ended {
    fingerprint: Fingerprint,
    /// `None` when it was too large.
    log: Option<Arc<Log>>,
    bytes: usize,
    expires: Instant,
}

/// What a request finds.
pub(super) enum Found {
    New(Arc<Log>, Reader),
    Running(Reader),
    Done(Reader),
    Reused,
    TooLarge,
    Full,
}

impl Table {
    /// What a request finds under `key`, which is claimed for it if that is nothing. What had to go
    /// for it is put to `gone`.
    pub(super) fn claim(
        &mut self,
        limits: &IdempotencyLimits,
        key: &Key,
        fingerprint: Fingerprint,
        gone: &mut Vec<Ended>,
    ) -> Found {
        self.expire(gone);
        if let Some(running) = self.running.get(key) {
            if running.fingerprint != fingerprint {
                return Found::Reused;
            }
            return running.log.reader().map_or(Found::TooLarge, Found::Running);
        }
        if let Some(ended) = self.ended.get(key) {
            if ended.fingerprint != fingerprint {
                return Found::Reused;
            }
            let reader = ended.log.as_ref().and_then(Log::reader);
            return reader.map_or(Found::TooLarge, Found::Done);
        }
        let bytes = key.entry_bytes();
        if !self.make_room(limits, bytes, 1, gone) {
            return Found::Full;
        }
        let (log, reader) = Log::new();
        self.bytes += bytes;
        let running = Running {
            fingerprint,
            log: Arc::clone(&log),
            bytes,
        };
        self.running.insert(key.clone(), running);
        Found::New(log, reader)
    }

    /// Accounts for a piece of `len` bytes, or keeps the answer no longer: for its own size, or because
    /// others that are under way leave it no room.
    pub(super) fn grow(
        &mut self,
        limits: &IdempotencyLimits,
        key: &Key,
        len: usize,
        gone: &mut Vec<Ended>,
    ) {
        let more = len.saturating_add(PIECE_BYTES);
        let Some(running) = self.running.get(key) else {
            return;
        };
        if !running.log.is_kept() {
            return;
        }
        let pieces = (running.bytes - key.entry_bytes()).saturating_add(more);
        let fits = pieces <= limits.entry_bytes && self.make_room(limits, more, 0, gone);
        let Some(running) = self.running.get_mut(key) else {
            return;
        };
        if fits {
            running.bytes += more;
            self.bytes += more;
        } else {
            running.log.keep_no_longer();
            self.bytes -= running.bytes - key.entry_bytes();
            running.bytes = key.entry_bytes();
        }
    }

    /// Keeps the answer `log` under `key` as it is until `expires`, if it is under way there.
    pub(super) fn finish(&mut self, key: &Key, log: &Arc<Log>, end: End, expires: Instant) {
        let Some(running) = self.take(key, log) else {
            return;
        };
        log.end(end);
        self.bytes += running.bytes;
        let ended = Ended {
            fingerprint: running.fingerprint,
            log: Some(running.log).filter(|log| log.is_kept()),
            bytes: running.bytes,
            expires,
        };
        self.ended.insert(key.clone(), ended);
    }

    /// Forgets the answer `log` under `key`, if it is under way there.
    pub(super) fn forget(&mut self, key: &Key, log: &Arc<Log>, end: End) {
        if self.take(key, log).is_some() {
            log.end(end);
        }
    }

    pub(super) fn usage(&self) -> IdempotencyUsage {
        IdempotencyUsage {
            bytes: self.bytes,
            answers: self.running.len() + self.ended.len(),
            evicted: self.evicted,
        }
    }

    /// The claim may have been given up, and the key be another's by now.
    fn take(&mut self, key: &Key, log: &Arc<Log>) -> Option<Running> {
        let running = self.running.get(key)?;
        if !Arc::ptr_eq(&running.log, log) {
            return None;
        }
        let running = self.running.remove(key)?;
        self.bytes -= running.bytes;
        if self.running.len() < self.running.capacity() / 4 && self.running.capacity() > SMALL {
            self.running.shrink_to_fit();
        }
        Some(running)
    }

    fn expire(&mut self, gone: &mut Vec<Ended>) {
        let now = Instant::now();
        while self.ended.front().is_some_and(|(_, it)| it.expires <= now) {
            self.drop_oldest(gone);
        }
    }

    /// Whether there is room for so many more bytes and entries, once the oldest answers that have
    /// ended are gone.
    fn make_room(
        &mut self,
        limits: &IdempotencyLimits,
        bytes: usize,
        entries: usize,
        gone: &mut Vec<Ended>,
    ) -> bool {
        loop {
            let count = self.running.len() + self.ended.len() + entries;
            let fits = self.bytes.saturating_add(bytes) <= limits.bytes;
            if fits && count <= limits.answers.get() {
                return true;
            }
            if !self.drop_oldest(gone) {
                return false;
            }
            self.evicted += 1;
        }
    }

    fn drop_oldest(&mut self, gone: &mut Vec<Ended>) -> bool {
        let Some((_, oldest)) = self.ended.pop_front() else {
            return false;
        };
        self.bytes -= oldest.bytes;
        gone.push(oldest);
        if self.ended.len() < self.ended.capacity() / 4 && self.ended.capacity() > SMALL {
            self.ended.shrink_to_fit();
        }
        true
    }
}

impl Key {
    /// The lengths come first: no two triples make the same key.
    pub(super) fn new(tenant: &str, key_id: &str, key: &str) -> Self {
        let (tenant_len, id_len) = (tenant.len().to_ne_bytes(), key_id.len().to_ne_bytes());
        let parts = [
            &tenant_len[..],
            &id_len,
            tenant.as_bytes(),
            key_id.as_bytes(),
            key.as_bytes(),
        ];
        Self(parts.concat().into())
    }

    fn entry_bytes(&self) -> usize {
        ENTRY_BYTES + self.0.len()
    }
}
