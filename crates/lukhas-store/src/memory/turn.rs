// SPDX-License-Identifier: Apache-2.0
//! The turns of conversations, linked from the newest to the oldest.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use lukhas_core::Item;

use super::size;

/// One turn: the items of a request and of its answer.
pub(super) struct Turn {
    pub(super) input: Vec<Item>,
    pub(super) output: Vec<Item>,
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

impl Turn {
    /// A turn of `bytes` bytes (see [`bytes_of`]) with one owner, which it becomes of `before`.
    pub(super) fn new(input: Vec<Item>, output: Vec<Item>, bytes: usize, before: Before) -> Self {
        let chain_bytes = bytes.saturating_add(before.chain_bytes());
        if let Before::Turn(turn) = &before {
            turn.owners.fetch_add(1, Ordering::Relaxed);
        }
        Self {
            input,
            output,
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
        let earlier = chain
            .iter()
            .map(|turn| turn.input.len() + turn.output.len());
        let mut items = Vec::with_capacity(earlier.sum::<usize>() + self.input.len());
        for turn in chain.into_iter().rev() {
            items.extend_from_slice(&turn.input);
            items.extend_from_slice(&turn.output);
        }
        items.extend_from_slice(&self.input);
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

/// Bytes that a turn with these items takes.
pub(super) fn bytes_of(input: &Vec<Item>, output: &Vec<Item>) -> usize {
    size_of::<Turn>() + size::ALLOCATION + size::items(input) + size::items(output)
}
