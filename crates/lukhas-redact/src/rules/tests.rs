// SPDX-License-Identifier: Apache-2.0
use super::*;
use crate::{PatternFault, Profile};

#[track_caller]
fn refused(pattern: &str, expected: &str) {
    let fault = CustomPattern::new("THING", pattern).unwrap_err();
    assert_eq!(fault.to_string(), expected, "{pattern}");
}

#[test]
fn a_pattern_that_cannot_be_had_is_told_why() {
    let unbounded = "`*`, `+` and `{n,}` have no bound; write `{1,40}`, say";
    refused("a+", unbounded);
    refused("(a|b{2,})c", unbounded);
    refused("(a", "it is no regular expression: unclosed group");
    refused("a{0,5}", "it matches the empty text, or nothing");
    refused("[a&&b]", "it matches the empty text, or nothing");
    refused("a{255}", "it may match 255 bytes; 254 are the most");
    refused("é{128}", "it may match 256 bytes; 254 are the most");
    let anchor = "`^`, `$` and other anchors have no meaning in a stream; only `\\b` has";
    refused("^abc", anchor);
    refused("abc$", anchor);
    refused(r"\[x\]", "it needs a `[`, which begins a placeholder");
    refused(
        "(a{1,9}){1,9}{1,9}",
        "it may match 729 bytes; 254 are the most",
    );
    let large = "its automaton is too large; use shorter repetitions or fewer classes like `\\w`";
    refused(r"\w{60}", large);
    refused(
        &"a".repeat(1001),
        "it is 1001 bytes long; 1000 are the most",
    );
    for name in ["", "lower", "1ST", "A-B", &"A".repeat(33)] {
        assert_eq!(
            CustomPattern::new(name, "a").unwrap_err(),
            PatternFault::Name
        );
    }
}

#[test]
fn a_class_never_takes_the_beginning_of_a_placeholder() {
    let pattern = CustomPattern::new("THING", r"x[^ ]{1,60}").unwrap();
    let rules = Rules::new(&RulesConfig::new(Profile::Logs).with_pattern(pattern)).unwrap();
    assert_eq!(
        rules.redact("xa[REDACTED:JWT]").text,
        "[REDACTED:THING][REDACTED:JWT]"
    );
}

#[test]
fn rules_are_bounded_and_their_names_known() {
    let config = RulesConfig::new(Profile::Logs).with_entity("NOTHING");
    assert_eq!(
        Rules::new(&config).unwrap_err().to_string(),
        "no detector finds `NOTHING`"
    );
    let pattern = || CustomPattern::new("THING", "thing").unwrap();
    let many = (0..=CustomPattern::MAX_COUNT).fold(RulesConfig::new(Profile::Logs), |config, _| {
        config.with_pattern(pattern())
    });
    assert_eq!(
        Rules::new(&many).unwrap_err().to_string(),
        "patterns: 101 are more than 100"
    );
    let words = (0..=CustomPattern::MAX_CONTEXT).map(|word| word.to_string());
    let config = RulesConfig::new(Profile::Logs).with_pattern(pattern().with_context(words));
    let message = "context words of a pattern: 101 are more than 100";
    assert_eq!(Rules::new(&config).unwrap_err().to_string(), message);
}

#[test]
fn a_hundred_large_patterns_together_still_compile() {
    let config =
        (0..CustomPattern::MAX_COUNT).fold(RulesConfig::new(Profile::Logs), |config, n| {
            let pattern = format!("K{n}-[A-Z0-9]{{1,200}}");
            config.with_pattern(CustomPattern::new(format!("K{n}"), &pattern).unwrap())
        });
    let rules = Rules::new(&config).unwrap();
    assert_eq!(rules.redact("see K99-AB12.").text, "see [REDACTED:K99].");
}

#[test]
fn a_profile_finds_what_it_is_for() {
    let text = "203.0.113.9 ada@example.com 4111111111111111 943-47-65919";
    for (profile, expected) in [
        (
            Profile::Logs,
            "[REDACTED:IP_ADDRESS] [REDACTED:EMAIL_ADDRESS] [REDACTED:CREDIT_CARD] 943-47-65919",
        ),
        (
            Profile::Upstream,
            "203.0.113.9 [REDACTED:EMAIL_ADDRESS] [REDACTED:CREDIT_CARD] 943-47-65919",
        ),
        (
            Profile::Client,
            "203.0.113.9 ada@example.com [REDACTED:CREDIT_CARD] 943-47-65919",
        ),
    ] {
        let rules = Rules::new(&RulesConfig::new(profile)).unwrap();
        assert_eq!(rules.redact(text).text, expected);
        assert_eq!(profile.as_str().parse(), Ok(profile));
    }
    let message = "`log` is no profile; there are `logs`, `upstream` and `client`";
    assert_eq!("log".parse::<Profile>().unwrap_err().to_string(), message);
}

#[test]
fn the_longest_match_is_found_behind_an_escape_and_far_from_anything() {
    let pattern = CustomPattern::new("THING", "x{254}").unwrap();
    let rules = Rules::new(&RulesConfig::new(Profile::Logs).with_pattern(pattern)).unwrap();
    let (left, right) = ("word ".repeat(200), " word".repeat(200));
    let text = format!(r"{left}\n{}{right}", "x".repeat(254));
    let expected = format!(r"{left}\n[REDACTED:THING]{right}");
    assert_eq!(rules.redact(&text).text, expected);
    for size in [1, 3, 700] {
        let mut out = Redacted::default();
        let mut redactor = rules.redactor();
        for piece in text.as_bytes().chunks(size) {
            redactor.push(std::str::from_utf8(piece).unwrap(), &mut out);
            assert!(redactor.held() <= crate::MAX_HOLD);
        }
        redactor.finish(&mut out);
        assert_eq!(out.text, expected);
    }
}
