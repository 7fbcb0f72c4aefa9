// SPDX-License-Identifier: Apache-2.0
use super::samples::{PROSE, surrounded, values};
use super::{characters, covered, rules, streamed};
use crate::MAX_HOLD;

#[test]
fn every_value_is_found_whole_wherever_it_stands() {
    for (entity, value) in values() {
        for (left, right) in [
            ("", ""),
            ("(", ")."),
            ("»", "…"),
            ("x ", "\ny"),
            ("\"", "\","),
        ] {
            let text = [left, &value, right].concat();
            let out = rules().redact(&text);
            assert_eq!(
                out.text,
                format!("{left}[REDACTED:{entity}]{right}"),
                "{text}"
            );
            let [finding] = out.findings.as_slice() else {
                panic!("{text}: {:?}", out.findings)
            };
            assert_eq!(covered(&text, finding), value);
            assert!(finding.score > 0.0 && finding.score <= 1.0);
        }
    }
}

#[test]
fn a_value_within_a_word_is_none() {
    for (_, value) in values() {
        let text = format!("x{value}");
        assert!(!rules().redact(&text).text.starts_with("x["), "{text}");
    }
}

#[test]
fn only_the_secret_of_an_assignment_goes() {
    for (text, expected) in surrounded() {
        assert_eq!(rules().redact(&text).text, expected);
    }
}

#[test]
fn text_without_a_value_stays_as_it_is() {
    for text in PROSE {
        let out = rules().redact(text);
        assert_eq!(out.findings, [], "{text}");
        assert_eq!(out.text, *text);
    }
}

#[test]
fn a_value_without_an_end_is_dropped_as_it_comes() {
    let begin = ["sk-", "proj-", "aB3dE5gH7jK9mN1pQ2sT4vW6"].concat();
    let text = format!("{begin}{}. Then", "x7".repeat(100_000));
    let mut out = crate::Redacted::default();
    let mut redactor = rules().redactor();
    let mut most = 0;
    for piece in characters(&text) {
        redactor.push(piece, &mut out);
        most = most.max(redactor.held());
    }
    redactor.finish(&mut out);
    assert_eq!(out.text, "[REDACTED:API_KEY]. Then");
    assert!(most <= MAX_HOLD, "{most}");
    assert_eq!(out.findings[0].end, text.len() - ". Then".len());
}

#[test]
fn prose_is_held_back_by_a_word_at_the_most() {
    let prose = "It was the best of times, it was the worst of times, it was the age of wisdom, it \
                 was the age of foolishness, it was the epoch of belief; 42 of 1859. ";
    let mut held = Vec::new();
    let mut redactor = rules().redactor();
    let mut out = crate::Redacted::default();
    for piece in characters(&prose.repeat(50)) {
        redactor.push(piece, &mut out);
        held.push(redactor.held());
    }
    held.sort_unstable();
    assert!(held[held.len() * 99 / 100] <= 16, "{held:?}");
}

#[test]
fn nothing_is_held_longer_than_the_bound() {
    for text in [
        "a".repeat(2000),
        "1 ".repeat(2000),
        "a@".repeat(999),
        "eyJ".repeat(999),
    ] {
        let mut redactor = rules().redactor();
        let mut out = crate::Redacted::default();
        for piece in characters(&text) {
            redactor.push(piece, &mut out);
            assert!(redactor.held() <= MAX_HOLD);
        }
    }
}

#[test]
fn the_next_text_begins_anew() {
    let mut redactor = rules().redactor();
    let mut out = crate::Redacted::default();
    redactor.push("room", &mut out);
    redactor.finish(&mut out);
    redactor.push(" 101", &mut out);
    redactor.finish(&mut out);
    assert_eq!(out.text, "room 101");
    assert_eq!(
        streamed(&rules(), ["room", " 101"]).text,
        "room [REDACTED:ROOM]"
    );
}

#[test]
fn what_is_forgotten_is_out_of_reach() {
    // Wherever released text is thrown away, the word before the number is still known.
    for before in 3900..4110 {
        let text = format!(
            "{}room{}101.",
            ". ".repeat(before / 2),
            " ".repeat(59 - before % 2)
        );
        let out = streamed(&rules(), characters(&text));
        assert!(out.text.ends_with("[REDACTED:ROOM]."), "{before}");
        assert_eq!(out, rules().redact(&text));
    }
}

#[test]
fn what_is_held_back_is_not_shown() {
    let mut redactor = rules().redactor();
    redactor.push("ada@example.com", &mut crate::Redacted::default());
    assert_eq!(format!("{redactor:?}"), "Redactor { held: 15, .. }");
}

#[test]
fn what_a_value_cuts_short_may_be_one_itself() {
    // The number takes the bracket for its own, and would be none for want of another.
    for (text, expected) in [
        (
            "+49 30 90182000 (212) 555-0187 x42",
            "[REDACTED:PHONE_NUMBER] [REDACTED:PHONE_NUMBER]",
        ),
        (
            "+49 30 90182000 (212.foo@example.com",
            "[REDACTED:PHONE_NUMBER] ([REDACTED:EMAIL_ADDRESS]",
        ),
        // What stands before the secret of an assignment begins behind an escape.
        (
            r"call \n34567555-0secret: 217Wz9sK8tMc4",
            r"call \n[REDACTED:PHONE_NUMBER]-0secret: [REDACTED:SECRET]",
        ),
    ] {
        assert_eq!(rules().redact(text).text, expected);
        assert_eq!(streamed(&rules(), characters(text)).text, expected);
    }
}
