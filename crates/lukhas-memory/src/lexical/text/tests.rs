// SPDX-License-Identifier: Apache-2.0
use proptest::prelude::*;

use super::*;

fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut reader = Words::default();
    let mut found = |word: &[char]| words.push(word.iter().collect());
    for piece in pieces(text) {
        reader.read(piece, &mut found);
    }
    reader.end(&mut found);
    words
}

#[track_caller]
fn check(text: &str, expected: &[&str]) {
    assert_eq!(words(text), expected, "{text:?}");
}

#[test]
fn words_are_runs_of_letters_and_digits() {
    check("", &[]);
    check(" \t\r\n.,;:!?()[]{}<>\"'`-_/\\|@#$%^&*+=~\0", &[]);
    check("Hello, World!", &["hello", "world"]);
    check(
        "snake_case kebab-case a.b.c 3.14",
        &["snake", "case", "kebab", "case", "a", "b", "c", "3", "14"],
    );
    check("x86_64 v2 42", &["x86", "64", "v2", "42"]);
    check(
        "“quoted” – dashed… «so» ¿y?",
        &["quoted", "dashed", "so", "y"],
    );
}

#[test]
fn spellings_that_people_take_for_the_same_are_the_same() {
    check("Straße STRASSE STRAẞE strasse", &["strasse"; 4]);
    check("Καφές ΚΑΦΈΣ καφεσ", &["καφεσ"; 3]);
    check("café CAFÉ cafe\u{301} cafe", &["cafe"; 4]);
    check("ёлка ЁЛКА елка", &["елка"; 3]);
    check("ﬁne ｆｉｎｅ 𝐟𝐢𝐧𝐞 fine", &["fine"; 4]);
    check("İstanbul istanbul", &["istanbul"; 2]);
    check(
        "co\u{AD}operate co\u{2060}operate cooperate",
        &["cooperate"; 3],
    );
    check("① ² ½", &["1", "2", "1", "2"]);
}

#[test]
fn scripts_keep_their_marks() {
    check("हिन्दी भाषा", &["हिन्दी", "भाषा"]);
    check("שלום עולם", &["שלום", "עולם"]);
    let decomposed: Vec<String> = "한국어 ガ"
        .split(' ')
        .map(|word| word.nfkd().collect())
        .collect();
    assert_eq!(words("한국어 ガ"), decomposed);
    assert_eq!(words("한국어 ｶﾞ"), decomposed);
}

#[test]
fn ideographs_and_symbols_are_words_of_their_own() {
    check("東京タワー", &["東", "京", "タワー"]);
    check("我爱你。A計画2", &["我", "爱", "你", "a", "計", "画", "2"]);
    check("ok👍🏽❤️→x", &["ok", "👍", "🏽", "❤", "→", "x"]);
    check("👩\u{200D}🚀 5€", &["👩", "🚀", "5", "€"]);
}

#[test]
fn a_long_run_is_cut_into_words() {
    let lengths: Vec<usize> = words(&"x".repeat(150)).iter().map(String::len).collect();
    assert_eq!(lengths, [64, 64, 22]);
}

#[test]
fn pieces_are_small_and_together_the_text() {
    for text in [
        String::new(),
        "x".repeat(PIECE),
        "x".repeat(PIECE + 1),
        "word ".repeat(20_000),
        "é".repeat(40_000),
        format!("{}e\u{301}{}", "a".repeat(PIECE - 1), "é".repeat(PIECE)),
        "🦀".repeat(20_000),
    ] {
        let cut: Vec<&str> = pieces(&text).collect();
        assert_eq!(cut.concat(), text);
        assert!(
            cut.iter()
                .all(|piece| !piece.is_empty() && piece.len() < 2 * PIECE + 4)
        );
    }
}

#[test]
fn a_cut_between_pieces_changes_no_word() {
    for at in PIECE - 8..PIECE + 2 {
        let long = format!("{}café e\u{301}te\u{301} 東京 tail", " ".repeat(at));
        assert_eq!(words(&long), ["cafe", "ete", "東", "京", "tail"]);
    }
}

/// Every character of a script with cases, and many others: folding once is folding for good, and takes no notice of case.
#[test]
fn folding_is_stable_and_blind_to_case() {
    let fold = |text: String| text.nfkd().flat_map(folded).collect::<String>();
    for character in '\0'..='\u{1FFFF}' {
        let once = fold(character.to_string());
        assert_eq!(fold(once.clone()), once, "{character:?}");
        let seen = words(&once);
        assert_eq!(
            words(&fold(character.to_lowercase().collect())),
            seen,
            "{character:?}"
        );
        assert_eq!(
            words(&fold(character.to_uppercase().collect())),
            seen,
            "{character:?}"
        );
    }
}

proptest! {
    #[test]
    fn forms_of_the_same_text_have_the_same_words(text: String) {
        let expected = words(&text);
        prop_assert_eq!(&words(&text.nfc().collect::<String>()), &expected);
        prop_assert_eq!(&words(&text.nfd().collect::<String>()), &expected);
        prop_assert_eq!(&words(&text.nfkc().collect::<String>()), &expected);
        prop_assert_eq!(&words(&text.nfkd().collect::<String>()), &expected);
    }

    #[test]
    fn words_are_never_empty_nor_long(text: String) {
        for word in words(&text) {
            prop_assert!((1..=MAX_WORD).contains(&word.chars().count()));
        }
    }
}
