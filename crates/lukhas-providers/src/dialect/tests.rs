// SPDX-License-Identifier: Apache-2.0
//! Every dialect, by the same tests.

mod golden;
mod laws;
mod passed_on;
mod requests;

use lukhas_core::{
    IncompleteReason, ItemKind, Outcome, OutputEvent, RunEnd, RunError, RunErrorKind,
};

use super::*;

/// What comes of a whole body.
fn read_whole(dialect: Dialect, body: &Value) -> Vec<OutputEvent> {
    let mut by_tree = Answer::default();
    let read = dialect.reader().whole(body, &mut by_tree);
    let text = body.to_string();
    if let Some(plain) = dialect.reader().plain(&text) {
        assert_eq!(read, Ok(()));
        let mut answer = Answer::default();
        plain.give(&mut answer);
        let plain = drain(answer);
        assert_eq!(
            plain,
            drain(by_tree),
            "the short way is only a shorter way: {body:#}"
        );
        return plain;
    }
    let answer = by_tree;
    match read {
        Ok(()) => assert!(answer.is_over(), "a whole answer is over"),
        // Nothing of a body that cannot be read is given out.
        Err(unreadable) => return vec![OutputEvent::Ended(RunEnd::failed(unreadable.into()))],
    }
    drain(answer)
}

/// What comes of events with these data, followed by the end of the body.
fn read_stream<'d>(dialect: Dialect, data: impl IntoIterator<Item = &'d str>) -> Vec<OutputEvent> {
    read_events(dialect, data.into_iter().map(event))
}

/// The event with these data, by the name it has on the wire.
fn event(data: &str) -> SseEvent {
    let json: Value = serde_json::from_str(data).unwrap_or_default();
    SseEvent {
        event: json["type"].as_str().unwrap_or_default().to_owned(),
        data: data.to_owned(),
    }
}

fn read_events(dialect: Dialect, events: impl Iterator<Item = SseEvent>) -> Vec<OutputEvent> {
    let mut answer = Answer::default();
    let mut reader = dialect.reader();
    for event in events {
        if let Err(unreadable) = reader.event(&event, &mut answer) {
            answer.end(Outcome::Failed(unreadable.into()), None);
        }
        if answer.is_over() {
            return drain(answer);
        }
    }
    reader.finish(&mut answer);
    answer.end(Outcome::Failed(truncated()), None);
    drain(answer)
}

fn truncated() -> RunError {
    RunError::new(RunErrorKind::UpstreamTruncated, "cut")
}

fn drain(mut answer: Answer) -> Vec<OutputEvent> {
    std::iter::from_fn(|| answer.next()).collect()
}

/// The same events with deltas that follow each other in one: how an answer was cut does not
/// matter.
fn merged(events: &[OutputEvent]) -> Vec<OutputEvent> {
    let mut merged: Vec<OutputEvent> = Vec::new();
    for event in events {
        match (merged.last_mut(), event) {
            (Some(OutputEvent::TextDelta(text)), OutputEvent::TextDelta(more))
            | (Some(OutputEvent::RefusalDelta(text)), OutputEvent::RefusalDelta(more))
            | (Some(OutputEvent::ArgumentsDelta(text)), OutputEvent::ArgumentsDelta(more))
            | (Some(OutputEvent::ReasoningDelta(text)), OutputEvent::ReasoningDelta(more)) => {
                text.push_str(more);
            }
            _ => merged.push(event.clone()),
        }
    }
    merged
}

/// Whether `events` keep the invariant of [`OutputEvent`].
fn keeps_invariant(events: &[OutputEvent]) -> Result<(), String> {
    let mut open: Option<&ItemKind> = None;
    let mut count = 0;
    let Some((OutputEvent::Ended(end), events)) = events.split_last() else {
        return Err("there is no end".into());
    };
    for event in events {
        let fits = match (event, open) {
            (OutputEvent::ItemAdded { index, kind, .. }, None) => {
                let fits = *index == count;
                (open, count) = (Some(kind), count + 1);
                fits
            }
            (OutputEvent::ItemDone, Some(_)) => {
                open = None;
                true
            }
            (OutputEvent::TextDelta(_) | OutputEvent::RefusalDelta(_), Some(ItemKind::Message))
            | (OutputEvent::ArgumentsDelta(_), Some(ItemKind::FunctionCall { .. }))
            | (OutputEvent::ReasoningDelta(_), Some(ItemKind::Reasoning)) => true,
            _ => false,
        };
        if !fits {
            return Err(format!("out of order: {event:?}"));
        }
    }
    match (&end.outcome, open, count) {
        (Outcome::Completed, None, 1..) => Ok(()),
        (Outcome::Completed, ..) => Err("a completed answer is not whole".into()),
        (Outcome::Incomplete(_) | Outcome::Failed(_), ..) => Ok(()),
    }
}

/// An event as one line.
fn line(event: &OutputEvent) -> String {
    match event {
        OutputEvent::ItemAdded { index, kind, .. } => match kind {
            ItemKind::Message => format!("item {index}: message"),
            ItemKind::Reasoning => format!("item {index}: reasoning"),
            ItemKind::FunctionCall { call_id, name } => {
                format!("item {index}: call of {name} as {call_id}")
            }
        },
        OutputEvent::TextDelta(delta) => format!("text: {delta}"),
        OutputEvent::RefusalDelta(delta) => format!("refusal: {delta}"),
        OutputEvent::ArgumentsDelta(delta) => format!("arguments: {delta}"),
        OutputEvent::ReasoningDelta(delta) => format!("reasoning: {delta}"),
        OutputEvent::Continued => "continued".to_owned(),
        OutputEvent::ItemDone => "done".to_owned(),
        OutputEvent::Verbatim(said) => {
            let ends = if said.ends { ", which end it" } else { "" };
            let text = String::from_utf8_lossy(&said.bytes);
            format!("verbatim: {} events{ends}: {text}", said.events)
        }
        OutputEvent::Ended(end) => end_line(end),
    }
}

fn end_line(end: &RunEnd) -> String {
    let outcome = match &end.outcome {
        Outcome::Completed => "completed".to_owned(),
        Outcome::Incomplete(IncompleteReason::MaxOutputTokens) => "incomplete: length".to_owned(),
        Outcome::Incomplete(IncompleteReason::ContentFilter) => "incomplete: filter".to_owned(),
        Outcome::Failed(error) => format!("failed: {}", error.message),
    };
    let Some(usage) = end.usage else {
        return format!("{outcome}; not counted");
    };
    format!(
        "{outcome}; {} in ({} cached), {} out ({} reasoning)",
        usage.input_tokens, usage.cached_tokens, usage.output_tokens, usage.reasoning_tokens
    )
}
