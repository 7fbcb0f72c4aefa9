// SPDX-License-Identifier: Apache-2.0
//! Patterns that an operator writes.

use crate::finding::Kind;

/// A pattern of an operator: one more detector.
///
/// It matches whole words: where its match begins and ends, no letter, digit or `_` (of ASCII)
/// touches it. It comes behind the detectors of this crate.
#[derive(Clone, Debug)]
pub struct CustomPattern {
    pub(super) entity: String,
    pub(super) pattern: String,
    pub(super) kind: Kind,
    pub(super) score: f32,
    pub(super) context: Vec<String>,
}

impl CustomPattern {
    /// Patterns that one set of rules has at most.
    pub const MAX_COUNT: usize = 100;
    /// Bytes of a pattern at most.
    pub const MAX_BYTES: usize = 1000;
    /// Context words of a pattern at most.
    pub const MAX_CONTEXT: usize = 100;

    /// Finds what matches `pattern` and calls it `entity`, personal data with score 1.
    #[must_use]
    pub fn new(entity: impl Into<String>, pattern: impl Into<String>) -> Self {
        Self {
            entity: entity.into(),
            pattern: pattern.into(),
            kind: Kind::Pii,
            score: 1.0,
            context: Vec::new(),
        }
    }

    /// Says that it finds secrets, or personal data.
    #[must_use]
    pub const fn with_kind(mut self, kind: Kind) -> Self {
        self.kind = kind;
        self
    }

    /// Says how sure it is, above 0 and 1 at the most.
    #[must_use]
    pub const fn with_score(mut self, score: f32) -> Self {
        self.score = score;
        self
    }

    /// Finds only what has one of `words` within 64 characters to its left, in any case.
    #[must_use]
    pub fn with_context(mut self, words: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.context = words.into_iter().map(Into::into).collect();
        self
    }
}
