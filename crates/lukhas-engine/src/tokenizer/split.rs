// SPDX-License-Identifier: Apache-2.0
//! Cuts text into the pieces that tokens never cross.
//!
//! The vocabulary's pattern, by hand and in linear time (a backtracking engine is quadratic on
//! long runs of white space, and gives up on them):
//!
//! ```text
//! '(?i:[sdmt]|ll|ve|re) | [^\r\n\p{L}\p{N}]?+\p{L}++ | \p{N}{1,3}+ | ?[^\s\p{L}\p{N}]++[\r\n]*+
//! | \s++$ | \s*[\r\n] | \s+(?!\S) | \s
//! ```
//!
//! Source: `cl100k_base` of tiktoken, `openai_public.py`.

use super::vocabulary::{Class, class_of, class_of_ascii};

/// The pieces of a text, in order; together they are the text.
#[derive(Debug)]
pub(super) struct Pieces<'t> {
    rest: &'t str,
}

impl<'t> Pieces<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self { rest: text }
    }
}

impl<'t> Iterator for Pieces<'t> {
    type Item = &'t str;

    fn next(&mut self) -> Option<&'t str> {
        let first = self.rest.chars().next()?;
        let (piece, rest) = self.rest.split_at(piece_len(first, self.rest));
        self.rest = rest;
        Some(piece)
    }
}

fn piece_len(first: char, text: &str) -> usize {
    if let Some(len) = contraction(text) {
        return len;
    }
    match class_of(first) {
        Class::Letter => run(text, Class::Letter),
        Class::Number => text
            .chars()
            .take(3)
            .take_while(|c| class_of(*c) == Class::Number)
            .map(char::len_utf8)
            .sum(),
        class @ (Class::Other | Class::Space) => {
            let after = &text[first.len_utf8()..];
            let letters = match first {
                '\r' | '\n' => 0,
                _ => run(after, Class::Letter),
            };
            if letters > 0 {
                first.len_utf8() + letters
            } else if class == Class::Other {
                punctuation(text)
            } else {
                let others = if first == ' ' { punctuation(after) } else { 0 };
                if others > 0 { 1 + others } else { space(text) }
            }
        }
    }
}

/// Length of an apostrophe and the end of an English contraction.
fn contraction(text: &str) -> Option<usize> {
    let after = text.strip_prefix('\'')?;
    let mut chars = after.chars();
    match (chars.next()?, chars.next()) {
        // Case folding makes the long s an s.
        ('s' | 'S' | 'd' | 'D' | 'm' | 'M' | 't' | 'T', _) => Some(2),
        ('ſ', _) => Some(1 + 'ſ'.len_utf8()),
        ('l' | 'L', Some('l' | 'L')) => Some(3),
        ('v' | 'V' | 'r' | 'R', Some('e' | 'E')) => Some(3),
        _ => None,
    }
}

/// Length of a run of other characters and the line ends after it; 0 without the former.
fn punctuation(text: &str) -> usize {
    match run(text, Class::Other) {
        0 => 0,
        others => others + line_ends(&text[others..]),
    }
}

fn line_ends(text: &str) -> usize {
    text.len() - text.trim_start_matches(['\r', '\n']).len()
}

/// Length of the piece at the start of a run of white space.
fn space(text: &str) -> usize {
    let run = run(text, Class::Space);
    let spaces = &text[..run];
    if run == text.len() {
        return run;
    }
    if let Some(last) = spaces.rfind(['\r', '\n']) {
        return last + 1;
    }
    // The last space belongs to what follows, unless it stands alone.
    let last = spaces.chars().next_back().map_or(0, char::len_utf8);
    if run == last { run } else { run - last }
}

/// Length of the run of `class` at the start of `text`.
fn run(text: &str, class: Class) -> usize {
    let mut len = 0;
    while let Some(&byte) = text.as_bytes().get(len) {
        let (its, width) = match class_of_ascii(byte) {
            Some(its) => (its, 1),
            None => match text[len..].chars().next() {
                Some(c) => (class_of(c), c.len_utf8()),
                None => break,
            },
        };
        if its != class {
            break;
        }
        len += width;
    }
    len
}
