// SPDX-License-Identifier: Apache-2.0
//! Lays the cl100k_base vocabulary out as flat tables that need no loading at run time.
//!
//! tiktoken keeps three copies of it in hash maps: 24 MB and 45 ms. The tables are 2.2 MB of
//! read-only pages that are mapped with the binary. Five files, integers little-endian:
//!
//! | file | content |
//! |---|---|
//! | `cl100k.bytes` | the bytes of every token, by id |
//! | `cl100k.ends` | `u32` a token: where its bytes end |
//! | `cl100k.slots` | open addressing by [`hash::slot_of`]: `u32` id + 1 of an ordinary token, or 0 |
//! | `cl100k.classes` | two bits a code point: other, letter, number, space |
//! | `cl100k.rs` | their sizes as constants |

#[path = "src/tokenizer/hash.rs"]
mod hash;

use std::error::Error;
use std::fs;
use std::path::PathBuf;

use regex_syntax::hir::{Class, HirKind};

fn main() -> Result<(), Box<dyn Error>> {
    let out = PathBuf::from(std::env::var_os("OUT_DIR").ok_or("cargo sets OUT_DIR")?);
    let (bytes, ends, ordinary) = tokens()?;
    let classes = classes()?;
    let longest = longest(&ends);
    fs::write(out.join("cl100k.slots"), little_endian(&slots(&bytes, &ends, &ordinary)))?;
    fs::write(out.join("cl100k.ends"), little_endian(&ends))?;
    fs::write(out.join("cl100k.bytes"), bytes)?;
    fs::write(
        out.join("cl100k.rs"),
        format!(
            "/// Number of ids, gaps included.\npub(super) const IDS: usize = {};\n\
             /// Bytes of the longest token.\npub(super) const LONGEST: usize = {longest};\n\
             /// Code points from here on are of class other.\n\
             pub(super) const CLASSED: usize = {};\n",
            ends.len(),
            classes.len() * 4,
        ),
    )?;
    fs::write(out.join("cl100k.classes"), classes)?;
    rerun_if_changed();
    Ok(())
}

/// The bytes of all tokens, the end of each, and whether it is an ordinary (not special) one.
fn tokens() -> Result<(Vec<u8>, Vec<u32>, Vec<bool>), Box<dyn Error>> {
    let vocabulary = tiktoken_rs::cl100k_base()?;
    let special = vocabulary.special_tokens();
    let (mut bytes, mut ends, mut ordinary) = (Vec::new(), Vec::new(), Vec::new());
    let mut gap = 0;
    for id in 0.. {
        match vocabulary.decode_bytes(&[id]) {
            Ok(token) => {
                let text = std::str::from_utf8(&token);
                ordinary.push(!text.is_ok_and(|text| special.contains(text)));
                bytes.extend(token);
                gap = 0;
            }
            Err(_) if gap == 1000 => break,
            Err(_) => {
                ordinary.push(false);
                gap += 1;
            }
        }
        ends.push(u32::try_from(bytes.len())?);
    }
    ends.truncate(ends.len() - gap);
    ordinary.truncate(ends.len());
    Ok((bytes, ends, ordinary))
}

fn slots(bytes: &[u8], ends: &[u32], ordinary: &[bool]) -> Vec<u32> {
    let mut slots = vec![0; hash::SLOTS];
    let mut start = 0;
    for (id, &end) in ends.iter().enumerate() {
        if ordinary[id] {
            let mut slot = hash::slot_of(&bytes[start..end as usize]);
            while slots[slot] != 0 {
                slot = hash::next_slot(slot);
            }
            slots[slot] = id as u32 + 1;
        }
        start = end as usize;
    }
    slots
}

/// The classes that the vocabulary's split pattern names, as tiktoken's regex engine knows them.
fn classes() -> Result<Vec<u8>, Box<dyn Error>> {
    let mut table = Vec::new();
    for (class, pattern) in [(1, r"\p{L}"), (2, r"\p{N}"), (3, r"\s")] {
        let hir = regex_syntax::parse(pattern)?;
        let HirKind::Class(Class::Unicode(ranges)) = hir.kind() else {
            return Err("a class is a class".into());
        };
        for code in ranges.iter().flat_map(|range| range.start() as usize..=range.end() as usize) {
            if table.len() <= code / 4 {
                table.resize(code / 4 + 1, 0);
            }
            table[code / 4] |= class << (code % 4 * 2);
        }
    }
    Ok(table)
}

fn longest(ends: &[u32]) -> u32 {
    let starts = std::iter::once(&0).chain(ends);
    ends.iter().zip(starts).map(|(end, start)| end - start).max().unwrap_or(0)
}

fn little_endian(numbers: &[u32]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_le_bytes()).collect()
}

#[expect(clippy::print_stdout, reason = "cargo reads its instructions there")]
fn rerun_if_changed() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=src/tokenizer/hash.rs");
}
