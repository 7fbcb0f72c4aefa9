// SPDX-License-Identifier: Apache-2.0
//! One answer as it grows, and who reads it.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use lukhas_core::StoreError;
use tokio::sync::Notify;

/// An answer, shared by who makes it and who reads it.
pub(crate) struct Log {
    state: Mutex<State>,
    /// There is another piece, or the end.
    grown: Notify,
    /// A reader came, left, or took a piece of an answer that is not kept.
    moved: Notify,
}

/// INVARIANT: every reader's place is at least `dropped` and at most `dropped` plus the pieces held.
struct State {
    pieces: VecDeque<Bytes>,
    /// Pieces before the ones that are held.
    dropped: usize,
    /// Whether pieces stay when everybody has read them.
    is_kept: bool,
    end: Option<End>,
    /// How many pieces each reader has taken.
    readers: HashMap<u64, usize>,
    next_reader: u64,
}

/// How an answer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// It is whole.
    Whole,
    /// Its claim was given up.
    Lost,
}

/// One who reads an answer; leaves when dropped.
pub(crate) struct Reader {
    log: Arc<Log>,
    number: u64,
}

/// What there is for a reader.
enum Next {
    Piece(Bytes),
    End(End),
    Nothing,
}

impl Log {
    /// An answer of no pieces, and its first reader.
    pub(crate) fn new() -> (Arc<Self>, Reader) {
        let state = State {
            pieces: VecDeque::new(),
            dropped: 0,
            is_kept: true,
            end: None,
            readers: HashMap::from([(0, 0)]),
            next_reader: 1,
        };
        let log = Arc::new(Self {
            state: Mutex::new(state),
            grown: Notify::new(),
            moved: Notify::new(),
        });
        let reader = Reader {
            log: Arc::clone(&log),
            number: 0,
        };
        (log, reader)
    }

    /// Nothing that is done under the lock panics, so what it guards is whole.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A reader from the beginning; `None` when that is not kept.
    pub(crate) fn reader(self: &Arc<Self>) -> Option<Reader> {
        let mut state = self.state();
        if !state.is_kept {
            return None;
        }
        let number = state.next_reader;
        state.next_reader += 1;
        state.readers.insert(number, 0);
        drop(state);
        self.moved.notify_waiters();
        Some(Reader {
            log: Arc::clone(self),
            number,
        })
    }

    pub(crate) fn is_kept(&self) -> bool {
        self.state().is_kept
    }

    pub(crate) fn has_readers(&self) -> bool {
        !self.state().readers.is_empty()
    }

    /// From here on pieces are held until everybody who reads already has taken them.
    pub(crate) fn keep_no_longer(&self) {
        let mut state = self.state();
        state.is_kept = false;
        state.trim();
        drop(state);
        self.moved.notify_waiters();
    }

    /// Adds a piece. Of an answer that is not kept, readers have taken all pieces before it then.
    pub(crate) async fn push(&self, piece: Bytes) {
        loop {
            let moved = self.moved.notified();
            {
                let mut state = self.state();
                if state.is_kept || state.pieces.is_empty() {
                    state.pieces.push_back(piece);
                    state.trim();
                    break;
                }
            }
            moved.await;
        }
        self.grown.notify_waiters();
    }

    pub(crate) fn end(&self, end: End) {
        self.state().end.get_or_insert(end);
        self.grown.notify_waiters();
    }

    /// Waits until a reader came, left, or took a piece of an answer that is not kept; what happens
    /// from the call on counts.
    pub(crate) fn moved(&self) -> impl Future<Output = ()> + Send {
        self.moved.notified()
    }

    fn next(&self, reader: u64) -> Next {
        let mut state = self.state();
        let end = state.end;
        let State {
            pieces,
            dropped,
            readers,
            ..
        } = &mut *state;
        let place = readers.entry(reader).or_insert(*dropped);
        let Some(piece) = pieces.get(*place - *dropped).cloned() else {
            return end.map_or(Next::Nothing, Next::End);
        };
        *place += 1;
        if !state.is_kept {
            state.trim();
            drop(state);
            self.moved.notify_waiters();
        }
        Next::Piece(piece)
    }

    fn leave(&self, reader: u64) {
        let mut state = self.state();
        state.readers.remove(&reader);
        state.trim();
        drop(state);
        self.moved.notify_waiters();
    }
}

impl State {
    /// Lets go of what everybody has read, if it is not kept.
    fn trim(&mut self) {
        if self.is_kept {
            return;
        }
        let all = self.dropped + self.pieces.len();
        let read = self.readers.values().copied().min().unwrap_or(all);
        self.pieces.drain(..read - self.dropped);
        self.dropped = read;
        if self.pieces.is_empty() {
            self.pieces.shrink_to_fit();
        }
    }
}

impl Reader {
    /// The next piece, or `None` at the end of a whole answer.
    pub(crate) async fn next(&self) -> Option<Result<Bytes, StoreError>> {
        loop {
            let grown = self.log.grown.notified();
            match self.log.next(self.number) {
                Next::Piece(piece) => return Some(Ok(piece)),
                Next::End(End::Whole) => return None,
                Next::End(End::Lost) => {
                    let lost = "the answer was given up before its end";
                    return Some(Err(StoreError(lost.to_owned())));
                }
                Next::Nothing => grown.await,
            }
        }
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.log.leave(self.number);
    }
}
