// SPDX-License-Identifier: Apache-2.0
use serde_json::json;

use super::*;
use crate::{Escape, Profile, Restorer, RulesConfig};

fn rules() -> JsonRules {
    JsonRules::new(Rules::new(&RulesConfig::new(Profile::Logs)).unwrap())
}

#[track_caller]
fn check(text: &str, expected: &Value, pointers: &[&str]) {
    let mut value: Value = serde_json::from_str(text).unwrap();
    let findings = rules().redact(&mut value);
    assert_eq!(value, *expected);
    let found: Vec<_> = findings
        .iter()
        .map(|finding| finding.pointer.as_str())
        .collect();
    assert_eq!(found, pointers);
    // What is redacted has nothing left to be found.
    assert_eq!(rules().redact(&mut value), []);
    assert_eq!(value, *expected);
}

#[test]
fn what_an_escape_hides_is_found() {
    check(
        r#"{"a": ["mail ada\u0040example.com", null, true, 7]}"#,
        &json!({"a": ["mail [REDACTED:EMAIL_ADDRESS]", null, true, 7]}),
        &["/a/0"],
    );
}

#[test]
fn numbers_and_names_are_values_too() {
    check(
        r#"{"card": 4111111111111111, "ada@example.com": 1, "bob@example.com": 2}"#,
        &json!({
            "card": "[REDACTED:CREDIT_CARD]",
            "[REDACTED:EMAIL_ADDRESS]": 1,
            "[REDACTED:EMAIL_ADDRESS]#2": 2,
        }),
        &["/card", "", ""],
    );
}

#[test]
fn what_is_called_a_secret_goes_whole() {
    check(
        r#"{"Api-Key": "plain", "password": {"a/b": 1}, "secret": "", "cookie": null, "token": "the"}"#,
        &json!({
            "Api-Key": "[REDACTED:SECRET]", "password": "[REDACTED:SECRET]", "secret": "",
            "cookie": null, "token": "the",
        }),
        &["/Api-Key", "/password"],
    );
}

#[test]
fn names_of_secrets_can_be_chosen() {
    let mut value = json!({"password": "plain", "x/pin~": "1234"});
    let findings = rules().with_names(["X/PIN~"]).redact(&mut value);
    assert_eq!(
        value,
        json!({"password": "plain", "x/pin~": "[REDACTED:SECRET]"})
    );
    assert_eq!(findings[0].pointer, "/x~1pin~0");
    assert_eq!(findings[0].finding.end, 4);
}

#[test]
fn what_was_replaced_in_json_is_put_back_in_its_text() {
    let vault = Vault::new();
    let rules = rules();
    let mut value = json!({
        "to": ["ada@example.com", "bob@example.com", "ada@example.com"],
        "password": "a \"word\"",
        "api_key": {"part": 1},
        "keep": "as it is",
    });
    let before = value.clone();
    let findings = rules.redact_into(&vault, &mut value);
    assert_eq!(findings.len(), 5);
    assert_eq!(
        value,
        json!({
            "to": [
                "[REDACTED:EMAIL_ADDRESS:1]",
                "[REDACTED:EMAIL_ADDRESS:2]",
                "[REDACTED:EMAIL_ADDRESS:1]",
            ],
            "password": "[REDACTED:SECRET:1]",
            "api_key": "[REDACTED:SECRET]",
            "keep": "as it is",
        })
    );
    let mut text = String::new();
    let mut restorer = Restorer::new(vault, Escape::Json);
    restorer.push(&value.to_string(), &mut text);
    restorer.finish(&mut text);
    let mut restored: Value = serde_json::from_str(&text).unwrap();
    restored["api_key"] = before["api_key"].clone();
    assert_eq!(restored, before);
}

#[test]
fn a_secret_that_only_looks_like_a_placeholder_goes() {
    for (text, kept) in [
        ("[REDACTED:SECRET]", true),
        ("[REDACTED:SECRET:7]", true),
        ("[REDACTED:SECRET:hunter2]", false),
        ("[REDACTED:hunter2]", false),
    ] {
        let mut value = json!({"password": text});
        rules().redact(&mut value);
        assert_eq!(value["password"] == text, kept, "{text}");
    }
}
