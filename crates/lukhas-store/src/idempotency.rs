// SPDX-License-Identifier: Apache-2.0
//! Answers to requests with an idempotency key, in this process's memory.

pub(crate) mod log;
pub(crate) mod table;

use std::fmt;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use lukhas_core::{
    AnswerPieces, BoxFuture, Claim, Claimed, Fingerprint, IdempotencyStore, StoreError,
};
use tokio::time::{Instant, timeout};

use self::log::{End, Log, Reader};
use self::table::{Ended, Found, Key, Table};

/// How much a [`MemoryIdempotency`] keeps, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IdempotencyLimits {
    /// Most bytes, for all tenants together.
    pub bytes: usize,
    /// Most answers, for all tenants together.
    pub answers: NonZeroUsize,
    /// Most bytes of one answer.
    pub entry_bytes: usize,
    /// How long an answer is kept after its end.
    pub ttl: Duration,
}

/// What a [`MemoryIdempotency`] holds now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct IdempotencyUsage {
    /// Bytes accounted for.
    pub bytes: usize,
    /// Answers, under way and ended.
    pub answers: usize,
    /// Answers dropped so far, before their time, to stay within the limits.
    pub evicted: u64,
}

/// Answers to requests with an idempotency key, in this process's memory, within
/// [`IdempotencyLimits`]; gone when it ends.
///
/// Bytes count what is allocated: keys, pieces, and the tables around them. When there is no room, the
/// answers that ended longest ago go first, whoever's they are. Answers under way do not go: one that
/// grows beyond its own limit, or has no room left beside the others, is no longer kept. It then holds
/// what its slowest reader has yet to take and no more, without counting: at most what one answer may
/// have, falling to a single piece.
///
/// Only [`Claim::append`] and [`Claim::deserted`] wait for anything. Dropping their futures changes
/// nothing; a piece whose `append` was dropped may be missing from the answer.
pub struct MemoryIdempotency(Arc<Shared>);

struct Shared {
    limits: IdempotencyLimits,
    table: Mutex<Table>,
}

/// One answer to be made.
struct MemoryClaim {
    shared: Arc<Shared>,
    key: Key,
    log: Arc<Log>,
}

impl MemoryIdempotency {
    /// An empty store.
    #[must_use]
    pub fn new(limits: IdempotencyLimits) -> Self {
        Self(Arc::new(Shared {
            limits,
            table: Mutex::default(),
        }))
    }

    /// What it holds now.
    #[must_use]
    pub fn usage(&self) -> IdempotencyUsage {
        self.0.table().usage()
    }
}

impl Shared {
    /// Nothing that is done under the lock panics, so what it guards is whole.
    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn claim(self: &Arc<Self>, key: Key, fingerprint: Fingerprint) -> Claimed {
        // Freed after the guard is gone.
        let mut gone: Vec<Ended> = Vec::new();
        let found = self
            .table()
            .claim(&self.limits, &key, fingerprint, &mut gone);
        match found {
            Found::New(log, reader) => {
                let shared = Arc::clone(self);
                let claim = MemoryClaim { shared, key, log };
                Claimed::New(Box::new(claim), pieces(reader))
            }
            Found::Running(reader) => Claimed::Running(pieces(reader)),
            Found::Done(reader) => Claimed::Done(pieces(reader)),
            Found::Reused => Claimed::Reused,
            Found::TooLarge => Claimed::TooLarge,
            Found::Full => Claimed::Full,
        }
    }

    fn expiry(&self) -> Instant {
        Instant::now() + self.limits.ttl
    }
}

/// What `reader` reads. Nothing comes after an error.
pub(crate) fn pieces(reader: Reader) -> AnswerPieces {
    Box::pin(futures_util::stream::unfold(
        Some(reader),
        |reader| async move {
            let reader = reader?;
            let piece = reader.next().await?;
            let reader = piece.is_ok().then_some(reader);
            Some((piece, reader))
        },
    ))
}

impl IdempotencyStore for MemoryIdempotency {
    fn claim<'a>(
        &'a self,
        tenant: &'a str,
        key_id: &'a str,
        key: &'a str,
        fingerprint: Fingerprint,
    ) -> BoxFuture<'a, Result<Claimed, StoreError>> {
        Box::pin(async move { Ok(self.0.claim(Key::new(tenant, key_id, key), fingerprint)) })
    }
}

impl MemoryClaim {
    /// Gives the claim up if nobody reads its answer. An answer that cannot be read again is remembered
    /// as such: what it cost has been spent.
    fn give_up_if_deserted(&self) -> bool {
        let mut table = self.shared.table();
        // Readers come under the lock of the table alone.
        if self.log.has_readers() {
            return false;
        }
        if self.log.is_kept() {
            table.forget(&self.key, &self.log, End::Lost);
        } else {
            table.finish(&self.key, &self.log, End::Lost, self.shared.expiry());
        }
        true
    }
}

impl Claim for MemoryClaim {
    fn append(&self, piece: Bytes) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(async move {
            let mut gone: Vec<Ended> = Vec::new();
            let Shared { limits, .. } = &*self.shared;
            self.shared
                .table()
                .grow(limits, &self.key, piece.len(), &mut gone);
            drop(gone);
            // A copy, because a slice would keep the whole buffer that it is cut from.
            self.log.push(Bytes::copy_from_slice(&piece)).await;
            Ok(())
        })
    }

    fn deserted(&self, patience: Duration) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            loop {
                let moved = self.log.moved();
                if self.log.has_readers() {
                    moved.await;
                } else if self.log.is_kept() && timeout(patience, moved).await.is_ok() {
                    // Somebody came.
                } else if self.give_up_if_deserted() {
                    return;
                }
            }
        })
    }

    fn finish(self: Box<Self>) -> BoxFuture<'static, Result<(), StoreError>> {
        Box::pin(async move {
            let expires = self.shared.expiry();
            self.shared
                .table()
                .finish(&self.key, &self.log, End::Whole, expires);
            Ok(())
        })
    }

    fn forget(self: Box<Self>) -> BoxFuture<'static, Result<(), StoreError>> {
        Box::pin(async move {
            self.shared.table().forget(&self.key, &self.log, End::Whole);
            Ok(())
        })
    }
}

impl Drop for MemoryClaim {
    /// Changes nothing where the answer has ended already.
    fn drop(&mut self) {
        self.shared.table().forget(&self.key, &self.log, End::Lost);
    }
}

impl Default for IdempotencyLimits {
    /// 64 MiB, 10,000 answers of at most 4 MiB, a day.
    fn default() -> Self {
        const ANSWERS: NonZeroUsize = NonZeroUsize::new(10_000).unwrap();
        Self {
            bytes: 64 << 20,
            answers: ANSWERS,
            entry_bytes: 4 << 20,
            ttl: Duration::from_hours(24),
        }
    }
}

impl Default for MemoryIdempotency {
    fn default() -> Self {
        Self::new(IdempotencyLimits::default())
    }
}

impl fmt::Debug for MemoryIdempotency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryIdempotency")
            .field("limits", &self.0.limits)
            .field("usage", &self.usage())
            .finish()
    }
}

#[cfg(test)]
mod tests;
