// SPDX-License-Identifier: Apache-2.0
//! Texts to words: runs of letters and digits, alike for spellings that people take for the same.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Bytes of text that are read at once.
const PIECE: usize = 16 << 10;

/// Most characters of a word; a longer run is cut into several.
pub(super) const MAX_WORD: usize = 64;

/// Puts words together, character by character, over any number of pieces.
#[derive(Default)]
pub(super) struct Words {
    /// The word that has begun.
    word: Vec<char>,
}

/// What a character is to words.
#[derive(Debug, PartialEq, Eq)]
enum Class {
    /// A part of a word.
    Letter,
    /// A word of its own: an ideograph or a symbol.
    Whole,
    /// Nothing, not even a boundary: accents, joiners, variation selectors.
    Ignored,
    /// A boundary.
    Boundary,
}

/// `text` in pieces, each cut before an ASCII character where there is one in reach, so that no
/// accent is cut from its letter.
pub(super) fn pieces(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let (piece, tail) = rest.split_at(piece_end(rest));
        rest = tail;
        Some(piece)
    })
}

fn piece_end(text: &str) -> usize {
    let Some(tail) = text.as_bytes().get(PIECE..) else {
        return text.len();
    };
    match tail.iter().take(PIECE).position(u8::is_ascii) {
        Some(at) => PIECE + at,
        None => text.ceil_char_boundary(2 * PIECE),
    }
}

impl Words {
    /// Reads a piece and gives each whole word to `found`.
    pub(super) fn read(&mut self, piece: &str, mut found: impl FnMut(&[char])) {
        let mut rest = piece;
        while !rest.is_empty() {
            let ascii = rest
                .bytes()
                .position(|byte| !byte.is_ascii())
                .unwrap_or(rest.len());
            let (head, tail) = rest.split_at(ascii);
            for byte in head.bytes() {
                if byte.is_ascii_alphanumeric() {
                    self.letter(char::from(byte.to_ascii_lowercase()), &mut found);
                } else {
                    self.end(&mut found);
                }
            }
            let other = tail
                .bytes()
                .position(|byte| byte.is_ascii())
                .unwrap_or(tail.len());
            let (head, tail) = tail.split_at(other);
            for character in head.nfkd().flat_map(folded) {
                self.character(character, &mut found);
            }
            rest = tail;
        }
    }

    /// The text ends here, and with it the word.
    pub(super) fn end(&mut self, found: &mut impl FnMut(&[char])) {
        if !self.word.is_empty() {
            found(&self.word);
            self.word.clear();
        }
    }

    fn character(&mut self, character: char, found: &mut impl FnMut(&[char])) {
        match Class::of(character) {
            Class::Letter => self.letter(character, found),
            Class::Whole => {
                self.end(found);
                found(&[character]);
            }
            Class::Ignored => {}
            Class::Boundary => self.end(found),
        }
    }

    fn letter(&mut self, character: char, found: &mut impl FnMut(&[char])) {
        self.word.push(character);
        if self.word.len() == MAX_WORD {
            self.end(found);
        }
    }
}

/// A character without regard to case. Upper case first: it makes one of `ß` and `ss`, and of `ς`
/// and `σ`. What is decomposed stays so.
fn folded(character: char) -> impl Iterator<Item = char> {
    let character = if character == 'ẞ' { 'ß' } else { character };
    character.to_uppercase().flat_map(char::to_lowercase)
}

impl Class {
    fn of(character: char) -> Self {
        match character {
            // Accents of European scripts, soft hyphen, joiners, variation selectors.
            '\u{300}'..='\u{36F}'
            | '\u{AD}'
            | '\u{200C}'..='\u{200D}'
            | '\u{2060}'
            | '\u{FE00}'..='\u{FE0F}' => Self::Ignored,
            // Han ideographs.
            '\u{3005}'..='\u{3007}'
            | '\u{3400}'..='\u{4DBF}'
            | '\u{4E00}'..='\u{9FFF}'
            | '\u{20000}'..='\u{3FFFD}' => Self::Whole,
            // Currencies; arrows, mathematics, technical signs, dingbats; emoji.
            '\u{20A0}'..='\u{20CF}' | '\u{2190}'..='\u{2BFF}' | '\u{1F000}'..='\u{1FAFF}' => {
                Self::Whole
            }
            letter if letter.is_alphanumeric() || is_combining_mark(letter) => Self::Letter,
            _ => Self::Boundary,
        }
    }
}

#[cfg(test)]
mod tests;
