// SPDX-License-Identifier: Apache-2.0
//! Texts, with escapes where they need them.

use bytes::{BufMut, BytesMut};

/// Bytes that are looked at together: as many as the smallest vector registers hold.
const BLOCK: usize = 16;

/// Appends `text` in quotation marks.
pub(super) fn put(out: &mut BytesMut, text: &str) {
    let mut rest = text.as_bytes();
    out.reserve(rest.len() + 2);
    out.put_slice(b"\"");
    while let Some(at) = first_special(rest) {
        let (plain, special) = rest.split_at(at);
        out.put_slice(plain);
        let Some((&byte, after)) = special.split_first() else {
            break;
        };
        put_escape(out, byte);
        rest = after;
    }
    out.put_slice(rest);
    out.put_slice(b"\"");
}

/// Whether none of `bytes` needs an escape.
pub(super) fn is_plain(bytes: &[u8]) -> bool {
    first_special(bytes).is_none()
}

fn first_special(bytes: &[u8]) -> Option<usize> {
    // Without a branch inside, the compiler makes one comparison of a whole block.
    let holds = |block: &[u8]| {
        block
            .iter()
            .fold(false, |any, &byte| any | is_special(byte))
    };
    let (blocks, tail) = bytes.as_chunks::<BLOCK>();
    let block = blocks.iter().position(|block| holds(block));
    let (from, part) = match block {
        Some(index) => (index * BLOCK, blocks[index].as_slice()),
        None => (blocks.len() * BLOCK, tail),
    };
    let at = part.iter().position(|&byte| is_special(byte))?;
    Some(from + at)
}

/// Whether `byte` needs an escape in a JSON string (RFC 8259, section 7).
fn is_special(byte: u8) -> bool {
    (byte < 0x20) | (byte == b'"') | (byte == b'\\')
}

fn put_escape(out: &mut BytesMut, byte: u8) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let short = match byte {
        b'"' | b'\\' => byte,
        0x08 => b'b',
        0x09 => b't',
        0x0a => b'n',
        0x0c => b'f',
        0x0d => b'r',
        _ => {
            let digits = [HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]];
            out.put_slice(b"\\u00");
            out.put_slice(&digits);
            return;
        }
    };
    out.put_slice(&[b'\\', short]);
}
