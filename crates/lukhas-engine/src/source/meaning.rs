// SPDX-License-Identifier: Apache-2.0
//! Values that suit what a property's name means.

use super::lex::{Kind, Token};
use super::name::{Name, PEOPLE, PLACES, WHOLE_TEXTS};
use super::{Offer, Source};

/// Words after the subject of a sentence.
const AFTER_SUBJECT: &[&str] = &[
    "is", "are", "was", "were", "has", "have", "and", "lives", "works", "likes", "wants", "will",
];

/// Words with a capital that name no person and no place. May is a name, too.
const DATES: &[&str] = &[
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
    "sunday",
    "january",
    "february",
    "march",
    "april",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];

impl<'t> Source<'t> {
    /// Values that suit what the name means, best first.
    pub(super) fn by_meaning(&self, name: &Name, owner: Option<&str>) -> Vec<Offer<'t>> {
        let mut offers = Vec::new();
        offers.extend(self.free(owner, kinds(name)));
        offers.extend(self.after_preposition(name));
        offers.extend(self.expression(name));
        offers.extend(self.free(owner, &[Kind::Quoted]));
        offers.extend(self.said(name));
        offers.extend(self.proper(name, owner));
        offers.extend(self.whole(name));
        offers
    }

    /// Whether the text has a value of the name's kind, or one behind its preposition.
    pub(super) fn has_value_for(&self, name: &Name) -> bool {
        let kinds = kinds(name);
        let typed = self.tokens.iter().any(|token| kinds.contains(&token.kind));
        typed || self.after_preposition(name).is_some()
    }

    fn after_preposition(&self, name: &Name) -> Option<Offer<'t>> {
        let prepositions = name.prepositions();
        if prepositions.is_empty() {
            return None;
        }
        let after = |at: &usize| {
            let before = self.tokens[at - 1].text.to_lowercase();
            self.is_proper(*at) && prepositions.contains(&before.as_str())
        };
        let at = (1..self.tokens.len()).find(after)?;
        Some(self.proper_run(at))
    }

    /// The first name of a person or place; of a person's, the part that is asked for.
    fn proper(&self, name: &Name, owner: Option<&str>) -> Option<Offer<'t>> {
        let owner = owner.and_then(|name| self.names.iter().position(|known| known == name));
        let free = |run: &Offer<'_>| {
            let of = self.owners.borrow()[run.tokens.start];
            of == super::FREE || owner == Some(of as usize)
        };
        let run = self.proper_runs(name).find(free)?;
        let tokens = run.tokens.clone();
        if name.has(&["first", "given"]) {
            Some(self.offer(tokens.start..tokens.start + 1))
        } else if name.has(&["last", "family", "surname"]) {
            Some(self.offer(tokens.end - 1..tokens.end))
        } else {
            Some(run)
        }
    }

    /// Names of people and places: runs of words with capitals that do not just start a sentence.
    pub(super) fn proper_runs(&self, name: &Name) -> impl Iterator<Item = Offer<'t>> {
        let suits = name.has(PEOPLE) || name.has(PLACES);
        let starts =
            move |at: &usize| suits && self.is_proper(*at) && (*at == 0 || !self.is_proper(at - 1));
        let runs = (0..self.tokens.len()).filter(starts);
        let runs = runs.map(|at| self.proper_run(at));
        let runs = runs.filter(|run| !DATES.contains(&run.text.to_lowercase().as_str()));
        runs.filter(|run| {
            let after = self.tokens.get(run.tokens.end).map(|token| token.text);
            !self.starts_sentence(run.tokens.start)
                || after.is_some_and(|word| AFTER_SUBJECT.contains(&word))
        })
    }

    /// What is to be said: `an email saying hi`.
    fn said(&self, name: &Name) -> Option<Offer<'t>> {
        if !name.has(&["body", "message", "content", "text"]) {
            return None;
        }
        let saying = self
            .tokens
            .iter()
            .position(|token| ["saying", "says"].contains(&token.text))?;
        let text = self.text[self.tokens.get(saying + 1)?.at..].trim();
        Some(Offer {
            text: text.trim_end_matches(['?', '.', '!']),
            tokens: 0..0,
        })
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
        let asks = |token: &&Token<'_>| ASKING.contains(&token.text.to_lowercase().as_str());
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

/// The kinds of value that a name asks for.
fn kinds(name: &Name) -> &'static [Kind] {
    match () {
        () if name.has(&["email", "mail", "recipient", "to"]) => &[Kind::Email],
        () if name.has(&["url", "uri", "link", "website", "href"]) => &[Kind::Url],
        () if name.has(&["date", "day", "deadline", "birthday"]) => &[Kind::Date, Kind::DateTime],
        () if name.has(&["time", "start", "end"]) => &[Kind::Time, Kind::DateTime],
        () => &[],
    }
}
