// SPDX-License-Identifier: Apache-2.0
//! Records in a few large pieces of memory.
//!
//! Most responses are small, are never read, and go when they are the oldest. An allocation for
//! each of their parts costs more when they go than when they come: by then every part has left the
//! processor's caches, and freeing it waits for memory. Here nothing of a record is touched when it
//! goes; its segment is freed once the last of its records has gone.

use std::ops::Range;

/// Room of a segment, unless the whole log is small.
const SEGMENT_BYTES: usize = 64 << 10;

/// Segments of a full log, at least.
const SEGMENTS: usize = 64;

/// Records that fit a segment, at least: what is left free at its end is less than one record.
const RECORDS: usize = 8;

/// Records, written one after the other.
pub(super) struct Log {
    segment_bytes: usize,
    /// Those with records. The others hold no memory, and are in `free`.
    segments: Vec<Segment>,
    free: Vec<u32>,
    /// The one that is written to.
    open: Option<u32>,
}

/// INVARIANT: `bytes` never grows beyond the room it was made with.
#[derive(Default)]
struct Segment {
    bytes: Vec<u8>,
    /// Records that have not been removed.
    records: u32,
}

/// Where a record is.
pub(super) struct Place {
    segment: u32,
    start: u32,
    len: u32,
}

impl Place {
    fn range(&self) -> Range<usize> {
        let start = self.start as usize;
        start..start + self.len as usize
    }
}

impl Log {
    /// A log that is to take about `bytes`.
    pub(super) fn new(bytes: usize) -> Self {
        Self {
            segment_bytes: (bytes / SEGMENTS).min(SEGMENT_BYTES),
            segments: Vec::new(),
            free: Vec::new(),
            open: None,
        }
    }

    /// Most bytes of a record.
    pub(super) fn most(&self) -> usize {
        self.segment_bytes / RECORDS
    }

    /// Bytes of memory, used or not.
    pub(super) fn bytes(&self) -> usize {
        (self.segments.len() - self.free.len()) * self.segment_bytes
    }

    /// What [`bytes`](Self::bytes) is when it holds one record.
    pub(super) fn least_bytes(&self) -> usize {
        self.segment_bytes
    }

    /// Keeps a record, given in parts, of at most [`most`](Self::most) bytes.
    pub(super) fn push(&mut self, parts: &[&[u8]]) -> Place {
        let len = parts.iter().map(|part| part.len()).sum();
        let (number, segment) = self.room(len);
        let start = segment.bytes.len();
        for part in parts {
            segment.bytes.extend_from_slice(part);
        }
        segment.records += 1;
        Place {
            segment: number,
            start: start as u32,
            len: len as u32,
        }
    }

    pub(super) fn read(&self, place: &Place) -> &[u8] {
        &self.segments[place.segment as usize].bytes[place.range()]
    }

    /// Overwrites a record: its memory may stay for as long as its neighbours do.
    pub(super) fn blank(&mut self, place: &Place) {
        let range = place.range();
        self.segments[place.segment as usize].bytes[range].fill(0);
    }

    /// Gives up the room of a record; nothing of it is touched.
    pub(super) fn remove(&mut self, place: &Place) {
        let segment = &mut self.segments[place.segment as usize];
        segment.records -= 1;
        if segment.records == 0 {
            segment.bytes = Vec::new();
            self.free.push(place.segment);
            self.open = self.open.filter(|open| *open != place.segment);
        }
    }

    /// A segment with room for `len` bytes, and its number.
    fn room(&mut self, len: usize) -> (u32, &mut Segment) {
        let has_room = |open: &u32| {
            let bytes = &self.segments[*open as usize].bytes;
            bytes.capacity() - bytes.len() >= len
        };
        let number = match self.open.filter(has_room) {
            Some(number) => number,
            None => self.open(),
        };
        (number, &mut self.segments[number as usize])
    }

    /// Begins a segment.
    fn open(&mut self) -> u32 {
        let number = self.free.pop().unwrap_or_else(|| {
            self.segments.push(Segment::default());
            (self.segments.len() - 1) as u32
        });
        self.segments[number as usize].bytes = Vec::with_capacity(self.segment_bytes);
        self.open = Some(number);
        number
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A record comes with this many bytes, or the one at this index goes.
    #[derive(Clone, Debug)]
    enum Step {
        Push(usize),
        Remove(usize),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let push = (0..=1_024_usize).prop_map(Step::Push);
        let remove = (0..1_000_usize).prop_map(Step::Remove);
        prop::collection::vec(prop_oneof![3 => push, 2 => remove], 0..400)
    }

    proptest! {
        #[test]
        fn records_stay_until_they_are_removed_and_then_their_memory_goes(steps in steps()) {
            let mut log = Log::new(512 << 10);
            prop_assert_eq!(log.most(), 1_024);
            let mut kept: Vec<(Place, Vec<u8>)> = Vec::new();
            for (number, step) in steps.into_iter().enumerate() {
                match step {
                    Step::Push(len) => {
                        let bytes = vec![number as u8; len];
                        let (head, tail) = bytes.split_at(len / 2);
                        kept.push((log.push(&[head, tail]), bytes));
                    }
                    Step::Remove(at) if at < kept.len() => {
                        let (place, _) = kept.swap_remove(at);
                        log.blank(&place);
                        prop_assert!(log.read(&place).iter().all(|byte| *byte == 0));
                        log.remove(&place);
                    }
                    Step::Remove(_) => {}
                }
                for (place, bytes) in &kept {
                    prop_assert_eq!(log.read(place), bytes);
                }
                let allocated: usize = log.segments.iter().map(|one| one.bytes.capacity()).sum();
                prop_assert_eq!(log.bytes(), allocated);
            }
            for (place, _) in kept {
                log.remove(&place);
            }
            prop_assert_eq!(log.bytes(), 0);
        }
    }

    #[test]
    fn what_is_removed_in_the_order_it_came_takes_no_further_memory() {
        let mut log = Log::new(1 << 20);
        let mut kept = std::collections::VecDeque::new();
        for number in 0..10_000 {
            kept.push_back(log.push(&[&[0; 1_000]]));
            if number >= 100 {
                log.remove(&kept.pop_front().unwrap());
            }
            // 16 fit a segment: 7 full ones and two that are not.
            assert!(log.segments.len() <= 9);
        }
    }

    #[test]
    fn a_log_of_no_room_takes_no_record() {
        assert_eq!(Log::new(100).most(), 0);
    }
}
