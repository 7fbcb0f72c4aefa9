// SPDX-License-Identifier: Apache-2.0
//! Cuts text into words, numbers, quotations and other values.

/// What a [`Token`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Word,
    Number,
    Quoted,
    Email,
    Url,
    Date,
    DateTime,
    Time,
    Uuid,
    Ip,
    /// One character that is none of the above.
    Mark,
}

/// A word or value of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Token<'t> {
    pub(crate) kind: Kind,
    /// The text it stands for: without the marks of a quotation.
    pub(crate) text: &'t str,
    /// Where it starts, in bytes.
    pub(crate) at: usize,
}

/// A quotation is at most this long, in bytes: a stray mark must not swallow the text.
const LONGEST_QUOTATION: usize = 2000;

/// A chunk that is looked at as a whole is at most this long, in bytes.
const LONGEST_CHUNK: usize = 2000;

/// The tokens of `text`, in order; at most `limit`.
pub(crate) fn lex(text: &str, limit: usize) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while tokens.len() < limit {
        let rest = &text[at..];
        let Some(start) = rest.find(|c: char| !c.is_whitespace()) else {
            break;
        };
        at += start;
        let (token, len) = next_token(text, at);
        tokens.push(token);
        at += len;
    }
    tokens
}

/// The token at `at`, and how much text it takes.
fn next_token(text: &str, at: usize) -> (Token<'_>, usize) {
    let rest = &text[at..];
    let after_word = text[..at].ends_with(char::is_alphanumeric);
    let token = |kind, text| Token { kind, text, at };
    if !after_word {
        if let Some((content, len)) = quotation(rest) {
            return (token(Kind::Quoted, content), len);
        }
        let chunk = chunk(rest);
        if let Some(kind) = value_kind(chunk) {
            return (token(kind, chunk), chunk.len());
        }
    }
    let number = number_len(rest, !after_word);
    if number > 0 {
        return (token(Kind::Number, &rest[..number]), number);
    }
    match word_len(rest) {
        0 => {
            let len = rest.chars().next().map_or(1, char::len_utf8);
            (token(Kind::Mark, &rest[..len]), len)
        }
        len => (token(Kind::Word, &rest[..len]), len),
    }
}

/// The content of the quotation at the start of `text`, and its length with the marks.
fn quotation(text: &str) -> Option<(&str, usize)> {
    let open = text.chars().next()?;
    let close = match open {
        '"' | '\'' | '`' => open,
        '“' => '”',
        '‘' => '’',
        '«' => '»',
        _ => return None,
    };
    let start = open.len_utf8();
    let limit = text.floor_char_boundary(LONGEST_QUOTATION);
    for (len, _) in text[start..limit].match_indices(close) {
        let end = start + len + close.len_utf8();
        // An apostrophe inside a word does not end a quotation.
        let inside = matches!(close, '\'' | '’') && text[end..].starts_with(char::is_alphanumeric);
        if len > 0 && !inside {
            return Some((&text[start..start + len], end));
        }
    }
    None
}

/// The text up to white space, without the punctuation at its end.
fn chunk(text: &str) -> &str {
    let text = &text[..text.floor_char_boundary(LONGEST_CHUNK)];
    let end = text.find(|c: char| c.is_whitespace() || matches!(c, '"' | '<' | '>' | '`'));
    let chunk = &text[..end.unwrap_or(text.len())];
    chunk.trim_end_matches(['.', ',', ';', ':', '!', '?', ')', ']', '}', '\'', '”', '’'])
}

/// The kind of a chunk that is a value as a whole, and more than a word or number.
fn value_kind(chunk: &str) -> Option<Kind> {
    let first = chunk.bytes().next()?;
    if !first.is_ascii_alphanumeric() {
        return None;
    }
    if chunk.contains("://") {
        return Some(Kind::Url);
    }
    if is_email(chunk) {
        return Some(Kind::Email);
    }
    match chunk.split_once(['T', 't']) {
        Some((date, time)) if shaped(date, "0000-00-00") && is_time(time) => {
            return Some(Kind::DateTime);
        }
        _ if shaped(chunk, "0000-00-00") => return Some(Kind::Date),
        _ if shaped(chunk, "00:00") || shaped(chunk, "00:00:00") => return Some(Kind::Time),
        _ => {}
    }
    if shaped(chunk, "hhhhhhhh-hhhh-hhhh-hhhh-hhhhhhhhhhhh") {
        return Some(Kind::Uuid);
    }
    chunk
        .parse::<std::net::IpAddr>()
        .is_ok()
        .then_some(Kind::Ip)
}

fn is_email(chunk: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "._%+-".contains(c);
    chunk.split_once('@').is_some_and(|(name, host)| {
        !name.is_empty()
            && name.chars().all(allowed)
            && host.contains('.')
            && host.split('.').all(|label| {
                !label.is_empty() && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
            })
    })
}

fn is_time(text: &str) -> bool {
    text.get(..8).is_some_and(|time| shaped(time, "00:00:00"))
        && text[8..]
            .chars()
            .all(|c| c.is_ascii_digit() || "Zz.:+-".contains(c))
}

/// Whether `text` has the shape of `shape`: `0` is a digit, `h` a hexadecimal one, the rest itself.
fn shaped(text: &str, shape: &str) -> bool {
    text.len() == shape.len()
        && text
            .bytes()
            .zip(shape.bytes())
            .all(|(byte, shape)| match shape {
                b'0' => byte.is_ascii_digit(),
                b'h' => byte.is_ascii_hexdigit(),
                _ => byte == shape,
            })
}

/// Length of the number at the start of `text`: `-12`, `1,234.5`, `6e-3`.
fn number_len(text: &str, signed: bool) -> usize {
    let bytes = text.as_bytes();
    let sign = usize::from(signed && bytes.starts_with(b"-"));
    let digits = |from: usize| {
        bytes[from..]
            .iter()
            .take_while(|b| b.is_ascii_digit())
            .count()
    };
    let mut end = sign + digits(sign);
    if end == sign {
        return 0;
    }
    while bytes.get(end) == Some(&b',') && digits(end + 1) == 3 {
        end += 4;
    }
    if bytes.get(end) == Some(&b'.') && digits(end + 1) > 0 {
        end += 1 + digits(end + 1);
    }
    if let Some(b'e' | b'E') = bytes.get(end) {
        let sign = usize::from(matches!(bytes.get(end + 1), Some(b'-' | b'+')));
        let exponent = digits(end + 1 + sign);
        if exponent > 0 {
            end += 1 + sign + exponent;
        }
    }
    end
}

/// Length of the word at the start of `text`; hyphens and underscores join its parts.
fn word_len(text: &str) -> usize {
    let mut end = 0;
    for (at, c) in text.char_indices() {
        let joins = matches!(c, '-' | '_' | '\'' | '’') && end == at && at > 0;
        if c.is_alphanumeric() {
            end = at + c.len_utf8();
        } else if !joins {
            break;
        }
    }
    end
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &[(Kind, &str)]) {
        let found: Vec<_> = lex(text, 100).iter().map(|t| (t.kind, t.text)).collect();
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn values_are_told_from_words() {
        use Kind::{Date, DateTime, Email, Ip, Mark, Number, Quoted, Time, Url, Uuid, Word};
        check(
            "Hi, Ada!",
            &[(Word, "Hi"), (Mark, ","), (Word, "Ada"), (Mark, "!")],
        );
        check(
            "\"two words\" don't",
            &[(Quoted, "two words"), (Word, "don't")],
        );
        check(
            "it's 'Bob's car'.",
            &[(Word, "it's"), (Quoted, "Bob's car"), (Mark, ".")],
        );
        check(
            "a@b.co, (http://x.y/z?q=1).",
            &[
                (Email, "a@b.co"),
                (Mark, ","),
                (Mark, "("),
                (Url, "http://x.y/z?q=1"),
                (Mark, ")"),
                (Mark, "."),
            ],
        );
        check(
            "2024-02-29 2024-02-29T01:02:03Z 12:30",
            &[
                (Date, "2024-02-29"),
                (DateTime, "2024-02-29T01:02:03Z"),
                (Time, "12:30"),
            ],
        );
        check(
            "123e4567-e89b-12d3-a456-426614174000 10.0.0.1",
            &[
                (Uuid, "123e4567-e89b-12d3-a456-426614174000"),
                (Ip, "10.0.0.1"),
            ],
        );
        check(
            "-3 1,234.5 6e-3 20km",
            &[
                (Number, "-3"),
                (Number, "1,234.5"),
                (Number, "6e-3"),
                (Number, "20"),
                (Word, "km"),
            ],
        );
        check(
            "25-year-old ABC-12",
            &[
                (Number, "25"),
                (Mark, "-"),
                (Word, "year-old"),
                (Word, "ABC-12"),
            ],
        );
        check("\" stray", &[(Mark, "\""), (Word, "stray")]);
    }

    #[test]
    fn the_limit_bounds_the_tokens() {
        assert_eq!(lex("a b c d", 2).len(), 2);
    }
}
