// SPDX-License-Identifier: Apache-2.0
//! Whatever an upstream sends, what comes out keeps its invariant; and what was written in a
//! dialect is read as it was meant.

mod written;

use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::golden::{Case, cases};
use super::*;

thread_local! {
    static CASES: Vec<Case> = cases();
}

/// A change to a recorded answer.
#[derive(Clone, Debug)]
pub(super) enum Edit {
    Remove(Index),
    Repeat(Index, Index),
    Swap(Index, Index),
    /// Another answer's event.
    Insert(Index, Index, Index),
    Garbage(Index, String),
    /// One value in the JSON of an event replaced.
    Replace(Index, Index, Value),
}

pub(super) fn values() -> impl Strategy<Value = Value> {
    let values = [
        "null",
        "true",
        "0",
        "-1",
        "1",
        "7.5",
        "1e300",
        "18446744073709551615",
        "\"\"",
        "\"x\"",
        "\"call_1\"",
        "\"incomplete\"",
        "\"reasoning\"",
        "\"text\"",
        "[]",
        "{}",
        "[[]]",
        "{\"type\":\"message\"}",
    ];
    select(
        values
            .map(|json| serde_json::from_str(json).unwrap())
            .to_vec(),
    )
}

pub(super) fn edits() -> impl Strategy<Value = Edit> {
    let index = any::<Index>;
    prop_oneof![
        1 => index().prop_map(Edit::Remove),
        1 => (index(), index()).prop_map(|(from, to)| Edit::Repeat(from, to)),
        1 => (index(), index()).prop_map(|(a, b)| Edit::Swap(a, b)),
        1 => (index(), index(), index()).prop_map(|(case, from, to)| Edit::Insert(case, from, to)),
        1 => (index(), "\\PC{0,20}").prop_map(|(at, text)| Edit::Garbage(at, text)),
        4 => (index(), index(), values()).prop_map(|(at, node, value)| {
            Edit::Replace(at, node, value)
        }),
    ]
}

fn apply(edit: &Edit, cases: &[&Case], stream: &mut Vec<String>) {
    if stream.is_empty() {
        return;
    }
    let len = stream.len();
    match edit {
        Edit::Remove(at) => drop(stream.remove(at.index(len))),
        Edit::Repeat(from, to) => stream.insert(to.index(len), from.get(stream).clone()),
        Edit::Swap(a, b) => stream.swap(a.index(len), b.index(len)),
        Edit::Insert(case, from, to) => {
            let other = &case.get(cases).stream;
            stream.insert(to.index(len), from.get(other).clone());
        }
        Edit::Garbage(at, text) => stream[at.index(len)].clone_from(text),
        Edit::Replace(at, node, value) => {
            let data = &mut stream[at.index(len)];
            if let Ok(mut json) = serde_json::from_str(data) {
                replace(&mut json, *node, value);
                *data = json.to_string();
            }
        }
    }
}

/// Puts `value` in the place of one that is somewhere in `json`.
pub(super) fn replace(json: &mut Value, node: Index, value: &Value) {
    let mut paths = vec![String::new()];
    let mut next = 0;
    while let Some(path) = paths.get(next).cloned() {
        next += 1;
        match json.pointer(&path) {
            Some(Value::Object(object)) => {
                paths.extend(object.keys().map(|key| format!("{path}/{key}")));
            }
            Some(Value::Array(list)) => {
                paths.extend((0..list.len()).map(|index| format!("{path}/{index}")));
            }
            Some(_) | None => {}
        }
    }
    if let Some(place) = json.pointer_mut(&paths[node.index(paths.len())]) {
        *place = value.clone();
    }
}

/// The same event with a member that says nothing, or without its name: only the long way to read it
/// understands that.
fn for_the_tree(data: &str) -> SseEvent {
    let Ok(mut json) = serde_json::from_str::<Value>(data) else {
        return event(data);
    };
    if let Some(Value::Object(delta)) = json.pointer_mut("/choices/0/delta") {
        delta
            .entry("tool_calls")
            .or_insert_with(|| Value::Array(Vec::new()));
    }
    SseEvent {
        event: String::new(),
        data: json.to_string(),
    }
}

/// A recorded stream after `edits`, which may take events of others of its dialect, and that dialect.
pub(super) fn spoilt(cases: &[Case], case: Index, edits: &[Edit]) -> (Dialect, Vec<String>) {
    let streamed: Vec<_> = cases
        .iter()
        .filter(|case| !case.stream.is_empty())
        .collect();
    let case = *case.get(&streamed);
    let alike = streamed.iter().copied();
    let alike: Vec<_> = alike
        .filter(|other| other.dialect == case.dialect)
        .collect();
    let mut stream = case.stream.clone();
    edits
        .iter()
        .for_each(|edit| apply(edit, &alike, &mut stream));
    (case.dialect, stream)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn a_spoilt_stream_still_keeps_the_invariant(
        case in any::<Index>(),
        edits in prop::collection::vec(edits(), 1..4),
    ) {
        CASES.with(|cases| {
            let (dialect, stream) = spoilt(cases, case, &edits);
            let events = read_stream(dialect, stream.iter().map(String::as_str));
            prop_assert_eq!(keeps_invariant(&events), Ok(()), "{:#?}", stream);
            Ok(())
        })?;
    }

    /// The short way to read the commonest events is only a shorter way.
    #[test]
    fn a_plain_event_is_read_like_any_other(
        case in any::<Index>(),
        edits in prop::collection::vec(edits(), 0..4),
    ) {
        CASES.with(|cases| {
            let (dialect, stream) = spoilt(cases, case, &edits);
            let read = read_stream(dialect, stream.iter().map(String::as_str));
            let by_tree = read_events(dialect, stream.iter().map(|data| for_the_tree(data)));
            prop_assert_eq!(read, by_tree, "{:#?}", stream);
            Ok(())
        })?;
    }

    #[test]
    fn a_spoilt_body_still_keeps_the_invariant(
        case in any::<Index>(),
        edits in prop::collection::vec((any::<Index>(), values()), 1..4),
    ) {
        CASES.with(|cases| {
            let whole = cases.iter().filter_map(|case| Some((case, case.whole.as_ref()?)));
            let (case, body) = *case.get(&whole.collect::<Vec<_>>());
            let mut body = body.clone();
            edits.iter().for_each(|(node, value)| replace(&mut body, *node, value));
            let events = read_whole(case.dialect, &body);
            prop_assert_eq!(keeps_invariant(&events), Ok(()), "{:#}", body);
            Ok(())
        })?;
    }

    #[test]
    fn garbage_is_never_an_answer(data in prop::collection::vec("\\PC{0,30}", 0..5)) {
        for dialect in Dialect::ALL {
            let events = read_stream(dialect, data.iter().map(String::as_str));
            prop_assert_eq!(events.len(), 1);
            prop_assert_eq!(keeps_invariant(&events), Ok(()));
            let OutputEvent::Ended(end) = &events[0] else {
                return Err(TestCaseError::fail("it is no end"));
            };
            prop_assert!(matches!(end.outcome, Outcome::Failed(_)));
        }
    }
}
