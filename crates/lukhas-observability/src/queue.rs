// SPDX-License-Identifier: Apache-2.0
//! What stands between those who serve and the thread that tells of it.

use std::mem;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;

/// How long what comes gathers before it is taken, unless a quarter of the room is used before that:
/// who puts something in wakes nobody for each thing.
const GATHER: Duration = Duration::from_millis(50);

/// A bounded queue from many threads to one, which is taken as a whole. Whoever finds it full drops
/// what it has, and counts it: nobody ever waits to put something in.
#[derive(Debug)]
pub(crate) struct Queue<T> {
    state: Mutex<State<T>>,
    changed: Condvar,
    capacity: usize,
    dropped: Counter,
}

#[derive(Debug)]
struct State<T> {
    items: Vec<T>,
    closed: bool,
}

impl<T> Queue<T> {
    /// Room for `capacity` items; those that find none are counted in `dropped`.
    pub(crate) fn new(capacity: usize, dropped: Counter) -> Self {
        Self {
            state: Mutex::new(State {
                items: Vec::new(),
                closed: false,
            }),
            changed: Condvar::new(),
            capacity,
            dropped,
        }
    }

    /// Puts `item` in, which tells of so many `events`, if there is room.
    pub(crate) fn put(&self, item: T, events: usize) {
        let mut state = self.lock();
        if state.closed || state.items.len() >= self.capacity {
            drop(state);
            self.lose(events);
            return;
        }
        state.items.push(item);
        let count = state.items.len();
        drop(state);
        if count == 1 || count == self.many() {
            self.changed.notify_one();
        }
    }

    /// Counts events as dropped that were taken and went nowhere.
    pub(crate) fn lose(&self, events: usize) {
        self.dropped.inc_by(events as u64);
    }

    /// Waits for something, gives more of it a moment to come, and takes it all into `items`, in the
    /// order in which it was put in. Says whether more may come.
    pub(crate) fn take(&self, items: &mut Vec<T>) -> bool {
        items.clear();
        items.shrink_to(self.many());
        let mut state = self.lock();
        while state.items.is_empty() && !state.closed {
            let woken = self.changed.wait(state);
            state = woken.unwrap_or_else(PoisonError::into_inner);
        }
        let is_few = |state: &mut State<T>| !state.closed && state.items.len() < self.many();
        let gathered = self.changed.wait_timeout_while(state, GATHER, is_few);
        let (mut state, _) = gathered.unwrap_or_else(PoisonError::into_inner);
        mem::swap(&mut state.items, items);
        !state.closed
    }

    /// Waits for `time`, or until it is closed: what comes may gather meanwhile.
    pub(crate) fn rest(&self, time: Duration) {
        let is_open = |state: &mut State<T>| !state.closed;
        let rested = self.changed.wait_timeout_while(self.lock(), time, is_open);
        drop(rested.unwrap_or_else(PoisonError::into_inner));
    }

    /// Takes nothing more in.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_all();
    }

    fn many(&self) -> usize {
        (self.capacity / 4).max(1)
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        // Nothing that is done under the lock can leave it half done.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::thread;

    use super::*;

    #[test]
    fn what_finds_no_room_is_counted_and_the_rest_keeps_its_order() {
        let dropped = Counter::default();
        let queue = Queue::new(3, dropped.clone());
        (0..5).for_each(|item| queue.put(item, 1));
        let mut items = Vec::new();
        assert!(queue.take(&mut items));
        assert_eq!(items, [0, 1, 2]);
        assert_eq!(dropped.get(), 2);
        queue.close();
        queue.put(5, 2);
        assert!(!queue.take(&mut items));
        assert!(items.is_empty());
        assert_eq!(dropped.get(), 4);
    }

    #[test]
    fn nothing_is_lost_between_many_threads_and_the_one_that_takes() {
        let queue = Arc::new(Queue::new(100_000, Counter::default()));
        let putting: Vec<_> = (0..4)
            .map(|_| {
                let queue = Arc::clone(&queue);
                thread::spawn(move || (0..1_000).for_each(|item| queue.put(item, 1)))
            })
            .collect();
        let taking = {
            let queue = Arc::clone(&queue);
            thread::spawn(move || {
                let (mut items, mut count) = (Vec::new(), 0);
                while queue.take(&mut items) {
                    count += items.len();
                }
                count + items.len()
            })
        };
        putting
            .into_iter()
            .for_each(|thread| thread.join().unwrap());
        queue.close();
        assert_eq!(taking.join().unwrap(), 4_000);
    }
}
