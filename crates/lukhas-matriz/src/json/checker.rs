// SPDX-License-Identifier: Apache-2.0
//! Is a text that comes in pieces one JSON value? Decided byte by byte, in constant memory.

#[cfg(test)]
mod tests;

/// Follows the grammar of RFC 8259 over a text that comes in pieces.
///
/// Says no at the first byte that no valid text could have there. Deeper than 128 levels counts
/// as invalid, as the common parsers have it. Keys may repeat and surrogates may stand alone: the
/// grammar allows both.
#[derive(Clone, Debug)]
pub(crate) struct Checker {
    state: State,
    /// One bit a level, the innermost lowest: set in an object, clear in an array.
    levels: u128,
    depth: u32,
    must_be_object: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// A value must begin.
    Value,
    /// A value must begin, or the array end.
    FirstElement,
    /// A key must begin, or the object end.
    FirstKey,
    /// A key must begin.
    Key,
    /// A key has ended.
    Colon,
    /// A value has ended.
    After,
    Text(Text),
    Number(Number),
    /// The rest of `true`, `false` or `null`.
    Word(&'static [u8]),
    /// No continuation is valid.
    Invalid,
}

/// Inside a string.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Text {
    is_key: bool,
    escape: Escape,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Escape {
    None,
    Backslash,
    /// Hexadecimal digits still to come.
    Unicode(u8),
}

/// What the last byte of a number was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Number {
    Minus,
    LeadingZero,
    Integer,
    Point,
    Fraction,
    Exponent,
    ExponentSign,
    ExponentDigit,
}

impl Checker {
    /// For any JSON value.
    pub(crate) fn value() -> Self {
        Self {
            state: State::Value,
            levels: 0,
            depth: 0,
            must_be_object: false,
        }
    }

    /// For a JSON object.
    pub(crate) fn object() -> Self {
        Self {
            must_be_object: true,
            ..Self::value()
        }
    }

    /// Takes the next piece; false when no continuation of it all is valid.
    pub(crate) fn push(&mut self, piece: &str) -> bool {
        let mut rest = piece.as_bytes();
        while let [byte, tail @ ..] = rest {
            rest = tail;
            self.state = self.next(*byte);
            match self.state {
                State::Invalid => return false,
                State::Text(Text {
                    escape: Escape::None,
                    ..
                }) => rest = skip_plain(rest),
                _ => {}
            }
        }
        self.state != State::Invalid
    }

    /// Whether what has come so far is a whole value.
    pub(crate) fn is_whole(&self) -> bool {
        let ended = match self.state {
            State::After => true,
            State::Number(number) => number.may_end(),
            _ => false,
        };
        ended && self.depth == 0
    }

    fn next(&mut self, byte: u8) -> State {
        match self.state {
            State::Text(text) => self.in_text(text, byte),
            State::Word([first, rest @ ..]) if *first == byte => {
                if rest.is_empty() {
                    State::After
                } else {
                    State::Word(rest)
                }
            }
            State::Number(number) => match number.next(byte) {
                Some(number) => State::Number(number),
                None if number.may_end() => self.between(State::After, byte),
                None => State::Invalid,
            },
            state => self.between(state, byte),
        }
    }

    /// Outside of strings, numbers and words.
    fn between(&mut self, state: State, byte: u8) -> State {
        match (state, byte) {
            (State::Word(_) | State::Invalid, _) => State::Invalid,
            (state, b' ' | b'\t' | b'\n' | b'\r') => state,
            (State::FirstElement, b']') | (State::FirstKey, b'}') => self.close(byte),
            (State::Value | State::FirstElement, byte) => self.begin(byte),
            (State::FirstKey | State::Key, b'"') => State::Text(Text {
                is_key: true,
                escape: Escape::None,
            }),
            (State::Colon, b':') => State::Value,
            (State::After, b',') if self.depth > 0 && self.in_object() => State::Key,
            (State::After, b',') if self.depth > 0 => State::Value,
            (State::After, b'}' | b']') => self.close(byte),
            _ => State::Invalid,
        }
    }

    fn begin(&mut self, byte: u8) -> State {
        if self.depth == 0 && self.must_be_object && byte != b'{' {
            return State::Invalid;
        }
        match byte {
            b'{' => self.open(true),
            b'[' => self.open(false),
            b'"' => State::Text(Text {
                is_key: false,
                escape: Escape::None,
            }),
            b'-' => State::Number(Number::Minus),
            b'0' => State::Number(Number::LeadingZero),
            b'1'..=b'9' => State::Number(Number::Integer),
            b't' => State::Word(b"rue"),
            b'f' => State::Word(b"alse"),
            b'n' => State::Word(b"ull"),
            _ => State::Invalid,
        }
    }

    fn open(&mut self, is_object: bool) -> State {
        if self.depth == u128::BITS {
            return State::Invalid;
        }
        self.depth += 1;
        self.levels = self.levels << 1 | u128::from(is_object);
        if is_object {
            State::FirstKey
        } else {
            State::FirstElement
        }
    }

    fn close(&mut self, byte: u8) -> State {
        if self.depth == 0 || self.in_object() != (byte == b'}') {
            return State::Invalid;
        }
        self.depth -= 1;
        self.levels >>= 1;
        State::After
    }

    fn in_object(&self) -> bool {
        self.levels & 1 == 1
    }

    fn in_text(&self, text: Text, byte: u8) -> State {
        let inside = |escape| State::Text(Text { escape, ..text });
        match (text.escape, byte) {
            (Escape::None, b'"') if text.is_key => State::Colon,
            (Escape::None, b'"') => State::After,
            (Escape::None, b'\\') => inside(Escape::Backslash),
            (Escape::None, 0x20..) => inside(Escape::None),
            (Escape::Backslash, b'u') => inside(Escape::Unicode(4)),
            (Escape::Backslash, b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't')
            | (Escape::Unicode(1), b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F') => inside(Escape::None),
            (Escape::Unicode(left), b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F') => {
                inside(Escape::Unicode(left - 1))
            }
            (Escape::None | Escape::Backslash | Escape::Unicode(_), _) => State::Invalid,
        }
    }
}

impl Number {
    /// Where `byte` leads; `None` when it is not part of this number.
    fn next(self, byte: u8) -> Option<Self> {
        Some(match (self, byte) {
            (Self::Minus, b'0') => Self::LeadingZero,
            (Self::Minus, b'1'..=b'9') | (Self::Integer, b'0'..=b'9') => Self::Integer,
            (Self::LeadingZero | Self::Integer, b'.') => Self::Point,
            (Self::Point | Self::Fraction, b'0'..=b'9') => Self::Fraction,
            (Self::LeadingZero | Self::Integer | Self::Fraction, b'e' | b'E') => Self::Exponent,
            (Self::Exponent, b'+' | b'-') => Self::ExponentSign,
            (Self::Exponent | Self::ExponentSign | Self::ExponentDigit, b'0'..=b'9') => {
                Self::ExponentDigit
            }
            _ => return None,
        })
    }

    fn may_end(self) -> bool {
        match self {
            Self::LeadingZero | Self::Integer | Self::Fraction | Self::ExponentDigit => true,
            Self::Minus | Self::Point | Self::Exponent | Self::ExponentSign => false,
        }
    }
}

/// The rest of a string from its next byte that means something.
fn skip_plain(bytes: &[u8]) -> &[u8] {
    let special = |byte: &u8| *byte < 0x20 || matches!(*byte, b'"' | b'\\');
    let at = bytes.iter().position(special).unwrap_or(bytes.len());
    &bytes[at..]
}
