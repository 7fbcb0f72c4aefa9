// SPDX-License-Identifier: Apache-2.0
//! Values without a bound: what belongs to them behind the match is dropped as it comes.

/// What a value goes on with once it is known to be one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tail {
    /// Letters, digits, `_` and `-`; `.`, `~`, `+` and `/` only between them; `=` in the end.
    Token,
    /// Whatever a password may hold outside of quotes.
    Word,
    /// The body of a PEM block, up to the dashes that end its last line.
    Pem,
}

/// A tail that is being dropped.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Swallow {
    tail: Tail,
    dashes: u8,
    runs: u8,
}

/// Dashes on each side of a PEM label (RFC 7468, section 2).
const DASHES: u8 = 5;
/// Runs of dashes in the line that ends a block.
const RUNS: u8 = 2;

impl Swallow {
    pub(crate) const fn new(tail: Tail) -> Self {
        Self {
            tail,
            dashes: 0,
            runs: 0,
        }
    }

    /// How many bytes of `text` belong to the tail, and whether it is over. A tail that is not over
    /// has taken all that can be decided; the rest is given to it again with what comes behind.
    pub(crate) fn take(&mut self, text: &str) -> (usize, bool) {
        match self.tail {
            Tail::Token => token(text.as_bytes()),
            Tail::Word => run(text.as_bytes(), is_password),
            Tail::Pem => self.pem(text.as_bytes()),
        }
    }

    fn pem(&mut self, text: &[u8]) -> (usize, bool) {
        for (at, &byte) in text.iter().enumerate() {
            if self.runs == RUNS || !is_pem(byte) {
                return (at, true);
            }
            self.dashes = if byte == b'-' { self.dashes + 1 } else { 0 };
            if self.dashes == DASHES {
                self.dashes = 0;
                self.runs += 1;
            }
        }
        (text.len(), self.runs == RUNS)
    }
}

fn run(text: &[u8], belongs: fn(u8) -> bool) -> (usize, bool) {
    match text.iter().position(|&byte| !belongs(byte)) {
        Some(end) => (end, true),
        None => (text.len(), false),
    }
}

/// A joint belongs to the token if a letter or digit follows: the full stop of a sentence does not.
fn token(text: &[u8]) -> (usize, bool) {
    let mut taken = 0;
    for (at, &byte) in text.iter().enumerate() {
        match byte {
            b'_' | b'-' | b'=' => taken = at + 1,
            _ if byte.is_ascii_alphanumeric() => taken = at + 1,
            b'.' | b'~' | b'+' | b'/' if taken == at => {}
            _ => return (taken, true),
        }
    }
    (taken, false)
}

/// Also what the checks of passwords go by.
pub(crate) fn is_password(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"+/_.~!@#$%^&*=?:|-".contains(&byte)
}

/// Base64, white space (also escaped, as in JSON), and what is in headers of old PEM blocks.
fn is_pem(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte.is_ascii_whitespace() || b"+/=\\-:,".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(tail: Tail, text: &str, expected: (usize, bool)) {
        assert_eq!(Swallow::new(tail).take(text), expected, "{text:?}");
    }

    #[test]
    fn a_tail_takes_what_belongs_to_it() {
        check(Tail::Token, "ab.c-d==, then", (8, true));
        check(Tail::Token, "ab.", (2, false));
        check(Tail::Token, "ab. Then", (2, true));
        check(Tail::Token, "ab..c", (2, true));
        check(Tail::Token, "", (0, false));
        check(Tail::Word, "p4$$ word", (4, true));
        check(Tail::Pem, "AB\n-----END KEY-----\nNext", (20, true));
        check(Tail::Pem, "AB\\n-----END KEY-----", (21, true));
        check(Tail::Pem, "AB\n\"}", (3, true));
        check(Tail::Pem, "AB\n----", (7, false));
    }
}
