// SPDX-License-Identifier: Apache-2.0
//! Rust source without what is no code.

/// `source` with comments and the contents of literals blanked out. Lines stay where they are.
///
/// Good enough for searches by word: it knows nested comments, raw strings, and the difference
/// between a character and a lifetime.
pub(super) fn code_only(source: &str) -> String {
    let mut code = String::with_capacity(source.len());
    let mut rest = source;
    while let Some(first) = rest.chars().next() {
        let blank = match first {
            '/' if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("/*") => block_comment(rest),
            '"' => string(rest),
            '\'' => character(rest),
            'r' | 'b' | 'c' if !ends_in_word(&code) => raw_string(rest),
            _ => 0,
        };
        if blank == 0 {
            code.push(first);
            rest = &rest[first.len_utf8()..];
        } else {
            let (gone, kept) = rest.split_at(blank);
            code.extend(gone.chars().map(|c| if c == '\n' { '\n' } else { ' ' }));
            rest = kept;
        }
    }
    code
}

/// Whether `code` holds the words of `pattern` one after another, spaces between them or not.
pub(super) fn has_words(code: &str, pattern: &[&str]) -> bool {
    let Some((first, others)) = pattern.split_first() else {
        return true;
    };
    code.match_indices(first).any(|(at, _)| {
        let starts = !ends_in_word(&code[..at]);
        let mut rest = &code[at + first.len()..];
        starts
            && others.iter().all(|word| {
                let next = rest.trim_start().strip_prefix(word);
                rest = next.unwrap_or(rest);
                next.is_some()
            })
    })
}

fn ends_in_word(text: &str) -> bool {
    text.ends_with(|c: char| c.is_alphanumeric() || c == '_')
}

/// Length of the block comment at the start of `text`.
fn block_comment(text: &str) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while at < text.len() {
        let rest = &text.as_bytes()[at..];
        if rest.starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else if rest.starts_with(b"*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    text.len()
}

/// Length of the string literal at the start of `text`.
fn string(text: &str) -> usize {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// Length of the character literal at the start of `text`; 0 for a lifetime.
fn character(text: &str) -> usize {
    let mut chars = text.char_indices().skip(1);
    match (chars.next(), chars.next()) {
        (Some((_, '\\')), Some(_)) => text[3..].find('\'').map_or(text.len(), |at| at + 4),
        (Some(_), Some((at, '\''))) => at + 1,
        _ => 0,
    }
}

/// Length of the raw string literal at the start of `text`, prefix included; 0 when there is none.
fn raw_string(text: &str) -> usize {
    let inner = text.trim_start_matches(['b', 'c']);
    let Some(body) = inner.strip_prefix('r') else {
        return 0;
    };
    let quoted = body.trim_start_matches('#');
    let hashes = body.len() - quoted.len();
    if !quoted.starts_with('"') {
        return 0;
    }
    let end = format!("\"{}", "#".repeat(hashes));
    let start = text.len() - quoted.len() + 1;
    text[start..]
        .find(&end)
        .map_or(text.len(), |at| start + at + end.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(source: &str, expected: &str) {
        let code = code_only(source);
        let squeezed = code.split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(squeezed, expected, "{source}");
        assert_eq!(code.lines().count(), source.lines().count(), "{source}");
    }

    #[test]
    fn comments_and_literals_are_no_code() {
        check("a // b\nc", "a c");
        check("a /* b /* c */ d */ e", "a e");
        check("a(\"b \\\" c\") d", "a( ) d");
        check("a(r#\"b \" c\"#) d", "a( ) d");
        check("a(br\"b\") d", "a( ) d");
        check("a('b') c", "a( ) c");
        check("a('\\'') c", "a( ) c");
        check("a('\"') c \"d\"", "a( ) c");
        check("a('\\u{41}') b", "a( ) b");
        check("'é' a", "a");
    }

    #[test]
    fn everything_else_is() {
        check("fn a<'b>(c: &'b str) {}", "fn a<'b>(c: &'b str) {}");
        check("for r in rows {}", "for r in rows {}");
        check("let r#fn = a / b;", "let r#fn = a / b;");
        check("'outer: loop {}", "'outer: loop {}");
    }

    #[test]
    fn unfinished_literals_end_with_the_text() {
        check("a \"b", "a");
        check("a /* b", "a");
        check("a r##\"b\"#", "a");
    }

    #[test]
    fn words_are_whole_at_their_start() {
        assert!(has_words("#[ ignore ]", &["#", "[", "ignore"]));
        assert!(has_words("x; fn a()", &["fn "]));
        assert!(!has_words("often a", &["ten"]));
        assert!(!has_words("fn a", &["fn", "b"]));
    }
}
