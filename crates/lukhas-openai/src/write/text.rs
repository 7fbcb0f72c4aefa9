// SPDX-License-Identifier: Apache-2.0
//! Texts, with escapes where they need them.

use bytes::{BufMut, BytesMut};

/// Bytes that are looked at together: as many as the smallest vector registers hold.
const BLOCK: usize = 16;

/// Longest name, with what stands around it, that is written at once.
const LONGEST_NAME: usize = 64;

/// Appends `text` in quotation marks.
pub(crate) fn put(out: &mut BytesMut, text: &str) {
    let mut rest = text.as_bytes();
    out.reserve(rest.len() + 2);
    out.put_u8(b'"');
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
    out.put_u8(b'"');
}

/// Appends `start`, `name` and `end`: a name from our source, and what stands around it.
///
/// INVARIANT: such a name needs no escape; the tests write every type of the wire.
///
/// Inlined to where the name is known, it is a check for room and a few stores.
#[inline(always)]
pub(super) fn put_name(out: &mut BytesMut, start: &[u8], name: &'static str, end: &[u8]) {
    debug_assert!(is_plain(name.as_bytes()), "{name} needs an escape");
    let (from, to) = (start.len(), start.len() + name.len());
    let mut whole = [0; LONGEST_NAME];
    let Some(whole) = whole.get_mut(..to + end.len()) else {
        out.put_slice(start);
        out.put_slice(name.as_bytes());
        out.put_slice(end);
        return;
    };
    whole[..from].copy_from_slice(start);
    whole[from..to].copy_from_slice(name.as_bytes());
    whole[to..].copy_from_slice(end);
    out.put_slice(whole);
}

/// Whether none of `bytes` needs an escape.
fn is_plain(bytes: &[u8]) -> bool {
    first_special(bytes).is_none()
}

fn first_special(bytes: &[u8]) -> Option<usize> {
    let (blocks, tail) = bytes.as_chunks::<BLOCK>();
    if let Some(index) = blocks.iter().position(holds_special) {
        let at = blocks[index].iter().position(|&byte| is_special(byte))?;
        return Some(index * BLOCK + at);
    }
    let mut last = [b' '; BLOCK];
    last[..tail.len()].copy_from_slice(tail);
    if !holds_special(&last) {
        return None;
    }
    let at = tail.iter().position(|&byte| is_special(byte))?;
    Some(blocks.len() * BLOCK + at)
}

/// Without a branch inside, the compiler makes one comparison of a whole block.
fn holds_special(block: &[u8; BLOCK]) -> bool {
    block
        .iter()
        .fold(false, |any, &byte| any | is_special(byte))
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
