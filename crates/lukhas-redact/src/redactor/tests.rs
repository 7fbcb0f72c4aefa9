// SPDX-License-Identifier: Apache-2.0
mod encoded;
mod examples;
mod laws;
mod samples;

use crate::{CustomPattern, Finding, Profile, Redacted, Rules, RulesConfig};

/// The rules of all tests that need no others.
fn rules() -> Rules {
    static RULES: std::sync::OnceLock<Rules> = std::sync::OnceLock::new();
    let make = || {
        let room = CustomPattern::new("ROOM", r"\d{3}").unwrap();
        let config = RulesConfig::new(Profile::Logs)
            .with_entity("UK_NHS")
            .with_entity("BR_CPF")
            .with_pattern(CustomPattern::new("EMPLOYEE", r"EMP-\d{4,6}").unwrap())
            .with_pattern(room.with_context(["room", "raum"]));
        Rules::new(&config).unwrap()
    };
    RULES.get_or_init(make).clone()
}

/// Redacts `pieces` one after the other.
fn streamed<'t>(rules: &Rules, pieces: impl IntoIterator<Item = &'t str>) -> Redacted {
    let mut out = Redacted::default();
    let mut redactor = rules.redactor();
    for piece in pieces {
        redactor.push(piece, &mut out);
    }
    redactor.finish(&mut out);
    out
}

/// Each character is a piece.
fn characters(text: &str) -> impl Iterator<Item = &str> {
    text.split_inclusive(|_| true)
}

/// What of `text` a finding covers.
fn covered<'t>(text: &'t str, finding: &Finding) -> &'t str {
    let place = |at| text.char_indices().nth(at).map_or(text.len(), |(at, _)| at);
    &text[place(finding.start)..place(finding.end)]
}

/// Checks that `redact` takes time in proportion to the length of what `text` makes.
#[track_caller]
#[expect(
    clippy::disallowed_types,
    reason = "what is measured is real time; there is no tokio here whose clock could be paused"
)]
fn takes_time_in_proportion(text: impl Fn(usize) -> String, redact: impl Fn(&str) -> Redacted) {
    let once = |text: &str| {
        let began = std::time::Instant::now();
        assert!(!redact(text).text.is_empty());
        began.elapsed()
    };
    // Other tests run beside it: the best of some runs is nearest to what it takes.
    let time = |text: &str| (0..5).map(|_| once(text)).min().unwrap();
    let (short, long) = (time(&text(20_000)), time(&text(160_000)));
    // Eight times as long; what is quadratic would take 64 times as long.
    assert!(long < 20 * short, "{short:?} {long:?}");
}
