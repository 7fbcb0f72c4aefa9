// SPDX-License-Identifier: Apache-2.0
//! What holds for texts parts of which are encoded.

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::laws::{cases, texts};
use super::samples::values;
use super::{rules, takes_time_in_proportion};
use crate::Redacted;

const ENCODINGS: [fn(&str) -> String; 5] = [
    str::to_owned,
    |text| BASE64_STANDARD.encode(text),
    |text| BASE64_URL_SAFE_NO_PAD.encode(text),
    |text| text.bytes().map(|byte| format!("{byte:02x}")).collect(),
    |text| text.bytes().map(|byte| format!("%{byte:02X}")).collect(),
];

fn parts() -> impl Strategy<Value = String> {
    let part = (texts(), select(ENCODINGS.to_vec())).prop_map(|(text, encode)| encode(&text));
    vec(part, 1..4).prop_map(|parts| parts.concat())
}

/// Which characters of the text were replaced.
fn covered(redacted: &Redacted, length: usize) -> Vec<bool> {
    let mut covered = vec![false; length];
    for finding in &redacted.findings {
        covered[finding.start..finding.end].fill(true);
    }
    covered
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: cases() / 10,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn nothing_is_missed_and_the_rest_is_byte_identical(text in parts()) {
        let characters: Vec<char> = text.chars().collect();
        let (plain, all) = (rules().redact(&text), rules().redact_encoded(&text));
        let found = covered(&all, characters.len());
        let missed = covered(&plain, characters.len()).into_iter().zip(&found).position(|(one, two)| one && !two);
        prop_assert_eq!(missed, None);
        let (mut expected, mut at) = (String::new(), 0);
        for finding in &all.findings {
            prop_assert!(at <= finding.start && finding.start < finding.end);
            expected.extend(&characters[at..finding.start]);
            expected.push_str(&format!("[REDACTED:{}]", finding.rule.entity));
            at = finding.end;
        }
        expected.extend(&characters[at..]);
        prop_assert_eq!(all.text, expected);
    }
}

#[test]
fn values_of_every_kind_are_found_in_every_encoding() {
    for (entity, value) in values() {
        for (number, encode) in ENCODINGS.iter().enumerate() {
            let text = format!("<{}>", encode(&format!("this is the value: {value} ")));
            let redacted = rules().redact_encoded(&text);
            let mut found = redacted
                .findings
                .iter()
                .map(|finding| finding.rule.entity.as_str());
            assert!(
                found.any(|found| found == entity),
                "{entity} {number} {text}"
            );
        }
    }
}

#[test]
fn the_time_for_encoded_text_is_in_proportion_to_its_length() {
    let text = |length: usize| {
        let values = "ada@example.com 4111111111111111";
        let part = format!("{} {}%20", ENCODINGS[1](values), ENCODINGS[4](values));
        part.repeat(length / part.len())
    };
    takes_time_in_proportion(text, |text| {
        let redacted = rules().redact_encoded(text);
        assert!(!redacted.findings.is_empty());
        redacted
    });
}
