// SPDX-License-Identifier: Apache-2.0
//! Redaction.

use std::sync::OnceLock;

use lukhas_redact::{CustomPattern, MAX_HOLD, Profile, Redacted, Rules, RulesConfig, entities};

use crate::pieces::pieces;

/// Rules that find everything there is.
#[expect(
    clippy::expect_used,
    reason = "the built-in rules compile, as a test of theirs holds"
)]
fn rules() -> &'static Rules {
    static RULES: OnceLock<Rules> = OnceLock::new();
    RULES.get_or_init(|| {
        let config = entities().fold(RulesConfig::new(Profile::Logs), RulesConfig::with_entity);
        Rules::new(&config).expect("built-in rules")
    })
}

/// A text in pieces is redacted as the whole text is, little is held back, and redacting twice is
/// redacting once.
pub fn redact(input: &[u8]) {
    let (pieces, whole) = pieces(input);
    let Ok(text) = str::from_utf8(whole) else {
        return;
    };
    let all = rules().redact(text);
    let mut streamed = Redacted::default();
    let mut redactor = rules().redactor();
    let (mut from, mut to) = (0, 0);
    for piece in pieces {
        to += piece.len();
        // A piece that ends within a character is longer, or is the next one's.
        if let Some(piece) = text.get(from..to) {
            redactor.push(piece, &mut streamed);
            from = to;
            assert!(
                redactor.held() <= MAX_HOLD,
                "{} bytes are held back",
                redactor.held()
            );
            assert!(
                all.text.starts_with(&streamed.text),
                "what is released changes"
            );
        }
    }
    redactor.finish(&mut streamed);
    assert_eq!(streamed, all, "the whole text is redacted in another way");
    twice(rules(), &all);
}

/// Redacting twice is redacting once. Only what a placeholder touches may be found the second time, for it
/// could not be seen that a word ends there; and what matches that are no values reach across from
/// further away than is held back.
#[track_caller]
fn twice(rules: &Rules, first: &Redacted) {
    let once = &first.text;
    for finding in rules.redact(once).findings {
        let (at, _) = once.char_indices().nth(finding.end).unwrap_or_default();
        let touches = once[at..].starts_with("[REDACTED:");
        let reach = reach(first, finding.start, finding.end);
        assert!(
            touches || reach > MAX_HOLD,
            "redacting twice is not redacting once: {finding:?} in {once}"
        );
    }
}

/// How far it was, in the text before redaction, from `start` to the end of the values whose placeholders
/// are the first ones at `end` or behind it. All are characters.
fn reach(first: &Redacted, start: usize, end: usize) -> usize {
    let (mut grown, mut shrunk, mut reach) = (0, 0, 0);
    let mut next = None;
    for finding in &first.findings {
        let place = finding.start + grown - shrunk;
        let placeholder = "[REDACTED:]".len() + finding.rule.entity.len();
        let length = finding.end - finding.start;
        if place >= end && next.is_none_or(|next| next == place) {
            if next.is_none() {
                reach = place - start;
            }
            reach += length;
            next = Some(place + placeholder);
        }
        grown += placeholder;
        shrunk += length;
    }
    reach
}

/// What is found as it is written is found where encodings are looked into, too.
pub fn encoded(input: &[u8]) {
    let Ok(text) = str::from_utf8(input) else {
        return;
    };
    let (plain, all) = (rules().redact(text), rules().redact_encoded(text));
    let mut found = all.findings.iter().peekable();
    for finding in &plain.findings {
        while found.next_if(|other| other.end <= finding.start).is_some() {}
        let covers = |start: usize, end: usize| start <= finding.start && finding.end <= end;
        let is_covered = found
            .peek()
            .is_some_and(|other| covers(other.start, other.end));
        assert!(
            is_covered,
            "a value is missed: {finding:?} of {:?}",
            all.findings
        );
    }
}

/// A pattern of somebody's own is refused, or has rules that can be used.
pub fn patterns(input: &[u8]) {
    let Some((pattern, text)) = str::from_utf8(input)
        .ok()
        .and_then(|it| it.split_once('\0'))
    else {
        return;
    };
    let Ok(pattern) = CustomPattern::new("OWN", pattern) else {
        return;
    };
    let config = RulesConfig::new(Profile::Client).with_pattern(pattern);
    let Ok(rules) = Rules::new(&config) else {
        return;
    };
    twice(&rules, &rules.redact(text));
}
