// SPDX-License-Identifier: Apache-2.0
//! An upstream's answer, put into the order that the core's events have.

mod speech;

use std::collections::VecDeque;

use bytes::BytesMut;
use lukhas_core::{ItemKind, Outcome, OutputEvent, RunEnd, Usage, Verbatim};

use crate::error::Unreadable;

pub(crate) use self::speech::Place;
use self::speech::Speech;

/// What an item takes beside its texts, in bytes: thousands of empty ones are no small answer.
const ITEM: usize = 512;

/// Collects what an upstream says and gives it out as events.
///
/// INVARIANT: what comes out keeps the invariant of [`OutputEvent`], whatever goes in.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    events: VecDeque<OutputEvent>,
    next_index: u32,
    open: Open,
    /// Calls that have begun, by the key the upstream gives them, in order.
    calls: Vec<String>,
    /// Whether anything has been said or called: reasoning is no answer.
    has_answer: bool,
    is_over: bool,
    /// Bytes of all that was said, whether or not it has been given out: most of it is kept until
    /// the end.
    size: usize,
    /// The same in the words of the request's original, when the answer comes in them.
    speech: Option<Box<Speech>>,
}

/// The item that has begun and not ended.
#[derive(Debug, Default, PartialEq, Eq)]
enum Open {
    #[default]
    None,
    Message,
    Reasoning,
    /// The call with this place in `calls`.
    Call {
        place: usize,
        has_arguments: bool,
    },
}

impl Answer {
    /// More text of the message; begins one where none is open. Empty text says nothing.
    pub(crate) fn text(&mut self, delta: String) {
        if !delta.is_empty() {
            self.open_message();
            self.push(OutputEvent::TextDelta(delta));
        }
    }

    /// More text of a refusal.
    pub(crate) fn refusal(&mut self, delta: String) {
        if !delta.is_empty() {
            self.open_message();
            self.push(OutputEvent::RefusalDelta(delta));
        }
    }

    /// More of what the model shows of its thinking; begins an item of it where none is open.
    pub(crate) fn reasoning(&mut self, delta: String) {
        if !delta.is_empty() {
            if self.open != Open::Reasoning {
                self.close();
                self.open = Open::Reasoning;
                self.add(ItemKind::Reasoning);
            }
            self.push(OutputEvent::ReasoningDelta(delta));
        }
    }

    /// A call begins. `key` is what the upstream knows it by within its answer.
    ///
    /// # Errors
    /// When a call with that key has begun already, or the call has no identifier or no name.
    pub(crate) fn call(&mut self, key: &str, call_id: &str, name: &str) -> Result<(), Unreadable> {
        if self.calls.iter().any(|call| call == key) {
            return Err(Unreadable::new("it began the same tool call twice"));
        }
        if call_id.is_empty() || name.is_empty() {
            return Err(Unreadable::new(
                "it made a tool call without an identifier or a name",
            ));
        }
        self.close();
        self.open = Open::Call {
            place: self.calls.len(),
            has_arguments: false,
        };
        self.calls.push(key.to_owned());
        self.has_answer = true;
        self.add(ItemKind::FunctionCall {
            call_id: call_id.to_owned(),
            name: name.to_owned(),
        });
        Ok(())
    }

    /// Whether a call with that key has begun.
    pub(crate) fn has_call(&self, key: &str) -> bool {
        self.calls.iter().any(|call| call == key)
    }

    /// More of the arguments of the call `key`.
    ///
    /// # Errors
    /// When that call is not the one that is open: the arguments of two calls cannot be told apart
    /// by whoever reads the answer item by item.
    pub(crate) fn arguments(&mut self, key: &str, delta: String) -> Result<(), Unreadable> {
        let call = self.calls.iter().position(|call| call == key);
        match &mut self.open {
            Open::Call {
                place,
                has_arguments,
            } if call == Some(*place) => *has_arguments |= !delta.is_empty(),
            Open::Call { .. } | Open::None | Open::Message | Open::Reasoning => {
                return Err(Unreadable::new(
                    "it sent arguments of a tool call that is not the open one",
                ));
            }
        }
        if !delta.is_empty() {
            self.push(OutputEvent::ArgumentsDelta(delta));
        }
        Ok(())
    }

    /// The open item, if there is one, is whole. Some servers leave the arguments of a function
    /// without parameters empty; in our words they are an object.
    pub(crate) fn close(&mut self) {
        match std::mem::take(&mut self.open) {
            Open::None => return,
            Open::Message | Open::Reasoning => {}
            Open::Call { has_arguments, .. } if has_arguments => {}
            Open::Call { .. } => {
                if self.speech.as_ref().is_some_and(|speech| !speech.has_begun) {
                    self.do_without_speech();
                }
                self.push(OutputEvent::ArgumentsDelta("{}".to_owned()));
            }
        }
        self.push(OutputEvent::ItemDone);
    }

    /// Whether nothing is given out for now: until it shows whether the answer's first call has
    /// arguments, it is open whose words it comes in.
    fn is_held(&self) -> bool {
        let is_undecided = self.speech.as_ref().is_some_and(|speech| !speech.has_begun);
        let is_bare = matches!(
            self.open,
            Open::Call {
                has_arguments: false,
                ..
            }
        );
        is_undecided && is_bare && !self.is_over
    }

    /// The answer is over; whatever comes after it is left out. A completed one has at least a
    /// message or a call; an item that is open stays so unless the answer is completed.
    pub(crate) fn end(&mut self, outcome: Outcome, usage: Option<Usage>) {
        if outcome == Outcome::Completed {
            if !self.has_answer {
                self.open_message();
            }
            self.close();
        }
        match outcome {
            Outcome::Completed | Outcome::Incomplete(_) => self.flush_speech(),
            Outcome::Failed(_) if self.speech.as_ref().is_some_and(|s| s.has_begun) => {
                self.flush_speech();
            }
            Outcome::Failed(_) => self.do_without_speech(),
        }
        if let Some(speech) = self.speech.take()
            && !matches!(outcome, Outcome::Failed(_))
            && let Some(last) = speech.last()
        {
            self.push(OutputEvent::Verbatim(last));
        }
        self.push(OutputEvent::Ended(RunEnd { outcome, usage }));
        self.is_over = true;
    }

    /// From now on the answer comes in the words of the request's original, too: see
    /// [`Self::speak`].
    pub(crate) fn begin_speech(&mut self) {
        self.speech = Some(Box::default());
    }

    /// Takes the next piece of the answer in the original's words, before what it says is given in.
    /// `write` writes it, about `room` bytes, and says where it goes; when it cannot, and nothing has
    /// been given out in these words, the answer does without them.
    pub(crate) fn speak(
        &mut self,
        room: usize,
        write: impl FnOnce(&mut BytesMut) -> Option<Place>,
    ) -> Option<Place> {
        let speech = self.speech.as_mut()?;
        let place = speech.take(room, write);
        if place.is_none() && !speech.has_begun {
            self.do_without_speech();
        }
        place
    }

    /// From now on the answer comes in our words alone, and so does what has not been given out.
    fn do_without_speech(&mut self) {
        self.speech = None;
        for event in &mut self.events {
            if let OutputEvent::ItemAdded { id, .. } = event {
                *id = None;
            }
        }
    }

    /// Takes back the last piece, which turned out to say what cannot be given in.
    pub(crate) fn unspeak(&mut self) {
        if let Some(speech) = &mut self.speech {
            speech.take_back();
        }
    }

    /// Gives out what has been said in the original's words, after what has been given in. The
    /// answer begins in these words with the first thing that it says; from then on they wait for
    /// what comes at once (`has_more`).
    pub(crate) fn give_speech(&mut self, has_more: bool) {
        let is_due = match &self.speech {
            Some(speech) if speech.has_begun => !has_more,
            Some(_) => self.has_events(),
            None => false,
        };
        if is_due && !self.is_over {
            self.flush_speech();
        }
    }

    fn flush_speech(&mut self) {
        let Some(speech) = &mut self.speech else {
            return;
        };
        if !std::mem::replace(&mut speech.has_begun, true) {
            self.events
                .push_front(OutputEvent::Verbatim(Verbatim::default()));
        }
        if let Some(said) = speech.now() {
            self.push(OutputEvent::Verbatim(said));
        }
    }

    /// What the original's words call the item that begins next.
    pub(crate) fn name_next(&mut self, id: Option<&str>) {
        if let Some(speech) = &mut self.speech {
            speech.next_id = id.map(str::to_owned);
        }
    }

    /// Bytes of all that has been said so far.
    pub(crate) fn size(&self) -> usize {
        self.size
    }

    /// Whether the end has been given in.
    pub(crate) fn is_over(&self) -> bool {
        self.is_over
    }

    /// Whether something waits to be given out.
    pub(crate) fn has_events(&self) -> bool {
        !self.events.is_empty() && !self.is_held()
    }

    /// The next event, left where it is.
    pub(crate) fn peek(&self) -> Option<&OutputEvent> {
        self.events.front()
    }

    /// The next event, if there is one.
    pub(crate) fn next(&mut self) -> Option<OutputEvent> {
        match self.is_held() {
            true => None,
            false => self.events.pop_front(),
        }
    }

    fn open_message(&mut self) {
        if self.open != Open::Message {
            self.close();
            self.open = Open::Message;
            self.has_answer = true;
            self.add(ItemKind::Message);
        }
    }

    fn add(&mut self, kind: ItemKind) {
        let index = self.next_index;
        self.next_index += 1;
        let id = self
            .speech
            .as_mut()
            .and_then(|speech| speech.next_id.take());
        self.push(OutputEvent::ItemAdded { index, kind, id });
    }

    fn push(&mut self, event: OutputEvent) {
        if !self.is_over {
            self.size = self.size.saturating_add(bytes_of(&event));
            self.events.push_back(event);
        }
    }
}

/// What `event` adds to an answer, in bytes.
fn bytes_of(event: &OutputEvent) -> usize {
    match event {
        OutputEvent::TextDelta(text)
        | OutputEvent::RefusalDelta(text)
        | OutputEvent::ArgumentsDelta(text)
        | OutputEvent::ReasoningDelta(text) => text.len(),
        OutputEvent::ItemAdded { kind, id, .. } => {
            let name = match kind {
                ItemKind::Message | ItemKind::Reasoning => 0,
                ItemKind::FunctionCall { call_id, name } => call_id.len() + name.len(),
            };
            ITEM + name + id.as_ref().map_or(0, String::len)
        }
        OutputEvent::Continued
        | OutputEvent::ItemDone
        | OutputEvent::Verbatim(_)
        | OutputEvent::Ended(_) => 0,
    }
}
