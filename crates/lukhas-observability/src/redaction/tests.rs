// SPDX-License-Identifier: Apache-2.0
use lukhas_redact::{CustomPattern, Profile};
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::{Format, Metrics};

fn stage() -> Redaction {
    Redaction::new(Profile::Logs)
}

#[test]
fn values_are_replaced_and_counted_by_their_kind() {
    let metrics = Metrics::of_test();
    let stage = stage().counted_in(&metrics);
    let token = ["gl", "pat-", "Xy3kQ9vBn2LmRt7PzW4s"].concat();
    let text = format!("ada@example.com sent {token} twice");
    let redacted = stage.text(&text);
    assert!(
        redacted.starts_with("[REDACTED:EMAIL_ADDRESS] sent "),
        "{redacted}"
    );
    assert_eq!(
        stage.text("nothing to be found: 12"),
        "nothing to be found: 12"
    );
    let (_, text) = metrics.encode(Format::Text);
    for series in [
        r#"lukhas_redactions_total{kind="pii"} 1"#,
        r#"lukhas_redactions_total{kind="secret"} 1"#,
    ] {
        assert!(text.contains(series), "{text}");
    }
}

#[test]
fn fields_of_our_own_stay_as_they_are() {
    let stage = stage();
    assert_eq!(stage.field("address", "203.0.113.7:80"), "203.0.113.7:80");
    assert_eq!(
        stage.field("error", "203.0.113.7:80"),
        "[REDACTED:IP_ADDRESS]:80"
    );
}

#[test]
fn texts_at_any_depth_of_a_value_are_redacted() {
    let mut value = json!({
        "status": 500,
        "cause": "ada@example.com",
        "span": {"name": "call", "who": ["ada@example.com", "nobody"]},
    });
    stage().value("", &mut value);
    let expected = json!({
        "status": 500,
        "cause": "[REDACTED:EMAIL_ADDRESS]",
        "span": {"name": "call", "who": ["[REDACTED:EMAIL_ADDRESS]", "nobody"]},
    });
    assert_eq!(value, expected);
}

#[test]
fn sentences_need_no_rules() {
    let stage = stage();
    assert_eq!(stage.text("the store is gone"), "the store is gone");
    assert!(stage.0.rules.get().is_none());
}

#[test]
fn rules_of_the_operator_are_used_on_plain_words_too() {
    let pattern = CustomPattern::new("PROJECT", "bluebird").unwrap();
    let config = RulesConfig::new(Profile::Logs).with_pattern(pattern);
    let stage = Redaction::with_rules(config).unwrap();
    assert_eq!(
        stage.text("the bluebird plan"),
        "the [REDACTED:PROJECT] plan"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// The way past the rules lets nothing through that they would find.
    #[test]
    fn what_is_plain_holds_nothing_to_be_found(
        words in prop::collection::vec("(password|secret|token|key|BEGIN|sk|AKIA)?[A-Za-z',.;()`\"?!]{0,15}", 0..12)
    ) {
        static STAGE: std::sync::LazyLock<Redaction> = std::sync::LazyLock::new(stage);
        let text = words.join(" ");
        if is_plain(&text) {
            let redacted = STAGE.rules().unwrap().redact(&text);
            prop_assert!(redacted.findings.is_empty(), "{redacted:?}");
        }
    }
}
