// SPDX-License-Identifier: Apache-2.0
//! Token counting with the `cl100k_base` vocabulary.

mod hash;
mod merge;
mod split;
mod vocabulary;

#[cfg(test)]
mod tests;

use lukhas_core::{Tokenizer, TokenizerError};

use merge::Merger;
use split::Pieces;

/// Pieces longer than this many bytes are encoded in parts of at most this size.
const LONGEST_PIECE: usize = 4096;

/// How far [`Cl100k::truncate`] looks beyond a token's end for a longer prefix, in bytes.
const LOOK_AHEAD: usize = 64;

/// The `cl100k_base` vocabulary.
///
/// Counts what tiktoken counts, in linear time. The one exception is text that has more than
/// 4 KiB without any place to split, such as a run of thousands of equal letters: it is encoded
/// in parts of 4 KiB, so that the count can be a token too high at each seam.
///
/// Its tables are part of the binary: a value has no size, nothing is loaded, and all values are
/// the same.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cl100k;

impl Cl100k {
    /// The vocabulary.
    #[must_use]
    pub const fn new() -> Self {
        Self
    }

    /// Brings the tables into memory (2.2 MB), so that the first request does not wait for them.
    ///
    /// Never needed, and done in less than a millisecond once the binary is in the page cache.
    pub fn warm(self) {
        std::hint::black_box(vocabulary::touch());
    }

    /// The tokens of `text`; special tokens are encoded as the text they are written with.
    #[must_use]
    pub fn encode(self, text: &str) -> Vec<u32> {
        let mut tokens = Vec::new();
        let mut merger = Merger::default();
        for piece in Pieces::new(text) {
            encode_piece(&mut merger, piece, |bytes| {
                tokens.extend(vocabulary::id_of(bytes))
            });
        }
        tokens
    }
}

impl Tokenizer for Cl100k {
    fn name(&self) -> &'static str {
        "cl100k_base"
    }

    fn count(&self, text: &str) -> usize {
        let mut count = 0;
        let mut merger = Merger::default();
        for piece in Pieces::new(text) {
            encode_piece(&mut merger, piece, |_| count += 1);
        }
        count
    }

    fn truncate<'t>(&self, text: &'t str, tokens: usize) -> &'t str {
        let Some(cut) = cut(text, tokens) else {
            return text;
        };
        let (before, tail) = text.split_at(cut.anchor);
        let tokens = tokens - cut.tokens_before_anchor;
        let fits = |end: &usize| tail.is_char_boundary(*end) && self.count(&tail[..*end]) <= tokens;
        // Cutting a character out of a token, or a run of spaces short, can change the count.
        let end = cut.end - cut.anchor;
        let end = (0..=end).rev().find(fits).unwrap_or(0);
        let reach = if end > LONGEST_PIECE { 0 } else { LOOK_AHEAD };
        let mut longest = end;
        for end in (end + 1..=tail.len().min(end + reach)).filter(|e| tail.is_char_boundary(*e)) {
            if !fits(&end) {
                break;
            }
            longest = end;
        }
        &text[..before.len() + longest]
    }

    fn decode(&self, tokens: &[u32]) -> Result<String, TokenizerError> {
        let mut bytes = Vec::with_capacity(tokens.len() * 4);
        for &token in tokens {
            let token = vocabulary::bytes_of(token).ok_or(TokenizerError::UnknownToken(token))?;
            bytes.extend_from_slice(token);
        }
        String::from_utf8(bytes).map_err(|_| TokenizerError::NotUtf8)
    }
}

/// Where a text exceeds a number of tokens.
struct Cut {
    /// End of the last token that fits.
    end: usize,
    /// What stands before this position has the same tokens whatever follows it.
    anchor: usize,
    tokens_before_anchor: usize,
}

/// `None` when all of `text` has at most `tokens` tokens.
fn cut(text: &str, tokens: usize) -> Option<Cut> {
    let mut merger = Merger::default();
    let mut cut = Cut {
        end: 0,
        anchor: 0,
        tokens_before_anchor: 0,
    };
    let mut count = 0;
    let mut at = 0;
    for piece in Pieces::new(text) {
        // How white space splits depends on what comes after it.
        if !text[..at].ends_with(char::is_whitespace) {
            (cut.anchor, cut.tokens_before_anchor) = (at, count);
        }
        encode_piece(&mut merger, piece, |token| {
            count += 1;
            at += token.len();
            if count <= tokens {
                cut.end = at;
            }
        });
        if count > tokens {
            return Some(cut);
        }
    }
    None
}

/// Calls `token` with the bytes of each token of `piece`, in order.
fn encode_piece<'p>(merger: &mut Merger, piece: &'p str, mut token: impl FnMut(&'p [u8])) {
    if vocabulary::id_of(piece.as_bytes()).is_some() {
        return token(piece.as_bytes());
    }
    let mut rest = piece;
    while !rest.is_empty() {
        let (part, after) = rest.split_at(rest.floor_char_boundary(LONGEST_PIECE));
        merger.tokens(part.as_bytes(), &mut token);
        rest = after;
    }
}
