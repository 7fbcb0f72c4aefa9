// SPDX-License-Identifier: Apache-2.0
//! The vocabulary's tables, as the build script laid them out.

use super::hash;

include!(concat!(env!("OUT_DIR"), "/cl100k.rs"));

static BYTES: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/cl100k.bytes"));
static ENDS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/cl100k.ends"));
static SLOT_IDS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/cl100k.slots"));
const CLASSES: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/cl100k.classes"));

/// The classes of the characters that most text is made of.
static ASCII: [Class; 128] = {
    let mut classes = [Class::Other; 128];
    let mut code = 0;
    while code < 128 {
        classes[code] = class_at(code);
        code += 1;
    }
    classes
};

/// What the split pattern distinguishes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    Letter,
    Number,
    Space,
    Other,
}

/// The ordinary token that has exactly these bytes.
pub(super) fn id_of(bytes: &[u8]) -> Option<u32> {
    if bytes.len() > LONGEST {
        return None;
    }
    let mut slot = hash::slot_of(bytes);
    loop {
        let id = number(SLOT_IDS, slot).checked_sub(1)?;
        if token(id as usize) == bytes {
            return Some(id);
        }
        slot = hash::next_slot(slot);
    }
}

/// The bytes of `id`, special tokens included.
pub(super) fn bytes_of(id: u32) -> Option<&'static [u8]> {
    let id = usize::try_from(id).ok().filter(|id| *id < IDS)?;
    Some(token(id)).filter(|bytes| !bytes.is_empty())
}

/// The class of `c`.
pub(super) fn class_of(c: char) -> Class {
    class_at(c as usize)
}

/// The class of an ASCII character; `None` for another byte.
pub(super) fn class_of_ascii(byte: u8) -> Option<Class> {
    ASCII.get(usize::from(byte)).copied()
}

const fn class_at(code: usize) -> Class {
    if code >= CLASSED {
        return Class::Other;
    }
    match CLASSES[code / 4] >> (code % 4 * 2) & 3 {
        1 => Class::Letter,
        2 => Class::Number,
        3 => Class::Space,
        _ => Class::Other,
    }
}

/// Reads a byte of every page, so that later reads find them in memory.
pub(super) fn touch() -> u8 {
    const PAGE: usize = 4096;
    [BYTES, ENDS, SLOT_IDS, CLASSES]
        .iter()
        .flat_map(|table| table.iter().step_by(PAGE))
        .fold(0, |all, byte| all ^ byte)
}

fn token(id: usize) -> &'static [u8] {
    let start = id.checked_sub(1).map_or(0, |before| number(ENDS, before));
    &BYTES[start as usize..number(ENDS, id) as usize]
}

fn number(table: &[u8], index: usize) -> u32 {
    let (numbers, _) = table.as_chunks::<4>();
    u32::from_le_bytes(numbers[index])
}
