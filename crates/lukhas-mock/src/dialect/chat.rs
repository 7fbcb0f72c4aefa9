// SPDX-License-Identifier: Apache-2.0
//! Answers of the Chat Completions API.

use bytes::BytesMut;
use lukhas_core::{OutputEvent, RunError};
use lukhas_openai::{ChatCompletion, ChatFold, ChatHead, ChatStream, DONE, ServiceTier};
use serde_json::Value;

use super::{CREATED, NoAnswer};
use crate::entropy::BodyEntropy;
use crate::frame::{Frame, FrameKind};
use crate::plan::UsagePlace;
use crate::request::Asked;

/// The whole answer.
pub(crate) fn whole(asked: &Asked, events: &[OutputEvent]) -> Result<Value, NoAnswer> {
    let mut fold = ChatFold::new();
    events.iter().for_each(|event| fold.apply(event));
    let folds = vec![fold; asked.choices as usize];
    let completion = ChatCompletion::new(head(asked), folds)?;
    Ok(serde_json::to_value(&completion)?)
}

/// The answer as chunks.
pub(crate) fn stream(
    asked: &Asked,
    events: &[OutputEvent],
    usage: UsagePlace,
) -> Result<Vec<Frame>, NoAnswer> {
    let in_chunks = asked.include_usage && usage == UsagePlace::Usual;
    let mut stream = ChatStream::new(head(asked), asked.choices, in_chunks);
    let mut frames = Vec::new();
    for event in events {
        for choice in 0..asked.choices {
            let mut out = BytesMut::new();
            stream.output(choice, event, &mut out)?;
            frames.extend(Frame::events(out, kind(event)));
        }
    }
    let mut out = BytesMut::new();
    match usage {
        UsagePlace::Usual => stream.finish(&mut out)?,
        UsagePlace::Tail => tail(asked, events, &mut out)?,
    }
    frames.extend(Frame::events(out, FrameKind::Other));
    frames.push(Frame::new(FrameKind::Last, DONE));
    Ok(frames)
}

/// Writes the usage, whether it was asked for or not.
fn tail(asked: &Asked, events: &[OutputEvent], out: &mut BytesMut) -> Result<(), RunError> {
    let mut stream = ChatStream::new(head(asked), asked.choices, true);
    for choice in 0..asked.choices {
        for event in events {
            stream.output(choice, event, &mut BytesMut::new())?;
        }
    }
    stream.finish(out)
}

/// What the last chunk of `event` is.
pub(super) fn kind(event: &OutputEvent) -> FrameKind {
    match event {
        OutputEvent::TextDelta(_)
        | OutputEvent::RefusalDelta(_)
        | OutputEvent::ArgumentsDelta(_)
        | OutputEvent::ReasoningDelta(_) => FrameKind::Content,
        OutputEvent::Ended(_) => FrameKind::Finish,
        OutputEvent::ItemAdded { .. }
        | OutputEvent::Continued
        | OutputEvent::ItemDone
        | OutputEvent::Verbatim(_) => FrameKind::Other,
    }
}

fn head(asked: &Asked) -> ChatHead {
    ChatHead {
        id: BodyEntropy::of(&asked.digest).id("chatcmpl-"),
        created: CREATED,
        model: asked.model.clone(),
        service_tier: ServiceTier::Default,
        system_fingerprint: None,
    }
}

impl From<RunError> for NoAnswer {
    fn from(error: RunError) -> Self {
        Self(error.message)
    }
}

impl From<serde_json::Error> for NoAnswer {
    fn from(error: serde_json::Error) -> Self {
        Self(error.to_string())
    }
}
