// SPDX-License-Identifier: Apache-2.0
//! Detectors, compiled.

mod compile;
mod custom;
mod pattern;

#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::fmt;
use std::ops::Range;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::Arc;

use regex_automata::hybrid::dfa::{self, DFA};
use regex_automata::meta::{self, Regex};
use regex_automata::util::pool::{Pool, PoolGuard};
use regex_automata::{Anchored, Input, Match, PatternID};

use crate::context::{Context, any_word};
use crate::detector::{Candidate, Check};
use crate::finding::{Kind, Redacted};
use crate::redactor::Redactor;
use crate::tail::Tail;
use crate::vault::Vault;

pub use compile::{RulesConfig, RulesError};
pub use custom::CustomPattern;
pub use pattern::PatternFault;

/// The most bytes that a match may have; a value may go on behind it.
pub(crate) const MAX_MATCH: usize = 256;

/// The most bytes that a stream ever holds back: what may become a match, behind another one that is no
/// value and could leave one if a value begins within it.
pub const MAX_HOLD: usize = 2 * MAX_MATCH;

/// Detectors, compiled. Clones share them.
///
/// All patterns are one automaton, which finds the leftmost match. Where several match, the first
/// rule in the order of the tables whose check agrees has the value.
#[derive(Clone)]
pub struct Rules {
    compiled: Arc<Compiled>,
}

pub(crate) struct Compiled {
    /// In the order of the patterns.
    rows: Vec<Row>,
    /// All patterns.
    matcher: Regex,
    /// All prefixes of all patterns, read from the right.
    prefixes: DFA,
    caches: Pool<Caches, MakeCaches>,
}

/// What the automata write down as they run.
pub(crate) struct Caches {
    matcher: meta::Cache,
    prefixes: dfa::Cache,
}

type MakeCaches = Box<dyn Fn() -> Caches + Send + Sync + UnwindSafe + RefUnwindSafe>;
pub(crate) type CachesGuard<'r> = PoolGuard<'r, Caches, MakeCaches>;

/// One rule.
pub(crate) struct Row {
    pub(crate) value: RowValue,
    check: Check,
    context: RowContext,
    score: f32,
    pub(crate) tail: Option<Tail>,
    /// The bytes that a match may begin with.
    first: pattern::Bytes,
}

/// What a match of a row is.
pub(crate) enum RowValue {
    /// A value to be replaced.
    Entity {
        kind: Kind,
        entity: Arc<str>,
        rule: Arc<str>,
        placeholder: String,
    },
    /// A placeholder of an earlier redaction, which stays.
    Placeholder,
}

enum RowContext {
    BuiltIn(Context),
    Custom(Vec<String>),
}

/// A text that is searched.
#[derive(Clone, Copy)]
pub(crate) struct View<'t> {
    pub(crate) text: &'t str,
    /// Where it begins, for boundaries of words and for context.
    pub(crate) wall: usize,
}

/// What a search comes to.
pub(crate) enum Next<'r> {
    /// There is a value.
    Hit(Hit<'r>),
    /// There is none, and there will be none before `until`. It is before what is settled where a match
    /// that is no value reaches beyond that: a value may begin within it, and what is left of it be one.
    Nothing { until: usize },
}

/// A value in a text.
pub(crate) struct Hit<'r> {
    pub(crate) row: &'r Row,
    /// From where to look again once the text ends at this value, which hides what is behind: where
    /// its own match begins, or one that is no value and reaches into it.
    pub(crate) start: usize,
    pub(crate) range: Range<usize>,
    pub(crate) score: f32,
}

/// Matches that are no value, in the order of their beginnings, as far back as one of them reaches.
#[derive(Default)]
struct Refused(VecDeque<Range<usize>>);

impl Refused {
    fn push(&mut self, match_: Range<usize>) {
        let oldest = match_.start.saturating_sub(MAX_MATCH);
        while self.0.front().is_some_and(|first| first.start < oldest) {
            self.0.pop_front();
        }
        self.0.push_back(match_);
    }

    /// Where the first of them begins that reaches into what begins at `place`, or into one that does:
    /// a value at `place` cuts them all off, and what is left of one may be a value that cuts off the
    /// one before. Only as far back as a match reaches, so that no more than that is ever held back.
    fn reaching(&self, place: usize) -> Option<usize> {
        let oldest = place.saturating_sub(MAX_MATCH);
        let mut first = place;
        for match_ in self.0.iter().rev().filter(|match_| match_.start >= oldest) {
            if match_.end > first {
                first = first.min(match_.start);
            }
        }
        (first < place).then_some(first)
    }
}

impl Rules {
    /// Compiles the detectors that `config` names.
    ///
    /// # Errors
    /// [`RulesError`] if an entity is unknown, or a pattern cannot be had.
    pub fn new(config: &RulesConfig) -> Result<Self, RulesError> {
        let compiled = Arc::new(compile::compile(config)?);
        Ok(Self { compiled })
    }

    /// Replaces the values in a whole text.
    #[must_use]
    pub fn redact(&self, text: &str) -> Redacted {
        let mut out = Redacted::default();
        let mut redactor = self.redactor();
        redactor.push(text, &mut out);
        redactor.finish(&mut out);
        out
    }

    /// Replaces the values in a text that comes in pieces.
    #[must_use]
    pub fn redactor(&self) -> Redactor {
        Redactor::new(self.clone(), None)
    }

    /// The same with placeholders that `vault` can turn back.
    #[must_use]
    pub fn redactor_into(&self, vault: Vault) -> Redactor {
        Redactor::new(self.clone(), Some(vault))
    }

    pub(crate) fn compiled(&self) -> &Compiled {
        &self.compiled
    }
}

impl Compiled {
    pub(crate) fn caches(&self) -> CachesGuard<'_> {
        self.caches.get()
    }

    /// Where in `text` the longest suffix begins that some pattern may begin with. What starts
    /// before it can no longer change, whatever comes.
    pub(crate) fn settled(&self, caches: &mut Caches, text: &str) -> usize {
        // No match is longer, so no prefix is.
        let from = text.len().saturating_sub(MAX_MATCH);
        let input = Input::new(text).range(from..).anchored(Anchored::Yes);
        match self.prefixes.try_search_rev(&mut caches.prefixes, &input) {
            Ok(found) => found.map_or(text.len(), |found| found.offset()),
            // It would have to give up, which it is not told to.
            Err(_) => text.floor_char_boundary(from),
        }
    }

    /// The first value whose match begins at `from` or later and before `settled`.
    pub(crate) fn next(
        &self,
        caches: &mut Caches,
        view: View<'_>,
        from: usize,
        settled: usize,
    ) -> Next<'_> {
        let mut refused = Refused::default();
        let mut at = from;
        while at < settled {
            let found = self.search(caches, view, at, Anchored::No);
            let Some(found) = found.filter(|found| found.start() < settled) else {
                break;
            };
            let (start, mut end) = (found.start(), found.end());
            let hit = self.hit(view, &found);
            if let Some(mut hit) = hit.or_else(|| self.other(caches, view, &found, &mut end)) {
                hit.start = refused.reaching(hit.range.start).unwrap_or(hit.start);
                return Next::Hit(hit);
            }
            refused.push(start..end);
            at = start + view.text[start..].chars().next().map_or(1, char::len_utf8);
        }
        Next::Nothing {
            until: refused.reaching(settled).unwrap_or(settled),
        }
    }

    /// A value of a later rule where the match `refused` is none; `end` becomes that of the longest
    /// match there.
    fn other(
        &self,
        caches: &mut Caches,
        view: View<'_>,
        refused: &Match,
        end: &mut usize,
    ) -> Option<Hit<'_>> {
        let start = refused.start();
        let byte = *view.text.as_bytes().get(start)?;
        let later = self.rows.iter().enumerate();
        let later = later.skip(refused.pattern().as_usize() + 1);
        let mut possible = later.filter(|(_, row)| byte == ESCAPE || row.first.has(byte));
        possible.find_map(|(index, _)| {
            let pattern = PatternID::new(index).ok()?;
            let found = self.search(caches, view, start, Anchored::Pattern(pattern))?;
            *end = found.end().max(*end);
            self.hit(view, &found)
        })
    }

    fn search(
        &self,
        caches: &mut Caches,
        view: View<'_>,
        from: usize,
        anchored: Anchored,
    ) -> Option<Match> {
        let input = Input::new(&view.text[view.wall..])
            .range(from - view.wall..)
            .anchored(anchored);
        let found = self.matcher.search_with(&mut caches.matcher, &input)?;
        let (start, end) = (found.start() + view.wall, found.end() + view.wall);
        Some(Match::new(found.pattern(), start..end))
    }

    fn hit(&self, view: View<'_>, found: &Match) -> Option<Hit<'_>> {
        let row = self.rows.get(found.pattern().as_usize())?;
        let matched = &view.text[found.range()];
        let escape = row.escape(matched);
        let start = found.start() + escape;
        let before = &view.text[view.wall..start];
        let candidate = Candidate {
            text: &matched[escape..],
            before: before.chars().next_back().filter(|_| escape == 0),
        };
        let value = (row.check)(candidate)?;
        Some(Hit {
            row,
            start,
            range: start + value.start..start + value.end,
            score: row.context.score(row.score, before)?,
        })
    }
}

/// What begins the escape of white space that may stand before a value.
const ESCAPE: u8 = b'\\';
/// Bytes of one.
const ESCAPE_BYTES: usize = 2;

impl Row {
    /// Bytes of `matched` that are such an escape.
    fn escape(&self, matched: &str) -> usize {
        match matched.as_bytes().first() {
            Some(&ESCAPE) if !self.first.has(ESCAPE) => ESCAPE_BYTES,
            _ => 0,
        }
    }
}

impl RowContext {
    fn score(&self, score: f32, before: &str) -> Option<f32> {
        match self {
            Self::BuiltIn(context) => context.score(score, before),
            Self::Custom(words) => any_word(words, before).then_some(score),
        }
    }
}

impl fmt::Debug for Rules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rules = self.compiled.rows.len();
        f.debug_struct("Rules")
            .field("rules", &rules)
            .finish_non_exhaustive()
    }
}
