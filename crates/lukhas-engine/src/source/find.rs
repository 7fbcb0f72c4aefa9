// SPDX-License-Identifier: Apache-2.0
//! Values that stand by a name in a text.

use std::ops::Range;

use crate::words::{is_stop_word, stem};

use super::lex::{Kind, Token};
use super::name::{Name, VAGUE};
use super::{Offer, Source};

/// Words between a name and its value: `city is Paris`, `the name of the user is`.
const LINKS: &[&str] = &[
    "is", "are", "was", "be", "of", "to", "as", "at", "equals", "named", "called", "the", "a",
    "an", "set",
];

/// Words that join others to one name: `the Bank of England`.
const BETWEEN: &[&str] = &["of", "de", "del", "da", "la", "le", "van", "von", "the"];

impl<'t> Source<'t> {
    /// The value that stands by the property's name.
    pub(super) fn by_name(&self, name: &Name) -> Option<Offer<'t>> {
        if let Some(offer) = self.counted(name) {
            return Some(offer);
        }
        let whole = self
            .find(&name.stems)
            .and_then(|at| self.value_after(at.end));
        if whole.is_some() || name.words.len() < 2 {
            return whole;
        }
        let words = name.words.iter().zip(&name.stems).rev();
        words
            .filter(|(word, _)| !VAGUE.contains(&word.as_str()) && !is_stop_word(word))
            .filter_map(|(_, stem)| self.value_after(self.find(std::slice::from_ref(stem))?.end))
            .find(|offer| !name.stems.contains(&stem(offer.text)))
    }

    /// `3 nights` for `nights`, `30 years old` for `age`.
    fn counted(&self, name: &Name) -> Option<Offer<'t>> {
        let last = name.words.last()?;
        let unit = if last == "age" { "year" } else { last };
        let many = last == "age" || last.ends_with('s');
        if !many {
            return None;
        }
        let number = self.occurrences(&[stem(unit)]).find_map(|place| {
            let before = self.stems[place.start].0.checked_sub(1)?;
            let number = if self.is_mark(before, "-") {
                before.checked_sub(1)?
            } else {
                before
            };
            (self.tokens[number].kind == Kind::Number).then_some(number)
        })?;
        Some(self.offer(number..number + 1))
    }

    /// The tokens where the words occur. A quotation counts as a whole: `"user_name": "Ada"`.
    pub(super) fn find(&self, stems: &[String]) -> Option<Range<usize>> {
        self.occurrences(stems).find_map(|at| {
            let token = |at: usize| self.stems.get(at).map(|(token, _)| *token);
            let (first, last) = (token(at.start)?, token(at.end - 1)?);
            let cut = at.start.checked_sub(1).and_then(token) == Some(first)
                || token(at.end) == Some(last);
            let quoted = self.tokens[first].kind == Kind::Quoted;
            let named = quoted || self.tokens[first].kind == Kind::Word;
            (named && !(quoted && cut)).then_some(first..last + 1)
        })
    }

    /// The first token from `at` on that is not a link, or that is of the `wanted` kind and no link.
    pub(super) fn after_links(&self, at: usize, wanted: Kind) -> usize {
        let is_link = |token: &Token<'_>| match token.kind {
            Kind::Mark => ":=\"".contains(token.text),
            kind => kind == wanted && LINKS.contains(&token.text.to_lowercase().as_str()),
        };
        let links = self.tokens[at.min(self.tokens.len())..].iter().take(4);
        at + links.take_while(|token| is_link(token)).count()
    }

    /// The value from `at` on, behind the links.
    pub(super) fn value_after(&self, at: usize) -> Option<Offer<'t>> {
        let start = self.after_links(at, Kind::Word);
        let marked = start > at && self.is_mark(start - 1, ":=");
        let at = start;
        let token = self.tokens.get(at)?;
        match token.kind {
            Kind::Mark => None,
            Kind::Word if self.is_proper(at) => Some(self.proper_run(at)),
            Kind::Word if !marked && is_stop_word(&token.text.to_lowercase()) => None,
            _ => Some(self.offer(at..at + 1)),
        }
    }

    /// The words with capitals that start at `at`, `of` and the like between them.
    pub(super) fn proper_run(&self, at: usize) -> Offer<'t> {
        let mut end = at + 1;
        loop {
            let between = self
                .tokens
                .get(end)
                .is_some_and(|token| BETWEEN.contains(&token.text));
            if self.is_proper(end) {
                end += 1;
            } else if between && self.is_proper(end + 1) {
                end += 2;
            } else {
                return self.offer(at..end);
            }
        }
    }
}
