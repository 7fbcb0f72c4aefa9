// SPDX-License-Identifier: Apache-2.0
//! Texts that a message asks for word by word: `Say hello`, `Reply with exactly: PONG`.

/// Longer messages are searched at their start only.
const LONGEST_SEARCH: usize = 2000;

/// Words before an order.
const POLITE: &[&str] = &[
    "please",
    "now",
    "just",
    "then",
    "ok",
    "okay",
    "can you",
    "could you",
    "would you",
    "will you",
    "kindly",
];

/// Orders that take a text: `say hello`.
const SAY: &[&str] = &["say", "repeat", "echo", "print", "output"];

/// Orders that take a text after `with` or a colon: `reply with hello`.
const REPLY: &[&str] = &["reply", "respond", "answer", "return"];

/// Words between an order and its text.
const BETWEEN: &[&str] = &[
    "after me",
    "exactly",
    "only",
    "just",
    "simply",
    "back",
    "the following",
    "the words",
    "the word",
    "the text",
    "the phrase",
    "the sentence",
    "this text",
    "the string",
    "text",
];

/// Starts of what is described rather than quoted: `say something nice`, `reply with a poem`.
const DESCRIBED: &[&str] = &[
    "a",
    "an",
    "any",
    "anything",
    "something",
    "nothing",
    "what",
    "why",
    "how",
    "if",
    "when",
    "where",
    "whether",
    "more",
    "your",
    "my",
    "me",
    "some",
    "to",
    "in",
    "it",
    "that",
    "and",
];

/// The text that `message` asks for.
pub(super) fn find(message: &str) -> Option<&str> {
    let searched = &message[..message.floor_char_boundary(LONGEST_SEARCH)];
    let breaks = searched
        .match_indices(['.', '!', '?', '\n', ':', ','])
        .map(|(at, mark)| at + mark.len());
    std::iter::once(0)
        .chain(breaks)
        .find_map(|at| in_order(message[at..].trim_start()))
}

fn in_order(text: &str) -> Option<&str> {
    let mut rest = text;
    while let Some(after) = after_any(rest, POLITE) {
        rest = after.trim_start_matches([',', ' ']);
    }
    let (rest, takes_any) = match after_any(rest, SAY) {
        Some(rest) => (rest, true),
        None => (after_any(rest, REPLY)?, false),
    };
    let (mut rest, mut marked) = (rest.trim_start(), takes_any);
    loop {
        if let Some(after) = after_any(rest, BETWEEN) {
            rest = after.trim_start();
        } else if let Some(after) = after_any(rest, &["with"]).filter(|_| !takes_any) {
            (rest, marked) = (after.trim_start(), true);
        } else {
            break;
        }
    }
    match rest.strip_prefix([':', ',']) {
        Some(rest) => Some(rest.trim())
            .filter(|text| !text.is_empty())
            .map(unquote),
        None if marked && after_any(rest, DESCRIBED).is_none() => {
            let text = unquote(rest.trim());
            let text = text.strip_suffix('.').unwrap_or(text);
            (!text.is_empty()).then_some(text)
        }
        None => None,
    }
}

/// What follows one of `words` at the start of `text`.
fn after_any<'t>(text: &'t str, words: &[&str]) -> Option<&'t str> {
    let first = text.as_bytes().first()?;
    let first_alike = |word: &&&str| word.as_bytes()[0].eq_ignore_ascii_case(first);
    words.iter().filter(first_alike).find_map(|word| {
        let start = text.get(..word.len())?;
        let rest = &text[word.len()..];
        let whole = !rest.starts_with(|c: char| c.is_alphanumeric() || c == '\'');
        (start.eq_ignore_ascii_case(word) && whole).then_some(rest)
    })
}

/// The content of the quotation at the start of `text`, or else `text`.
fn unquote(text: &str) -> &str {
    for (open, close) in [
        ('"', '"'),
        ('\'', '\''),
        ('`', '`'),
        ('“', '”'),
        ('‘', '’'),
        ('«', '»'),
    ] {
        if let Some(rest) = text.strip_prefix(open)
            && let Some(end) = rest.find(close)
        {
            return &rest[..end];
        }
    }
    text
}
