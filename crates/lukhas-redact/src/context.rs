// SPDX-License-Identifier: Apache-2.0
//! Words to the left of a value that say what it is.

/// How far to the left words count, in Unicode scalar values.
pub(crate) const REACH: usize = 64;

/// Bytes before a position that can hold its context: [`REACH`] characters and the one before them,
/// which tells whether the first word is whole.
pub(crate) const REACH_BYTES: usize = (REACH + 1) * 4;

/// What context words do for a rule. They are lower-case ASCII and match whole words.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Context {
    /// There are none.
    Free,
    /// With one of them, the rule is surer.
    Raises(&'static [&'static str]),
    /// Without one of them, there is no value.
    Required(&'static [&'static str]),
}

/// How much surer a rule is with a context word, as in Presidio.
const RAISE: f32 = 0.35;

/// A score of a rule with a context word.
pub(crate) fn raised(score: f32) -> f32 {
    (score + RAISE).min(1.0)
}

/// Words that are looked for.
pub(crate) struct Words {
    words: Vec<String>,
    /// Bit `n` of it says whether there is one of `n` bytes.
    lengths: u64,
    /// Bit `n` says whether there is one whose first byte has the lower five bits `n`.
    first: u32,
}

impl Words {
    pub(crate) fn new(words: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let words: Vec<String> = words.into_iter().map(Into::into).collect();
        let all = words.iter();
        let lengths = all.clone().fold(0, |set, word| set | bit(word.len()));
        let first = all.fold(0, |set, word| set | initial(word));
        Self {
            words,
            lengths,
            first,
        }
    }

    /// Whether one of them stands within reach of the end of `before`.
    pub(crate) fn any_in(&self, before: &str) -> bool {
        let mut rest = window(before);
        loop {
            let (gap, at_word) = rest.split_at(leading(rest, |c| !is_word(c)));
            let (word, after) = at_word.split_at(leading(at_word, is_word));
            if word.is_empty() {
                return false;
            }
            // The `n` of `\nPhone`, as text is written in JSON, is no part of the word.
            let escape = gap.ends_with('\\') && word.starts_with(['n', 'r', 't']);
            if self.has(word) || (escape && self.has(&word[1..])) {
                return true;
            }
            rest = after;
        }
    }

    fn has(&self, word: &str) -> bool {
        let may = self.lengths & bit(word.len()) != 0 && self.first & initial(word) != 0;
        let same = |wanted: &String| wanted.eq_ignore_ascii_case(word);
        may && self.words.iter().any(same)
    }
}

/// All that are too long for a bit of their own share the last.
fn bit(length: usize) -> u64 {
    1 << length.min(63)
}

fn initial(word: &str) -> u32 {
    word.bytes().next().map_or(0, |byte| 1 << (byte & 31))
}

/// Bytes of the characters at the beginning of `text` that `belong`.
fn leading(text: &str, belong: impl Fn(char) -> bool) -> usize {
    let mut bytes = text.bytes();
    let ascii = bytes.position(|byte| !byte.is_ascii() || !belong(char::from(byte)));
    let ascii = ascii.unwrap_or(text.len());
    if text.as_bytes().get(ascii).is_none_or(u8::is_ascii) {
        return ascii;
    }
    ascii
        + text[ascii..]
            .find(|c| !belong(c))
            .unwrap_or(text.len() - ascii)
}

/// The last [`REACH`] characters of `before`, without a word that is cut.
fn window(before: &str) -> &str {
    if before.len() <= REACH {
        return before;
    }
    let Some((start, _)) = before.char_indices().rev().nth(REACH - 1) else {
        return before;
    };
    let (left, window) = before.split_at(start);
    if left.ends_with(is_word) {
        window.trim_start_matches(is_word)
    } else {
        window
    }
}

fn is_word(c: char) -> bool {
    c == '_' || c.is_alphanumeric()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(before: &str, expected: bool) {
        let words = Words::new(["lic", "ssn"]);
        assert_eq!(words.any_in(before), expected, "{before:?}");
    }

    #[test]
    fn context_words_are_whole_words_in_any_case() {
        check("her SSN: ", true);
        check("lic#", true);
        check(r"\nSSN: ", true);
        check(r"\nlic\n", true);
        check("nSSN: ", false);
        check("public ", false);
        check("US_SSN ", false);
        check("ssné ", false);
        check("", false);
    }

    #[test]
    fn context_ends_after_64_characters_and_cuts_no_word() {
        let far = |word: &str, gap: usize| format!("{word}{}", "·".repeat(gap));
        check(&far("ssn", REACH - 3), true);
        check(&far("ssn", REACH - 2), false);
        check(&far("pulic", REACH - 3), false);
        check(&far("pu-lic", REACH - 3), true);
    }

    #[test]
    fn a_score_is_raised_and_never_above_1() {
        assert_eq!(raised(0.5), 0.85);
        assert_eq!(raised(0.9), 1.0);
    }
}
