// SPDX-License-Identifier: Apache-2.0
//! What a property's name says about where its value stands in a text.

use crate::words::{identifier_words, stem};

/// Words that name a kind of thing rather than a thing.
pub(super) const VAGUE: &[&str] = &[
    "id", "name", "value", "number", "type", "code", "text", "string", "data",
];

/// Words for places.
pub(super) const PLACES: &[&str] = &[
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

/// Words for people and what else has a name.
pub(super) const PEOPLE: &[&str] = &[
    "name",
    "person",
    "author",
    "recipient",
    "contact",
    "user",
    "attendee",
    "customer",
    "guest",
    "member",
    "participant",
    "people",
    "title",
];

/// Words for texts as such.
pub(super) const WHOLE_TEXTS: &[&str] = &[
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
    pub(super) words: Vec<String>,
    pub(super) stems: Vec<String>,
}

impl Name {
    pub(super) fn new(name: &str) -> Self {
        let words = identifier_words(name);
        let stems = words.iter().map(|word| stem(word)).collect();
        Self { words, stems }
    }

    /// Whether one of its words is one of `words`, in the plural or not.
    pub(super) fn has(&self, words: &[&str]) -> bool {
        self.words
            .iter()
            .chain(&self.stems)
            .any(|word| words.contains(&word.as_str()))
    }

    /// The words before a value of this name: `in Paris`, `from Berlin`, `into French`.
    pub(super) fn prepositions(&self) -> &'static [&'static str] {
        if self.has(&["origin", "source", "from", "departure", "sender"]) {
            &["from"]
        } else if self.has(&["destination", "target", "to", "arrival", "recipient"]) {
            &["to", "into", "for"]
        } else if self.has(&["language", "lang"]) {
            &["to", "into", "in"]
        } else if self.has(&["date", "day", "when"]) {
            &["on"]
        } else if self.has(PLACES) {
            &["in", "at", "near", "for", "to", "from", "of"]
        } else if self.has(PEOPLE) {
            &["to", "for", "with", "from", "by"]
        } else {
            &[]
        }
    }
}
