// SPDX-License-Identifier: Apache-2.0
//! Values that a request's text offers for the properties of a schema.

mod find;
mod lex;
mod meaning;
mod name;

#[cfg(test)]
mod tests;

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::ops::Range;

use crate::words::{identifier_words, is_stop_word, stem};

use lex::{Kind, Token, lex};
use name::Name;

/// Text beyond this many bytes offers nothing.
const LONGEST_TEXT: usize = 64 << 10;
const MOST_TOKENS: usize = 4096;
/// More property names than this are not looked up in advance.
const MOST_NAMES: usize = 256;
/// Places of one word that are looked at.
const MOST_PLACES: usize = 32;
const BUDGET: usize = 2_000_000;

/// The values of a text, and which of them were taken.
///
/// A value that stands by a property's name (`age 30`, `city: Paris`) belongs to that property;
/// the others go to whoever asks first, each once.
#[derive(Debug)]
pub(crate) struct Source<'t> {
    text: &'t str,
    tokens: Vec<Token<'t>>,
    /// The stems of all words, those inside identifiers and quotations too, and their tokens.
    stems: Vec<(usize, String)>,
    /// The first places of each stem.
    places: HashMap<String, Vec<usize>>,
    /// Tokens that may still be looked at: a long text for a large schema is much to search.
    budget: Cell<usize>,
    /// A token each: whose it is, or [`FREE`] or [`TAKEN`].
    owners: RefCell<Vec<u32>>,
    names: Vec<String>,
}

/// Verbs that start an order, with a capital that makes them no names.
const ORDERS: &[&str] = &[
    "add",
    "ask",
    "book",
    "call",
    "create",
    "email",
    "extract",
    "fetch",
    "find",
    "get",
    "list",
    "look",
    "make",
    "meet",
    "parse",
    "plan",
    "read",
    "schedule",
    "search",
    "send",
    "set",
    "show",
    "translate",
    "use",
    "write",
];

const FREE: u32 = u32::MAX;
const TAKEN: u32 = u32::MAX - 1;

/// A value and the tokens it consists of.
#[derive(Clone, Debug)]
struct Offer<'t> {
    text: &'t str,
    tokens: Range<usize>,
}

impl<'t> Source<'t> {
    /// The values of `text` for properties called `names`.
    pub(crate) fn new<'n>(text: &'t str, names: impl Iterator<Item = &'n str>) -> Self {
        let text = &text[..text.floor_char_boundary(LONGEST_TEXT)];
        let tokens = lex(text, MOST_TOKENS);
        let stems = tokens.iter().enumerate().flat_map(|(at, token)| {
            identifier_words(token.text)
                .into_iter()
                .map(move |word| (at, stem(&word)))
        });
        let stems: Vec<_> = stems.collect();
        let mut places: HashMap<String, Vec<usize>> = HashMap::new();
        for (at, (_, stem)) in stems.iter().enumerate() {
            let places = places.entry(stem.clone()).or_default();
            places.extend((places.len() < MOST_PLACES).then_some(at));
        }
        let mut source = Self {
            text,
            owners: RefCell::new(vec![FREE; tokens.len()]),
            stems,
            places,
            budget: Cell::new(BUDGET),
            tokens,
            names: Vec::new(),
        };
        for name in names.take(MOST_NAMES) {
            if !source.names.iter().any(|known| known == name) {
                source.reserve(name);
            }
        }
        source
    }

    fn reserve(&mut self, name: &str) {
        let owner = u32::try_from(self.names.len()).unwrap_or(FREE);
        self.names.push(name.to_owned());
        if let Some(offer) = self.by_name(&Name::new(name)) {
            let owners = &mut self.owners.borrow_mut()[offer.tokens];
            owners
                .iter_mut()
                .filter(|of| **of == FREE)
                .for_each(|of| *of = owner);
        }
    }

    /// Whether a value stands by the property's name.
    pub(crate) fn offers(&self, name: &str) -> bool {
        self.by_name(&Name::new(name)).is_some() || self.truth(name).is_some()
    }

    /// Whether the text has a value that the name alone does not lead to: `in Paris` for a city.
    pub(crate) fn suggests(&self, name: &str) -> bool {
        self.has_value_for(&Name::new(name))
    }

    /// Where `text` occurs as whole words, whatever their form and case.
    pub(crate) fn mentions(&self, text: &str) -> Option<usize> {
        let name = Name::new(text);
        if name.stems.is_empty() {
            return self.text.find(text).filter(|_| !text.is_empty());
        }
        let found = self.occurrences(&name.stems).next()?;
        Some(self.tokens[self.stems[found.start].0].at)
    }

    /// Where `stems` occur, as ranges of the text's stems.
    fn occurrences(&self, stems: &[String]) -> impl Iterator<Item = Range<usize>> {
        let places = stems.first().and_then(|first| self.places.get(first));
        places.into_iter().flatten().filter_map(move |&at| {
            let run = self.stems.get(at..at + stems.len())?;
            run.iter()
                .map(|(_, stem)| stem)
                .eq(stems)
                .then(|| at..at + stems.len())
        })
    }

    /// Whether all tokens may be looked at once more.
    fn may_search(&self) -> bool {
        let left = self.budget.get().checked_sub(self.tokens.len());
        self.budget.set(left.unwrap_or(0));
        left.is_some()
    }

    /// A number for the property, the first of those on offer that `fits`.
    pub(crate) fn number(&self, name: Option<&str>, fits: impl Fn(&str) -> bool) -> Option<String> {
        if !self.may_search() {
            return None;
        }
        let plain = |offer: &Offer<'t>| offer.text.replace(',', "");
        let by_name = name.and_then(|name| self.by_name(&Name::new(name)));
        let by_name = by_name.filter(|offer| self.kind(offer) == Some(Kind::Number));
        let offer = by_name
            .into_iter()
            .chain(self.free(name, &[Kind::Number]))
            .find(|offer| fits(&plain(offer)))?;
        self.take(&offer);
        Some(plain(&offer))
    }

    /// A text for the property, the first of those on offer that `fits`.
    pub(crate) fn string(
        &self,
        name: Option<&str>,
        format: Option<&str>,
        fits: impl Fn(&str) -> bool,
    ) -> Option<String> {
        if !self.may_search() {
            return None;
        }
        let mut offers = Vec::new();
        let kinds = kinds_of_format(format);
        let known = name.map(Name::new);
        if kinds.is_empty() {
            offers.extend(known.as_ref().and_then(|name| self.by_name(name)));
            offers.extend(known.iter().flat_map(|known| self.by_meaning(known, name)));
        } else {
            offers.extend(self.free(name, kinds));
        }
        let offer = offers.into_iter().find(|offer| fits(offer.text))?;
        self.take(&offer);
        Some(offer.text.to_owned())
    }

    /// Whether the text says that the property holds: `verbose`, `not verbose`, `verbose: false`.
    pub(crate) fn truth(&self, name: &str) -> Option<bool> {
        let name = Name::new(name);
        let at = self.find(&name.stems)?;
        let says = |token: Option<&Token<'_>>, words: &[&str]| {
            token.is_some_and(|token| words.contains(&token.text.to_lowercase().as_str()))
        };
        const NO: &[&str] = &[
            "false", "no", "off", "disabled", "disable", "0", "not", "without", "don't", "never",
        ];
        let after = self.after_links(at.end, Kind::Word);
        let before = at
            .start
            .checked_sub(1)
            .and_then(|before| self.tokens.get(before));
        let negated = says(self.tokens.get(after), &NO[..7]) || says(before, NO);
        Some(!negated)
    }

    /// The texts that the request lists for a property, taken or not: `tags: red, green and blue`.
    pub(crate) fn list(&self, name: &str) -> Vec<String> {
        let known = Name::new(name);
        let mut listed = Vec::new();
        let mut next = self
            .find(&known.stems)
            .and_then(|at| self.value_after(at.end));
        while let Some(offer) = next {
            listed.push(offer.text.to_owned());
            let end = offer.tokens.end;
            let joins = |at: usize| {
                let and = self
                    .tokens
                    .get(at)
                    .is_some_and(|token| ["and", "or", "&"].contains(&token.text));
                self.is_mark(at, ",\"") || and
            };
            let after = end + (end..end + 3).take_while(|at| joins(*at)).count();
            next = (after > end).then(|| self.value_after(after)).flatten();
        }
        if listed.len() > 1 {
            return listed;
        }
        let runs = self.proper_runs(&known);
        runs.map(|offer| offer.text.to_owned()).collect()
    }

    /// Which values are taken, to come back to with [`Self::restore`].
    pub(crate) fn taken(&self) -> Vec<u32> {
        self.owners.borrow().clone()
    }

    /// Frees the values taken since.
    pub(crate) fn restore(&self, taken: &[u32]) {
        self.owners.borrow_mut().copy_from_slice(taken);
    }

    /// All free values of the kind that `texts` names, for an array's elements.
    pub(crate) fn free_count(&self, name: Option<&str>, texts: bool) -> usize {
        let kinds: &[Kind] = if texts {
            &[Kind::Quoted]
        } else {
            &[Kind::Number]
        };
        self.free(name, kinds).count()
    }

    /// The values that nobody else has a claim on.
    fn free(&self, name: Option<&str>, kinds: &'static [Kind]) -> impl Iterator<Item = Offer<'t>> {
        let owner = name.and_then(|name| self.names.iter().position(|known| known == name));
        (0..self.tokens.len())
            .filter(move |&at| {
                let of = self.owners.borrow()[at];
                let mine = of == FREE || owner.is_some_and(|owner| of as usize == owner);
                mine && kinds.contains(&self.tokens[at].kind)
            })
            .map(|at| self.offer(at..at + 1))
    }

    fn offer(&self, tokens: Range<usize>) -> Offer<'t> {
        let text = match &self.tokens[tokens.clone()] {
            [one] => one.text,
            [first, .., last] => &self.text[first.at..last.at + last.text.len()],
            [] => "",
        };
        Offer { text, tokens }
    }

    fn kind(&self, offer: &Offer<'_>) -> Option<Kind> {
        self.tokens.get(offer.tokens.start).map(|token| token.kind)
    }

    fn take(&self, offer: &Offer<'_>) {
        self.owners.borrow_mut()[offer.tokens.clone()].fill(TAKEN);
    }

    fn is_mark(&self, at: usize, marks: &str) -> bool {
        self.tokens
            .get(at)
            .is_some_and(|token| token.kind == Kind::Mark && marks.contains(token.text))
    }

    /// Whether the token is a word with a capital that is a name.
    fn is_proper(&self, at: usize) -> bool {
        self.tokens.get(at).is_some_and(|token| {
            let capital = token.kind == Kind::Word && token.text.starts_with(char::is_uppercase);
            capital && {
                let word = token.text.to_lowercase();
                let order = ORDERS.contains(&word.as_str()) && self.starts_sentence(at);
                !order && !is_stop_word(&word)
            }
        })
    }

    fn starts_sentence(&self, at: usize) -> bool {
        at == 0 || self.is_mark(at - 1, ".!?:")
    }
}

/// The kinds of value that a string of this format can be drawn from; none for free text.
fn kinds_of_format(format: Option<&str>) -> &'static [Kind] {
    match format {
        Some("email" | "idn-email") => &[Kind::Email],
        Some("uri" | "iri" | "uri-reference" | "iri-reference" | "url") => &[Kind::Url],
        Some("date") => &[Kind::Date],
        Some("date-time") => &[Kind::DateTime],
        Some("time") => &[Kind::Time],
        Some("uuid") => &[Kind::Uuid],
        Some("ipv4" | "ipv6") => &[Kind::Ip],
        _ => &[],
    }
}
