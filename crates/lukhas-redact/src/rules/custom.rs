// SPDX-License-Identifier: Apache-2.0
//! Patterns that an operator writes.

use regex_syntax::hir::Hir;

use super::compile::{self, Ending};
use super::pattern::{self, Alphabet, Bytes, PatternFault};
use crate::finding::Kind;
use crate::placeholder;

/// A pattern of an operator: one more detector, behind those of this crate.
///
/// It matches whole words: where its match begins and ends, no letter, digit or `_` (of ASCII)
/// touches it. The syntax is that of the `regex` crate, without what has no bound.
///
/// ```
/// use lukhas_redact::{CustomPattern, PatternFault};
///
/// assert!(CustomPattern::new("EMPLOYEE", r"EMP-\d{4,6}").is_ok());
/// let fault = CustomPattern::new("EMPLOYEE", r"EMP-\d+").unwrap_err();
/// assert_eq!(fault, PatternFault::Unbounded);
/// ```
#[derive(Clone, Debug)]
pub struct CustomPattern {
    pub(super) entity: String,
    pub(super) kind: Kind,
    pub(super) context: Vec<String>,
    pub(super) first: Bytes,
    pub(super) tree: Hir,
}

/// Bytes of one pattern's automaton at most. What takes more is refused, not run slowly.
const MAX_SIZE: usize = 256 * 1024;

impl CustomPattern {
    /// Patterns that one set of rules has at most.
    pub const MAX_COUNT: usize = 100;
    /// Bytes of a pattern at most.
    pub const MAX_BYTES: usize = 1000;
    /// Context words of a pattern at most.
    pub const MAX_CONTEXT: usize = 100;

    /// Finds what matches `pattern` and calls it `entity`: personal data, unless it is said to be
    /// secret.
    ///
    /// # Errors
    /// [`PatternFault`] says why the name or the pattern cannot be used.
    pub fn new(entity: impl Into<String>, pattern: &str) -> Result<Self, PatternFault> {
        let entity = entity.into();
        if !placeholder::is_name(&entity) {
            return Err(PatternFault::Name);
        }
        if pattern.len() > Self::MAX_BYTES {
            return Err(PatternFault::Text(pattern.len()));
        }
        let tree = pattern::admit(&pattern::parse(pattern, Alphabet::Unicode)?)?;
        let first = pattern::first_bytes(&tree);
        let tree = compile::words(tree, Ending::Word);
        compile::nfa(std::slice::from_ref(&tree), MAX_SIZE).map_err(|_| PatternFault::TooLarge)?;
        Ok(Self {
            entity,
            kind: Kind::Pii,
            context: Vec::new(),
            first,
            tree,
        })
    }

    /// Says that it finds secrets, or personal data.
    #[must_use]
    pub const fn with_kind(mut self, kind: Kind) -> Self {
        self.kind = kind;
        self
    }

    /// Finds only what has one of `words` within 64 characters to its left, in any case.
    #[must_use]
    pub fn with_context(mut self, words: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.context = words.into_iter().map(Into::into).collect();
        self
    }
}
