// SPDX-License-Identifier: Apache-2.0
//! Answers of the Responses API.

use std::sync::Arc;

use bytes::BytesMut;
use lukhas_core::{OutputEvent, RunError};
use lukhas_openai::{
    CreateResponse, DONE, ResponseCall, ResponseError, ResponseFold, ResponseObject,
    ResponseOptions, ResponseStream, WireError,
};
use serde_json::{Map, Value, json};

use super::chat::kind;
use super::{CREATED, NoAnswer};
use crate::entropy::BodyEntropy;
use crate::frame::{Frame, FrameKind};
use crate::request::Asked;

/// What an answer repeats of its request, in an order in which each can be read.
const REPEATED: &[&str] = &[
    "instructions",
    "tools",
    "tool_choice",
    "parallel_tool_calls",
    "text",
    "truncation",
    "temperature",
    "top_p",
    "presence_penalty",
    "frequency_penalty",
    "reasoning",
    "max_output_tokens",
    "max_tool_calls",
    "store",
    "previous_response_id",
    "metadata",
    "safety_identifier",
    "prompt_cache_key",
    "user",
];

/// The whole answer.
pub(crate) fn whole(asked: &Asked, events: &[OutputEvent]) -> Result<Value, NoAnswer> {
    let mut fold = fold(asked)?;
    events.iter().for_each(|event| fold.apply(event));
    Ok(serde_json::to_value(fold.object())?)
}

/// The answer as events.
pub(crate) fn stream(asked: &Asked, events: &[OutputEvent]) -> Result<Vec<Frame>, NoAnswer> {
    let mut stream = ResponseStream::new(fold(asked)?, false);
    let mut out = BytesMut::new();
    stream.begin(None, &mut out)?;
    let mut frames: Vec<_> = Frame::events(out, FrameKind::Other).collect();
    for event in events {
        let mut out = BytesMut::new();
        stream.output(event, &mut out)?;
        frames.extend(Frame::events(out, kind(event)));
    }
    frames.push(Frame::new(FrameKind::Last, DONE));
    Ok(frames)
}

fn fold(asked: &Asked) -> Result<ResponseFold, NoAnswer> {
    let entropy = BodyEntropy::of(&asked.digest);
    let id = entropy.id("resp_");
    let object = ResponseObject::new(id, CREATED, options(asked)?);
    Ok(ResponseFold::new(
        object,
        Arc::new(entropy),
        || CREATED,
        describe,
    ))
}

/// What the answer repeats: every parameter that can be read, and the defaults of the others.
fn options(asked: &Asked) -> Result<ResponseOptions, WireError> {
    let mut known = Map::new();
    known.insert("model".to_owned(), json!(asked.model));
    known.insert("input".to_owned(), json!("-"));
    let repeated = REPEATED.iter().filter_map(|name| {
        let value = asked.body.get(*name)?;
        Some(((*name).to_owned(), value.clone()))
    });
    let repeated: Vec<_> = repeated.collect();
    let mut all = known.clone();
    all.extend(repeated.iter().cloned());
    if let Ok(options) = read(all) {
        return Ok(options);
    }
    let mut options = read(known.clone())?;
    for (name, value) in repeated {
        known.insert(name.clone(), value);
        match read(known.clone()) {
            Ok(read) => options = read,
            Err(_) => _ = known.remove(&name),
        }
    }
    Ok(options)
}

fn read(known: Map<String, Value>) -> Result<ResponseOptions, WireError> {
    let body = Value::Object(known).to_string();
    let call: ResponseCall = CreateResponse::parse(body.as_bytes())?.try_into()?;
    Ok(*call.options)
}

fn describe(error: &RunError) -> ResponseError {
    ResponseError {
        code: "server_error",
        message: error.message.clone(),
    }
}

impl From<WireError> for NoAnswer {
    fn from(error: WireError) -> Self {
        Self(error.message)
    }
}
