// SPDX-License-Identifier: Apache-2.0
//! What faults do to the pieces of an answer.

use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};

use super::Step;
use crate::dialect::named_event;
use crate::frame::{Frame, FrameKind};
use crate::{Dialect, Fault};

/// How deep [`Fault::DeepJson`] goes.
const DEPTH: usize = 10_000;

/// Length of what is sent over and over by bodies without an end, in bytes.
const FILL: usize = 16 << 10;

/// What [`Fault::Garbage`] puts into an answer.
const GARBAGE: &str = "{\"this is\": not JSON";

/// The steps of a stream of `frames` with those faults.
pub(super) fn stream(dialect: Dialect, mut frames: Vec<Frame>, faults: &[Fault]) -> Vec<Step> {
    for fault in faults {
        match *fault {
            Fault::UnknownEvent => {
                let data = json!({"type": "mock.unknown", "object": "mock.unknown"});
                insert(&mut frames, 0, named_event("mock.unknown", &data));
            }
            Fault::DeepJson => insert(&mut frames, 0, format!("data: {}\n\n", deep())),
            Fault::Garbage(n) => insert(&mut frames, n, format!("data: {GARBAGE}\n\n")),
            Fault::DuplicateTerminal => duplicate_terminal(&mut frames),
            Fault::AfterTerminal => repeat_content(&mut frames),
            Fault::NoDone => frames.retain(|frame| frame.kind != FrameKind::Last),
            _ => {}
        }
    }
    let ends = faults.iter().filter_map(|fault| match *fault {
        Fault::ErrorEvent(n) => {
            let last = frames.iter().filter(|frame| frame.kind == FrameKind::Last);
            let last = last.filter(|_| dialect != Dialect::Messages).take(1);
            let last = last.map(|frame| Step::Send(frame.bytes.clone()));
            let at = place(&frames, n);
            let before = frames[..at].iter();
            let number = before.filter(|frame| frame.bytes.starts_with(b"event: response."));
            let error = Step::Send(dialect.error_event(number.count()));
            Some((at, std::iter::once(error).chain(last).collect()))
        }
        Fault::HugeBody => {
            let at = place(&frames, 1);
            let again = frames
                .get(at.saturating_sub(1))
                .map(|frame| frame.bytes.clone());
            let again = again.unwrap_or_else(|| Bytes::from_static(b": nothing\n\n"));
            Some((at, vec![Step::Repeat(again)]))
        }
        Fault::HugeLine => Some((place(&frames, 0), endless("data: "))),
        _ => cut(fault).map(|(n, steps)| (place(&frames, n), steps)),
    });
    let end = ends.min_by_key(|(at, _)| *at);
    steps(frames, end, faults)
}

/// The steps of the document `body` with those faults.
pub(super) fn whole(dialect: Dialect, mut body: Value, faults: &[Fault]) -> Vec<Step> {
    if faults.is_empty() {
        return vec![Step::Send(body.to_string().into())];
    }
    if let (Some(object), true) = (body.as_object_mut(), faults.contains(&Fault::UnknownEvent)) {
        object.insert("mock.unknown".to_owned(), json!({"type": "mock.unknown"}));
    }
    let text = if faults
        .iter()
        .any(|fault| matches!(fault, Fault::ErrorEvent(_)))
    {
        dialect
            .error(500, "The mock was told to fail here.")
            .to_string()
    } else if faults.contains(&Fault::DeepJson) {
        deep()
    } else {
        body.to_string()
    };
    let mut frames = Frame::pieces(text.into());
    let longest = frames.len().saturating_sub(1);
    let place = |n: u32| usize::try_from(n).unwrap_or(longest).min(longest);
    let ends = faults.iter().filter_map(|fault| match *fault {
        Fault::HugeBody | Fault::HugeLine => Some((0, endless(""))),
        _ => cut(fault).map(|(n, steps)| (place(n), steps)),
    });
    let end = ends.min_by_key(|(at, _)| *at);
    for fault in faults {
        match *fault {
            Fault::Garbage(n) => frames.insert(place(n), Frame::new(FrameKind::Other, GARBAGE)),
            Fault::DuplicateTerminal => frames.extend(frames.clone()),
            Fault::AfterTerminal => {
                frames.push(Frame::new(FrameKind::Other, r#"{"after": "the end"}"#));
            }
            _ => {}
        }
    }
    steps(frames, end, faults)
}

/// After how many content events a fault ends an answer, and how.
fn cut(fault: &Fault) -> Option<(u32, Vec<Step>)> {
    match *fault {
        Fault::CleanCut(n) => Some((n, Vec::new())),
        Fault::TcpCut(n) => Some((n, vec![Step::Reset])),
        Fault::Stall(n) => Some((n, vec![Step::Stall])),
        _ => None,
    }
}

/// `frames` up to where they end early, one by one.
fn steps(mut frames: Vec<Frame>, end: Option<(usize, Vec<Step>)>, faults: &[Fault]) -> Vec<Step> {
    let delay = faults.iter().find_map(|fault| match fault {
        Fault::Delay(duration) => Some(*duration),
        _ => None,
    });
    let (at, end) = end.unwrap_or((frames.len(), Vec::new()));
    frames.truncate(at);
    let sent = frames.into_iter().map(|frame| Step::Send(frame.bytes));
    paced(sent.chain(end).collect(), delay)
}

/// `steps` with a pause before each but the first.
fn paced(steps: Vec<Step>, delay: Option<Duration>) -> Vec<Step> {
    let Some(delay) = delay else { return steps };
    let paced = steps.into_iter().flat_map(|step| [Step::Wait(delay), step]);
    paced.skip(1).collect()
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
            content
                .take(before.saturating_add(1))
                .last()
                .map(|(at, _)| at + 1)
        }
    };
    wanted.or_else(finish).unwrap_or(frames.len())
}

fn insert(frames: &mut Vec<Frame>, n: u32, event: impl Into<Bytes>) {
    let at = place(frames, n);
    frames.insert(at, Frame::new(FrameKind::Other, event));
}

fn duplicate_terminal(frames: &mut Vec<Frame>) {
    let twice = |frame: Frame| {
        let terminal = matches!(frame.kind, FrameKind::Finish | FrameKind::Last);
        std::iter::repeat_n(frame, 1 + usize::from(terminal))
    };
    *frames = std::mem::take(frames).into_iter().flat_map(twice).collect();
}

/// Puts the last content event behind each terminal event once more.
fn repeat_content(frames: &mut Vec<Frame>) {
    let content = frames
        .iter()
        .rfind(|frame| frame.kind == FrameKind::Content);
    let Some(again) = content.map(|frame| Frame::new(FrameKind::Other, frame.bytes.clone())) else {
        return;
    };
    let followed = |frame: Frame| {
        let terminal = matches!(frame.kind, FrameKind::Finish | FrameKind::Last);
        std::iter::once(frame).chain(terminal.then(|| again.clone()))
    };
    *frames = std::mem::take(frames)
        .into_iter()
        .flat_map(followed)
        .collect();
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
