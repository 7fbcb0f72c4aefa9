// SPDX-License-Identifier: Apache-2.0
//! The search for the next value in a text.
//!
//! A match begins where a word does, or with one of a few bytes. From each such place an automaton
//! reads on until no pattern can match any more: then it is decided what begins there. Where there
//! was nothing for a while, the same automaton first looks for the end of the next match, wherever
//! that begins, which takes less time for each byte and more for each match.

use std::collections::VecDeque;
use std::ops::Range;

use regex_automata::hybrid::LazyStateID;
use regex_automata::hybrid::dfa::DFA;
use regex_automata::util::start;
use regex_automata::{Anchored, Input, Match, PatternID};

use super::pattern::Bytes;
use super::{Cache, Compiled, MAX_MATCH, Row, RowContext};
use crate::detector::Candidate;

/// Whether more of a text may come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    More,
    Ended,
}

/// A text that is searched.
#[derive(Clone, Copy)]
pub(crate) struct View<'t> {
    pub(crate) text: &'t str,
    /// Where it begins, for boundaries of words and for context.
    pub(crate) wall: usize,
    pub(crate) progress: Progress,
}

/// What a search comes to.
pub(crate) enum Next<'r> {
    /// There is a value.
    Hit(Hit<'r>),
    /// There is none, and there will be none before `until`. Behind it, what begins may be one with
    /// what comes; or what is left of a match that is no value, if one begins within it.
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

/// What begins the escape of white space that may stand before a value.
const ESCAPE: u8 = b'\\';
/// Bytes of one.
pub(super) const ESCAPE_BYTES: usize = 2;

/// Bytes behind a match in which the next one is looked for place by place.
const NEAR: usize = MAX_MATCH;

/// What there is at one place.
enum Found<'r> {
    /// It depends on what comes.
    Open,
    Nothing,
    /// A match that ends at `end`, and is no value.
    Refused {
        end: usize,
    },
    /// A value; what is at `looked` and behind it had no part in that.
    Value {
        hit: Hit<'r>,
        looked: usize,
    },
}

/// What the automaton says of one place.
struct Run {
    found: Option<Match>,
    /// What is there and behind it was not read.
    looked: usize,
    /// Whether more of the text may change it.
    open: bool,
}

/// Where a match may begin.
pub(super) struct Starts([u8; 256]);

impl Starts {
    /// A letter, digit or `_`.
    const WORD: u8 = 1;
    /// A match may begin with it where a word may begin.
    const FIRST: u8 = 2;
    /// A match may begin with it anywhere.
    const ANYWHERE: u8 = 4;

    /// Where matches begin with `first` where a word may begin, and with `anywhere` anywhere.
    pub(super) fn new(first: Bytes, anywhere: Bytes) -> Self {
        let mut table = [0; 256];
        for (byte, class) in (0..=u8::MAX).zip(&mut table) {
            let classes = [
                (byte.is_ascii_alphanumeric() || byte == b'_', Self::WORD),
                (first.has(byte), Self::FIRST),
                (anywhere.has(byte) || byte == ESCAPE, Self::ANYWHERE),
            ];
            for (_, flag) in classes.iter().filter(|(is, _)| *is) {
                *class |= flag;
            }
        }
        Self(table)
    }

    /// The first place at `from` or behind it where a match may begin.
    fn next(&self, view: View<'_>, from: usize) -> Option<usize> {
        let bytes = view.text.as_bytes();
        let class = |byte: u8| self.0[usize::from(byte)];
        let mut within = from > view.wall && class(bytes[from - 1]) & Self::WORD != 0;
        let at = bytes[from..].iter().position(|&byte| {
            let class = class(byte);
            let begins = class & Self::ANYWHERE != 0 || (class & Self::FIRST != 0 && !within);
            within = class & Self::WORD != 0;
            begins
        });
        at.map(|at| from + at)
    }
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
    /// one before. Only as far back from `looked`, up to where the text was read to decide about
    /// `place`, as a match reaches: so that no more than that is ever held back.
    fn reaching(&self, place: usize, looked: usize) -> Option<usize> {
        let oldest = looked.saturating_sub(MAX_MATCH);
        let mut first = place;
        for match_ in self.0.iter().rev().filter(|match_| match_.start >= oldest) {
            if match_.end > first {
                first = first.min(match_.start);
            }
        }
        (first < place).then_some(first)
    }
}

impl Compiled {
    /// The first value that begins at `from` or behind it.
    pub(crate) fn next(&self, cache: &mut Cache, view: View<'_>, from: usize) -> Next<'_> {
        let end = view.text.len();
        let mut refused = Refused::default();
        // A wall is where a value ended.
        let mut near = if view.wall == 0 { 0 } else { view.wall + NEAR };
        let mut at = from;
        loop {
            if at >= near {
                (at, near) = self.skip(cache, view, at);
            }
            let Some(place) = self.starts.next(view, at) else {
                return Next::Nothing { until: end };
            };
            match self.at(cache, view, place) {
                Found::Nothing => {}
                Found::Refused { end } => {
                    refused.push(place..end);
                    near = near.max(end + NEAR);
                }
                Found::Value { mut hit, looked } => {
                    let first = refused.reaching(hit.range.start, looked);
                    hit.start = first.unwrap_or(hit.start);
                    return Next::Hit(hit);
                }
                Found::Open => {
                    let until = refused.reaching(place, end).unwrap_or(place);
                    return Next::Nothing { until };
                }
            }
            at = place + view.text[place..].chars().next().map_or(1, char::len_utf8);
        }
    }

    /// Up to where no match begins at `from` or behind it, and up to where the text is then to be
    /// looked at place by place.
    fn skip(&self, cache: &mut Cache, view: View<'_>, from: usize) -> (usize, usize) {
        let end = view.text.len();
        let more = view.progress == Progress::More;
        if more && end - from <= 2 * MAX_MATCH {
            return (from, end);
        }
        let input = Input::new(&view.text[view.wall..]).range(from - view.wall..);
        // INVARIANT: it never gives up, which it is not told to.
        let found = self.automaton.try_search_fwd(cache, &input).ok().flatten();
        let (reached, until) = match found {
            Some(found) => {
                let match_end = found.offset() + view.wall;
                (match_end, match_end)
            }
            None if more => (end, end),
            None => return (end, end),
        };
        // A match begins no further before its end.
        let back = view
            .text
            .floor_char_boundary(reached.saturating_sub(MAX_MATCH));
        (back.max(from), until)
    }

    /// What begins at `place`.
    fn at(&self, cache: &mut Cache, view: View<'_>, place: usize) -> Found<'_> {
        let run = self.run(cache, view, place, Anchored::Yes);
        if run.open {
            return Found::Open;
        }
        let Some(found) = run.found else {
            return Found::Nothing;
        };
        if let Some(hit) = self.hit(view, &found) {
            let looked = run.looked;
            return Found::Value { hit, looked };
        }
        self.other(cache, view, &found, run.looked)
    }

    /// What a later rule says, where the match `refused` is no value.
    fn other(
        &self,
        cache: &mut Cache,
        view: View<'_>,
        refused: &Match,
        mut looked: usize,
    ) -> Found<'_> {
        let (place, mut end) = (refused.start(), refused.end());
        let byte = view.text.as_bytes()[place];
        let later = self.rows.iter().enumerate();
        let later = later.skip(refused.pattern().as_usize() + 1);
        for (index, _) in later.filter(|(_, row)| byte == ESCAPE || row.first.has(byte)) {
            let pattern = PatternID::new_unchecked(index);
            let run = self.run(cache, view, place, Anchored::Pattern(pattern));
            if run.open {
                return Found::Open;
            }
            looked = looked.max(run.looked);
            let Some(found) = run.found else {
                continue;
            };
            if let Some(hit) = self.hit(view, &found) {
                return Found::Value { hit, looked };
            }
            end = end.max(found.end());
        }
        Found::Refused { end }
    }

    /// Reads from `place` until no pattern can match, or match otherwise.
    fn run(&self, cache: &mut Cache, view: View<'_>, place: usize, anchored: Anchored) -> Run {
        let bytes = view.text.as_bytes();
        let before = (place > view.wall).then(|| bytes[place - 1]);
        let start = start::Config::new().anchored(anchored).look_behind(before);
        let mut run = Run {
            found: None,
            looked: place,
            open: false,
        };
        let automaton = &self.automaton;
        // INVARIANT: it never gives up, which it is not told to.
        let Ok(mut state) = automaton.start_state(cache, &start) else {
            return run;
        };
        for (at, &byte) in (place..).zip(&bytes[place..]) {
            let Some(next) = step(automaton, cache, state, byte) else {
                return run;
            };
            state = next;
            if state.is_tagged() {
                run.looked = at + 1;
                if state.is_match() {
                    // It tells of a match one byte late.
                    let pattern = automaton.match_pattern(cache, state, 0);
                    run.found = Some(Match::new(pattern, place..at));
                } else if state.is_dead() {
                    return run;
                }
            }
        }
        run.looked = bytes.len();
        // No match is longer, and none looks further than one byte behind it.
        run.open = view.progress == Progress::More && bytes.len() - place <= MAX_MATCH;
        if let Ok(last) = automaton.next_eoi_state(cache, state)
            && last.is_match()
        {
            let pattern = automaton.match_pattern(cache, last, 0);
            run.found = Some(Match::new(pattern, place..bytes.len()));
        }
        run
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
            // With its escape: a word begins behind that.
            start: found.start(),
            range: start + value.start..start + value.end,
            score: row.context.score(row.score, before)?,
        })
    }
}

/// The state behind `byte`. None if the automaton gives up, which it is not told to.
fn step(automaton: &DFA, cache: &mut Cache, state: LazyStateID, byte: u8) -> Option<LazyStateID> {
    if !state.is_tagged() {
        let next = automaton.next_state_untagged(cache, state, byte);
        if !next.is_unknown() {
            return Some(next);
        }
    }
    automaton.next_state(cache, state, byte).ok()
}

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
    /// The score of a value that has `before` to its left, or that there is no value.
    fn score(&self, score: f32, before: &str) -> Option<f32> {
        match self {
            Self::Free => Some(score),
            Self::Raises(words, raised) if words.any_in(before) => Some(*raised),
            Self::Raises(..) => Some(score),
            Self::Required(words, raised) => words.any_in(before).then_some(*raised),
        }
    }
}
