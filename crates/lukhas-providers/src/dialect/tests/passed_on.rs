// SPDX-License-Identifier: Apache-2.0
//! What is passed on says what is read: no more, no less, and not otherwise.

mod again;
mod complete;

use std::sync::Arc;

use bytes::Bytes;
use lukhas_core::{Api, Original, RunRequest};
use lukhas_openai::SseDecoder;
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::json;

use super::golden::{Case, cases};
use super::laws::{edits, replace, spoilt, values};
use super::*;
use crate::passage::{self, Passage, Templates};

const DIALECTS: [Dialect; 2] = [Dialect::Chat, Dialect::Responses];

/// A request that can be passed on, and the members its answer is to have.
fn request(api: Api, body: &Value, whole: bool) -> RunRequest {
    let own = match api {
        Api::ChatCompletions => vec![
            ("id", "\"chatcmpl-own\""),
            ("created", "7"),
            ("model", "\"own\""),
        ],
        Api::Responses => vec![
            ("id", "\"resp_own\""),
            ("created_at", "7"),
            ("model", "\"own\""),
            ("store", "true"),
        ],
    };
    let own = own
        .into_iter()
        .map(|(name, json)| (name, Bytes::from(json)));
    RunRequest {
        whole,
        original: Some(Arc::new(Original {
            api,
            body: body.to_string().into(),
            own: own.collect(),
        })),
        ..RunRequest::default()
    }
}

fn open(dialect: Dialect, body: &Value, whole: bool) -> (Passage, Value) {
    let request = request(dialect.api().expect("an API"), body, whole);
    let (passage, sent) = Passage::open(&request, dialect, "theirs", &Templates::default())
        .expect("it can be passed on");
    (passage, serde_json::from_slice(&sent).expect("JSON"))
}

/// What comes of a stream that is passed on, with its usage shown.
fn pass_stream<'d>(dialect: Dialect, data: impl IntoIterator<Item = &'d str>) -> Vec<OutputEvent> {
    let body = json!({"model": "m", "stream_options": {"include_usage": true}});
    let mut passage = Some(open(dialect, &body, false).0);
    let mut answer = Answer::default();
    answer.begin_speech();
    let mut reader = dialect.reader();
    for data in data {
        let event = event(data);
        // However events come together, they say the same.
        let has_more = data.len() % 2 == 0;
        let read = passage::read(&mut passage, &mut *reader, &event, has_more, &mut answer);
        if let Err(unreadable) = read {
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

fn pass_whole(dialect: Dialect, body: &Value) -> Vec<OutputEvent> {
    let mut answer = Answer::default();
    let (passage, _) = open(dialect, &json!({"model": "m"}), true);
    let mut reader = dialect.reader();
    let body = body.to_string();
    match passage::read_whole(Some(passage), &mut *reader, body.as_bytes(), &mut answer) {
        Ok(()) => drain(answer),
        Err(unreadable) => vec![OutputEvent::Ended(RunEnd::failed(unreadable.into()))],
    }
}

/// The events apart from the words that were passed on, and those words: what came before the end,
/// and the end.
struct Passed {
    events: Vec<OutputEvent>,
    before: Vec<u8>,
    /// `None` when nothing is passed on.
    last: Option<Vec<u8>>,
    is_verbatim: bool,
}

/// Takes apart what was passed on, and holds it to the invariant of [`OutputEvent`].
fn take_apart(all: Vec<OutputEvent>) -> Result<Passed, String> {
    let is_verbatim = matches!(all.first(), Some(OutputEvent::Verbatim(_)));
    let mut passed = Passed {
        events: Vec::new(),
        before: Vec::new(),
        last: None,
        is_verbatim,
    };
    for event in all {
        match event {
            OutputEvent::Verbatim(_) if !is_verbatim => return Err("it changed its words".into()),
            OutputEvent::Verbatim(said) => {
                if passed.last.is_some() {
                    return Err("it spoke on after its end".into());
                }
                let frames = said.bytes.windows(2).filter(|pair| pair == b"\n\n").count();
                if said.bytes.ends_with(b"\n\n") && frames != said.events as usize {
                    return Err(format!("{frames} events are not {}", said.events));
                }
                match said.ends {
                    true => passed.last = Some(said.bytes.to_vec()),
                    false => passed.before.extend_from_slice(&said.bytes),
                }
            }
            OutputEvent::ItemAdded { index, kind, id } => {
                if id.is_some() && !is_verbatim {
                    return Err("an item has another's identifier".into());
                }
                passed.events.push(OutputEvent::ItemAdded {
                    index,
                    kind,
                    id: None,
                });
            }
            event => passed.events.push(event),
        }
    }
    Ok(passed)
}

fn frames(bytes: &[u8]) -> Vec<SseEvent> {
    let events = SseDecoder::new(1 << 20).push(bytes);
    events.expect("what is passed on is well formed")
}

/// What is passed on of `stream` says what is read of it.
pub(super) fn check_stream(dialect: Dialect, stream: &[String]) -> Result<(), String> {
    let data = || stream.iter().map(String::as_str);
    let read = read_stream(dialect, data());
    let passed = take_apart(pass_stream(dialect, data()))?;
    if passed.events != read {
        return Err(format!("it read {:#?}, not {read:#?}", passed.events));
    }
    if !passed.is_verbatim {
        return match passed.last {
            None => Ok(()),
            Some(_) => Err("an end without a beginning".into()),
        };
    }
    let Some(OutputEvent::Ended(end)) = read.last() else {
        return Err("there is no end".into());
    };
    let failed = matches!(end.outcome, Outcome::Failed(_));
    if failed && passed.last.is_some() {
        return Err("a failed answer says how it ends".into());
    }
    let is_whole = passed.last.is_some();
    let said = [
        passed.before.as_slice(),
        passed.last.as_deref().unwrap_or_default(),
    ]
    .concat();
    let said = frames(&said);
    for event in &said {
        check_own(dialect, &event.data)?;
        complete::check(dialect, &parsed(&event.data)?)?;
    }
    let heard = read_stream(dialect, said.iter().map(|event| event.data.as_str()));
    let (heard, read) = (merged(&heard), merged(&read));
    let is_same = match is_whole {
        true => heard == read,
        // A client sees what was said, and then the end in our own words.
        false => begins(&heard[..heard.len() - 1], &read),
    };
    match is_same {
        true => Ok(()),
        false => Err(format!("a client hears {heard:#?}, not {read:#?}")),
    }
}

/// Whether `heard` is how `read` begins; a last delta, or the end of an item, may be missing.
fn begins(heard: &[OutputEvent], read: &[OutputEvent]) -> bool {
    let Some((last, before)) = heard.split_last() else {
        return true;
    };
    let same = before.len() < read.len() && read.starts_with(before);
    same && match (last, &read[before.len()]) {
        (OutputEvent::TextDelta(a), OutputEvent::TextDelta(b))
        | (OutputEvent::RefusalDelta(a), OutputEvent::RefusalDelta(b))
        | (OutputEvent::ArgumentsDelta(a), OutputEvent::ArgumentsDelta(b))
        | (OutputEvent::ReasoningDelta(a), OutputEvent::ReasoningDelta(b)) => b.starts_with(a),
        (a, b) => a == b,
    }
}

/// What is this server's own is said so in `data`.
fn check_own(dialect: Dialect, data: &str) -> Result<(), String> {
    let data = parsed(data)?;
    let (head, id) = match dialect {
        Dialect::Chat => (&data, "chatcmpl-own"),
        Dialect::Responses => match data.get("response") {
            Some(response) => (response, "resp_own"),
            None => return Ok(()),
        },
        Dialect::Messages => return Err("not an API of ours".into()),
    };
    match head["id"] == id {
        true => Ok(()),
        false => Err(format!("{head} has another's identifier")),
    }
}

fn parsed(data: &str) -> Result<Value, String> {
    serde_json::from_str(data).map_err(|error| error.to_string())
}

pub(super) fn check_whole(dialect: Dialect, body: &Value) -> Result<(), String> {
    let read = read_whole(dialect, body);
    let passed = take_apart(pass_whole(dialect, body))?;
    if passed.events != read {
        return Err(format!("it read {:#?}, not {read:#?}", passed.events));
    }
    let Some(said) = passed.last else {
        return Ok(());
    };
    let said: Value = serde_json::from_slice(&said).map_err(|error| error.to_string())?;
    let heard = read_whole(dialect, &said);
    if heard != read {
        return Err(format!("a client hears {heard:#?}, not {read:#?}"));
    }
    complete::check(dialect, &json!({"response": said}))?;
    match (&said["id"], dialect) {
        (Value::String(id), Dialect::Chat) if id == "chatcmpl-own" => Ok(()),
        (Value::String(id), Dialect::Responses) if id == "resp_own" => Ok(()),
        (id, _) => Err(format!("{id} is another's identifier")),
    }
}

#[test]
fn recorded_answers_are_passed_on_as_they_are_read() {
    let mut passed = 0;
    for case in cases()
        .iter()
        .filter(|case| DIALECTS.contains(&case.dialect))
    {
        let name = &case.name;
        check_stream(case.dialect, &case.stream).unwrap_or_else(|error| panic!("{name}: {error}"));
        let data = case.stream.iter().map(String::as_str);
        passed += usize::from(matches!(
            pass_stream(case.dialect, data).first(),
            Some(OutputEvent::Verbatim(_))
        ));
        if let Some(body) = &case.whole {
            check_whole(case.dialect, body).unwrap_or_else(|error| panic!("{name}: {error}"));
        }
    }
    assert!(passed > 10, "only {passed} streams were passed on");
}

/// Words that leave the arguments of a call empty are not passed on: no client could read them.
#[test]
fn a_call_with_empty_arguments_is_translated() {
    CASES.with(|cases| {
        let bare = cases
            .iter()
            .filter(|case| case.name.ends_with("/call-with-empty-arguments"));
        let mut seen = 0;
        for case in bare {
            let data = case.stream.iter().map(String::as_str);
            let body = case.whole.as_ref().expect("a body");
            for events in [
                pass_stream(case.dialect, data),
                pass_whole(case.dialect, body),
            ] {
                assert!(!take_apart(events).expect("events").is_verbatim);
                seen += 1;
            }
        }
        assert_eq!(seen, 4);
    });
}

#[test]
fn a_request_is_changed_where_it_must_be() {
    #[track_caller]
    fn check(dialect: Dialect, whole: bool, body: Value, expected: Value) {
        assert_eq!(open(dialect, &body, whole).1, expected);
    }
    let chat = |rest: Value| {
        let mut body = json!({"model": "m", "messages": [], "x": 1.50});
        body.as_object_mut()
            .unwrap()
            .extend(rest.as_object().unwrap().clone());
        body
    };
    check(
        Dialect::Chat,
        true,
        chat(json!({})),
        chat(json!({"model": "theirs"})),
    );
    let counted = json!({"model": "theirs", "stream_options": {"include_usage": true}});
    check(Dialect::Chat, false, chat(json!({})), chat(counted.clone()));
    check(
        Dialect::Chat,
        false,
        chat(json!({"stream_options": null})),
        chat(counted.clone()),
    );
    check(
        Dialect::Chat,
        false,
        chat(json!({"stream_options": {"include_usage": false, "y": 2}})),
        chat(json!({"model": "theirs", "stream_options": {"include_usage": true, "y": 2}})),
    );
    check(
        Dialect::Responses,
        true,
        json!({"model": "m"}),
        json!({"model": "theirs", "store": false}),
    );
    check(
        Dialect::Responses,
        false,
        json!({"store": true, "model": "m", "input": "x"}),
        json!({"store": false, "model": "theirs", "input": "x"}),
    );
}

#[test]
fn a_request_that_changes_in_nothing_is_the_same_bytes() {
    let mut request = request(
        Api::ChatCompletions,
        &json!({"model": "own", "messages": []}),
        true,
    );
    let original = request.original.clone().unwrap();
    let (_, sent) = Passage::open(&request, Dialect::Chat, "own", &Templates::default()).unwrap();
    assert_eq!(sent.as_ptr(), original.body.as_ptr());
    assert!(
        Passage::open(&request, Dialect::Responses, "own", &Templates::default()).is_none(),
        "another API"
    );
    assert!(
        Passage::open(&request, Dialect::Messages, "own", &Templates::default()).is_none(),
        "another API"
    );
    request.original = None;
    assert!(
        Passage::open(&request, Dialect::Chat, "own", &Templates::default()).is_none(),
        "changed on the way"
    );
}

#[test]
fn events_that_differ_in_their_text_are_not_read_anew() {
    let chat = |text: &str| {
        format!(
            r#"{{"id":"1","object":"chat.completion.chunk","choices":[{{"index":0,"delta":{{"content":{text}}}}}]}}"#
        )
    };
    let responses = |text: &str| {
        format!(
            r#"{{"type":"response.output_text.delta","sequence_number":10,"output_index":0,"content_index":0,"delta":{text}}}"#
        )
    };
    let created = complete::stream().swap_remove(0);
    for (dialect, first, text) in [
        (Dialect::Chat, None, &chat as &dyn Fn(&str) -> String),
        (Dialect::Responses, Some(created), &responses),
    ] {
        let (passage, _) = open(dialect, &json!({"model": "m"}), false);
        let mut passage = Some(passage);
        let mut answer = Answer::default();
        answer.begin_speech();
        let mut reader = dialect.reader();
        let data = first.iter().map(Value::to_string);
        let texts = [r#""a""#, r#""""#, r#""\u00e9\n""#, r#""😀""#];
        for data in data.chain(texts.iter().map(|json| text(json))) {
            passage::read(
                &mut passage,
                &mut *reader,
                &event(&data),
                false,
                &mut answer,
            )
            .unwrap();
        }
        assert_eq!(passage.unwrap().patterns_made(), 1, "{dialect:?}");
        let read: Vec<_> = drain(answer);
        let said = read.iter().filter_map(|event| match event {
            OutputEvent::TextDelta(text) => Some(text.as_str()),
            _ => None,
        });
        assert_eq!(said.collect::<String>(), "aé\n😀");
    }
}

#[test]
fn usage_that_was_not_asked_for_is_not_shown() {
    let chunk =
        |rest: &str| format!(r#"{{"id":"1","object":"chat.completion.chunk","choices":{rest}}}"#);
    let stream = [
        chunk(r#"[{"index":0,"delta":{"content":"a"}}],"usage":null"#),
        chunk(r#"[{"index":0,"delta":{},"finish_reason":"stop"}],"usage":null"#),
        chunk(r#"[],"usage":{"prompt_tokens":3,"completion_tokens":1}"#),
        "[DONE]".to_owned(),
    ];
    let (passage, _) = open(Dialect::Chat, &json!({"model": "m"}), false);
    let mut passage = Some(passage);
    let mut answer = Answer::default();
    answer.begin_speech();
    let mut reader = Dialect::Chat.reader();
    for data in &stream {
        let event = event(data);
        passage::read(&mut passage, &mut *reader, &event, false, &mut answer).unwrap();
    }
    let all = drain(answer);
    let Some(OutputEvent::Ended(end)) = all.last() else {
        panic!("there is no end");
    };
    assert_eq!(
        end.usage.map(|usage| usage.input_tokens),
        Some(3),
        "it is counted"
    );
    let passed = take_apart(all).unwrap();
    let said = [passed.before, passed.last.unwrap()].concat();
    let said = String::from_utf8(said).unwrap();
    assert!(!said.contains("usage"), "{said}");
    assert_eq!(frames(said.as_bytes()).len(), 2);
}

thread_local! {
    static CASES: Vec<Case> = {
        let cases = cases().into_iter();
        cases.filter(|case| DIALECTS.contains(&case.dialect)).collect()
    };
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn a_spoilt_stream_is_passed_on_as_it_is_read(
        case in any::<Index>(),
        edits in prop::collection::vec(edits(), 0..4),
    ) {
        CASES.with(|cases| {
            let (dialect, stream) = spoilt(cases, case, &edits);
            prop_assert_eq!(check_stream(dialect, &stream), Ok(()), "{:#?}", stream);
            Ok(())
        })?;
    }

    #[test]
    fn a_spoilt_body_is_passed_on_as_it_is_read(
        case in any::<Index>(),
        edits in prop::collection::vec((any::<Index>(), values()), 0..4),
    ) {
        CASES.with(|cases| {
            let whole = cases.iter().filter_map(|case| Some((case, case.whole.as_ref()?)));
            let (case, body) = *case.get(&whole.collect::<Vec<_>>());
            let mut body = body.clone();
            edits.iter().for_each(|(node, value)| replace(&mut body, *node, value));
            prop_assert_eq!(check_whole(case.dialect, &body), Ok(()), "{:#}", body);
            Ok(())
        })?;
    }
}
