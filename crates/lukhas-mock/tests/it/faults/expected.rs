// SPDX-License-Identifier: Apache-2.0
//! What each fault looks like, said from the answer without it.

use lukhas_mock::Dialect;
use serde_json::Value;

use super::Seen;
use crate::client::{End, Wire};

/// The data of an event, if it is JSON.
fn data(event: &str) -> Option<Value> {
    let data = event.lines().find_map(|line| line.strip_prefix("data: "))?;
    serde_json::from_str(data).ok()
}

/// Whether an event carries text or arguments, in any dialect.
fn is_content(event: &str) -> bool {
    let Some(data) = data(event) else {
        return false;
    };
    let kind = data["type"].as_str().unwrap_or_default();
    let text = data
        .pointer("/choices/0/delta/content")
        .and_then(Value::as_str);
    kind.ends_with("output_text.delta")
        || kind == "content_block_delta"
        || text.is_some_and(|text| !text.is_empty())
}

/// Whether an event says that the answer is whole.
fn is_finish(event: &str) -> bool {
    let Some(data) = data(event) else {
        return false;
    };
    let finish = data.pointer("/choices/0/finish_reason");
    finish.is_some_and(Value::is_string)
        || data["type"] == "response.completed"
        || data["delta"]["stop_reason"].is_string()
}

/// Whether an event is the last of its dialect.
fn is_last(event: &str) -> bool {
    event == "data: [DONE]\n\n" || event.starts_with("event: message_stop\n")
}

/// The events up to the `n`th that carries content.
pub(super) fn up_to_content(wire: &Wire, n: usize) -> Vec<String> {
    let mut left = n;
    let events = wire.events().into_iter();
    let taken = events.take_while(|event| {
        let open = left > 0;
        left -= usize::from(open && is_content(event));
        open
    });
    taken.collect()
}

/// The events before the first that carries content.
fn opening(wire: &Wire) -> Vec<String> {
    let events = wire.events().into_iter();
    events.take_while(|event| !is_content(event)).collect()
}

/// Whether a body begins like `wire`'s and carries three content events, or three pieces of it.
#[track_caller]
fn is_cut_at_3(seen: &Seen) {
    if seen.case.stream {
        let events = up_to_content(&seen.plain, 3);
        assert_eq!(seen.faulty.events(), events);
        assert_eq!(events.iter().filter(|event| is_content(event)).count(), 3);
        assert!(
            !events
                .iter()
                .any(|event| is_finish(event) || is_last(event))
        );
    } else {
        assert_eq!(seen.faulty.body, seen.plain.body[..3 * 64]);
        assert!(seen.plain.body.len() > 4 * 64);
    }
    assert_eq!(seen.faulty.status(), 200);
}

/// Whether nothing but the time is out of order.
#[track_caller]
fn is_plain(seen: &Seen) {
    assert_eq!(seen.faulty.head, seen.plain.head);
    assert_eq!(seen.faulty.text(), seen.plain.text());
    assert_eq!(seen.faulty.end, End::Proper);
}

pub(super) fn clean_cut(seen: &Seen) {
    is_cut_at_3(seen);
    assert_eq!(seen.faulty.end, End::Proper);
}

pub(super) fn tcp_cut(seen: &Seen) {
    is_cut_at_3(seen);
    assert_eq!(seen.faulty.end, End::Reset);
}

pub(super) fn stall(seen: &Seen) {
    is_cut_at_3(seen);
    assert_eq!(seen.faulty.end, End::Silent);
}

pub(super) fn garbage(seen: &Seen) {
    let line = "{\"this is\": not JSON";
    let expected = if seen.case.stream {
        let before = up_to_content(&seen.plain, 3).concat();
        seen.plain
            .text()
            .replace(&before, &format!("{before}data: {line}\n\n"))
    } else {
        let (before, after) = seen.plain.body.split_at(3 * 64);
        let text = [before, line.as_bytes(), after].concat();
        String::from_utf8(text).unwrap()
    };
    assert_eq!(seen.faulty.text(), expected);
    assert_eq!(seen.faulty.end, End::Proper);
}

pub(super) fn error_event(seen: &Seen) {
    assert_eq!((seen.faulty.status(), seen.faulty.end), (200, End::Proper));
    let error = if seen.case.stream {
        let mut before = up_to_content(&seen.plain, 3);
        let events = seen.faulty.events();
        let done = events.len() == before.len() + 2;
        assert_eq!(done, seen.case.dialect != Dialect::Messages);
        let error = events[before.len()].clone();
        if seen.case.dialect == Dialect::Responses {
            let last = data(&before[before.len() - 1]).unwrap();
            let next = last["sequence_number"].as_u64().unwrap() + 1;
            assert_eq!(data(&error).unwrap()["sequence_number"], next);
        }
        before.push(error.clone());
        before.extend(done.then(|| "data: [DONE]\n\n".to_owned()));
        assert_eq!(events, before);
        let named = error.starts_with("event: error\n");
        assert_eq!(named, seen.case.dialect != Dialect::Chat);
        data(&error).unwrap()
    } else {
        seen.faulty.json()
    };
    let kind = match (seen.case.dialect, seen.case.stream) {
        (Dialect::Messages, true) => "overloaded_error",
        (Dialect::Messages, false) => "api_error",
        (_, _) => "server_error",
    };
    assert_eq!(error["error"]["type"], kind, "{error}");
    let flat = error.get("type").and_then(Value::as_str);
    let is_flat = seen.case.stream && seen.case.dialect == Dialect::Responses;
    let expected = is_flat || seen.case.dialect == Dialect::Messages;
    assert_eq!(flat, expected.then_some("error"));
}

pub(super) fn slow(seen: &Seen) {
    is_plain(seen);
    assert_eq!(seen.seconds, 40);
}

pub(super) fn delay(seen: &Seen) {
    assert_eq!(seen.faulty.text(), seen.plain.text());
    let pieces = if seen.case.stream {
        seen.plain.events().len()
    } else {
        seen.plain.body.len().div_ceil(64)
    };
    assert_eq!(seen.seconds, 9 * (pieces as u64 - 1));
}

pub(super) fn status(seen: &Seen, status: u16, retry_after: Option<&str>) {
    let wire = &seen.faulty;
    assert_eq!((wire.status(), wire.end), (status, End::Proper));
    assert_eq!(wire.header("retry-after"), retry_after);
    assert_eq!(wire.header("content-type"), Some("application/json"));
    let body = wire.json();
    let message = format!("The mock was told to answer {status}.");
    assert_eq!(body["error"]["message"], message);
    let (openai, anthropic) = match status {
        401 => ("invalid_request_error", "authentication_error"),
        403 => ("permission_error", "permission_error"),
        404 => ("invalid_request_error", "not_found_error"),
        408 => ("invalid_request_error", "timeout_error"),
        413 => ("invalid_request_error", "request_too_large"),
        429 => ("rate_limit_exceeded", "rate_limit_error"),
        503 | 529 => ("server_error", "overloaded_error"),
        504 => ("server_error", "timeout_error"),
        500 | 502 => ("server_error", "api_error"),
        _ => ("invalid_request_error", "invalid_request_error"),
    };
    if seen.case.dialect == Dialect::Messages {
        assert_eq!(body["type"], "error");
        assert_eq!(body["error"]["type"], anthropic);
    } else {
        assert_eq!(body["error"]["type"], openai);
        assert!(body["error"]["code"].is_string());
        assert!(body["error"]["param"].is_null());
    }
}

pub(super) fn reset_before_head(seen: &Seen) {
    assert_eq!(
        (seen.faulty.head.as_str(), seen.faulty.end),
        ("", End::Reset)
    );
}

pub(super) fn reset_after_head(seen: &Seen) {
    assert_eq!((seen.faulty.status(), seen.faulty.end), (200, End::Reset));
    assert!(seen.faulty.body.is_empty());
}

pub(super) fn redirect(seen: &Seen) {
    let wire = &seen.faulty;
    assert_eq!((wire.status(), wire.end), (302, End::Proper));
    assert_eq!(wire.header("location"), Some(seen.case.path()));
}

pub(super) fn duplicate_terminal(seen: &Seen) {
    let expected = if seen.case.stream {
        let twice = |event: String| match is_finish(&event) || is_last(&event) {
            true => event.repeat(2),
            false => event,
        };
        let events: Vec<_> = seen.plain.events().into_iter().map(twice).collect();
        events.concat()
    } else {
        seen.plain.text().repeat(2)
    };
    assert_eq!(seen.faulty.text(), expected);
}

pub(super) fn after_terminal(seen: &Seen) {
    let expected = if seen.case.stream {
        let events = seen.plain.events();
        let content = events.iter().rfind(|event| is_content(event)).unwrap();
        let followed = |event: &String| match is_finish(event) || is_last(event) {
            true => format!("{event}{content}"),
            false => event.clone(),
        };
        events.iter().map(followed).collect()
    } else {
        seen.plain.text() + "{\"after\": \"the end\"}"
    };
    assert_eq!(seen.faulty.text(), expected);
}

/// Only two streams can have their usage somewhere else.
pub(super) fn usage_tail(seen: &Seen) {
    let events = seen.faulty.events();
    match (seen.case.dialect, seen.case.stream) {
        (Dialect::Chat, true) => {
            let tail = data(&events[events.len() - 2]).unwrap();
            assert_eq!(tail["choices"], serde_json::json!([]));
            assert!(tail["usage"]["total_tokens"].as_u64().unwrap() > 0);
            let mut others = events;
            others.remove(others.len() - 2);
            assert_eq!(others, seen.plain.events());
        }
        (Dialect::Messages, true) => {
            let used = events.iter().filter_map(|event| {
                let data = data(event)?;
                let usage = data.pointer("/message/usage").or(data.get("usage"))?;
                usage["input_tokens"].as_u64()
            });
            let used: Vec<_> = used.collect();
            assert_eq!(used[..2], [0, 0]);
            assert!(used.len() == 3 && used[2] > 0, "{used:?}");
            assert!(is_finish(&events[events.len() - 3]));
            assert!(is_last(&events[events.len() - 1]));
        }
        (_, _) => is_plain(seen),
    }
}

pub(super) fn no_done(seen: &Seen) {
    if !seen.case.stream {
        return is_plain(seen);
    }
    let mut expected = seen.plain.events();
    assert!(is_last(&expected.pop().unwrap()));
    assert_eq!(seen.faulty.events(), expected);
    assert!(expected.iter().any(|event| is_finish(event)));
}

pub(super) fn empty_stream(seen: &Seen) {
    let wire = &seen.faulty;
    assert_eq!((wire.status(), wire.end), (200, End::Proper));
    assert_eq!(wire.header("content-type"), Some("text/event-stream"));
    assert!(wire.body.is_empty());
}

pub(super) fn empty_body(seen: &Seen) {
    let wire = &seen.faulty;
    assert_eq!((wire.status(), wire.end), (200, End::Proper));
    assert_eq!(wire.header("content-length"), Some("0"));
    assert!(wire.body.is_empty());
}

pub(super) fn html(seen: &Seen) {
    let wire = &seen.faulty;
    assert_eq!((wire.status(), wire.end), (200, End::Proper));
    assert_eq!(wire.header("content-type"), Some("text/html"));
    assert!(wire.text().starts_with("<!doctype html>"));
}

pub(super) fn huge_body(seen: &Seen) {
    assert_eq!((seen.faulty.status(), seen.faulty.end), (200, End::Endless));
    if seen.case.stream {
        let begun = up_to_content(&seen.plain, 1);
        let events = seen.faulty.events();
        assert_eq!(events[..begun.len()], begun);
        let again = &events[begun.len()..events.len() - 1];
        assert!(again.iter().all(|event| event == begun.last().unwrap()));
    }
}

pub(super) fn huge_line(seen: &Seen) {
    assert_eq!((seen.faulty.status(), seen.faulty.end), (200, End::Endless));
    let text = seen.faulty.text();
    let line = if seen.case.stream {
        let opening = opening(&seen.plain).concat();
        text.strip_prefix(&opening)
            .unwrap()
            .strip_prefix("data: ")
            .unwrap()
    } else {
        &text
    };
    let padding = line.strip_prefix("{\"padding\":\"").unwrap();
    assert!(padding.bytes().all(|byte| byte == b'a'));
}

pub(super) fn deep_json(seen: &Seen) {
    let deep = "[".repeat(10_000) + &"]".repeat(10_000);
    let deep = format!("{{\"deep\":{deep}}}");
    let expected = if seen.case.stream {
        let opening = opening(&seen.plain).concat();
        let rest = seen.plain.text().split_off(opening.len());
        format!("{opening}data: {deep}\n\n{rest}")
    } else {
        deep
    };
    assert_eq!(seen.faulty.text(), expected);
    assert_eq!(seen.faulty.end, End::Proper);
}

pub(super) fn unknown_event(seen: &Seen) {
    if seen.case.stream {
        let opening = opening(&seen.plain);
        let mut events = seen.faulty.events();
        let unknown = events.remove(opening.len());
        assert!(unknown.starts_with("event: mock.unknown\ndata: {\"type\":\"mock.unknown\""));
        assert_eq!(events, seen.plain.events());
    } else {
        let mut body = seen.faulty.json();
        let unknown = body.as_object_mut().unwrap().remove("mock.unknown");
        assert!(unknown.is_some());
        assert_eq!(body, seen.plain.json());
    }
}

pub(super) fn gzip(seen: &Seen) {
    assert_eq!(seen.faulty.header("content-encoding"), Some("gzip"));
    let (body, trailer) = seen.faulty.body.split_at(seen.faulty.body.len() - 8);
    assert_eq!(inflated(body), seen.plain.body);
    let length = u32::from_le_bytes(trailer[4..].try_into().unwrap());
    assert_eq!(length as usize, seen.plain.body.len());
}

/// The stored blocks of a gzip file without its trailer.
pub(super) fn inflated(packed: &[u8]) -> Vec<u8> {
    assert_eq!(packed[..4], [0x1f, 0x8b, 8, 0]);
    let mut rest = &packed[10..];
    let mut out = Vec::new();
    while let Some((head, block)) = rest.split_first_chunk::<5>() {
        let length = u16::from_le_bytes([head[1], head[2]]);
        assert_eq!(u16::from_le_bytes([head[3], head[4]]), !length);
        let (bytes, after) = block.split_at(length.into());
        out.extend(bytes);
        assert_eq!(head[0] == 1, after.is_empty() && length == 0);
        rest = after;
    }
    out
}

pub(super) fn wrong_content_type(seen: &Seen) {
    assert_eq!(seen.faulty.header("content-type"), Some("text/plain"));
    assert_eq!(seen.faulty.text(), seen.plain.text());
}
