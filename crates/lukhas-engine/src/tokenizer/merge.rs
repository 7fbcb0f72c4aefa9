// SPDX-License-Identifier: Apache-2.0
//! Byte pair encoding of one piece.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::vocabulary::id_of;

/// No token has this id: the pair does not merge.
const NEVER: u32 = u32::MAX;

/// Longest piece, in bytes, whose pairs are all looked at to find the lowest: most words.
const SHORT: usize = 32;

/// Merges neighbours, lowest id first and leftmost among equals, until no pair is a token.
///
/// Takes O(n log n) time and O(n) memory for a piece of n bytes; the memory is kept for the next
/// piece. A part of the piece is known by the position of its first byte.
#[derive(Debug, Default)]
pub(super) struct Merger {
    next: Vec<u32>,
    previous: Vec<u32>,
    /// Id of the part merged with the next one, or [`NEVER`].
    merged: Vec<u32>,
    queue: BinaryHeap<Reverse<(u32, u32)>>,
}

impl Merger {
    /// Calls `token` with the bytes of each token of `piece`, in order.
    pub(super) fn tokens<'p>(&mut self, piece: &'p [u8], mut token: impl FnMut(&'p [u8])) {
        if piece.len() <= SHORT {
            return short(piece, token);
        }
        self.start(piece);
        while let Some(Reverse((id, at))) = self.queue.pop() {
            // An entry is out of date when its part was merged since.
            if self.merged[at as usize] == id {
                self.merge(piece, at);
            }
        }
        let mut at = 0;
        while at < piece.len() {
            let next = self.next[at] as usize;
            token(&piece[at..next]);
            at = next;
        }
    }

    fn start(&mut self, piece: &[u8]) {
        let len = u32::try_from(piece.len()).unwrap_or(NEVER);
        self.next.clear();
        self.next.extend(1..=len);
        self.previous.clear();
        self.previous.push(NEVER);
        self.previous.extend(0..len);
        self.merged.clear();
        self.merged.resize(piece.len(), NEVER);
        self.queue.clear();
        for at in 0..len.saturating_sub(1) {
            self.look_up(piece, at);
        }
    }

    /// Merges the part at `at` with the next one.
    fn merge(&mut self, piece: &[u8], at: u32) {
        let gone = self.next[at as usize] as usize;
        let next = self.next[gone];
        self.next[at as usize] = next;
        self.merged[gone] = NEVER;
        self.previous[next as usize] = at;
        self.look_up(piece, at);
        let previous = self.previous[at as usize];
        if previous != NEVER {
            self.look_up(piece, previous);
        }
    }

    /// Finds out whether the part at `at` merges with the next one.
    fn look_up(&mut self, piece: &[u8], at: u32) {
        let next = self.next[at as usize] as usize;
        let pair = self
            .next
            .get(next)
            .map(|end| &piece[at as usize..*end as usize]);
        let id = pair.and_then(id_of).unwrap_or(NEVER);
        self.merged[at as usize] = id;
        if id != NEVER {
            self.queue.push(Reverse((id, at)));
        }
    }
}

/// What [`Merger::tokens`] does, for a short piece: no queue, and nothing on the heap.
fn short<'p>(piece: &'p [u8], mut token: impl FnMut(&'p [u8])) {
    // Part `i` is from `starts[i]` to `starts[i + 1]`; with the next one it is `merged[i]`.
    let mut starts: [u8; SHORT + 1] = STARTS;
    let mut merged = [NEVER; SHORT];
    let mut last = piece.len().saturating_sub(1);
    let part = |starts: &[u8; SHORT + 1], from: usize, to: usize| {
        &piece[usize::from(starts[from])..usize::from(starts[to])]
    };
    let pair =
        |starts: &[u8; SHORT + 1], at: usize| id_of(part(starts, at, at + 2)).unwrap_or(NEVER);
    for (at, id) in merged.iter_mut().enumerate().take(last) {
        *id = pair(&starts, at);
    }
    while let Some(at) = lowest(&merged[..last]) {
        starts.copy_within(at + 2..last + 2, at + 1);
        merged.copy_within(at + 1..last, at);
        last -= 1;
        if let Some(before) = at.checked_sub(1) {
            merged[before] = pair(&starts, before);
        }
        merged[at] = if at < last { pair(&starts, at) } else { NEVER };
    }
    for at in 0..=last {
        token(part(&starts, at, at + 1));
    }
}

/// Every byte a part.
const STARTS: [u8; SHORT + 1] = {
    let mut starts = [0; SHORT + 1];
    let mut at = 0;
    while at < SHORT {
        at += 1;
        starts[at] = starts[at - 1] + 1;
    }
    starts
};

/// Where the lowest id is, the leftmost among equals; `None` when no pair merges.
fn lowest(merged: &[u32]) -> Option<usize> {
    let (mut lowest, mut found) = (NEVER, None);
    for (at, &id) in merged.iter().enumerate() {
        if id < lowest {
            (lowest, found) = (id, Some(at));
        }
    }
    found
}
