// SPDX-License-Identifier: Apache-2.0
//! Facts that the user told earlier in the conversation.

mod fact;
mod question;

use crate::turn::Turn;

use fact::{Fact, facts};

/// Longest part of a message that is searched for facts, in bytes.
const LONGEST_MESSAGE: usize = 64 << 10;

/// The answer to a question about what the user said; `None` when `message` asks no such question.
pub(super) fn answer(turn: &Turn<'_>, message: &str) -> Option<String> {
    let question = question::find(message)?;
    // The latest statement counts, the message with the question first.
    let earlier = turn.earlier();
    let known = std::iter::once(message.into())
        .chain(earlier)
        .find_map(|message| {
            let message = &message[..message.floor_char_boundary(LONGEST_MESSAGE)];
            let told = facts(message);
            told.iter()
                .rev()
                .find(|fact| question.is_answered_by(fact))
                .map(Fact::sentence)
        });
    known.or_else(|| question.unanswered())
}

/// `text` from the other side: `my` is `your`.
fn mirrored(text: &str) -> String {
    let mut mirrored = String::with_capacity(text.len() + 8);
    for word in text.split_inclusive(|c: char| !c.is_alphanumeric() && c != '\'') {
        let bare = word.trim_end_matches(|c: char| !c.is_alphanumeric());
        let other = match bare.to_lowercase().as_str() {
            "my" => "your",
            "mine" => "yours",
            "me" | "i" => "you",
            "i'm" => "you're",
            "am" => "are",
            "our" => "your",
            "myself" => "yourself",
            _ => bare,
        };
        mirrored.push_str(other);
        mirrored.push_str(&word[bare.len()..]);
    }
    mirrored
}

/// `text` with a capital at its start.
fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(chars).collect()
    })
}
