// SPDX-License-Identifier: Apache-2.0
//! What a property's name says about where its value stands in a text.

use std::ops::Range;

use crate::words::{identifier_words, is_stop_word, stem};

use super::lex::Kind;
use super::{Offer, Source};

/// Words between a name and its value: `city is Paris`, `the name of the user is`.
const LINKS: &[&str] = &[
    "is", "are", "was", "be", "of", "to", "as", "at", "equals", "named", "called", "the", "a",
    "an", "set",
];

/// Words that name a kind of thing rather than a thing.
const VAGUE: &[&str] = &[
    "id", "name", "value", "number", "type", "code", "text", "string", "data",
];

const PLACES: &[&str] = &[
    "city",
    "location",
    "place",
    "country",
    "town",
    "address",
    "region",
    "area",
    "state",
    "venue",
    "where",
    "destination",
    "origin",
    "timezone",
];

const PEOPLE: &[&str] = &[
    "name",
    "person",
    "author",
    "recipient",
    "contact",
    "user",
    "attendee",
    "customer",
    "title",
];

const WHOLE_TEXTS: &[&str] = &[
    "query",
    "q",
    "search",
    "keyword",
    "keywords",
    "topic",
    "text",
    "message",
    "prompt",
    "input",
    "content",
    "question",
    "body",
    "sentence",
    "subject",
    "description",
    "summary",
    "note",
    "task",
    "command",
    "reasoning",
    "answer",
    "response",
    "thought",
    "explanation",
];

/// A property's name, read as words.
#[derive(Debug)]
pub(super) struct Name {
    words: Vec<String>,
    pub(super) stems: Vec<String>,
}

impl Name {
    pub(super) fn new(name: &str) -> Self {
        let words = identifier_words(name);
        let stems = words.iter().map(|word| stem(word)).collect();
        Self { words, stems }
    }

    fn has(&self, words: &[&str]) -> bool {
        self.words.iter().any(|word| words.contains(&word.as_str()))
    }

    /// The words before a value of this name: `in Paris`, `from Berlin`, `into French`.
    fn prepositions(&self) -> &'static [&'static str] {
        if self.has(&["origin", "source", "from", "departure", "sender"]) {
            &["from"]
        } else if self.has(&["destination", "target", "to", "arrival", "recipient"]) {
            &["to", "into", "for"]
        } else if self.has(&["language", "lang"]) {
            &["to", "into", "in"]
        } else if self.has(PLACES) {
            &["in", "at", "near", "for", "to", "from", "of"]
        } else if self.has(PEOPLE) {
            &["to", "for", "with", "from", "by"]
        } else {
            &[]
        }
    }
}

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

    /// Values that suit what the name means, best first.
    pub(super) fn by_meaning(&self, name: &Name, owner: Option<&str>) -> Vec<Offer<'t>> {
        let mut offers = Vec::new();
        let kinds: &'static [Kind] = match () {
            () if name.has(&["email", "mail"]) => &[Kind::Email],
            () if name.has(&["url", "uri", "link", "website", "href"]) => &[Kind::Url],
            () if name.has(&["date", "day", "deadline", "birthday"]) => {
                &[Kind::Date, Kind::DateTime]
            }
            () if name.has(&["time", "start", "end"]) => &[Kind::Time, Kind::DateTime],
            () => &[],
        };
        offers.extend(self.free(owner, kinds));
        offers.extend(self.after_preposition(name));
        offers.extend(self.expression(name));
        offers.extend(self.free(owner, &[Kind::Quoted]));
        offers.extend(self.proper(name, owner));
        offers.extend(self.whole(name));
        offers
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
        let is_link = |token: &super::Token<'_>| match token.kind {
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
    fn proper_run(&self, at: usize) -> Offer<'t> {
        const BETWEEN: &[&str] = &["of", "de", "del", "da", "la", "le", "van", "von", "the"];
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

    fn after_preposition(&self, name: &Name) -> Option<Offer<'t>> {
        let prepositions = name.prepositions();
        if prepositions.is_empty() {
            return None;
        }
        (1..self.tokens.len())
            .find(|&at| {
                let before = self.tokens[at - 1].text.to_lowercase();
                self.is_proper(at) && prepositions.contains(&before.as_str())
            })
            .map(|at| self.proper_run(at))
    }

    /// Names of people and places: a run of words with capitals, rather not the first word.
    fn proper(&self, name: &Name, owner: Option<&str>) -> Option<Offer<'t>> {
        if !name.has(PEOPLE) && !name.has(PLACES) {
            return None;
        }
        let owner = owner.and_then(|name| self.names.iter().position(|known| known == name));
        let owners = self.owners.borrow();
        let free = |at: usize| owners[at] == super::FREE || owner == Some(owners[at] as usize);
        let starts = |at: usize| at == 0 || self.is_mark(at - 1, ".!?");
        let subject = |at: &usize| {
            const VERBS: &[&str] = &["is", "was", "has", "lives", "works", "likes", "wants"];
            let end = self.proper_run(*at).tokens.end;
            let after = self.tokens.get(end).map(|token| token.text);
            !starts(*at) || after.is_some_and(|word| VERBS.contains(&word))
        };
        let mut runs = (0..self.tokens.len())
            .filter(|&at| self.is_proper(at) && free(at) && (at == 0 || !self.is_proper(at - 1)))
            .filter(subject);
        let run = self.proper_run(runs.next()?);
        let tokens = run.tokens.clone();
        if name.has(&["first", "given"]) {
            Some(self.offer(tokens.start..tokens.start + 1))
        } else if name.has(&["last", "family", "surname"]) {
            Some(self.offer(tokens.end - 1..tokens.end))
        } else {
            Some(run)
        }
    }

    /// The arithmetic in the text, for a calculator.
    fn expression(&self, name: &Name) -> Option<Offer<'t>> {
        if !name.has(&[
            "expression",
            "equation",
            "formula",
            "calculation",
            "expr",
            "math",
        ]) {
            return None;
        }
        let text = crate::answer::arithmetic_in(self.text)?;
        Some(Offer { text, tokens: 0..0 })
    }

    /// All of the text, without the words that only ask for it.
    fn whole(&self, name: &Name) -> Option<Offer<'t>> {
        const ASKING: &[&str] = &[
            "search", "find", "look", "lookup", "up", "query", "google", "for", "about", "the",
            "web", "internet", "online", "please", "can", "could", "you", "me",
        ];
        if !name.has(WHOLE_TEXTS) {
            return None;
        }
        let query = name.has(&["query", "q", "search", "keyword", "keywords", "topic"]);
        let asks = |token: &&super::Token<'_>| ASKING.contains(&token.text.to_lowercase().as_str());
        let skipped = self.tokens.iter().take_while(asks).count();
        let start = match self.tokens.get(skipped) {
            Some(token) if query => token.at,
            _ => 0,
        };
        let text = self.text[start..].trim();
        let text = if query {
            text.trim_end_matches(['?', '.', '!'])
        } else {
            text
        };
        (!text.is_empty()).then_some(Offer { text, tokens: 0..0 })
    }
}
