// SPDX-License-Identifier: Apache-2.0
//! An upstream that answers from memory: Chat Completions and Responses, whole and streamed. It takes
//! spans, too.

use std::convert::Infallible;
use std::fmt::Write as _;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream::{self, Stream};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{Request, Response, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::PIECES;
use crate::load::INSTRUCTIONS;
use crate::serve::serve;

/// A piece of an answer.
const PIECE: &str = " word";

/// The answers of one API.
struct Api {
    path: &'static str,
    whole: Bytes,
    /// The events of a stream, as many together as are written together.
    writes: Arc<[Bytes]>,
}

#[derive(Deserialize)]
struct Asked {
    #[serde(default)]
    stream: bool,
}

type Answer = Response<UnsyncBoxBody<Bytes, Infallible>>;

/// Answers until it is killed.
pub(crate) async fn run() {
    let apis = Arc::new([chat(), responses()]);
    serve("any", move |request| {
        let apis = Arc::clone(&apis);
        async move { respond(request, apis.as_slice()).await }
    })
    .await;
}

async fn respond(request: Request<Incoming>, apis: &[Api]) -> Result<Answer, hyper::Error> {
    let (head, body) = request.into_parts();
    let body = body.collect().await?.to_bytes();
    if head.uri.path() == "/v1/traces" {
        return Ok(Response::new(Full::default().boxed_unsync()));
    }
    let api = apis.iter().find(|api| api.path == head.uri.path());
    let asked = serde_json::from_slice(&body);
    let (Some(api), Ok(Asked { stream })) = (api, asked) else {
        let mut answer = Response::new(Full::default().boxed_unsync());
        *answer.status_mut() = StatusCode::BAD_REQUEST;
        return Ok(answer);
    };
    let (body, kind) = if stream {
        let writes = StreamBody::new(one_by_one(Arc::clone(&api.writes)));
        (writes.boxed_unsync(), "text/event-stream")
    } else {
        let whole = Full::new(api.whole.clone());
        (whole.boxed_unsync(), "application/json")
    };
    let mut answer = Response::new(body);
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    Ok(answer)
}

/// A body that is not ready before each of `writes`, so that hyper sends what it holds: each is a
/// write of its own, as the tokens of a model are.
fn one_by_one(writes: Arc<[Bytes]>) -> impl Stream<Item = Result<Frame<Bytes>, Infallible>> {
    stream::unfold(0, move |next| {
        let write = writes.get(next).cloned();
        async move {
            let frame = Frame::data(write?);
            tokio::task::yield_now().await;
            Some((Ok(frame), next + 1))
        }
    })
}

fn chat() -> Api {
    let whole = json!({
        "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "bench",
        "choices": [{
            "index": 0,
            "message": {"role": "assistant", "content": text(), "refusal": null},
            "logprobs": null,
            "finish_reason": "stop",
        }],
        "usage": {"prompt_tokens": 40, "completion_tokens": PIECES, "total_tokens": 40 + PIECES},
    });
    let chunk = |delta: Value, finish: Value| {
        let chunk = json!({
            "id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "bench",
            "choices": [
                {"index": 0, "delta": delta, "logprobs": null, "finish_reason": finish},
            ],
        });
        format!("data: {chunk}\n\n")
    };
    let first = chunk(json!({"role": "assistant", "content": ""}), Value::Null);
    let piece = chunk(json!({"content": PIECE}), Value::Null);
    let last = chunk(json!({}), json!("stop")) + "data: [DONE]\n\n";
    Api::new("/v1/chat/completions", &whole, first, &piece, last)
}

fn responses() -> Api {
    let part = |text: &str| json!({"type": "output_text", "text": text, "annotations": [], "logprobs": []});
    let item = |status: &str, content: Value| {
        json!({
            "id": "msg_1", "type": "message", "status": status, "role": "assistant",
            "content": content,
        })
    };
    // All that the API says that a response has.
    let response = |status: &str, output: Value, usage: Value| {
        json!({
            "id": "resp_1", "object": "response", "created_at": 1, "status": status,
            "background": false, "completed_at": null, "error": null, "frequency_penalty": 0.0,
            "incomplete_details": null, "instructions": INSTRUCTIONS, "max_output_tokens": 256,
            "max_tool_calls": null, "model": "bench", "output": output, "parallel_tool_calls": true,
            "presence_penalty": 0.0, "previous_response_id": null, "prompt_cache_key": null,
            "reasoning": {"effort": null, "summary": null}, "safety_identifier": null,
            "service_tier": "default", "store": false, "temperature": 0.7,
            "text": {"format": {"type": "text"}}, "tool_choice": "auto", "tools": [],
            "top_logprobs": 0, "top_p": 1.0, "truncation": "disabled", "usage": usage,
            "metadata": {},
        })
    };
    let usage = json!({
        "input_tokens": 40, "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": PIECES, "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": 40 + PIECES,
    });
    let done = item("completed", json!([part(&text())]));
    let whole = response("completed", json!([done]), usage);
    let begun = response("in_progress", json!([]), Value::Null);
    let events = |events: &[(&str, Value)]| {
        let mut text = String::new();
        for (kind, fields) in events {
            let mut event = json!({
                "type": kind, "output_index": 0, "content_index": 0, "item_id": "msg_1",
            });
            if let (Some(event), Some(fields)) = (event.as_object_mut(), fields.as_object()) {
                event.extend(fields.clone());
            }
            let _ = write!(text, "event: {kind}\ndata: {event}\n\n");
        }
        text
    };
    let first = events(&[
        ("response.created", json!({"response": begun})),
        ("response.in_progress", json!({"response": begun})),
        (
            "response.output_item.added",
            json!({"item": item("in_progress", json!([]))}),
        ),
        ("response.content_part.added", json!({"part": part("")})),
    ]);
    let piece = events(&[("response.output_text.delta", json!({"delta": PIECE}))]);
    let last = events(&[
        ("response.output_text.done", json!({"text": text()})),
        ("response.content_part.done", json!({"part": part(&text())})),
        ("response.output_item.done", json!({"item": done})),
        ("response.completed", json!({"response": whole})),
    ]);
    Api::new("/v1/responses", &whole, first, &piece, last)
}

/// The text of every answer.
fn text() -> String {
    PIECE.repeat(PIECES)
}

impl Api {
    fn new(path: &'static str, whole: &Value, first: String, piece: &str, last: String) -> Self {
        let pieces = std::iter::repeat_n(piece.to_owned(), PIECES);
        let writes = std::iter::once(first).chain(pieces).chain([last]);
        Self {
            path,
            whole: whole.to_string().into(),
            writes: writes.map(Bytes::from).collect(),
        }
    }
}
