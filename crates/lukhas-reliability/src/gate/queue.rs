// SPDX-License-Identifier: Apache-2.0
//! Who waits, and who is next.

use std::collections::VecDeque;

/// How much it matters that a call is let through.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Priority {
    /// Last. While some of it wait, one of sixteen that are let in is of it.
    Low,
    /// While some of it wait, three of sixteen that are let in are of it.
    #[default]
    Normal,
    /// First.
    High,
}

/// Of so many that are let in, and of so many places, each class has its share, by [`Priority`].
const TURNS: usize = 16;
const SHARES: [usize; 3] = [1, 3, 12];

use Priority::{High, Low, Normal};

/// A bounded queue of three classes.
#[derive(Debug)]
pub(super) struct Queue<T> {
    /// By class, the oldest first.
    classes: [VecDeque<(u64, T)>; 3],
    most: usize,
    /// How many have been taken.
    turn: u8,
    places: u64,
}

impl<T> Queue<T> {
    /// An empty one, for `most`.
    pub(super) fn new(most: usize) -> Self {
        Self {
            classes: Default::default(),
            most,
            turn: 0,
            places: 0,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.classes.iter().map(VecDeque::len).sum()
    }

    /// How many go before a call of `priority` that comes now, as a rule: those of its class and of
    /// higher ones, or what goes until the share of its class has come round to it.
    pub(super) fn ahead_of(&self, priority: Priority) -> usize {
        let higher = &self.classes[priority as usize..];
        let ahead = higher.iter().map(VecDeque::len).sum();
        let own = self.classes[priority as usize].len();
        usize::min(ahead, own * TURNS / SHARES[priority as usize])
    }

    /// Whether a call of `priority` finds a place, be it that of another.
    pub(super) fn has_place(&self, priority: Priority) -> bool {
        self.len() < self.most || self.displaced_by(priority).is_some()
    }

    /// Puts `item` in; gives its place, and who had to leave for it. `None` when there is none.
    pub(super) fn push(&mut self, priority: Priority, item: T) -> Option<(u64, Option<T>)> {
        let displaced = if self.len() < self.most {
            None
        } else {
            let lower = self.displaced_by(priority)?;
            // The last that came would have had to wait longest.
            self.classes[lower as usize].pop_back()
        };
        self.places += 1;
        self.classes[priority as usize].push_back((self.places, item));
        Some((self.places, displaced.map(|(_, item)| item)))
    }

    /// The next.
    pub(super) fn take(&mut self) -> Option<T> {
        let order = match usize::from(self.turn) % TURNS {
            15 => [Low, Normal, High],
            3 | 7 | 11 => [Normal, High, Low],
            _ => [High, Normal, Low],
        };
        self.turn = self.turn.wrapping_add(1);
        let mut classes = order.into_iter().map(|class| class as usize);
        let class = classes.find(|class| !self.classes[*class].is_empty())?;
        self.classes[class].pop_front().map(|(_, item)| item)
    }

    /// Takes the one at `place` out, if it is still there.
    pub(super) fn remove(&mut self, priority: Priority, place: u64) -> Option<T> {
        let class = &mut self.classes[priority as usize];
        // Places ascend.
        let at = class
            .binary_search_by_key(&place, |(place, _)| *place)
            .ok()?;
        class.remove(at).map(|(_, item)| item)
    }

    /// The class that has to make room for `priority`: a lower one that has more than its share of the
    /// places.
    fn displaced_by(&self, priority: Priority) -> Option<Priority> {
        let mut lower = [Low, Normal].into_iter().filter(|class| *class < priority);
        lower.find(|class| {
            let share = self.most * SHARES[*class as usize] / TURNS;
            self.classes[*class as usize].len() > share
        })
    }
}
