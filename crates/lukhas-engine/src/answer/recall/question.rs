// SPDX-License-Identifier: Apache-2.0
//! Questions about what was said.

use crate::words::stem;

use super::fact::{About, Fact, Thing, sentences};
use super::mirrored;

/// Longer messages are not about one fact.
const LONGEST_MESSAGE: usize = 4000;

/// Something that the user asks back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Question {
    about: About,
    /// The thing as it was asked for.
    name: String,
}

const ASKING: &[&str] = &["what", "who", "where", "when", "which", "how"];

/// Words before a question that do not belong to it.
const OPENINGS: &[&str] = &[
    "do you still remember",
    "do you remember",
    "do you know",
    "do you recall",
    "can you tell me",
    "could you tell me",
    "can you remind me of",
    "can you remind me",
    "remind me of",
    "remind me",
    "tell me again",
    "tell me",
    "please",
    "so",
    "and",
    "ok",
    "now",
    "hey",
    "hi",
    "well",
    "but",
    "what did i say",
    "what did i tell you",
];

/// The last question in `message` that is about what the user said.
pub(super) fn find(message: &str) -> Option<Question> {
    let start = message.trim_start().get(..4).unwrap_or_default();
    let asks = message.contains('?')
        || [
            "tell", "remi", "what", "who ", "wher", "when", "whic", "plea",
        ]
        .iter()
        .any(|asking| asking.eq_ignore_ascii_case(start));
    if message.len() > LONGEST_MESSAGE || !asks {
        return None;
    }
    sentences(message).filter_map(question).last()
}

impl Question {
    pub(super) fn is_answered_by(&self, fact: &Fact) -> bool {
        match (&self.about, &fact.about) {
            // Whose it is may go without saying.
            (About::Thing(asked), About::Thing(told)) => asked.stems == told.stems,
            (asked, told) => asked == told,
        }
    }

    /// What there is to say when it was not told; nothing when anybody could know.
    pub(super) fn unanswered(&self) -> Option<String> {
        const NOTHING: &str = "You have not told me that in this conversation.";
        match &self.about {
            About::Thing(thing) if thing.mine => {
                let name = mirrored(&self.name);
                Some(format!("You have not told me {name} in this conversation."))
            }
            About::Thing(_) => None,
            About::Doing(_) => Some(NOTHING.to_owned()),
            About::Note => Some("You have not asked me to remember anything.".to_owned()),
        }
    }
}

fn question(sentence: &str) -> Option<Question> {
    let lower = sentence.to_lowercase().replace('’', "'");
    let text = lower.trim_end_matches(['?', '.', '!', ' ']);
    if asks_for_notes(text) {
        return Some(Question {
            about: About::Note,
            name: String::new(),
        });
    }
    let (rest, opened) = opened(text);
    let (asking, rest) = match rest.split_once([' ', '\'']) {
        Some((word, rest)) if ASKING.contains(&word) => (Some(word), rest),
        _ => (None, rest),
    };
    let mut words = rest.split(' ');
    match (asking, words.next()?) {
        (Some("who"), "am") if rest == "am i" => thing("my name"),
        (Some("how"), "old") if rest == "old am i" => thing("my age"),
        (Some("how"), _) => None,
        (Some(_), "do" | "did") => doing(words),
        (Some(_), "is" | "are" | "was" | "were" | "s") => thing(rest.split_once(' ')?.1),
        // The verb comes last: "tell me what my name is".
        (Some(_), _) if opened => {
            let (name, verb) = rest.rsplit_once(' ')?;
            ["is", "are", "was", "were"]
                .contains(&verb)
                .then(|| thing(name))
                .flatten()
        }
        (None, _) if opened && rest.starts_with("my ") => thing(rest),
        _ => None,
    }
}

/// `What did I ask you to remember?`
fn asks_for_notes(text: &str) -> bool {
    const STARTS: &[&str] = &[
        "what did i ask you to",
        "what did i tell you to",
        "what should you",
        "what do you",
    ];
    let text = text.strip_suffix(" for me").unwrap_or(text);
    let start = text.strip_suffix(" remember");
    start.is_some_and(|start| STARTS.contains(&start))
}

/// `text` without its openings, and whether there was one.
fn opened(text: &str) -> (&str, bool) {
    let mut rest = text;
    while let Some(opening) = OPENINGS.iter().find(|opening| {
        rest.strip_prefix(**opening)
            .is_some_and(|rest| rest.starts_with([' ', ',']))
    }) {
        rest = rest[opening.len()..].trim_start_matches([' ', ',']);
    }
    (rest, rest.len() < text.len())
}

fn thing(name: &str) -> Option<Question> {
    // What is the engine's own was not told by the user.
    if name
        .split(' ')
        .any(|word| ["your", "yours", "you"].contains(&word))
    {
        return None;
    }
    let name = ["again", "please", "now", "called"]
        .iter()
        .fold(name, |name, end| {
            name.strip_suffix(end).unwrap_or(name).trim_end()
        });
    let about = About::Thing(Thing::new(name)?);
    Some(Question {
        about,
        name: name.to_owned(),
    })
}

/// `do I live` asks for what the user does.
fn doing<'w>(mut words: impl Iterator<Item = &'w str>) -> Option<Question> {
    let subject = words.next()?;
    let verb = words.next()?;
    let about = About::Doing(stem(verb));
    (subject == "i" && verb != "say" && verb != "tell").then(|| Question {
        about,
        name: String::new(),
    })
}
