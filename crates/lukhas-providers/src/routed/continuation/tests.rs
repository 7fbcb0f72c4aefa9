// SPDX-License-Identifier: Apache-2.0
use std::collections::VecDeque;

use lukhas_core::{Outcome, RunEnd, RunError};
use proptest::prelude::*;

use super::*;

const MESSAGE: OutputEvent = OutputEvent::ItemAdded {
    index: 0,
    kind: ItemKind::Message,
    id: None,
};

fn text(text: &str) -> OutputEvent {
    OutputEvent::TextDelta(text.to_owned())
}

fn call(index: u32) -> OutputEvent {
    let kind = ItemKind::FunctionCall {
        call_id: "call_1".to_owned(),
        name: "f".to_owned(),
    };
    let id = None;
    OutputEvent::ItemAdded { index, kind, id }
}

fn thinking() -> [OutputEvent; 3] {
    let kind = ItemKind::Reasoning;
    [
        OutputEvent::ItemAdded {
            index: 0,
            kind,
            id: None,
        },
        OutputEvent::ReasoningDelta("hm".to_owned()),
        OutputEvent::ItemDone,
    ]
}

fn ended(outcome: Outcome) -> OutputEvent {
    let usage = None;
    OutputEvent::Ended(RunEnd { outcome, usage })
}

fn cut() -> RunError {
    RunError::new(RunErrorKind::UpstreamTruncated, "cut")
}

fn draft(events: &[OutputEvent]) -> Draft {
    let mut draft = Draft::new(&RunRequest::default(), 2).unwrap();
    events.iter().for_each(|event| draft.note(event));
    draft
}

/// What comes of `events` behind `said`; `None` when they begin anew.
fn joined(said: &str, events: Vec<OutputEvent>) -> Option<Vec<OutputEvent>> {
    let mut joint = draft(&[MESSAGE, text(said)]).joint();
    let mut out = VecDeque::new();
    for event in events {
        joint.fit(event, &mut out).ok()?;
    }
    Some(out.into())
}

/// The text that a message of `deltas` comes to behind `said`.
fn whole(said: &str, deltas: &[&str]) -> Option<String> {
    let end = [OutputEvent::ItemDone, ended(Outcome::Completed)];
    let deltas = deltas.iter().map(|delta| text(delta));
    let events = [MESSAGE].into_iter().chain(deltas).chain(end.clone());
    let joined = joined(said, events.collect())?;
    assert!(joined.ends_with(&end), "{joined:?}");
    let rest = joined[..joined.len() - 2].iter().map(|event| match event {
        OutputEvent::TextDelta(text) => text.as_str(),
        other => panic!("{other:?}"),
    });
    Some([said].into_iter().chain(rest).collect())
}

#[track_caller]
fn check(request: &RunRequest, expected: bool) {
    assert_eq!(Draft::new(request, 1).is_some(), expected, "{request:?}");
    assert!(Draft::new(request, 0).is_none(), "never means never");
}

#[test]
fn only_a_free_text_that_is_streamed_is_gone_on_with() {
    let plain = RunRequest::default;
    let said = |role| vec![Item::text(role, "hi")];
    let items = said(Role::User);
    check(&RunRequest { items, ..plain() }, true);
    let items = said(Role::Assistant);
    check(&RunRequest { items, ..plain() }, false);
    let whole = true;
    check(&RunRequest { whole, ..plain() }, false);
    let format = OutputFormat::JsonObject;
    check(&RunRequest { format, ..plain() }, false);
    for (mode, expected) in [(ToolMode::Auto, true), (ToolMode::Required, false)] {
        let names = Vec::new();
        let tool_choice = ToolChoice::Allowed { mode, names };
        let request = RunRequest {
            tool_choice,
            ..plain()
        };
        check(&request, expected);
    }
    let tool_choice = ToolChoice::Required;
    let request = RunRequest {
        tool_choice,
        ..plain()
    };
    check(&request, false);
}

#[test]
fn only_an_open_message_of_text_alone_is_gone_on_with() {
    let refusal = OutputEvent::RefusalDelta("no".to_owned());
    let long = text(&"x".repeat(LONGEST));
    for (events, expected) in [
        (vec![], false),
        (vec![MESSAGE], false),
        (vec![MESSAGE, text(" \n")], false),
        (vec![MESSAGE, text("one ")], true),
        (
            vec![MESSAGE, text("one "), OutputEvent::Continued, text("two")],
            true,
        ),
        (vec![MESSAGE, text("one "), OutputEvent::ItemDone], false),
        (
            vec![MESSAGE, text("one "), OutputEvent::ItemDone, call(1)],
            false,
        ),
        (vec![MESSAGE, text("one "), refusal], false),
        (vec![call(0)], false),
        ([&thinking()[..], &[MESSAGE, text("one")]].concat(), false),
        (vec![MESSAGE, long.clone()], true),
        (vec![MESSAGE, long, text("x")], false),
    ] {
        assert_eq!(draft(&events).can_go_on(&cut()), expected, "{events:?}");
    }
    let draft = draft(&[MESSAGE, text("one")]);
    for (kind, expected) in [
        (RunErrorKind::UpstreamTruncated, true),
        (RunErrorKind::UpstreamTimeout, true),
        (RunErrorKind::Upstream, false),
        (RunErrorKind::ShuttingDown, false),
    ] {
        let error = RunError::new(kind, "it ended");
        assert_eq!(draft.can_go_on(&error), expected, "{kind:?}");
    }
}

#[test]
fn the_rest_is_asked_for_behind_the_text_so_far() {
    let mut request = RunRequest {
        items: vec![Item::text(Role::User, "count")],
        max_output_tokens: Some(10),
        ..RunRequest::default()
    };
    let mut draft = draft(&[MESSAGE, text("one two \n")]);
    for (said, left, may_again) in [("one two", 8, true), ("one two \nthree", 1, false)] {
        draft.ask_for_rest(&mut request, if left == 8 { 2 } else { 100 });
        let expected = [
            Item::text(Role::User, "count"),
            Item::text(Role::Assistant, said),
        ];
        assert_eq!(request.items, expected);
        assert_eq!(request.max_output_tokens, Some(left));
        draft.note(&OutputEvent::Continued);
        draft.note(&text("three"));
        assert_eq!(draft.can_go_on(&cut()), may_again);
    }
}

#[test]
fn what_comes_is_fitted_to_what_there_is() {
    let done = || ended(Outcome::Completed);
    // Thinking is left out.
    let mut events = thinking().to_vec();
    let OutputEvent::ItemAdded { kind, .. } = MESSAGE else {
        unreachable!()
    };
    events.push(OutputEvent::ItemAdded {
        index: 1,
        kind,
        id: None,
    });
    events.extend([text("two"), OutputEvent::ItemDone, call(2)]);
    events.extend([OutputEvent::ItemDone, done()]);
    let expected = vec![
        text("two"),
        OutputEvent::ItemDone,
        call(1),
        OutputEvent::ItemDone,
        done(),
    ];
    assert_eq!(joined("one ", events), Some(expected));
    // A call ends the text.
    let events = vec![call(0), OutputEvent::ItemDone, done()];
    let expected = [&[OutputEvent::ItemDone, call(1)][..], &events[1..]].concat();
    assert_eq!(joined("one", events), Some(expected));
}

const LONG: &str = "It was the best of times, it was the worst of times";

#[test]
fn white_space_is_not_doubled() {
    for (said, deltas, expected) in [
        ("one ", &[" two"][..], "one two"),
        ("one ", &["two"], "one two"),
        ("one \n", &[" ", "\n", "two"], "one \ntwo"),
        ("one \n", &[" ", " two"], "one \n two"),
        ("one", &[" two"], "one two"),
        ("one ", &[], "one "),
        ("one ", &[" "], "one "),
    ] {
        assert_eq!(whole(said, deltas).as_deref(), Some(expected), "{deltas:?}");
    }
}

#[test]
fn a_text_that_is_said_again_is_heard_from_where_it_goes_on() {
    let again = [LONG, ", indeed"].concat();
    let expected = Some(again.clone());
    assert_eq!(whole(LONG, &[&again]), expected);
    assert_eq!(whole(LONG, &["It was ", &again[7..]]), expected);
    let spaced = [LONG, " "].concat();
    let expected = Some([LONG, " indeed"].concat());
    assert_eq!(whole(&spaced, &[LONG, " indeed"]), expected);
    // Another text with the same beginning is no rest of the first.
    assert_eq!(whole(LONG, &[&LONG[..40], "age of wisdom"]), None);
    assert_eq!(whole(LONG, &[&LONG[..40]]), None);
    // A few words may be the same by chance.
    let expected = Some([LONG, "It was so"].concat());
    assert_eq!(whole(LONG, &["It was", " so"]), expected);
    assert_eq!(whole(LONG, &["It was so"]), expected);
    assert_eq!(whole(LONG, &["It was"]), Some([LONG, "It was"].concat()));
    assert_eq!(whole("ha", &["ha"]).as_deref(), Some("haha"));
}

#[test]
fn what_breaks_off_before_it_is_clear_is_as_if_it_had_not_come() {
    let events = vec![MESSAGE, text("It was"), ended(Outcome::Failed(cut()))];
    let expected = vec![ended(Outcome::Failed(cut()))];
    assert_eq!(joined(LONG, events), Some(expected));
}

proptest! {
    /// Wherever an answer breaks off, and however the rest is cut into deltas, a model that goes on
    /// and one that says it all again give the same text.
    #[test]
    fn the_joined_text_is_the_text(
        words in prop::collection::vec("[a-zä]{1,9}[ \n]{1,2}", 8..40),
        at in any::<prop::sample::Index>(),
        piece in 1_usize..30,
    ) {
        let all = words.concat();
        let cut = all.ceil_char_boundary(1 + at.index(all.len() - 1));
        let (said, _) = all.split_at(cut);
        let rest = &all[said.trim_end().len()..];
        let pieces = |text: &str| -> Vec<String> {
            let chars: Vec<_> = text.chars().collect();
            chars.chunks(piece).map(|chunk| chunk.iter().collect()).collect()
        };
        let deltas = pieces(rest);
        let deltas: Vec<_> = deltas.iter().map(String::as_str).collect();
        // Unless the text repeats its own beginning, in which case anything may be meant.
        prop_assume!(!rest.trim_start().starts_with(&all[..all.floor_char_boundary(4)]));
        prop_assert_eq!(whole(said, &deltas), Some(all.clone()));
        if said.trim_end().len() >= 32 {
            let deltas = pieces(&all);
            let deltas: Vec<_> = deltas.iter().map(String::as_str).collect();
            prop_assert_eq!(whole(said, &deltas), Some(all.clone()));
        }
    }
}
