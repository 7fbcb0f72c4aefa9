// SPDX-License-Identifier: Apache-2.0
//! An answer in the words of the request's original.

use bytes::BytesMut;
use lukhas_core::Verbatim;

/// What has been said in the original's words and not yet been given out.
#[derive(Debug, Default)]
pub(super) struct Speech {
    now: Words,
    /// How much of `now` there was before the last piece.
    before: (usize, u32),
    last: Words,
    /// Whether anything has been given out.
    pub(super) has_begun: bool,
    /// What these words call the item that begins next.
    pub(super) next_id: Option<String>,
}

/// Where a piece goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// To the client.
    Now,
    /// To the client, once the answer is over.
    AtTheEnd,
    /// Nowhere: the client did not ask for it, or is told in another way.
    Nowhere,
}

#[derive(Debug, Default)]
struct Words {
    bytes: BytesMut,
    events: u32,
}

impl Speech {
    /// Takes what `write` writes, about `room` bytes, and gives the place it goes to; `None` when it
    /// cannot.
    pub(super) fn take(
        &mut self,
        room: usize,
        write: impl FnOnce(&mut BytesMut) -> Option<Place>,
    ) -> Option<Place> {
        let before = self.now.bytes.len();
        self.before = (before, self.now.events);
        self.now.bytes.reserve(room);
        let place = write(&mut self.now.bytes);
        match place {
            Some(Place::Now) => self.now.events += 1,
            Some(Place::AtTheEnd) if before == 0 && self.last.bytes.is_empty() => {
                std::mem::swap(&mut self.last.bytes, &mut self.now.bytes);
                self.last.events += 1;
            }
            Some(Place::AtTheEnd) => {
                self.last.bytes.extend_from_slice(&self.now.bytes[before..]);
                self.last.events += 1;
                self.now.bytes.truncate(before);
            }
            Some(Place::Nowhere) | None => self.now.bytes.truncate(before),
        }
        place
    }

    /// Takes back the last piece.
    pub(super) fn take_back(&mut self) {
        let (bytes, events) = self.before;
        self.now.bytes.truncate(bytes);
        self.now.events = events;
    }

    /// What can be given out at once, if there is anything.
    pub(super) fn now(&mut self) -> Option<Verbatim> {
        self.before = (0, 0);
        let Words { bytes, events } = &mut self.now;
        (!bytes.is_empty()).then(|| Verbatim {
            bytes: bytes.split().freeze(),
            events: std::mem::take(events),
            ends: false,
        })
    }

    /// What says how the answer ends, if anything does.
    pub(super) fn last(self) -> Option<Verbatim> {
        let Words { bytes, events } = self.last;
        (!bytes.is_empty()).then(|| Verbatim {
            bytes: bytes.freeze(),
            events,
            ends: true,
        })
    }
}
