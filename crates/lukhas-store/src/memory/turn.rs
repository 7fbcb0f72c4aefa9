// SPDX-License-Identifier: Apache-2.0
//! The turns of conversations, linked from the newest to the oldest.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use lukhas_core::Item;

use super::pack::Packed;
use crate::size;

/// The items of a request and of its answer.
pub(super) struct Items {
    /// How many of them are the request's, which come first.
    input: usize,
    packed: Packed,
}

/// One turn of a conversation.
pub(super) struct Turn {
    pub(super) items: Items,
    before: Before,
    bytes: usize,
    /// Bytes of this turn and all before it.
    chain_bytes: usize,
    /// Entries and later turns that lead here. Changed under the store's lock only; readers hold
    /// an `Arc` and are not counted, so a slow one cannot make the store evict.
    owners: AtomicUsize,
}

/// What came before a turn.
pub(super) enum Before {
    /// Nothing: the conversation begins here.
    Start,
    /// This turn.
    Turn(Arc<Turn>),
    /// A turn that had gone before this one came.
    Lost,
}

impl Items {
    /// `packed`, of which the first `input` are the request's.
    pub(super) fn new(input: usize, packed: Packed) -> Self {
        Self { input, packed }
    }

    /// The request's.
    pub(super) fn input(&self) -> impl Iterator<Item = Item> {
        self.packed.iter().take(self.input)
    }

    /// The answer's.
    pub(super) fn output(&self) -> impl Iterator<Item = Item> {
        self.packed.iter().skip(self.input)
    }

    /// Bytes of a turn with these.
    pub(super) fn turn_bytes(&self) -> usize {
        size_of::<Turn>() + size::ALLOCATION + self.packed.heap_bytes()
    }
}

impl Turn {
    /// A turn with one owner, which it becomes of `before`.
    pub(super) fn new(items: Items, before: Before) -> Self {
        let bytes = items.turn_bytes();
        let chain_bytes = bytes.saturating_add(before.chain_bytes());
        if let Before::Turn(turn) = &before {
            turn.owners.fetch_add(1, Ordering::Relaxed);
        }
        Self {
            items,
            before,
            bytes,
            chain_bytes,
            owners: AtomicUsize::new(1),
        }
    }

    /// Bytes of this turn alone.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Takes an owner away; the bytes of the turns that nobody owns any more.
    pub(super) fn release(&self) -> usize {
        let mut freed = 0;
        let mut turn = self;
        loop {
            if turn.owners.fetch_sub(1, Ordering::Relaxed) > 1 {
                return freed;
            }
            freed += turn.bytes;
            match &turn.before {
                Before::Turn(before) => turn = before,
                Before::Start | Before::Lost => return freed,
            }
        }
    }

    /// What the model of this turn was given: everything before, and its input. `None` when a turn
    /// before it is lost.
    pub(super) fn context(&self) -> Option<Vec<Item>> {
        let mut chain = Vec::new();
        let mut before = &self.before;
        while let Before::Turn(turn) = before {
            chain.push(turn);
            before = &turn.before;
        }
        if matches!(before, Before::Lost) {
            return None;
        }
        let earlier = chain.iter().map(|turn| turn.items.packed.len());
        let mut items = Vec::with_capacity(earlier.sum::<usize>() + self.items.input);
        for turn in chain.into_iter().rev() {
            items.extend(turn.items.packed.iter());
        }
        items.extend(self.items.input());
        Some(items)
    }
}

impl Before {
    /// Bytes of all turns before.
    pub(super) fn chain_bytes(&self) -> usize {
        match self {
            Self::Turn(turn) => turn.chain_bytes,
            Self::Start | Self::Lost => 0,
        }
    }
}

impl Drop for Turn {
    /// Frees the turns before it one after the other: freeing each from within the next would
    /// take stack for the whole conversation.
    fn drop(&mut self) {
        let mut before = std::mem::replace(&mut self.before, Before::Start);
        while let Before::Turn(turn) = before {
            before = match Arc::into_inner(turn) {
                Some(mut turn) => std::mem::replace(&mut turn.before, Before::Start),
                None => return,
            };
        }
    }
}
