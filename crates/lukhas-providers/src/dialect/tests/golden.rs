// SPDX-License-Identifier: Apache-2.0
//! Recorded answers: what the wire says, whole and streamed, and what it means.
//!
//! A case is a file beside its dialect: `whole` is a body, `stream` the data of its events, `events`
//! what comes of the stream, or of the body where there is no stream. Where there are both, they
//! are the same answer.

use std::path::{Path, PathBuf};

use lukhas_openai::SseDecoder;

use super::*;

/// A recorded answer.
pub(super) struct Case {
    pub(super) dialect: Dialect,
    pub(super) name: String,
    pub(super) whole: Option<Value>,
    pub(super) stream: Vec<String>,
    events: Vec<String>,
}

pub(super) fn cases() -> Vec<Case> {
    let files = |dialect: Dialect| {
        let crates = Path::new(env!("CARGO_MANIFEST_DIR"));
        let directory = crates
            .join("src/dialect")
            .join(dialect.as_str())
            .join("tests");
        let entries = std::fs::read_dir(directory).expect("recorded answers");
        let mut files: Vec<_> = entries.map(|entry| entry.expect("a file").path()).collect();
        files.sort();
        files.into_iter().map(move |file| case(dialect, &file))
    };
    Dialect::ALL.into_iter().flat_map(files).collect()
}

fn case(dialect: Dialect, file: &PathBuf) -> Case {
    let text = std::fs::read_to_string(file).expect("a file");
    let name = format!(
        "{}/{}",
        dialect.as_str(),
        file.file_stem().unwrap().display()
    );
    let json: Value = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{name}: {e}"));
    let list = |key: &str| json[key].as_array().cloned().unwrap_or_default();
    let data = list("stream").into_iter().map(|data| match data {
        Value::String(data) => data,
        data => data.to_string(),
    });
    let events = list("events").into_iter().map(|line| match line {
        Value::String(line) => line,
        line => panic!("{name}: {line} is not a line"),
    });
    Case {
        dialect,
        whole: json.get("whole").cloned(),
        stream: data.collect(),
        events: events.collect(),
        name,
    }
}

impl Case {
    fn read_stream(&self) -> Vec<OutputEvent> {
        read_stream(self.dialect, self.stream.iter().map(String::as_str))
    }

    /// The terminal marker's place in the stream, if it has one.
    fn marker(&self) -> Option<usize> {
        self.stream.iter().position(|data| {
            let data: Value = serde_json::from_str(data).unwrap_or_default();
            let ends = match self.dialect {
                Dialect::Chat => data.pointer("/choices/0/finish_reason"),
                Dialect::Responses => data.pointer("/response/completed_at"),
                Dialect::Messages => data.pointer("/delta/stop_reason"),
            };
            ends.is_some_and(|value| !value.is_null())
        })
    }
}

#[test]
fn recorded_answers_mean_what_they_meant() {
    let cases = cases();
    let mut changed = Vec::new();
    for case in &cases {
        let events = match (&case.whole, case.stream.is_empty()) {
            (_, false) => case.read_stream(),
            (Some(body), true) => read_whole(case.dialect, body),
            (None, true) => panic!("{}: nothing is recorded", case.name),
        };
        keeps_invariant(&events).unwrap_or_else(|why| panic!("{}: {why}", case.name));
        let lines: Vec<_> = events.iter().map(line).collect();
        if lines != case.events {
            changed.push(format!("{} {}", case.name, serde_json::json!(lines)));
        }
    }
    assert!(
        changed.is_empty(),
        "answers now mean:\n{}",
        changed.join("\n")
    );
    assert!(
        cases.len() >= 100,
        "only {} answers are recorded",
        cases.len()
    );
}

#[test]
fn a_whole_answer_is_its_stream_in_one_piece() {
    let mut pairs = 0;
    for case in cases() {
        if let Some(body) = &case.whole
            && !case.stream.is_empty()
        {
            let whole = merged(&read_whole(case.dialect, body));
            assert_eq!(whole, merged(&case.read_stream()), "{}", case.name);
            pairs += 1;
        }
    }
    assert!(pairs >= 25, "only {pairs} answers are recorded both ways");
}

#[test]
fn an_answer_that_stops_before_its_terminal_marker_is_never_completed() {
    let mut cuts = 0;
    for case in cases() {
        let Some(marker) = case.marker() else {
            continue;
        };
        let frame = |data: &String| format!("data: {data}\n\n");
        let before: String = case.stream[..marker].iter().map(frame).collect();
        let last = frame(&case.stream[marker]);
        // The last byte ends the marker's event.
        let whole_events = (0..before.len()).filter(|cut| before[..*cut].ends_with("\n\n"));
        let last_event = before.len()..before.len() + last.len() - 1;
        let bytes = before.clone() + &last;
        for cut in whole_events.chain(last_event) {
            let events = SseDecoder::new(1 << 20).push(&bytes.as_bytes()[..cut]);
            let events = events.expect("well formed");
            let data = events.iter().map(|event| event.data.as_str());
            let read = read_stream(case.dialect, data);
            let Some(OutputEvent::Ended(end)) = read.last() else {
                panic!("{}: cut at {cut}, it has no end", case.name);
            };
            assert_ne!(
                end.outcome,
                Outcome::Completed,
                "{} cut at {cut}",
                case.name
            );
            cuts += 1;
        }
    }
    assert!(cuts > 5_000, "only {cuts} cuts were tried");
}
