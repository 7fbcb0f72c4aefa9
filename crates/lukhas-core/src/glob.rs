// SPDX-License-Identifier: Apache-2.0
//! Patterns for names.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// Most bytes of a pattern: longer than any name of a model.
const MAX_BYTES: usize = 256;

/// A pattern for names: `*` stands for any run of characters, the empty one too, `?` for exactly one
/// character, and everything else for itself. Upper and lower case differ, and nothing is special
/// about `/`.
///
/// ```
/// use lukhas_core::Glob;
///
/// let glob: Glob = "gpt-*-mini".parse()?;
/// assert!(glob.matches("gpt-5-mini") && !glob.matches("gpt-5"));
/// # Ok::<(), lukhas_core::GlobError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Glob(Arc<str>);

/// Why a text is no pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GlobError {
    /// It would match the empty name alone.
    #[error("it is empty")]
    Empty,
    /// It has more bytes than any name.
    #[error("it has {0} bytes, and a pattern has at most {MAX_BYTES}")]
    TooLong(usize),
    /// It holds a character that no name has.
    #[error("it holds white space or a control character, which no name has")]
    NoName,
}

impl Glob {
    /// Its text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it stands for `name`. The work is at most its length times the name's.
    #[must_use]
    pub fn matches(&self, name: &str) -> bool {
        let (mut pattern, mut rest) = (self.0.chars(), name.chars());
        // Behind the last `*`: the pattern, and what of the name has not been tried as its start.
        // An earlier `*` need not be tried again: this one takes what that one could.
        let mut retry: Option<(std::str::Chars<'_>, std::str::Chars<'_>)> = None;
        loop {
            let next = rest.clone().next();
            match pattern.next() {
                Some('*') => {
                    retry = Some((pattern.clone(), rest.clone()));
                    continue;
                }
                Some(wanted) if next.is_some_and(|c| wanted == '?' || wanted == c) => {
                    rest.next();
                    continue;
                }
                None if next.is_none() => return true,
                Some(_) | None => {}
            }
            let Some((behind, start)) = &mut retry else {
                return false;
            };
            if start.next().is_none() {
                return false;
            }
            (pattern, rest) = (behind.clone(), start.clone());
        }
    }
}

impl FromStr for Glob {
    type Err = GlobError;

    fn from_str(text: &str) -> Result<Self, GlobError> {
        if text.is_empty() {
            return Err(GlobError::Empty);
        }
        if text.len() > MAX_BYTES {
            return Err(GlobError::TooLong(text.len()));
        }
        if text.contains(|c: char| c.is_whitespace() || c.is_control()) {
            return Err(GlobError::NoName);
        }
        Ok(Self(text.into()))
    }
}

impl fmt::Display for Glob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(pattern: &str, name: &str, expected: bool) {
        let glob: Glob = pattern.parse().unwrap();
        assert_eq!(glob.matches(name), expected, "`{pattern}` and `{name}`");
    }

    #[test]
    fn names_match_as_documented() {
        for (pattern, name, expected) in [
            ("gpt-5", "gpt-5", true),
            ("gpt-5", "gpt-5-mini", false),
            ("gpt-5", "GPT-5", false),
            ("*", "", true),
            ("*", "any/thing", true),
            ("gpt-*", "gpt-", true),
            ("gpt-*", "gp", false),
            ("*-mini", "gpt-5-mini-mini", true),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "a-c-b", false),
            ("?", "é", true),
            ("?", "", false),
            ("??", "é", false),
            ("gpt-?", "gpt-55", false),
            ("*?", "", false),
            ("?*", "x", true),
            ("org/*", "org/model", true),
            ("[ab]", "a", false),
        ] {
            check(pattern, name, expected);
        }
    }

    #[test]
    fn what_is_no_pattern_says_why() {
        for (text, error) in [
            (String::new(), GlobError::Empty),
            ("a".repeat(257), GlobError::TooLong(257)),
            ("a b".to_owned(), GlobError::NoName),
            ("a\0".to_owned(), GlobError::NoName),
        ] {
            assert_eq!(text.parse::<Glob>(), Err(error));
        }
        assert!("a".repeat(256).parse::<Glob>().is_ok());
    }

    #[test]
    fn a_pattern_of_many_stars_does_not_explode() {
        let pattern = "*a".repeat(128);
        check(&pattern, &"a".repeat(100_000), true);
        check(&pattern, &"b".repeat(100_000), false);
    }

    /// What the pattern means, by its definition.
    fn oracle(pattern: &[char], name: &[char]) -> bool {
        match pattern {
            [] => name.is_empty(),
            ['*', rest @ ..] => (0..=name.len()).any(|at| oracle(rest, &name[at..])),
            [first, rest @ ..] => name
                .split_first()
                .is_some_and(|(c, behind)| (*first == '?' || first == c) && oracle(rest, behind)),
        }
    }

    proptest! {
        #[test]
        fn matching_is_what_its_definition_says(pattern in "[ab*?é]{1,8}", name in "[abé]{0,10}") {
            let expected = oracle(&pattern.chars().collect::<Vec<_>>(), &name.chars().collect::<Vec<_>>());
            let glob: Glob = pattern.parse().unwrap();
            prop_assert_eq!(glob.matches(&name), expected);
        }
    }
}
