// SPDX-License-Identifier: Apache-2.0
//! What faults do to the pieces of an answer.

use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};

use super::Step;
use super::effects::{Edit, Effects, End};
use crate::Dialect;
use crate::dialect::named_event;
use crate::frame::{Frame, FrameKind};

/// How deep [`Edit::DeepJson`] goes.
const DEPTH: usize = 10_000;

/// Length of what is sent over and over in a line without an end, in bytes.
const FILL: usize = 16 << 10;

/// What [`Edit::Garbage`] puts into an answer.
const GARBAGE: &str = "{\"this is\": not JSON";

/// The steps of a stream of `frames`.
pub(super) fn stream(dialect: Dialect, mut frames: Vec<Frame>, effects: &Effects) -> Vec<Step> {
    for edit in &effects.edits {
        edit_stream(&mut frames, *edit);
    }
    let ends = effects.ends.iter();
    let ends = ends.map(|(n, end)| (place(&frames, *n), *end));
    let end = ends.min_by_key(|(at, _)| *at);
    let end = end.map(|(at, end)| (at, stream_end(dialect, &frames, at, end)));
    steps(frames, end, effects.between)
}

/// The steps of the document `body`.
pub(super) fn whole(dialect: Dialect, body: Value, effects: &Effects) -> Vec<Step> {
    let text = document(dialect, body, effects);
    if *effects == Effects::default() {
        return vec![Step::Send(text.into())];
    }
    let mut frames = Frame::pieces(text.into());
    // INVARIANT: a cut leaves out at least the last piece.
    let longest = frames.len().saturating_sub(1);
    let place = |n: u32| usize::try_from(n).unwrap_or(longest).min(longest);
    let ends = effects.ends.iter().filter_map(|(n, end)| match end {
        End::Clean => Some((place(*n), Vec::new())),
        End::Reset => Some((place(*n), reset())),
        End::Stall => Some((place(*n), vec![Step::Stall])),
        End::Events | End::Line => Some((0, endless(""))),
        End::Error => None,
    });
    let end = ends.min_by_key(|(at, _)| *at);
    for edit in &effects.edits {
        match edit {
            Edit::Garbage(n) => frames.insert(place(*n), Frame::new(FrameKind::Other, GARBAGE)),
            Edit::TerminalTwice => frames.extend(frames.clone()),
            Edit::ContentAfterTerminal => {
                frames.push(Frame::new(FrameKind::Other, r#"{"after": "the end"}"#));
            }
            // Part of the text already, or of no effect here.
            Edit::UnknownEvent | Edit::DeepJson | Edit::WithoutLast => {}
        }
    }
    steps(frames, end, effects.between)
}

/// The text of a document, or of what stands for it.
fn document(dialect: Dialect, mut body: Value, effects: &Effects) -> String {
    if effects.ends.iter().any(|(_, end)| *end == End::Error) {
        let error = dialect.error(500, "The mock was told to fail here.");
        return error.to_string();
    }
    if effects.edits.contains(&Edit::DeepJson) {
        return deep();
    }
    if let (Some(object), true) = (
        body.as_object_mut(),
        effects.edits.contains(&Edit::UnknownEvent),
    ) {
        object.insert("mock.unknown".to_owned(), json!({"type": "mock.unknown"}));
    }
    body.to_string()
}

fn edit_stream(frames: &mut Vec<Frame>, edit: Edit) {
    match edit {
        Edit::UnknownEvent => {
            let data = json!({"type": "mock.unknown", "object": "mock.unknown"});
            insert(frames, 0, named_event("mock.unknown", &data));
        }
        Edit::DeepJson => insert(frames, 0, format!("data: {}\n\n", deep())),
        Edit::Garbage(n) => insert(frames, n, format!("data: {GARBAGE}\n\n")),
        Edit::TerminalTwice => follow_terminals(frames, |terminal| Some(terminal.clone())),
        Edit::ContentAfterTerminal => {
            let content = frames.iter().rfind(|it| it.kind == FrameKind::Content);
            let again = content.map(|frame| Frame::new(FrameKind::Other, frame.bytes.clone()));
            follow_terminals(frames, |_| again.clone());
        }
        Edit::WithoutLast => frames.retain(|frame| frame.kind != FrameKind::Last),
    }
}

/// Puts what `next` gives for a terminal event behind it.
fn follow_terminals(frames: &mut Vec<Frame>, next: impl Fn(&Frame) -> Option<Frame>) {
    let followed = |frame: Frame| {
        let next = match frame.kind {
            FrameKind::Finish | FrameKind::Last => next(&frame),
            FrameKind::Content | FrameKind::Other => None,
        };
        std::iter::once(frame).chain(next)
    };
    *frames = std::mem::take(frames)
        .into_iter()
        .flat_map(followed)
        .collect();
}

fn insert(frames: &mut Vec<Frame>, n: u32, event: impl Into<Bytes>) {
    let at = place(frames, n);
    frames.insert(at, Frame::new(FrameKind::Other, event));
}

/// How long the system has to send what was written: a reset takes back what it still holds, and a
/// paced connection (BBR, for one) may hold it for a moment.
const SENDING: Duration = Duration::from_millis(20);

fn reset() -> Vec<Step> {
    vec![Step::Wait(SENDING), Step::Reset]
}

/// What ends a stream of `frames` at `at`.
fn stream_end(dialect: Dialect, frames: &[Frame], at: usize, end: End) -> Vec<Step> {
    match end {
        End::Clean => Vec::new(),
        End::Reset => reset(),
        End::Stall => vec![Step::Stall],
        End::Error => {
            let before = frames[..at].iter();
            let number = before.filter(|frame| frame.bytes.starts_with(b"event: response."));
            let error = Step::Send(dialect.error_event(number.count()));
            let last = frames.iter().find(|frame| frame.kind == FrameKind::Last);
            // After an error OpenAI's streams say that they end, Anthropic's do not.
            let last = last.filter(|_| dialect != Dialect::Messages);
            let last = last.map(|frame| Step::Send(frame.bytes.clone()));
            std::iter::once(error).chain(last).collect()
        }
        End::Events => {
            let again = at.checked_sub(1).map(|before| frames[before].bytes.clone());
            let again = again.unwrap_or_else(|| Bytes::from_static(b": nothing\n\n"));
            vec![Step::Repeat(again)]
        }
        End::Line => endless("data: "),
    }
}

/// The place behind the `n`th content event: before the first for 0, and behind the last when
/// there are fewer.
fn place(frames: &[Frame], n: u32) -> usize {
    let is = |kind| move |frame: &Frame| frame.kind == kind;
    let finish = || frames.iter().position(is(FrameKind::Finish));
    let content = frames.iter().enumerate();
    let mut content = content.filter(|(_, frame)| frame.kind == FrameKind::Content);
    let wanted = match n.checked_sub(1) {
        None => content.next().map(|(at, _)| at),
        Some(before) => {
            let before = usize::try_from(before).unwrap_or(usize::MAX);
            let last = content.take(before.saturating_add(1)).last();
            last.map(|(at, _)| at + 1)
        }
    };
    wanted.or_else(finish).unwrap_or(frames.len())
}

/// `frames` up to where they end early, one by one, with a pause before each but the first.
fn steps(mut frames: Vec<Frame>, end: Option<(usize, Vec<Step>)>, pause: Duration) -> Vec<Step> {
    let (at, end) = end.unwrap_or((frames.len(), Vec::new()));
    frames.truncate(at);
    let sent = frames.into_iter().map(|frame| Step::Send(frame.bytes));
    let steps = sent.chain(end);
    if pause.is_zero() {
        return steps.collect();
    }
    let paced = steps.flat_map(|step| [Step::Wait(pause), step]);
    paced.skip(1).collect()
}

/// A JSON text that begins with `start` and does not end.
fn endless(start: &str) -> Vec<Step> {
    let start = format!("{start}{{\"padding\":\"");
    vec![
        Step::Send(start.into()),
        Step::Repeat(vec![b'a'; FILL].into()),
    ]
}

fn deep() -> String {
    format!("{{\"deep\":{}{}}}", "[".repeat(DEPTH), "]".repeat(DEPTH))
}
