// SPDX-License-Identifier: Apache-2.0
//! Requests and answers that are passed on as they are, where a client and an upstream speak the
//! same API.
//!
//! A [`Passage`] changes what is this server's own: the model's name on the way out; identifier,
//! time and name on the way back. All else stays as it was written. The answer is read all the
//! same, by the reader of every other: the words that are passed on say what its events say.

mod chat;
mod patches;
mod pattern;
mod responses;
mod template;

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use lukhas_core::{Api, Original, RunRequest};
use lukhas_openai::{Members, ResponseObject, SseEvent, set_members};
use serde_json::Value;

use crate::Dialect;
use crate::answer::{Answer, Place};
use crate::dialect::{Plain, Reader, TextIn};
use crate::error::Unreadable;

use self::chat::Chunks;
use self::patches::{Defaults, Patches};
use self::pattern::Pattern;
use self::responses::Events;
use self::template::{Slot, Template};

pub(crate) use self::template::Templates;

/// Room for what a whole answer gains on its way, in bytes.
const ROOM: usize = 512;

/// Room for the events that come at once.
const EVENT_ROOM: usize = 1024;

/// Most patterns that are made of one stream.
const MAX_PATTERNS: u32 = 8;

/// How the answer to one request is passed on.
#[derive(Debug)]
pub(crate) struct Passage {
    original: Arc<Original>,
    stream: Stream,
    /// What most events look like, once one of them has been seen.
    pattern: Option<Pattern>,
    /// How many patterns may still be made: those of some servers never fit.
    patterns: u32,
    /// What whole answers of the model look like.
    slot: Arc<Slot>,
}

/// What has to be known of a stream to pass it on.
#[derive(Debug)]
enum Stream {
    Chat(Chunks),
    Responses(Events),
}

impl Passage {
    /// The passage of `request` to an upstream that speaks `dialect`, and the body that asks it for
    /// `model`; `None` when the request has to be translated.
    pub(crate) fn open(
        request: &RunRequest,
        dialect: Dialect,
        model: &str,
        templates: &Templates,
    ) -> Option<(Self, Bytes)> {
        let original = request.original.as_ref()?;
        if dialect.api() != Some(original.api) {
            return None;
        }
        let slot = templates.of_model(model);
        let model = Bytes::from(Value::from(model).to_string());
        let (stream, body) = match original.api {
            Api::ChatCompletions => {
                let (chunks, body) = Chunks::open(original, model, request.whole)?;
                (Stream::Chat(chunks), body)
            }
            Api::Responses => (
                Stream::Responses(Events::default()),
                responses::request(original, model)?,
            ),
        };
        let passage = Self {
            original: Arc::clone(original),
            stream,
            pattern: None,
            patterns: MAX_PATTERNS,
            slot,
        };
        Some((passage, body))
    }

    /// Takes a whole answer, `text`, before it is read into `answer`: with its end `answer` gives it
    /// out as it is, if it holds what the API says that it holds.
    fn whole(&self, text: &str, answer: &mut Answer) {
        let own = &self.original.own;
        answer.begin_speech();
        answer.speak(text.len() + ROOM, |out| {
            match self.stream {
                Stream::Chat(_) => chat::whole(text, own, out)?,
                Stream::Responses(_) => responses::whole(text, own, out)?,
            }
            Some(Place::AtTheEnd)
        });
    }

    /// The same for an answer that has been read already.
    fn plain(&self, text: &str, plain: &Plain<'_>, answer: &mut Answer) {
        let own = &self.original.own;
        let defaults: &Defaults = match self.stream {
            Stream::Chat(_) => &[],
            Stream::Responses(_) => &ResponseObject::NEUTRAL,
        };
        answer.begin_speech();
        let said = answer.speak(text.len() + ROOM, |out| {
            let mut patches = Patches::new(text);
            patches.set(text.trim_end(), plain.places.iter().copied(), own, defaults)?;
            if self.slot.miss()
                && let Some(template) = Template::new(text, plain, &patches, own)
            {
                self.slot.learn(template);
            }
            patches.write(out)?;
            Some(Place::AtTheEnd)
        });
        if said.is_none() {
            self.whole(text, answer);
        }
    }

    /// The same for an answer that is like one before, which is read that way.
    fn again<'t>(&self, text: &'t str, answer: &mut Answer) -> Option<Plain<'t>> {
        let own = &self.original.own;
        let template = self.slot.template()?;
        let filled = template.fill(text, own)?;
        answer.begin_speech();
        answer.speak(text.len() + ROOM, |out| {
            template.write(&filled, own, out)?;
            Some(Place::AtTheEnd)
        });
        self.slot.hit();
        Some(filled.into_plain())
    }

    /// Takes the next event of a stream, before it is read into `answer`.
    fn event(&mut self, event: &SseEvent, answer: &mut Answer) -> Option<Place> {
        answer.speak(EVENT_ROOM, |out| self.write(event, out))
    }

    fn write(&mut self, event: &SseEvent, out: &mut BytesMut) -> Option<Place> {
        let own = &self.original.own;
        match &mut self.stream {
            Stream::Chat(chunks) => chunks.write(&event.data, own, out),
            Stream::Responses(events) => events.write(event, own, out),
        }
    }

    /// Takes the next event, if it is like others before it, and gives the text it adds.
    fn repeat(&self, event: &SseEvent, answer: &mut Answer) -> Option<String> {
        let may_go_on = match &self.stream {
            Stream::Chat(chunks) => !chunks.has_finished(),
            Stream::Responses(events) => !events.has_ended(),
        };
        let pattern = self.pattern.as_ref().filter(|_| may_go_on)?;
        let filled = pattern.fill(event)?;
        let text = serde_json::from_str(filled.string).ok()?;
        answer.speak(EVENT_ROOM, |out| {
            pattern.write(&filled, out);
            Some(Place::Now)
        })?;
        Some(text)
    }

    #[cfg(test)]
    pub(crate) fn patterns_made(&self) -> u32 {
        MAX_PATTERNS - self.patterns
    }

    /// Makes a pattern of an event that has been passed on at once, if it only adds a text.
    fn learn(&mut self, event: &SseEvent, reader: &dyn Reader) {
        let Some(left) = self.patterns.checked_sub(1) else {
            return;
        };
        let Some(TextIn { string, number }) = reader.text_in(event) else {
            return;
        };
        self.patterns = left;
        self.pattern = Pattern::new(event, string, number, |data, out| {
            let event = SseEvent {
                event: event.event.clone(),
                data: data.to_owned(),
            };
            (self.write(&event, out)? == Place::Now).then_some(())
        });
    }
}

/// Reads a whole answer into `answer`, by its words and, where they are passed on, in them.
pub(crate) fn read_whole(
    passage: Option<Passage>,
    reader: &mut dyn Reader,
    body: &[u8],
    answer: &mut Answer,
) -> Result<(), Unreadable> {
    let not_json = || Unreadable::new("it is not JSON, or is nested too deeply");
    let text = std::str::from_utf8(body).map_err(|_| not_json())?;
    let again = passage
        .as_ref()
        .and_then(|passage| passage.again(text, answer));
    if let Some(plain) = again {
        plain.give(answer);
        return Ok(());
    }
    if let Some(plain) = reader.plain(text) {
        if let Some(passage) = passage {
            passage.plain(text, &plain, answer);
        }
        plain.give(answer);
        return Ok(());
    }
    if let Some(passage) = passage {
        passage.whole(text, answer);
    }
    let body = lukhas_openai::parse_json(body).map_err(|_| not_json())?;
    reader.whole(&body, answer)
}

/// Reads the next event of a stream into `answer`, by its words and, where they are passed on, in
/// them. Where others have come with it (`has_more`), their words are given out together.
pub(crate) fn read(
    passage: &mut Option<Passage>,
    reader: &mut dyn Reader,
    event: &SseEvent,
    has_more: bool,
    answer: &mut Answer,
) -> Result<(), Unreadable> {
    let read = read_event(passage, reader, event, answer);
    match read {
        Ok(()) => answer.give_speech(has_more),
        Err(_) => answer.unspeak(),
    }
    read
}

fn read_event(
    passage: &mut Option<Passage>,
    reader: &mut dyn Reader,
    event: &SseEvent,
    answer: &mut Answer,
) -> Result<(), Unreadable> {
    let mut place = None;
    if let Some(passage) = passage {
        if let Some(text) = passage.repeat(event, answer) {
            return reader.more(text, answer);
        }
        place = passage.event(event, answer);
    }
    reader.event(event, answer)?;
    if let (Some(passage), Some(Place::Now)) = (passage, place) {
        passage.learn(event, reader);
    }
    Ok(())
}

/// The object `text` with the members `own` set.
fn with_members(text: &str, own: &Members) -> Option<Bytes> {
    let mut out = BytesMut::with_capacity(text.len() + ROOM);
    set_members(text, &mut out, own)?;
    Some(out.freeze())
}

/// Makes what was written behind `start` one line: a line break can only be space between the tokens
/// of JSON.
fn keep_to_one_line(out: &mut BytesMut, start: usize) {
    for byte in &mut out[start..] {
        if matches!(byte, b'\n' | b'\r') {
            *byte = b' ';
        }
    }
}
