// SPDX-License-Identifier: Apache-2.0
//! Redaction of a text that comes in pieces.
//!
//! Patterns are regular and of bounded length, and look at one character on each side at most;
//! checks look at the match, context words to its left. What starts at some place is therefore
//! decided once the automaton that reads from there can go no further. The text before the first
//! place where it still can is final, and nothing else is ever released. A whole text is one piece
//! and an end.

mod pass;

#[cfg(test)]
mod tests;

use std::fmt;

use crate::context::REACH_BYTES;
use crate::finding::Redacted;
use crate::rules::{Progress, Rules};
use crate::vault::Vault;

use pass::{Pass, Scan};

/// Replaces the values in a text that comes in pieces.
///
/// What it appends is the same for every way of cutting the text. It never holds back more than
/// [`MAX_HOLD`](crate::MAX_HOLD) bytes, and no part of a value is ever released. One redactor
/// belongs to one text: to one choice, item and content part of an answer.
///
/// A text is complete only after [`Redactor::finish`], also when its stream was cut: what is held
/// back is released by nothing else.
pub struct Redactor {
    rules: Rules,
    vault: Option<Vault>,
    /// The text from some place before what is held back, as far as it may still be looked at.
    text: String,
    scan: Scan,
}

/// Bytes of a word that is waited for.
const MAX_WORD: usize = 64;

/// Released bytes that are kept before they are thrown away together.
const SLACK: usize = 4096;

impl Redactor {
    pub(crate) fn new(rules: Rules, vault: Option<Vault>) -> Self {
        Self {
            rules,
            vault,
            text: String::new(),
            scan: Scan::default(),
        }
    }

    /// Takes the next piece of the text and appends what is decided to `out`.
    pub fn push(&mut self, piece: &str, out: &mut Redacted) {
        self.text.push_str(piece);
        if self.is_within_word(piece) {
            return;
        }
        out.text.reserve(piece.len());
        self.advance(Progress::More, out);
        self.compact();
    }

    /// Whether `piece` only lengthens a word, which may become an address until it ends: it is waited
    /// for without a look. What is released later is released all the same.
    fn is_within_word(&self, piece: &str) -> bool {
        !self.scan.is_open()
            && self.held() <= MAX_WORD
            && piece.bytes().all(|byte| byte.is_ascii_alphanumeric())
    }

    /// Ends the text and appends what was held back to `out`. The next piece begins a new text.
    pub fn finish(&mut self, out: &mut Redacted) {
        self.advance(Progress::Ended, out);
        self.text.clear();
        self.scan = Scan::default();
    }

    /// Bytes that are held back.
    #[must_use]
    pub fn held(&self) -> usize {
        self.text.len() - self.scan.position()
    }

    fn advance(&mut self, progress: Progress, out: &mut Redacted) {
        let compiled = self.rules.compiled();
        let pass = Pass {
            scan: &mut self.scan,
            compiled,
            cache: &mut compiled.cache(),
            vault: self.vault.as_ref(),
            text: &self.text,
            out,
        };
        pass.advance(progress);
    }

    /// Forgets released text, up to what context may reach.
    fn compact(&mut self) {
        let position = self.scan.position();
        if position < SLACK {
            return;
        }
        let keep = position.saturating_sub(REACH_BYTES).max(self.scan.wall());
        let keep = self.text.floor_char_boundary(keep);
        self.text.drain(..keep);
        self.scan.forget(keep);
    }
}

/// Replaces the values in a whole text, with placeholders of `vault` where there is one.
pub(crate) fn redact(rules: &Rules, vault: Option<&Vault>, text: &str) -> Redacted {
    let mut out = Redacted::default();
    out.text.reserve(text.len());
    let compiled = rules.compiled();
    let pass = Pass {
        scan: &mut Scan::default(),
        compiled,
        cache: &mut compiled.cache(),
        vault,
        text,
        out: &mut out,
    };
    pass.advance(Progress::Ended);
    out
}

/// Without the text, which may hold a value.
impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redactor")
            .field("held", &self.held())
            .finish_non_exhaustive()
    }
}
