// SPDX-License-Identifier: Apache-2.0
//! Bodies in gzip (RFC 1952), each piece in blocks of its own, so that a client can read it before
//! the next. Nothing is made smaller: the blocks are stored (RFC 1951, section 3.2.4).

use bytes::{BufMut, Bytes, BytesMut};

use super::Step;

/// Magic, deflate, no flags, no time, no hints, unknown system.
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];

/// Longest stored block, in bytes.
const BLOCK: usize = 0xffff;

/// The same steps with what they send compressed. A body that comes to no proper end has no
/// trailer either.
pub(super) fn compress(steps: Vec<Step>) -> Vec<Step> {
    let mut sum = Sum::default();
    let mut packed: Vec<Step> = Vec::with_capacity(steps.len() + 2);
    packed.push(Step::Send(Bytes::from_static(&HEADER)));
    let mut ends = true;
    for step in steps {
        packed.push(match step {
            Step::Send(bytes) => {
                sum.add(&bytes);
                Step::Send(stored(&bytes))
            }
            Step::Repeat(bytes) => Step::Repeat(stored(&bytes)),
            Step::Wait(_) | Step::Stall | Step::Reset => step,
        });
        let last = packed.last();
        ends = !matches!(last, Some(Step::Repeat(_) | Step::Stall | Step::Reset));
    }
    if ends {
        packed.push(Step::Send(sum.trailer()));
    }
    packed
}

fn stored(bytes: &[u8]) -> Bytes {
    let mut out = BytesMut::with_capacity(bytes.len() + 5);
    for block in bytes.chunks(BLOCK) {
        let length = u16::try_from(block.len()).unwrap_or(u16::MAX);
        out.put_u8(0);
        out.put_u16_le(length);
        out.put_u16_le(!length);
        out.put_slice(block);
    }
    out.freeze()
}

/// The checksum and the length of what was packed.
struct Sum {
    crc: u32,
    length: u32,
}

impl Default for Sum {
    fn default() -> Self {
        Self {
            crc: u32::MAX,
            length: 0,
        }
    }
}

impl Sum {
    /// Source: RFC 1952, section 8, without the table.
    fn add(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.crc ^= u32::from(*byte);
            for _ in 0..8 {
                let carry = self.crc & 1;
                self.crc = (self.crc >> 1) ^ (0xedb8_8320 * carry);
            }
        }
        let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        self.length = self.length.wrapping_add(length);
    }

    /// An empty last block, then checksum and length.
    fn trailer(&self) -> Bytes {
        let mut out = BytesMut::with_capacity(13);
        out.put_slice(&[1, 0, 0, 0xff, 0xff]);
        out.put_u32_le(!self.crc);
        out.put_u32_le(self.length);
        out.freeze()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packed(steps: Vec<Step>) -> Vec<u8> {
        let bytes = compress(steps).into_iter().flat_map(|step| match step {
            Step::Send(bytes) | Step::Repeat(bytes) => bytes,
            Step::Wait(_) | Step::Stall | Step::Reset => Bytes::new(),
        });
        bytes.collect()
    }

    #[test]
    fn the_checksum_is_that_of_the_rfc() {
        // The check value of CRC-32.
        let steps = ["1234", "56789"].map(|text| Step::Send(text.into()));
        let packed = packed(steps.into());
        let expected = [0x26, 0x39, 0xf4, 0xcb, 9, 0, 0, 0];
        assert!(packed.ends_with(&expected), "{packed:x?}");
    }

    #[test]
    fn long_pieces_are_several_blocks() {
        let packed = packed(vec![Step::Send(vec![b'x'; BLOCK + 1].into())]);
        let second = HEADER.len() + 5 + BLOCK;
        assert_eq!(packed[HEADER.len()..][..5], [0, 0xff, 0xff, 0, 0]);
        assert_eq!(packed[second..][..6], [0, 1, 0, 0xfe, 0xff, b'x']);
    }

    #[test]
    fn a_body_without_an_end_has_no_trailer() {
        for end in [Step::Stall, Step::Reset] {
            let steps = compress(vec![Step::Send("x".into()), end.clone()]);
            assert_eq!((steps.len(), steps.last()), (3, Some(&end)));
        }
    }
}
