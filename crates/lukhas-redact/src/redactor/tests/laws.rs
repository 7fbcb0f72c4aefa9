// SPDX-License-Identifier: Apache-2.0
//! What holds for every text and every way of cutting it.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::samples::{PROSE, surrounded, values};
use super::{characters, covered, rules, streamed, takes_time_in_proportion};
use crate::{Escape, MAX_HOLD, Redacted, Restorer, Vault};

/// Texts in which values, parts of them and what is around them meet in every way.
pub(super) fn texts() -> impl Strategy<Value = String> {
    let mut whole: Vec<String> = values().into_iter().map(|(_, value)| value).collect();
    whole.extend(surrounded().into_iter().map(|(text, _)| text));
    whole.extend(PROSE.iter().map(|text| (*text).to_owned()));
    let part = (select(whole.clone()), any::<Index>(), any::<Index>()).prop_map(|(text, a, b)| {
        let places: Vec<_> = text.char_indices().map(|(at, _)| at).collect();
        let (a, b) = (places[a.index(places.len())], places[b.index(places.len())]);
        text[a.min(b)..a.max(b)].to_owned()
    });
    let glue = select(vec![
        "",
        " ",
        ".",
        ",",
        "-",
        ":",
        "/",
        "@",
        "=",
        "\"",
        "'",
        "(",
        ")",
        "+",
        "\n",
        "é",
        "_",
        "#",
        "ssn ",
        "phone ",
        "room ",
        "[",
        "]",
        "[REDACTED:EMAIL_ADDRESS]",
        "[REDACTED:",
        "0",
        "00 ",
        "password=",
        "token: ",
        "bearer ",
    ]);
    let piece = prop_oneof![
        3 => select(whole),
        3 => part,
        4 => glue.prop_map(str::to_owned),
        1 => "\\PC{0,12}",
        1 => "[0-9 .:+()-]{0,20}",
    ];
    vec(piece, 0..9).prop_map(|pieces| pieces.concat())
}

/// Cuts `text` after as many characters as `lengths` say, over and over.
fn cut<'t>(text: &'t str, lengths: &[usize]) -> Vec<&'t str> {
    let mut pieces = Vec::new();
    let mut rest = text;
    for length in lengths.iter().cycle() {
        if rest.is_empty() || lengths.iter().all(|length| *length == 0) {
            break;
        }
        let end = rest
            .char_indices()
            .nth(*length)
            .map_or(rest.len(), |(at, _)| at);
        let (piece, after) = rest.split_at(end);
        pieces.push(piece);
        rest = after;
    }
    pieces.push(rest);
    pieces
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: cases(),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn a_stream_is_redacted_as_the_whole_text_is(
        text in texts(),
        lengths in vec(0_usize..24, 1..6),
    ) {
        let rules = rules();
        let whole = rules.redact(&text);
        let mut out = Redacted::default();
        let mut redactor = rules.redactor();
        for piece in cut(&text, &lengths) {
            redactor.push(piece, &mut out);
            prop_assert!(redactor.held() <= MAX_HOLD);
            prop_assert!(whole.text.starts_with(&out.text));
        }
        redactor.finish(&mut out);
        prop_assert_eq!(&out, &whole);
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: cases() / 4,
        // Some of the texts have a placeholder.
        max_global_rejects: cases(),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn redacting_twice_is_redacting_once(text in texts()) {
        let once = rules().redact(&text).text;
        for finding in rules().redact(&once).findings {
            // What a placeholder touches: it could not be seen that a word ends there.
            let (at, _) = once.char_indices().nth(finding.end).unwrap_or_default();
            prop_assert!(once[at..].starts_with("[REDACTED:"), "{:?} in {}", finding, once);
        }
    }

    #[test]
    fn what_is_no_value_is_byte_identical(text in texts()) {
        let out = rules().redact(&text);
        let mut rest = out.text.as_str();
        let mut place = 0;
        for finding in &out.findings {
            prop_assert!(place <= finding.start && finding.start < finding.end);
            let kept: String = text.chars().skip(place).take(finding.start - place).collect();
            rest = rest.strip_prefix(kept.as_str()).unwrap();
            let placeholder = format!("[REDACTED:{}]", finding.rule.entity);
            rest = rest.strip_prefix(placeholder.as_str()).unwrap();
            place = finding.end;
        }
        let kept: String = text.chars().skip(place).collect();
        prop_assert_eq!(rest, kept);
    }

    #[test]
    fn no_beginning_of_a_value_is_released(left in texts(), index in any::<Index>()) {
        const MOST: usize = 7;
        let all = values();
        let (_, value) = &all[index.index(all.len())];
        let text = format!("{left}\n{value}");
        let rules = rules();
        let whole = rules.redact(&text);
        let Some(last) = whole.findings.last().filter(|last| covered(&text, last) == value) else {
            return Ok(());
        };
        let before = whole.text.len() - format!("[REDACTED:{}]", last.rule.entity).len();
        let mut out = Redacted::default();
        let mut redactor = rules.redactor();
        for piece in characters(&text) {
            redactor.push(piece, &mut out);
            let released = out.text.get(before..).unwrap_or("");
            prop_assert!(released.len() <= MOST || released.starts_with("[REDACTED:"));
        }
    }

    #[test]
    fn what_was_replaced_is_put_back(text in texts(), lengths in vec(1_usize..24, 1..6)) {
        // A placeholder in the text itself is its writer's, and may name another's value.
        prop_assume!(!text.contains("[REDACTED:"));
        let vault = Vault::new();
        let mut masked = Redacted::default();
        let mut redactor = rules().redactor_into(vault.clone());
        for piece in cut(&text, &lengths) {
            redactor.push(piece, &mut masked);
        }
        redactor.finish(&mut masked);
        prop_assert_eq!(&masked.findings, &rules().redact(&text).findings);
        let mut restored = String::new();
        let mut restorer = Restorer::new(vault, Escape::None);
        for piece in cut(&masked.text, &lengths) {
            restorer.push(piece, &mut restored);
        }
        restorer.finish(&mut restored);
        prop_assert_eq!(restored, text);
    }
}

/// So many in every run; more if the environment wants, as at night.
#[expect(
    clippy::disallowed_methods,
    reason = "a knob of the tests, as proptest's own are; no setting of the product"
)]
pub(super) fn cases() -> u32 {
    let wanted = std::env::var("LUKHAS_REDACT_CASES").ok();
    wanted
        .and_then(|cases| cases.parse().ok())
        .unwrap_or(10_000)
}

#[test]
fn the_time_for_a_text_is_in_proportion_to_its_length() {
    let text = |length: usize| "1 2 3-4 a.b-c@d.e 0000 eyJ eyJ".repeat(length / 30);
    takes_time_in_proportion(text, |text| rules().redact(text));
    let long = text(160_000);
    assert_eq!(streamed(&rules(), [long.as_str()]), rules().redact(&long));
}
