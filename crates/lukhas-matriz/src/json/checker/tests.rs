// SPDX-License-Identifier: Apache-2.0

use proptest::prelude::*;
use serde::de::IgnoredAny;

use super::*;

/// What a parser says of the whole text; the recursion of this one has no limit.
fn parses(text: &str) -> bool {
    serde_json::from_str::<IgnoredAny>(text).is_ok()
}

fn accepts(mut checker: Checker, pieces: &[&str]) -> bool {
    pieces.iter().all(|piece| checker.push(piece)) && checker.is_whole()
}

/// `text` cut after every character, and whole: both must agree.
#[track_caller]
fn check(text: &str, expected: bool) {
    let characters: Vec<&str> = text.split_inclusive(|_| true).collect();
    assert_eq!(accepts(Checker::value(), &[text]), expected, "{text:?}");
    assert_eq!(accepts(Checker::value(), &characters), expected, "{text:?}");
    assert_eq!(parses(text), expected, "the parser disagrees: {text:?}");
}

#[test]
fn accepts_every_kind_of_value() {
    for text in [
        "{}",
        "[]",
        "\"\"",
        "0",
        "-0",
        "12",
        "-1.5",
        "1e9",
        "1E+9",
        "0.5e-3",
        "0e1",
        "true",
        "false",
        "null",
        " \t\r\n{ \"a\" : [ 1 , 2 ] } \n",
        r#"{"a":{"b":[[],{}]},"c":null}"#,
        r#""\"\\\/\b\f\n\r\t\u00e9\uD834\uDD1E é""#,
        r#"{"a":1,"a":2}"#,
        "[1.5,-2e3 ]",
    ] {
        check(text, true);
    }
}

#[test]
fn refuses_what_is_no_value() {
    for text in [
        "",
        " ",
        "{",
        "}",
        "[",
        "]",
        "[}",
        "{]",
        "[1,]",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{,}",
        "{1:2}",
        "[1 2]",
        "1 2",
        "{} {}",
        ",",
        ":",
        "01",
        "-",
        "-a",
        "1.",
        ".5",
        "1e",
        "1e+",
        "+1",
        "1.e5",
        "tru",
        "truee",
        "trux",
        "nul",
        "True",
        "'a'",
        "\"",
        "\"\\x\"",
        "\"\\u12g4\"",
        "\"\\u12\"",
        "\"\n\"",
        "\"\u{1}\"",
        "{\"a\" 1}",
        "\u{feff}{}",
        "// {}",
        "NaN",
        "```json\n{}\n```",
        "{\"a\":1",
        "[[[]]",
        "-01",
        "1..2",
        "1e1.5",
    ] {
        check(text, false);
    }
}

#[test]
fn says_no_at_the_first_byte_that_cannot_be() {
    let mut checker = Checker::value();
    assert!(checker.push("{\"a\": "));
    assert!(!checker.push("oops"));
    assert!(!checker.push("1}"));
    assert!(!checker.is_whole());
}

#[test]
fn an_object_is_an_object() {
    let object = |text| accepts(Checker::object(), &[text]);
    assert!(object("{}"));
    assert!(object(" {\"a\": [1]}"));
    for text in ["[]", "1", "\"{}\"", "null", ""] {
        assert!(!object(text), "{text}");
    }
}

#[test]
fn deeper_than_the_limit_is_refused() {
    let nested = |levels: usize| "[".repeat(levels) + &"]".repeat(levels);
    assert!(accepts(Checker::value(), &[&nested(128)]));
    assert!(!accepts(Checker::value(), &[&nested(129)]));
}

/// Texts that are JSON, and texts that nearly are: one character replaced, removed or added.
fn near_json() -> impl Strategy<Value = String> {
    let value = r#"(\{"a": ?(1|-2\.5e3|"x\\n\\u00e9"|\[true,null\])(, ?"b":\{\})?\}|\[[0-9]{1,3}(,"é")*\])"#;
    let character = prop::char::ranges(vec!['\t'..='\r', ' '..='~'].into());
    (value, any::<prop::sample::Index>(), 0..4u8, character).prop_map(
        |(text, index, edit, character)| {
            let mut characters: Vec<char> = text.chars().collect();
            let at = index.index(characters.len());
            match edit {
                0 => {}
                1 => characters[at] = character,
                2 => drop(characters.remove(at)),
                _ => characters.insert(at, character),
            }
            characters.into_iter().collect()
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn agrees_with_a_parser_however_the_text_is_cut(
        text in near_json(),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..4),
    ) {
        let mut cuts: Vec<usize> =
            cuts.iter().map(|cut| text.floor_char_boundary(cut.index(text.len() + 1))).collect();
        cuts.sort_unstable();
        let mut pieces = Vec::new();
        let mut from = 0;
        for cut in cuts {
            pieces.push(&text[from..cut]);
            from = cut;
        }
        pieces.push(&text[from..]);
        prop_assert_eq!(accepts(Checker::value(), &pieces), parses(&text), "{}", text);
    }
}
