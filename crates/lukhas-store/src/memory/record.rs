// SPDX-License-Identifier: Apache-2.0
//! Responses as the log keeps them: the first of a conversation, small, with nothing opaque.

use bytes::Bytes;

use super::pack::{Loose, Packed};
use super::turn::Items;

/// Three numbers.
const HEADER_BYTES: usize = 3 * NUMBER_BYTES;
const NUMBER_BYTES: usize = size_of::<u32>();

/// A response to be written.
pub(super) struct Record {
    header: [u8; HEADER_BYTES],
    items: Loose,
    body: Bytes,
}

impl Record {
    /// A record of at most `most` bytes. Where it would take more, or has an opaque item, the items
    /// and the body come back.
    pub(super) fn new(
        input: usize,
        items: Loose,
        body: Bytes,
        most: usize,
    ) -> Result<Self, (Loose, Bytes)> {
        let header = items.bytes().and_then(|packed| {
            let len = HEADER_BYTES + packed.len() + body.len();
            (len <= most).then(|| header(input, items.len(), packed.len()))
        });
        match header {
            Some(header) => Ok(Self {
                header,
                items,
                body,
            }),
            None => Err((items, body)),
        }
    }

    /// What is to be written.
    pub(super) fn parts(&self) -> [&[u8]; 3] {
        let items = self.items.bytes().unwrap_or_default();
        [&self.header, items, &self.body]
    }
}

fn header(input: usize, items: usize, packed: usize) -> [u8; HEADER_BYTES] {
    let mut header = [0; HEADER_BYTES];
    for (place, number) in header
        .chunks_exact_mut(NUMBER_BYTES)
        .zip([input, items, packed])
    {
        place.copy_from_slice(&(number as u32).to_le_bytes());
    }
    header
}

/// The items and the body of what a [`Record`] wrote.
pub(super) fn read(written: &[u8]) -> (Items, Bytes) {
    let (header, rest) = written.split_at(HEADER_BYTES);
    let number = |at: usize| {
        let bytes = header[at * NUMBER_BYTES..].first_chunk();
        u32::from_le_bytes(bytes.copied().unwrap_or_default()) as usize
    };
    let (packed, body) = rest.split_at(number(2));
    let items = Items::new(number(0), Packed::copied(number(1), packed));
    (items, Bytes::copy_from_slice(body))
}
