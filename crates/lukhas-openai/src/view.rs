// SPDX-License-Identifier: Apache-2.0
//! JSON text, looked into where it stands.

use std::borrow::Cow;

use crate::json::MAX_DEPTH;

/// JSON text (RFC 8259), read from its start to its end. Nothing is built, and nothing decoded that
/// nobody asks for.
///
/// Every method reads one value and is then behind it. `None` is the answer where the text is not
/// JSON, is not of the kind that was asked for, or nests deeper than [`MAX_DEPTH`]; the view is of no
/// use after that.
///
/// ```
/// use lukhas_openai::View;
///
/// let mut view = View::new(r#"{"id": 7, "tags": ["a", "b"]}"#);
/// let (mut id, mut tags) = (None, 0);
/// view.object(|name, value| match name {
///     "id" => value.unsigned().map(|number| id = Some(number)),
///     "tags" => value.array(|tag| tag.string().map(|_| tags += 1)),
///     _ => value.skip(),
/// })
/// .and_then(|()| view.end())
/// .expect("an object and no more");
/// assert_eq!((id, tags), (Some(7), 2));
/// ```
#[derive(Debug)]
pub struct View<'t> {
    text: &'t str,
    at: usize,
    /// How many values are open here.
    depth: usize,
}

impl<'t> View<'t> {
    /// A view of `text` from its start.
    #[must_use]
    pub const fn new(text: &'t str) -> Self {
        Self {
            text,
            at: 0,
            depth: 0,
        }
    }

    /// Reads an object: `member` gets the name of each member, and has to read its value.
    pub fn object(&mut self, mut member: impl FnMut(&str, &mut Self) -> Option<()>) -> Option<()> {
        self.open(b'{')?;
        let mut goes_on = !self.takes(b'}');
        while goes_on {
            let name = self.string()?;
            self.take(b':')?;
            member(&name, self)?;
            goes_on = self.goes_on(b'}')?;
        }
        self.depth -= 1;
        Some(())
    }

    /// Reads an object: `member` gets the index of each member that is one of `names`, at most 64 of
    /// them, and has to read its value. `None` also where one of them is there twice: not every reader
    /// takes the same one then.
    ///
    /// They are found fastest in the order of `names`.
    pub fn members(
        &mut self,
        names: &[&str],
        mut member: impl FnMut(usize, &mut Self) -> Option<()>,
    ) -> Option<()> {
        let (mut seen, mut next) = (0_u64, 0);
        self.object(|name, value| {
            let (before, after) = names.split_at(next);
            let index = match after.iter().position(|after| *after == name) {
                Some(index) => next + index,
                None => match before.iter().position(|before| *before == name) {
                    Some(index) => index,
                    None => return value.skip(),
                },
            };
            next = index + 1;
            let bit = 1 << index;
            (seen & bit == 0).then_some(())?;
            seen |= bit;
            member(index, value)
        })
    }

    /// Reads an array: `item` has to read each of its values.
    pub fn array(&mut self, mut item: impl FnMut(&mut Self) -> Option<()>) -> Option<()> {
        self.open(b'[')?;
        let mut goes_on = !self.takes(b']');
        while goes_on {
            item(self)?;
            goes_on = self.goes_on(b']')?;
        }
        self.depth -= 1;
        Some(())
    }

    /// Reads an array of one value, which `item` has to read.
    pub fn only<T>(&mut self, mut item: impl FnMut(&mut Self) -> Option<T>) -> Option<T> {
        let mut only = None;
        self.array(|value| only.replace(item(value)?).is_none().then_some(()))?;
        only
    }

    /// Reads a string; it is decoded only where it has escapes.
    #[inline]
    pub fn string(&mut self) -> Option<Cow<'t, str>> {
        self.peek()?;
        let start = self.at;
        let has_escapes = self.quoted()?;
        if has_escapes {
            return serde_json::from_str(&self.text[start..self.at])
                .ok()
                .map(Cow::Owned);
        }
        Some(Cow::Borrowed(&self.text[start + 1..self.at - 1]))
    }

    /// Reads a number that is a whole one, not negative, and written without a point or an exponent.
    pub fn unsigned(&mut self) -> Option<u64> {
        self.raw()?.parse().ok()
    }

    /// Reads any value, and gives it as it is written.
    pub fn raw(&mut self) -> Option<&'t str> {
        self.written(Self::skip).map(|(raw, ())| raw)
    }

    /// Reads a value with `read`, and gives beside what that gives how it is written.
    pub fn written<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Option<T>,
    ) -> Option<(&'t str, T)> {
        self.peek()?;
        let start = self.at;
        let value = read(self)?;
        Some((&self.text[start..self.at], value))
    }

    /// Reads null, if it is what comes next.
    pub fn null(&mut self) -> bool {
        self.peek() == Some(b'n') && self.word("null").is_some()
    }

    /// Reads any value.
    pub fn skip(&mut self) -> Option<()> {
        match self.peek()? {
            b'"' => self.quoted().map(|_| ()),
            b'{' => self.skip_object(),
            b'[' => self.array(Self::skip),
            b't' => self.word("true"),
            b'f' => self.word("false"),
            b'n' => self.word("null"),
            _ => self.number(),
        }
    }

    /// Reads an object, and its names no further than where they end.
    fn skip_object(&mut self) -> Option<()> {
        self.open(b'{')?;
        let mut goes_on = !self.takes(b'}');
        while goes_on {
            self.quoted()?;
            self.take(b':')?;
            self.skip()?;
            goes_on = self.goes_on(b'}')?;
        }
        self.depth -= 1;
        Some(())
    }

    /// `Some` if nothing but space is left.
    pub fn end(&mut self) -> Option<()> {
        self.peek().is_none().then_some(())
    }

    /// The next byte that is not space.
    #[inline]
    fn peek(&mut self) -> Option<u8> {
        let bytes = self.text.as_bytes();
        let mut at = self.at;
        while let Some(&byte) = bytes.get(at) {
            if byte > b' ' || !matches!(byte, b' ' | b'\n' | b'\r' | b'\t') {
                self.at = at;
                return Some(byte);
            }
            at += 1;
        }
        self.at = at;
        None
    }

    /// Reads `byte`, if it is what comes next.
    fn takes(&mut self, byte: u8) -> bool {
        let is_next = self.peek() == Some(byte);
        self.at += usize::from(is_next);
        is_next
    }

    fn take(&mut self, byte: u8) -> Option<()> {
        self.takes(byte).then_some(())
    }

    fn open(&mut self, bracket: u8) -> Option<()> {
        self.take(bracket)?;
        self.depth += 1;
        (self.depth <= MAX_DEPTH).then_some(())
    }

    /// Whether another value follows, or else `bracket`.
    fn goes_on(&mut self, bracket: u8) -> Option<bool> {
        let next = self.peek()?;
        self.at += 1;
        match next {
            b',' => Some(true),
            next => (next == bracket).then_some(false),
        }
    }

    /// Reads a string; whether it has escapes.
    #[inline]
    fn quoted(&mut self) -> Option<bool> {
        self.take(b'"')?;
        let mut has_escapes = false;
        loop {
            self.at = plain_end(self.text.as_bytes(), self.at)?;
            match self.text.as_bytes()[self.at] {
                b'"' => break,
                b'\\' => self.escape()?,
                _ => return None,
            }
            has_escapes = true;
        }
        self.at += 1;
        Some(has_escapes)
    }

    fn escape(&mut self) -> Option<()> {
        let digits = match self.text.as_bytes().get(self.at + 1)? {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => 0,
            b'u' => 4,
            _ => return None,
        };
        let (start, end) = (self.at + 2, self.at + 2 + digits);
        self.at = end;
        let digits = self.text.as_bytes().get(start..end)?;
        digits.iter().all(u8::is_ascii_hexdigit).then_some(())
    }

    fn word(&mut self, word: &str) -> Option<()> {
        self.text.as_bytes()[self.at..]
            .starts_with(word.as_bytes())
            .then(|| self.at += word.len())
    }

    fn number(&mut self) -> Option<()> {
        self.at += usize::from(self.next_is(b"-"));
        match self.next_is(b"0") {
            true => self.at += 1,
            false => self.digits()?,
        }
        if self.next_is(b".") {
            self.at += 1;
            self.digits()?;
        }
        if self.next_is(b"eE") {
            self.at += 1;
            self.at += usize::from(self.next_is(b"+-"));
            self.digits()?;
        }
        Some(())
    }

    fn next_is(&self, any: &[u8]) -> bool {
        let next = self.text.as_bytes().get(self.at);
        next.is_some_and(|byte| any.contains(byte))
    }

    /// Reads digits, at least one.
    fn digits(&mut self) -> Option<()> {
        let rest = &self.text.as_bytes()[self.at..];
        let count = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.at += count;
        (count > 0).then_some(())
    }
}

/// Where, from `at` on, the first byte is that ends a string or cannot stand in one as it is. Eight of
/// them are looked at together.
///
/// Of a word, `word - 0x01…01` has the highest bit of a byte set where that byte was zero, and perhaps
/// of those above it: the lowest one that is set is right.
#[inline]
fn plain_end(bytes: &[u8], mut at: usize) -> Option<usize> {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    const HIGHEST: u64 = ONES << 7;

    while let Some(word) = bytes.get(at..at + 8).and_then(|word| word.first_chunk()) {
        let word = u64::from_le_bytes(*word);
        let (quote, escape) = (word ^ (ONES * b'"' as u64), word ^ (ONES * b'\\' as u64));
        let is_control = word.wrapping_sub(ONES * 0x20);
        let is_quote = quote.wrapping_sub(ONES);
        let is_escape = escape.wrapping_sub(ONES);
        // What is beyond ASCII is none of them.
        let special = (is_control | is_quote | is_escape) & !word & HIGHEST;
        if special != 0 {
            return Some(at + special.trailing_zeros() as usize / 8);
        }
        at += 8;
    }
    let is_special = |byte: &u8| matches!(byte, 0..0x20 | b'"' | b'\\');
    bytes[at..]
        .iter()
        .position(is_special)
        .map(|tail| at + tail)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde::de::IgnoredAny;
    use serde_json::Value;

    use super::*;

    fn reads(text: &str) -> bool {
        let mut view = View::new(text);
        view.skip().and_then(|()| view.end()).is_some()
    }

    #[test]
    fn json_is_what_the_standard_says() {
        for text in [
            "0",
            "-0",
            "10",
            "1.50",
            "-1e5",
            "1E+2",
            "2.5e-7",
            " [ ] ",
            "{}",
            "[1,\t[{}]\r,\n\"\"]",
            r#"{"a":1,"a":2}"#,
            r#""\"\\\/\b\f\n\r\t\u00e9\uD83D""#,
            "true",
            "false",
            "null",
        ] {
            assert!(reads(text), "{text}");
        }
        for text in [
            "",
            " ",
            "01",
            "+1",
            ".5",
            "1.",
            "1e",
            "1e+",
            "-",
            "--1",
            "0x1",
            "1 2",
            "[1,]",
            "[,1]",
            "[1 2]",
            "[1",
            "[1}",
            "{1:2}",
            "{\"a\"}",
            "{\"a\":}",
            "{\"a\":1,}",
            "{\"a\":1]",
            "{'a':1}",
            "\"",
            "\"a",
            "\"\\\"",
            "\"\\x\"",
            "\"\\u12\"",
            "\"\\u12g4\"",
            "\"\n\"",
            "\"\u{1}\"",
            "tru",
            "True",
            "nullx",
            "NaN",
            "\u{feff}1",
            "\u{a0}1",
        ] {
            assert!(!reads(text), "{text}");
        }
    }

    #[test]
    fn what_nests_too_deeply_is_not_read() {
        let nested = |depth: usize| ["[".repeat(depth), "]".repeat(depth)].concat();
        assert!(reads(&nested(MAX_DEPTH)));
        assert!(!reads(&nested(MAX_DEPTH + 1)));
        assert!(!reads(&"[".repeat(1_000_000)));
        // What was closed does not count.
        assert!(reads(&format!("[{}]", ["[[]]"; MAX_DEPTH].join(","))));
    }

    #[test]
    fn a_value_of_another_kind_is_none() {
        assert_eq!(View::new("1").string(), None);
        assert_eq!(View::new("{}").array(View::skip), None);
        assert_eq!(View::new("[]").object(|_, value| value.skip()), None);
        for text in ["-1", "1.0", "1e3", "\"1\"", "18446744073709551616"] {
            assert_eq!(View::new(text).unsigned(), None, "{text}");
        }
        assert_eq!(
            View::new(" 18446744073709551615").unsigned(),
            Some(u64::MAX)
        );
    }

    fn values() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            any::<String>().prop_map(Value::from),
            "[a-z ]{0,40}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                prop::collection::btree_map(any::<String>(), inner, 0..5)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    /// A tree of what a view reads.
    fn tree(view: &mut View<'_>) -> Option<Value> {
        let text = view.raw()?;
        let mut view = View::new(text);
        Some(match text.as_bytes()[0] {
            b'{' => {
                let mut members = serde_json::Map::new();
                view.object(|name, value| {
                    members.insert(name.to_owned(), tree(value)?);
                    Some(())
                })?;
                Value::Object(members)
            }
            b'[' => {
                let mut items = Vec::new();
                view.array(|item| {
                    items.push(tree(item)?);
                    Some(())
                })?;
                Value::Array(items)
            }
            b'"' => Value::String(view.string()?.into_owned()),
            _ => serde_json::from_str(text).ok()?,
        })
    }

    proptest! {
        #[test]
        fn a_string_is_plain_up_to_its_first_special_byte(
            bytes in prop::collection::vec(prop_oneof![any::<u8>(), 0x1d..0x25_u8], 0..40),
        ) {
            let is_special = |byte: &u8| *byte < 0x20 || [b'"', b'\\'].contains(byte);
            prop_assert_eq!(plain_end(&bytes, 0), bytes.iter().position(is_special));
        }

        #[test]
        fn it_reads_what_a_parser_reads(value in values(), pretty: bool) {
            let text = match pretty {
                true => serde_json::to_string_pretty(&value).unwrap(),
                false => value.to_string(),
            };
            let mut view = View::new(&text);
            prop_assert_eq!(tree(&mut view), Some(value));
            prop_assert_eq!(view.end(), Some(()));
        }

        /// Text that was JSON, and is it no more, or is it still.
        #[test]
        fn it_takes_what_a_parser_takes(
            value in values(),
            at in any::<prop::sample::Index>(),
            len in 0..3_usize,
            put in "[\\[\\]{}:,\"\\\\ \t0-9.eEu+\\-a\u{1}é]{0,3}",
        ) {
            let mut chars: Vec<char> = value.to_string().chars().collect();
            let at = at.index(chars.len());
            let end = chars.len().min(at + len);
            chars.splice(at..end, put.chars());
            let text: String = chars.into_iter().collect();
            let parsed = serde_json::from_str::<IgnoredAny>(&text);
            prop_assert_eq!(reads(&text), parsed.is_ok(), "{}", text);
        }
    }
}
