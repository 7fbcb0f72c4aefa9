// SPDX-License-Identifier: Apache-2.0
//! A row of the tables of detectors.

use std::ops::Range;

use crate::context::Context;
use crate::finding::Kind;
use crate::tail::Tail;

/// Finds one form of one entity.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Detector {
    pub(crate) kind: Kind,
    pub(crate) entity: &'static str,
    /// The rule's own name, unique among all rows.
    pub(crate) rule: &'static str,
    /// A regular expression of bounded length, over ASCII unless it says otherwise. Word boundaries
    /// at both its ends are added, but not before a tail.
    pub(crate) pattern: &'static str,
    pub(crate) check: Check,
    pub(crate) context: Context,
    /// How sure it is without context words.
    pub(crate) score: f32,
    /// What belongs to the value behind the match, however long.
    pub(crate) tail: Option<Tail>,
}

/// Says which part of a candidate is the value, or that there is none.
///
/// INVARIANT: it looks at the candidate alone. Whatever it says is then the same for every way of
/// cutting a text into pieces.
pub(crate) type Check = fn(Candidate<'_>) -> Option<Range<usize>>;

/// What a pattern matched, before its check.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Candidate<'t> {
    /// The matched text.
    pub(crate) text: &'t str,
    /// The character before it, unless that belongs to a value or the text begins here.
    pub(crate) before: Option<char>,
}

/// The check of what needs none.
pub(crate) fn whole(candidate: Candidate<'_>) -> Option<Range<usize>> {
    candidate.whole_if(true)
}

impl Candidate<'_> {
    /// All of it, if `holds`.
    pub(crate) fn whole_if(self, holds: bool) -> Option<Range<usize>> {
        holds.then_some(0..self.text.len())
    }
}

impl Detector {
    /// Personal data, found by `pattern` alone.
    pub(crate) const fn pii(
        entity: &'static str,
        rule: &'static str,
        pattern: &'static str,
    ) -> Self {
        Self::new(Kind::Pii, entity, rule, pattern)
    }

    /// A secret, found by `pattern` alone.
    pub(crate) const fn secret(
        entity: &'static str,
        rule: &'static str,
        pattern: &'static str,
    ) -> Self {
        Self::new(Kind::Secret, entity, rule, pattern)
    }

    const fn new(
        kind: Kind,
        entity: &'static str,
        rule: &'static str,
        pattern: &'static str,
    ) -> Self {
        Self {
            kind,
            entity,
            rule,
            pattern,
            check: whole,
            context: Context::Free,
            score: 1.0,
            tail: None,
        }
    }

    pub(crate) const fn checked(mut self, check: Check) -> Self {
        self.check = check;
        self
    }

    pub(crate) const fn with_context(mut self, context: Context) -> Self {
        self.context = context;
        self
    }

    pub(crate) const fn with_score(mut self, score: f32) -> Self {
        self.score = score;
        self
    }

    pub(crate) const fn with_tail(mut self, tail: Tail) -> Self {
        self.tail = Some(tail);
        self
    }
}
