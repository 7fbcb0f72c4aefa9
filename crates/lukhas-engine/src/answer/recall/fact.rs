// SPDX-License-Identifier: Apache-2.0
//! Statements of fact in a message.

use crate::words::{is_stop_word, stem, words};

use super::{capitalised, mirrored};

/// Something that the user stated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fact {
    pub(super) about: About,
    /// The statement, or the value alone when it is a name or age.
    text: String,
}

/// What a fact is about, in stems.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum About {
    /// A thing that is something: `my name`, `the code word`.
    Thing(Thing),
    /// Something that the user does: `live`, `work`.
    Doing(String),
    /// A thing to remember that names no subject.
    Note,
}

/// A thing by the words that name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Thing {
    /// Whether it is the user's.
    pub(super) mine: bool,
    pub(super) stems: Vec<String>,
}

/// Words before a statement that do not belong to it.
const OPENINGS: &[&str] = &[
    "remember that",
    "remember this",
    "remember",
    "note that",
    "note",
    "keep in mind that",
    "don't forget that",
    "do not forget that",
    "please",
    "by the way",
    "btw",
    "fyi",
    "hi",
    "hello",
    "hey",
    "well",
    "so",
    "ok",
    "okay",
    "actually",
    "no",
    "now",
    "also",
    "and",
    "but",
    "for the record",
    "i said that",
    "i told you that",
];

const COPULAS: &[&str] = &["is", "are", "was", "were", "equals", "="];

/// More words than this name no thing.
const LONGEST_NAME: usize = 6;

/// The facts that `message` states, in order.
pub(super) fn facts(message: &str) -> Vec<Fact> {
    sentences(message)
        .filter(|sentence| !sentence.ends_with('?'))
        .flat_map(clauses)
        .filter_map(fact)
        .collect()
}

impl Thing {
    /// The thing that `name` names; `None` when it is empty or too long to be a name.
    pub(super) fn new(name: &str) -> Option<Self> {
        let mine = |word: &str| ["my", "our", "mine"].contains(&word);
        let lower: Vec<String> = words(name).map(str::to_lowercase).collect();
        let telling = |word: &&String| !is_stop_word(word);
        let thing = Self {
            mine: lower.iter().any(|word| mine(word)),
            stems: lower
                .iter()
                .filter(telling)
                .map(|word| stem(word))
                .collect(),
        };
        (!thing.stems.is_empty() && lower.len() <= LONGEST_NAME).then_some(thing)
    }

    fn my(word: &str) -> About {
        About::Thing(Self {
            mine: true,
            stems: vec![stem(word)],
        })
    }
}

impl Fact {
    /// The fact, told to the user.
    pub(super) fn sentence(&self) -> String {
        let text = mirrored(&self.text);
        match &self.about {
            About::Note => format!("You asked me to remember: {}", self.text),
            About::Thing(_) | About::Doing(_) => format!("{}.", capitalised(&text)),
        }
    }
}

/// The sentences of `message`, their marks included.
pub(super) fn sentences(message: &str) -> impl Iterator<Item = &str> {
    let mut rest = message;
    std::iter::from_fn(move || {
        rest = rest.trim_start();
        let mut ends = rest
            .char_indices()
            .filter(|(_, c)| matches!(c, '.' | '!' | '?' | '\n' | ';'));
        let end = ends.find(|(at, c)| {
            let after = &rest[at + c.len_utf8()..];
            let apart = after.is_empty() || after.starts_with(char::is_whitespace) || *c == '\n';
            apart && !(*c == '.' && is_title(&rest[..*at]))
        });
        let end = end.map_or(rest.len(), |(at, c)| at + c.len_utf8());
        let (sentence, after) = rest.split_at(end);
        rest = after;
        (!sentence.is_empty()).then(|| sentence.trim())
    })
}

/// Whether the full stop after `text` only shortens a word.
fn is_title(text: &str) -> bool {
    let word = text
        .rsplit(|c: char| !c.is_alphanumeric())
        .next()
        .unwrap_or_default();
    ["Dr", "Mr", "Mrs", "Ms", "St", "Prof"].contains(&word)
        || word.len() == 1 && word.starts_with(char::is_uppercase)
}

/// The statements that a sentence joins: `my name is Ada and I live in Paris`.
fn clauses(sentence: &str) -> Vec<&str> {
    const STARTS: &[&str] = &["my ", "i ", "i'm ", "our ", "the ", "remember ", "call me "];
    let lower = sentence.to_ascii_lowercase();
    let mut clauses = Vec::new();
    let mut start = 0;
    for (at, joint) in lower.match_indices([',', ' ']) {
        if at < start {
            continue;
        }
        let after = lower[at + joint.len()..].trim_start();
        let joined = ["and ", "but "]
            .iter()
            .find_map(|and| after.strip_prefix(and));
        let next = joined.or_else(|| (joint == ",").then_some(after));
        if next.is_some_and(|next| STARTS.iter().any(|start| next.starts_with(start))) {
            clauses.push(&sentence[start..at]);
            start = lower.len() - next.map_or(0, str::len);
        }
    }
    clauses.push(&sentence[start..]);
    clauses
}

fn fact(clause: &str) -> Option<Fact> {
    let (clause, noted) = opened(clause);
    let text = clause.trim_end_matches(['.', '!', ';', '\n', ',']).trim();
    if let Some(name) = called(text) {
        return Some(Fact {
            about: Thing::my("name"),
            text: format!("my name is {name}"),
        });
    }
    if let Some(fact) = self_description(text) {
        return Some(fact);
    }
    if let Some((name, _)) = copula(text)
        && let Some(thing) = Thing::new(name)
    {
        return Some(Fact {
            about: About::Thing(thing),
            text: text.to_owned(),
        });
    }
    let note = || Fact {
        about: About::Note,
        text: text.to_owned(),
    };
    (noted && !text.is_empty()).then(note)
}

/// `clause` without its openings, and whether one of them asks to remember.
fn opened(clause: &str) -> (&str, bool) {
    let mut rest = clause.trim();
    let mut noted = false;
    while let Some(opening) = OPENINGS.iter().find(|opening| {
        let start = rest.get(..opening.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(opening))
            && !rest[opening.len()..].starts_with(char::is_alphanumeric)
    }) {
        noted |= ["remember", "note", "keep", "don't", "do not"]
            .iter()
            .any(|word| opening.starts_with(word));
        rest = rest[opening.len()..].trim_start_matches([',', ':', '!', ' ']);
    }
    (rest, noted)
}

/// The name in `call me Ada`.
fn called(text: &str) -> Option<&str> {
    ["call me ", "i am called ", "i'm called ", "i go by "]
        .iter()
        .find_map(|start| {
            let same = text.get(..start.len())?.eq_ignore_ascii_case(start);
            same.then(|| text[start.len()..].trim())
        })
}

/// `I live in Paris`, `I'm 30 years old`, `I am Ada`.
fn self_description(text: &str) -> Option<Fact> {
    let (first, rest) = text.split_once(' ')?;
    let being = match first.to_ascii_lowercase().as_str() {
        "i'm" => Some(rest),
        "i" => rest.strip_prefix("am "),
        _ => return None,
    };
    match being {
        Some(what) => being_something(what),
        None => {
            let mut verbs = words(rest).filter(|word| !["also", "really"].contains(word));
            let about = About::Doing(stem(verbs.next()?));
            Some(Fact {
                about,
                text: text.to_owned(),
            })
        }
    }
}

/// An age or a name: `30 years old`, `Ada`.
fn being_something(what: &str) -> Option<Fact> {
    let digits = what.bytes().all(|byte| byte.is_ascii_digit());
    let fact = |of: &str, value: &str| Fact {
        about: Thing::my(of),
        text: format!("my {of} is {value}"),
    };
    if digits || what.ends_with(" years old") {
        return Some(fact("age", what.trim_end_matches(" years old")));
    }
    let name = what
        .split(' ')
        .all(|word| word.starts_with(char::is_uppercase));
    name.then(|| fact("name", what))
}

/// What stands before and after the first `is` of `text`.
fn copula(text: &str) -> Option<(&str, &str)> {
    let mut at = 0;
    for word in text.split(' ') {
        let end = at + word.len();
        if COPULAS
            .iter()
            .any(|copula| copula.eq_ignore_ascii_case(word))
        {
            let (name, value) = (text[..at].trim(), text.get(end + 1..)?.trim());
            return (!name.is_empty() && !value.is_empty()).then_some((name, value));
        }
        at = end + 1;
    }
    None
}
