// SPDX-License-Identifier: Apache-2.0
mod calls;
mod conformance;
mod heavy;
mod limits;
mod structured;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use futures_util::{FutureExt as _, StreamExt as _};
use lukhas_core::{
    Entropy, FunctionCall, FunctionOutput, Item, OutputEvent, Part, Principal, Role, ToolSpec,
};
use serde_json::Value;

use super::*;

/// Identifiers that count up.
struct Counter(AtomicU64);

impl Entropy for Counter {
    fn bits(&self) -> u128 {
        u128::from(self.0.fetch_add(1, Ordering::Relaxed))
    }
}

fn cx() -> RunCx {
    let entropy: Arc<dyn Entropy> = Arc::new(Counter(AtomicU64::new(1)));
    let principal = Principal::new("key", "tenant");
    RunCx {
        run_id: Id::new("run_", entropy.as_ref()),
        principal: Arc::new(principal),
        entropy,
        steps: false,
        trace: None,
        abandoned: None,
    }
}

/// All events of the answer; without a delay they are there at once.
fn events(request: RunRequest) -> Vec<OutputEvent> {
    let stream = Engine::default().run(&cx(), request);
    stream.collect().now_or_never().unwrap()
}

/// An answer put together from its events.
#[derive(Debug, PartialEq)]
struct Folded {
    /// Texts of messages, and names and arguments of calls.
    items: Vec<(String, String)>,
    open: bool,
    end: RunEnd,
}

/// Puts an answer together, and holds its events to the invariant of [`OutputEvent`].
#[track_caller]
fn fold(events: &[OutputEvent]) -> Folded {
    let (mut items, mut open, mut end) = (Vec::new(), None, None);
    for event in events {
        assert_eq!(end, None, "nothing comes after the end");
        match event {
            OutputEvent::ItemAdded { index, kind, .. } => {
                assert_eq!(
                    (open, *index as usize),
                    (None, items.len()),
                    "items do not overlap"
                );
                let name = match kind {
                    ItemKind::Message => String::new(),
                    ItemKind::FunctionCall { name, call_id } => {
                        assert!(call_id.starts_with("call_") && call_id.len() == 37);
                        name.clone()
                    }
                    ItemKind::Reasoning => panic!("the engine does not reason"),
                };
                open = Some(kind.clone());
                items.push((name, String::new()));
            }
            OutputEvent::TextDelta(delta) => {
                assert_eq!(open, Some(ItemKind::Message));
                assert!((1..=64).contains(&delta.len()), "{delta:?}");
                items.last_mut().unwrap().1 += delta;
            }
            OutputEvent::ArgumentsDelta(delta) => {
                assert!(matches!(open, Some(ItemKind::FunctionCall { .. })));
                assert!((1..=1024).contains(&delta.len()), "{delta:?}");
                items.last_mut().unwrap().1 += delta;
            }
            OutputEvent::RefusalDelta(_) => panic!("the engine does not refuse"),
            OutputEvent::ReasoningDelta(_) => panic!("the engine does not reason"),
            OutputEvent::Continued => panic!("the engine does not break off"),
            OutputEvent::Verbatim(_) => panic!("the engine speaks no API"),
            OutputEvent::ItemDone => assert!(open.take().is_some()),
            OutputEvent::Ended(ended) => end = Some(ended.clone()),
        }
    }
    let end = end.expect("there is an end");
    assert!(
        open.is_none() || end.outcome != Outcome::Completed,
        "a whole answer has no open item"
    );
    Folded {
        items,
        open: open.is_some(),
        end,
    }
}

#[track_caller]
fn run(request: RunRequest) -> Folded {
    fold(&events(request))
}

/// The text of a whole answer that is one message.
#[track_caller]
fn text(request: RunRequest) -> String {
    let folded = run(request);
    assert_eq!(folded.end.outcome, Outcome::Completed);
    let [(name, text)] = folded.items.as_slice() else {
        panic!("{:?}", folded.items)
    };
    assert_eq!(name, "");
    text.clone()
}

/// Names and arguments of the calls of a whole answer.
#[track_caller]
fn calls(request: RunRequest) -> Vec<(String, Value)> {
    let folded = run(request);
    assert_eq!(folded.end.outcome, Outcome::Completed);
    let parsed = |(name, arguments): (String, String)| (name, arguments.parse().unwrap());
    folded.items.into_iter().map(parsed).collect()
}

#[track_caller]
fn error(request: RunRequest) -> RunError {
    let folded = run(request);
    assert_eq!((folded.items.len(), folded.end.usage), (0, None));
    match folded.end.outcome {
        Outcome::Failed(error) => error,
        outcome => panic!("{outcome:?}"),
    }
}

fn ask(text: &str) -> RunRequest {
    RunRequest {
        items: vec![Item::text(Role::User, text)],
        ..RunRequest::default()
    }
}

fn tool(name: &str, description: &str, parameters: Value) -> Arc<ToolSpec> {
    Arc::new(ToolSpec {
        name: name.to_owned(),
        description: Some(description.to_owned()),
        parameters: Some(parameters),
        strict: None,
    })
}

fn output(call_id: &str, text: &str) -> Item {
    Item::FunctionOutput(FunctionOutput {
        id: None,
        call_id: call_id.to_owned(),
        parts: vec![Part::Text(text.to_owned())],
    })
}

fn call(call_id: &str, name: &str) -> Item {
    Item::FunctionCall(FunctionCall {
        id: None,
        call_id: call_id.to_owned(),
        name: name.to_owned(),
        arguments: "{}".to_owned(),
    })
}

#[test]
fn an_answer_that_nobody_watches_is_the_same_in_one_delta() {
    for text in ["one two three", "What is 6 * 7?", ""] {
        let pieces = run(ask(text));
        let whole = events(RunRequest {
            whole: true,
            ..ask(text)
        });
        let [
            _,
            OutputEvent::TextDelta(delta),
            OutputEvent::ItemDone,
            OutputEvent::Ended(end),
        ] = whole.as_slice()
        else {
            panic!("{whole:?}");
        };
        assert_eq!((delta, end), (&pieces.items[0].1, &pieces.end), "{text}");
    }
}

#[test]
fn what_was_used_of_an_abandoned_answer_is_told_once() {
    let told = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&told);
    let cx = RunCx {
        abandoned: Some(Arc::new(move |usage| sink.lock().unwrap().push(usage))),
        ..cx()
    };
    let request = RunRequest {
        items: vec![Item::text(Role::User, "Say one two three four five six")],
        ..RunRequest::default()
    };
    let engine = Engine::default();
    let events = engine.run(&cx, request.clone()).collect::<Vec<_>>();
    let all = events.now_or_never().unwrap();
    let Some(OutputEvent::Ended(RunEnd { usage, .. })) = all.last() else {
        panic!("{all:?}");
    };
    let whole = usage.unwrap();
    assert_eq!(*told.lock().unwrap(), [], "it was heard to its end");
    for taken in 0..all.len() {
        let some = engine.run(&cx, request.clone()).take(taken);
        some.collect::<Vec<_>>().now_or_never().unwrap();
        let told = std::mem::take(&mut *told.lock().unwrap());
        if taken == 0 {
            assert_eq!(told, [], "nobody saw anything");
            continue;
        }
        let [partial] = told[..] else {
            panic!("{taken}: {told:?}");
        };
        assert_eq!(partial.source, UsageSource::Partial);
        assert_eq!(partial.input_tokens, whole.input_tokens);
        // Each word is a token, and comes in a piece of its own.
        let said = (taken as u64 - 1).min(whole.output_tokens);
        assert!(
            partial.output_tokens.abs_diff(said) <= 1,
            "{taken}: {partial:?}"
        );
    }
}
