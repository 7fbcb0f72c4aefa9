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
    let tokens = Tokens::read()?;
    let classes = classes()?;
    let sizes = format!(
        "/// Number of ids, gaps included.\npub(super) const IDS: usize = {};\n\
         /// Bytes of the longest token.\npub(super) const LONGEST: usize = {};\n\
         /// Code points from here on are of class other.\n\
         pub(super) const CLASSED: usize = {};\n",
        tokens.ends.len(),
        tokens.longest(),
        classes.len() * 4,
    );
    fs::write(out.join("cl100k.rs"), sizes)?;
    fs::write(out.join("cl100k.slots"), little_endian(&tokens.slots()))?;
    fs::write(out.join("cl100k.ends"), little_endian(&tokens.ends))?;
    fs::write(out.join("cl100k.bytes"), tokens.bytes)?;
    fs::write(out.join("cl100k.classes"), classes)?;
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=src/tokenizer/hash.rs");
    Ok(())
}

/// The vocabulary, by id.
#[derive(Default)]
struct Tokens {
    bytes: Vec<u8>,
    ends: Vec<u32>,
    /// Whether a token is found in text, and not special.
    ordinary: Vec<bool>,
}

impl Tokens {
    fn read() -> Result<Self, Box<dyn Error>> {
        /// More ids than this in a row are unused only after the last one.
        const LONGEST_GAP: usize = 1000;
        let vocabulary = tiktoken_rs::cl100k_base()?;
        let special = vocabulary.special_tokens();
        let mut tokens = Self::default();
        let mut gap = 0;
        for id in 0.. {
            let token = vocabulary.decode_bytes(&[id]).unwrap_or_default();
            gap = if token.is_empty() { gap + 1 } else { 0 };
            if gap > LONGEST_GAP {
                break;
            }
            let text = std::str::from_utf8(&token).unwrap_or_default();
            tokens
                .ordinary
                .push(!token.is_empty() && !special.contains(text));
            tokens.bytes.extend(token);
            tokens.ends.push(u32::try_from(tokens.bytes.len())?);
        }
        tokens.ends.truncate(tokens.ends.len() - LONGEST_GAP);
        Ok(tokens)
    }

    /// The bytes of each token.
    fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let starts = std::iter::once(&0).chain(&self.ends);
        starts
            .zip(&self.ends)
            .map(|(start, end)| &self.bytes[*start as usize..*end as usize])
    }

    fn longest(&self) -> usize {
        self.iter().map(<[u8]>::len).max().unwrap_or(0)
    }

    fn slots(&self) -> Vec<u32> {
        let mut slots = vec![0; hash::SLOTS];
        for (id, token) in (1..)
            .zip(self.iter())
            .filter(|(id, _)| self.ordinary[*id as usize - 1])
        {
            let mut slot = hash::slot_of(token);
            while slots[slot] != 0 {
                slot = hash::next_slot(slot);
            }
            slots[slot] = id;
        }
        slots
    }
}

/// The classes that the vocabulary's split pattern names, as tiktoken's regex engine knows them.
fn classes() -> Result<Vec<u8>, Box<dyn Error>> {
    let mut table = Vec::new();
    for (class, pattern) in [(1, r"\p{L}"), (2, r"\p{N}"), (3, r"\s")] {
        let hir = regex_syntax::parse(pattern)?;
        let HirKind::Class(Class::Unicode(ranges)) = hir.kind() else {
            return Err("a class is a class".into());
        };
        for code in ranges
            .iter()
            .flat_map(|range| range.start() as usize..=range.end() as usize)
        {
            if table.len() <= code / 4 {
                table.resize(code / 4 + 1, 0);
            }
            table[code / 4] |= class << (code % 4 * 2);
        }
    }
    Ok(table)
}

fn little_endian(numbers: &[u32]) -> Vec<u8> {
    numbers
        .iter()
        .flat_map(|number| number.to_le_bytes())
        .collect()
}
