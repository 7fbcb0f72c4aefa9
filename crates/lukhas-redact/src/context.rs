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

impl Context {
    /// The score of a value that has `before` to its left, or that there is no value.
    pub(crate) fn score(self, score: f32, before: &str) -> Option<f32> {
        let raised = |words| any_word(words, before).then_some((score + RAISE).min(1.0));
        match self {
            Self::Free => Some(score),
            Self::Raises(words) => raised(words).or(Some(score)),
            Self::Required(words) => raised(words),
        }
    }
}

/// Whether one of `words` stands within reach of the end of `before`.
pub(crate) fn any_word<W: AsRef<str>>(words: &[W], before: &str) -> bool {
    let window = window(before);
    let same = |word: &str| {
        let mut words = words.iter();
        words.any(|wanted| wanted.as_ref().eq_ignore_ascii_case(word))
    };
    let (mut escaped, mut place) = (false, 0);
    window.split(|c: char| !is_word(c)).any(|word| {
        // The `n` of `\nPhone`, as text is written in JSON, is no part of the word.
        let rest = word.strip_prefix(['n', 'r', 't']).filter(|_| escaped);
        place += word.len();
        escaped = window[place..].starts_with('\\');
        place += window[place..].chars().next().map_or(0, char::len_utf8);
        same(word) || rest.is_some_and(same)
    })
}

/// The last [`REACH`] characters of `before`, without a word that is cut.
fn window(before: &str) -> &str {
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
        assert_eq!(any_word(&["lic", "ssn"], before), expected, "{before:?}");
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
        let words = &["ssn"];
        assert_eq!(Context::Free.score(0.5, "ssn "), Some(0.5));
        assert_eq!(Context::Raises(words).score(0.5, "ssn "), Some(0.85));
        assert_eq!(Context::Raises(words).score(0.9, "ssn "), Some(1.0));
        assert_eq!(Context::Raises(words).score(0.5, "no "), Some(0.5));
        assert_eq!(Context::Required(words).score(0.5, "no "), None);
    }
}
