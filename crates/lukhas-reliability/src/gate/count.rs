// SPDX-License-Identifier: Apache-2.0
//! How many run, in one word, so that a call costs one atomic on its way in and one on its way out.

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::{AcqRel, Acquire};

/// One call that runs; the lowest 31 bits count them.
const RUNNING: u64 = 1;
/// Every call has to ask the state behind the lock.
const PRESSED: u64 = 1 << 31;
/// One call that has ended; the upper half counts them, and begins anew after 2^32.
const ENDED: u64 = 1 << 32;

/// How many calls run and how many have ended, and whether there is pressure.
#[derive(Debug, Default)]
pub(super) struct Count(AtomicU64);

impl Count {
    /// One more, if fewer than `limit` run and there is no pressure.
    pub(super) fn enter(&self, limit: usize) -> bool {
        self.enter_if(|word| has_room(word, limit))
    }

    /// Whether one more would be let in.
    pub(super) fn has_room(&self, limit: usize) -> bool {
        has_room(self.0.load(Acquire), limit)
    }

    /// One more, if fewer than `limit` run.
    pub(super) fn enter_under_pressure(&self, limit: usize) -> bool {
        self.enter_if(|word| running(word) < limit)
    }

    /// One has ended. Whether there is pressure.
    pub(super) fn leave(&self) -> bool {
        // One runs, so nothing is borrowed from the other bits.
        self.0.fetch_add(ENDED - RUNNING, AcqRel) & PRESSED != 0
    }

    /// From now on there is pressure.
    pub(super) fn press(&self) {
        self.0.fetch_or(PRESSED, AcqRel);
    }

    /// From now on there is none.
    pub(super) fn release(&self) {
        self.0.fetch_and(!PRESSED, AcqRel);
    }

    pub(super) fn running(&self) -> usize {
        running(self.0.load(Acquire))
    }

    /// How many have ended, modulo 2^32.
    pub(super) fn ended(&self) -> u32 {
        // The upper half fits.
        (self.0.load(Acquire) / ENDED) as u32
    }

    fn enter_if(&self, may: impl Fn(u64) -> bool) -> bool {
        let next = |word| may(word).then_some(word + RUNNING);
        self.0.fetch_update(AcqRel, Acquire, next).is_ok()
    }
}

fn has_room(word: u64, limit: usize) -> bool {
    word & PRESSED == 0 && running(word) < limit
}

fn running(word: u64) -> usize {
    // 31 bits fit.
    (word & (PRESSED - 1)) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_it_counts_does_not_mix() {
        let count = Count(AtomicU64::new(u64::from(u32::MAX) << 32));
        assert!(count.enter(2) && count.enter(2) && !count.enter(2));
        count.press();
        assert!(!count.enter(9) && count.enter_under_pressure(3));
        assert!(count.leave(), "there is pressure");
        assert_eq!(
            (count.running(), count.ended()),
            (2, 0),
            "from the top to 0"
        );
        count.release();
        assert!(!count.leave());
        assert_eq!((count.running(), count.ended()), (1, 1));
    }
}
