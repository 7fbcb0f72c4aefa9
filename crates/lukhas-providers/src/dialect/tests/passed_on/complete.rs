// SPDX-License-Identifier: Apache-2.0
//! A response that is passed on has all that a response has, whatever its upstream leaves out.

use lukhas_openai::ResponseObject;

use super::*;

/// What the API says that `data`, an event, has, it has.
pub(super) fn check(dialect: Dialect, data: &Value) -> Result<(), String> {
    if dialect != Dialect::Responses {
        return Ok(());
    }
    let has = |value: &Value, names: &[&str]| {
        let lacking = names.iter().find(|name| value.get(name).is_none());
        lacking.map_or(Ok(()), |name| Err(format!("no `{name}` in {value:#}")))
    };
    if data["type"] == "response.output_text.delta" || data["type"] == "response.output_text.done" {
        has(data, &["logprobs"])?;
    }
    let response = &data["response"];
    if !response.is_null() {
        has(response, &ResponseObject::MEMBERS)?;
    }
    if let usage @ Value::Object(_) = &response["usage"] {
        has(usage, &["input_tokens", "output_tokens", "total_tokens"])?;
        has(&usage["input_tokens_details"], &["cached_tokens"])?;
        has(&usage["output_tokens_details"], &["reasoning_tokens"])?;
    }
    let items = response["output"].as_array().into_iter().flatten();
    let items = items.chain([&data["item"]]);
    let parts = items.flat_map(|item| item["content"].as_array().into_iter().flatten());
    let mut texts = parts
        .chain([&data["part"]])
        .filter(|part| part["type"] == "output_text");
    texts.try_for_each(|part| has(part, &["annotations", "logprobs"]))
}

/// What `take` takes of the recorded answer that lacks nothing.
fn recorded<T>(take: impl FnOnce(&Case) -> T) -> T {
    CASES.with(|cases| {
        let case = cases.iter().find(|case| case.name == "responses/complete");
        take(case.expect("a recorded answer"))
    })
}

/// A response of one text that lacks nothing: the commonest answer.
fn plain() -> Value {
    recorded(|case| case.whole.clone().expect("a body"))
}

/// The same as events.
pub(super) fn stream() -> Vec<Value> {
    recorded(|case| {
        let data = case.stream.iter();
        data.map(|data| data.parse().expect("JSON")).collect()
    })
}

/// A response of more than that.
fn whole() -> Value {
    let mut response = plain();
    let text = response["output"][0]["content"][0].clone();
    let refusal = json!({"type": "refusal", "refusal": "no"});
    response["output"][0]["content"] = json!([text, refusal, text]);
    let call = json!({
        "type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "f", "arguments": "{}",
        "status": "completed",
    });
    response["output"]
        .as_array_mut()
        .expect("a list")
        .push(call);
    response
}

/// Takes the member `name` away, wherever there is one.
fn leave_out(value: &mut Value, name: &str) {
    match value {
        Value::Object(members) => {
            members.remove(name);
            members
                .values_mut()
                .for_each(|member| leave_out(member, name));
        }
        Value::Array(values) => values.iter_mut().for_each(|value| leave_out(value, name)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// What a client gets of a whole answer in the upstream's words; `None` when it is translated.
#[track_caller]
fn said(body: &Value) -> Option<Value> {
    assert_eq!(check_whole(Dialect::Responses, body), Ok(()));
    let passed = take_apart(pass_whole(Dialect::Responses, body)).expect("events");
    let last = passed.last?;
    Some(serde_json::from_slice(&last).expect("JSON"))
}

/// Whether a stream begins in the upstream's words, and whether it ends in them.
#[track_caller]
fn said_of(stream: &[Value]) -> (bool, bool) {
    let stream: Vec<_> = stream.iter().map(Value::to_string).collect();
    assert_eq!(check_stream(Dialect::Responses, &stream), Ok(()));
    let data = stream.iter().map(String::as_str);
    let passed = take_apart(pass_stream(Dialect::Responses, data)).expect("events");
    (passed.is_verbatim, passed.last.is_some())
}

#[test]
fn what_no_request_has_set_is_added_in_passing() {
    for body in [whole(), plain()] {
        let mut lacks_all = body.clone();
        for (name, json) in ResponseObject::NEUTRAL {
            leave_out(&mut lacks_all, name);
            let mut lacks = body.clone();
            leave_out(&mut lacks, name);
            let said = said(&lacks).expect("it is passed on");
            let neutral: Value = serde_json::from_str(json).expect("JSON");
            assert_eq!(said.get(name), Some(&neutral), "{name}");
        }
        assert!(said(&lacks_all).is_some());
        let text = lacks_all.to_string();
        let is_short = Dialect::Responses.reader().plain(&text).is_some();
        assert_eq!(is_short, body == plain(), "the commonest is read in one go");
    }
    let mut stream = stream();
    for name in ResponseObject::NEUTRAL.map(|(name, _)| name) {
        stream.iter_mut().for_each(|event| leave_out(event, name));
        assert_eq!(said_of(&stream), (true, true), "{name}");
    }
    for name in ["annotations", "logprobs"] {
        stream.iter_mut().for_each(|event| leave_out(event, name));
        assert_eq!(said_of(&stream), (true, true), "{name}");
        let mut lacks = whole();
        leave_out(&mut lacks, name);
        assert!(said(&lacks).is_some(), "{name}");
    }
}

#[test]
fn what_the_request_may_have_set_is_not_guessed() {
    let known = ["id", "created_at", "model", "store"].into_iter();
    let known: Vec<_> = known
        .chain(ResponseObject::NEUTRAL.map(|(name, _)| name))
        .collect();
    let names = ResponseObject::MEMBERS.into_iter();
    for name in names.filter(|name| !known.contains(name)) {
        for mut body in [whole(), plain()] {
            body.as_object_mut().expect("an object").remove(name);
            assert_eq!(said(&body), None, "{name}");
        }
        let mut begins_without = stream();
        let remove = |event: &mut Value| {
            let response = event["response"].as_object_mut();
            response.expect("a response").remove(name);
        };
        remove(&mut begins_without[0]);
        // What has been used is not known at the beginning.
        let is_passed_on = name == "usage";
        let expected = (is_passed_on, is_passed_on);
        assert_eq!(said_of(&begins_without), expected, "{name}");
        let mut ends_without = stream();
        remove(ends_without.last_mut().expect("an end"));
        // The end is said in our own words, which lack nothing.
        assert_eq!(said_of(&ends_without), (true, is_passed_on), "{name}");
    }
    for name in [
        "input_tokens_details",
        "cached_tokens",
        "reasoning_tokens",
        "total_tokens",
    ] {
        for mut body in [whole(), plain()] {
            leave_out(&mut body["usage"], name);
            assert_eq!(said(&body), None, "{name}");
        }
        let mut stream = stream();
        stream.iter_mut().for_each(|event| leave_out(event, name));
        assert_eq!(said_of(&stream), (true, false), "{name}");
    }
}

#[test]
fn what_identifies_the_answer_is_set_where_the_upstream_does_not() {
    for name in ["id", "created_at", "model", "store"] {
        for mut body in [whole(), plain()] {
            body.as_object_mut().expect("an object").remove(name);
            assert!(said(&body).expect("it is passed on").get(name).is_some());
        }
    }
}

/// The paths of all members of objects in `value`.
fn paths(value: &Value, at: &str, all: &mut Vec<String>) {
    let mut add = |name: String, value: &Value, is_member: bool| {
        let path = format!("{at}/{name}");
        if is_member {
            all.push(path.clone());
        }
        paths(value, &path, all);
    };
    match value {
        Value::Object(members) => members
            .iter()
            .for_each(|(name, value)| add(name.clone(), value, true)),
        Value::Array(values) => (0..)
            .zip(values)
            .for_each(|(index, value): (usize, _)| add(index.to_string(), value, false)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Takes one member away, anywhere in `value`.
fn leave_out_one(value: &mut Value, member: Index) {
    let mut all = Vec::new();
    paths(value, "", &mut all);
    if all.is_empty() {
        return;
    }
    let (object, name) = member.get(&all).rsplit_once('/').expect("a member");
    let object = value.pointer_mut(object).and_then(Value::as_object_mut);
    object.expect("an object").remove(name);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn whatever_an_upstream_leaves_out_clients_see(
        lacks in prop::collection::vec(any::<Index>(), 0..8),
    ) {
        for mut body in [whole(), plain()] {
            lacks.iter().for_each(|member| leave_out_one(&mut body, *member));
            prop_assert_eq!(check_whole(Dialect::Responses, &body), Ok(()), "{:#}", body);
        }
    }

    #[test]
    fn whatever_an_upstream_leaves_out_of_events_clients_see(
        lacks in prop::collection::vec((any::<Index>(), any::<Index>()), 0..8),
    ) {
        let mut stream = stream();
        for (event, member) in lacks {
            let event = event.index(stream.len());
            leave_out_one(&mut stream[event], member);
        }
        let stream: Vec<_> = stream.iter().map(Value::to_string).collect();
        prop_assert_eq!(check_stream(Dialect::Responses, &stream), Ok(()), "{:#?}", stream);
    }
}
