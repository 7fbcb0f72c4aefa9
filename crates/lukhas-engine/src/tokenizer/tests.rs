// SPDX-License-Identifier: Apache-2.0
use std::sync::OnceLock;
use std::time::Duration;

use proptest::prelude::*;
use tokio::time::Instant;

use super::*;

fn tiktoken() -> &'static tiktoken_rs::CoreBPE {
    static VOCABULARY: OnceLock<tiktoken_rs::CoreBPE> = OnceLock::new();
    VOCABULARY.get_or_init(|| tiktoken_rs::cl100k_base().unwrap())
}

#[track_caller]
fn check_encode(text: &str) {
    let tokens = Cl100k.encode(text);
    assert_eq!(tokens, tiktoken().encode_ordinary(text), "{text:?}");
    assert_eq!(Cl100k.count(text), tokens.len());
    assert_eq!(Cl100k.decode(&tokens).as_deref(), Ok(text));
}

#[track_caller]
fn check_truncate(text: &str, tokens: usize, expected: &str) {
    assert_eq!(Cl100k.truncate(text, tokens), expected);
}

#[test]
fn encodes_as_tiktoken_does() {
    for text in [
        "",
        "hello world",
        "Hello, WORLD! It's 'tis don'T we'LL I'vE you'rE he'ſ 'dog 'll'l",
        "  two  spaces \n\n \t\r\n and\r\nline ends   ",
        "1234567 3.14 ١٢٣٤ Ⅷ½ x1y22z333w4444",
        "fn main() { println!(\"{:?}\", a[0]..=b); } // !!!\n\n\n}",
        "日本語のテキスト、ไม่มีช่องว่าง и русский, ελληνικά עברית",
        "e\u{301} 👩\u{200d}👩\u{200d}👧 🇫🇷 \u{a0}\u{3000}x \u{85}\u{2028}y",
        "<|endoftext|> <|fim_prefix|>",
        "pneumonoultramicroscopicsilicovolcanoconiosis-antidisestablishmentarianism",
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    ] {
        check_encode(text);
    }
    check_encode(&"a".repeat(4000));
    check_encode(&format!("{}x", " ".repeat(4000)));
    check_encode(&"=-".repeat(2000));
}

#[test]
fn decodes_special_tokens_and_refuses_unknown_ones() {
    let check = |tokens: &[u32], expected| assert_eq!(Cl100k.decode(tokens), expected);
    check(&[], Ok(String::new()));
    check(&[15339, 1917], Ok("hello world".to_owned()));
    check(&[100_257], Ok("<|endoftext|>".to_owned()));
    check(&[100_276], Ok("<|endofprompt|>".to_owned()));
    for gap in [100_256, 100_261, 100_277, u32::MAX] {
        check(&[15339, gap], Err(TokenizerError::UnknownToken(gap)));
    }
    let half = Cl100k.encode("👩")[0];
    check(&[half], Err(TokenizerError::NotUtf8));
}

#[test]
fn truncates_to_whole_characters() {
    check_truncate("hello world", 9, "hello world");
    check_truncate("hello world", 2, "hello world");
    check_truncate("hello world", 1, "hello");
    check_truncate("hello world", 0, "");
    check_truncate("", 0, "");
    check_truncate("ok 👩", 2, "ok ");
    // The run of spaces splits before its last space only because of what follows it.
    check_truncate("a   b", 2, "a   ");
}

/// Every one of these takes tiktoken quadratic time, or makes its regex engine give up.
#[test]
fn takes_linear_time_on_text_without_splits() {
    let size = if cfg!(debug_assertions) {
        128 << 10
    } else {
        4 << 20
    };
    for text in [
        "a".repeat(size),
        " ".repeat(size),
        format!("{}x", " ".repeat(size)),
        "\n".repeat(size),
        "\t \u{3000}".repeat(size / 5),
        "🙂".repeat(size / 4),
        "é".repeat(size / 2),
        "1".repeat(size),
        "!".repeat(size),
        "'".repeat(size),
        "zqxj".repeat(size / 4),
    ] {
        let start = Instant::now();
        let count = Cl100k.count(&text);
        let cut = Cl100k.truncate(&text, count / 2);
        // Both take a second at most in a release build on an idle core.
        assert!(
            start.elapsed() < Duration::from_secs(20),
            "{:?}",
            &text[..20]
        );
        assert!(count >= size / 200 && cut.len() < text.len());
    }
}

#[test]
fn seams_cost_at_most_a_token_each() {
    let text = "a".repeat(LONGEST_PIECE * 8 + 1);
    let (ours, theirs) = (Cl100k.count(&text), tiktoken().encode_ordinary(&text).len());
    assert!((theirs..=theirs + 8).contains(&ours), "{ours} for {theirs}");
}

fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        any::<char>().prop_map(String::from),
        "[a-zA-Z]{1,12}",
        "[ \t\r\n\u{a0}\u{3000}]{1,6}",
        "[0-9]{1,5}",
        "['’!-/:-@]{1,4}",
        "'(s|S|ſ|ll|Ve|rE|d|x)",
        "\\PC{0,8}",
    ];
    prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn any_text_is_encoded_as_tiktoken_does(text in text()) {
        check_encode(&text);
    }

    #[test]
    fn a_truncated_text_fits_and_one_more_character_does_not(text in text(), tokens in 0_usize..24) {
        let cut = Cl100k.truncate(&text, tokens);
        prop_assert!(text.starts_with(cut));
        prop_assert!(Cl100k.count(cut) <= tokens);
        if let Some(next) = text[cut.len()..].chars().next() {
            prop_assert!(Cl100k.count(&text[..cut.len() + next.len_utf8()]) > tokens);
        }
    }
}
