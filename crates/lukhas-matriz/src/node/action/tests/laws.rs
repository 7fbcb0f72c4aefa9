// SPDX-License-Identifier: Apache-2.0
//! Whatever a provider does, the answer keeps its invariant.

use futures_util::FutureExt;
use lukhas_core::ItemKind;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::*;

fn events() -> impl Strategy<Value = OutputEvent> {
    let names = select(vec!["look", "find", "drop_tables"]);
    let pieces = || select(vec!["", "{", "}", "{}", "[1,", "2]", "hello", "\"", "\\"]);
    let error = RunError::new(RunErrorKind::Overloaded, "Busy.");
    let outcome = select(vec![
        Outcome::Completed,
        Outcome::Incomplete(IncompleteReason::ContentFilter),
        Outcome::Failed(error),
    ]);
    prop_oneof![
        3 => (0..3_u32).prop_map(added),
        3 => (0..3_u32, names).prop_map(|(index, name)| calling(index, name)),
        3 => pieces().prop_map(text),
        1 => pieces().prop_map(refusal),
        3 => pieces().prop_map(arguments),
        1 => (0..3_u32).prop_map(reasoning),
        1 => pieces().prop_map(thinks),
        4 => Just(OutputEvent::ItemDone),
        1 => Just(OutputEvent::Continued),
        1 => outcome.prop_map(ended),
    ]
}

/// An answer that keeps the invariant and any intent that allows the calls of `tooled`.
fn good() -> impl Strategy<Value = Vec<OutputEvent>> {
    let message = prop::collection::vec("[a-z {\\[]{0,8}", 0..4)
        .prop_map(|texts| (added(0), texts.iter().map(|piece| text(piece)).collect()));
    let thought = prop::collection::vec("[a-z {\\[]{0,8}", 0..4).prop_map(|texts| {
        (
            reasoning(0),
            texts.iter().map(|piece| thinks(piece)).collect(),
        )
    });
    let call = select(vec!["{}", "{\"a\":[1,2]}", "[true]"]).prop_map(|json| {
        let pieces = json.split_inclusive(|_| true).map(arguments).collect();
        (calling(0, "look"), pieces)
    });
    let items = prop::collection::vec(prop_oneof![message, call, thought], 0..4);
    items.prop_map(|items: Vec<(OutputEvent, Vec<OutputEvent>)>| {
        let mut script = Vec::new();
        for (place, (mut begin, pieces)) in (0..).zip(items) {
            if let OutputEvent::ItemAdded { index, .. } = &mut begin {
                *index = place;
            }
            script.push(begin);
            script.extend(pieces);
            script.push(OutputEvent::ItemDone);
        }
        script.push(completed());
        script
    })
}

/// A good answer with one event removed, doubled, replaced or moved.
fn spoilt() -> impl Strategy<Value = Vec<OutputEvent>> {
    let edit = (0..4_u8, any::<Index>(), any::<Index>(), events());
    (good(), edit).prop_map(|(mut script, (edit, at, other, event))| {
        let at = at.index(script.len());
        match edit {
            0 => drop(script.remove(at)),
            1 => script.insert(at, script[at].clone()),
            2 => script[at] = event,
            _ => {
                let other = other.index(script.len());
                script.swap(at, other);
            }
        }
        script
    })
}

fn scripts() -> impl Strategy<Value = Vec<OutputEvent>> {
    prop_oneof![prop::collection::vec(events(), 0..12), spoilt(), good(),]
}

fn requests() -> impl Strategy<Value = RunRequest> {
    let choices = select(vec![
        ToolChoice::None,
        ToolChoice::Auto,
        ToolChoice::Required,
        ToolChoice::Function("find".into()),
    ]);
    let formats = select(vec![
        OutputFormat::Text,
        OutputFormat::JsonObject,
        schema(true),
        schema(false),
    ]);
    (choices, formats, any::<bool>()).prop_map(|(choice, format, parallel)| RunRequest {
        format,
        parallel_tool_calls: parallel,
        ..tooled(choice)
    })
}

fn play_now(request: RunRequest, script: Vec<OutputEvent>) -> Vec<OutputEvent> {
    play(request, script).now_or_never().unwrap()
}

/// An answer as a client would gather it: each item, whether it is whole, and how it ended.
struct Gathered {
    items: Vec<(ItemKind, String, bool)>,
    has_refusal: bool,
    outcome: Outcome,
}

/// Reads an answer by the invariant of [`OutputEvent`].
fn gather(events: &[OutputEvent]) -> Result<Gathered, TestCaseError> {
    let Some((OutputEvent::Ended(end), events)) = events.split_last() else {
        return Err(TestCaseError::fail("does not end with an end"));
    };
    let mut items: Vec<(ItemKind, String, bool)> = Vec::new();
    let mut has_refusal = false;
    for event in events {
        let open = items.last_mut().filter(|(_, _, is_whole)| !is_whole);
        match (event, open) {
            (OutputEvent::ItemAdded { index, kind, .. }, None) => {
                prop_assert_eq!(*index as usize, items.len());
                items.push((kind.clone(), String::new(), false));
            }
            (OutputEvent::TextDelta(piece), Some((ItemKind::Message, text, _)))
            | (
                OutputEvent::ArgumentsDelta(piece),
                Some((ItemKind::FunctionCall { .. }, text, _)),
            )
            | (OutputEvent::ReasoningDelta(piece), Some((ItemKind::Reasoning, text, _))) => {
                text.push_str(piece);
            }
            (OutputEvent::RefusalDelta(text), Some((ItemKind::Message, _, _))) => {
                has_refusal |= !text.is_empty();
            }
            (OutputEvent::Continued, Some((ItemKind::Message, _, _))) => {}
            (OutputEvent::ItemDone, Some((_, _, is_whole))) => *is_whole = true,
            (event, _) => return Err(TestCaseError::fail(format!("out of order: {event:?}"))),
        }
    }
    if end.outcome == Outcome::Completed {
        prop_assert!(items.iter().all(|(_, _, is_whole)| *is_whole));
    }
    let outcome = end.outcome.clone();
    Ok(Gathered {
        items,
        has_refusal,
        outcome,
    })
}

/// Checks what a client may rely on under `request`.
fn check_intent(request: &RunRequest, answer: &Gathered) -> Result<(), TestCaseError> {
    let mut calls = 0;
    for (kind, text, is_whole) in &answer.items {
        let json = serde_json::from_str::<serde_json::Value>(text);
        match kind {
            ItemKind::FunctionCall { name, .. } => {
                calls += 1;
                let allowed: &[&str] = match &request.tool_choice {
                    ToolChoice::None => &[],
                    ToolChoice::Function(_) => &["find"],
                    _ => &["look", "find"],
                };
                prop_assert!(allowed.contains(&name.as_str()));
                prop_assert!(!is_whole || json.is_ok(), "arguments: {}", text);
            }
            ItemKind::Message if *is_whole && !text.is_empty() => match &request.format {
                OutputFormat::JsonObject => prop_assert!(json.is_ok_and(|json| json.is_object())),
                OutputFormat::JsonSchema { strict: true, .. } => prop_assert!(json.is_ok()),
                OutputFormat::Text | OutputFormat::JsonSchema { .. } => {}
            },
            ItemKind::Message | ItemKind::Reasoning => {}
        }
    }
    prop_assert!(calls <= 1 || request.parallel_tool_calls);
    if answer.outcome == Outcome::Completed && !answer.has_refusal {
        let must = matches!(
            request.tool_choice,
            ToolChoice::Required | ToolChoice::Function(_)
        );
        prop_assert!(calls > 0 || !must);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn the_answer_keeps_the_invariant_and_the_intent(
        request in requests(),
        script in scripts(),
    ) {
        let answer = play_now(request.clone(), script.clone());
        let passed = &answer[..answer.len() - 1];
        prop_assert_eq!(passed, &script[..passed.len()], "something was added or changed");
        check_intent(&request, &gather(&answer)?)?;
    }

    #[test]
    fn a_good_answer_is_never_stopped(script in good()) {
        prop_assert_eq!(play_now(tooled(ToolChoice::Auto), script.clone()), script);
    }
}
