// SPDX-License-Identifier: Apache-2.0
//! A response as server-sent events.

mod reasoning;

use bytes::BytesMut;
use lukhas_core::{Outcome, OutputEvent, StepEvent, StepPhase, Verbatim};

use super::event::ResponseEvent;
use super::fold::ResponseFold;
use super::item::{ItemObject, KnownItem, PartObject};
use super::object::ResponseObject;
use crate::write_event;

/// Writes each change of a [`ResponseFold`] as events.
///
/// The order is that of the official API: `created`, `in_progress`; for each item
/// `output_item.added`, its parts and deltas, `output_item.done`; then one of `completed`,
/// `incomplete` and `failed`. An item that a failure cut short is never said to be done.
#[derive(Debug)]
pub struct ResponseStream {
    fold: ResponseFold,
    steps: bool,
    next: u64,
    /// What `next` was before the end.
    end: Option<u64>,
    /// Whether the answer comes in the words of the request's original.
    is_verbatim: bool,
}

impl ResponseStream {
    /// A stream of `fold`'s changes; with the events of this server's own when `steps`.
    #[must_use]
    pub fn new(fold: ResponseFold, steps: bool) -> Self {
        Self {
            fold,
            steps,
            next: 0,
            end: None,
            is_verbatim: false,
        }
    }

    /// The fold, for what there is at the end.
    #[must_use]
    pub fn fold(&self) -> &ResponseFold {
        &self.fold
    }

    /// Writes the events that open the stream, unless the answer begins with them: `first` is what
    /// [`Self::output`] will be given first.
    ///
    /// # Errors
    /// [`serde_json::Error`]; never with the types of this crate.
    pub fn begin(
        &mut self,
        first: Option<&OutputEvent>,
        out: &mut BytesMut,
    ) -> Result<(), serde_json::Error> {
        self.is_verbatim = matches!(first, Some(OutputEvent::Verbatim(_)));
        if self.is_verbatim {
            return Ok(());
        }
        let mut events = Events {
            next: &mut self.next,
            out,
        };
        let response = &self.fold.object;
        events.write(|sequence_number| ResponseEvent::Created {
            sequence_number,
            response,
        })?;
        events.write(|sequence_number| ResponseEvent::InProgress {
            sequence_number,
            response,
        })
    }

    /// Writes a step, if the client asked for steps.
    ///
    /// # Errors
    /// [`serde_json::Error`]; never with the types of this crate.
    pub fn step(&mut self, event: &StepEvent, out: &mut BytesMut) -> Result<(), serde_json::Error> {
        if !self.steps {
            return Ok(());
        }
        let (step, node) = (event.step, event.node.as_str());
        Events {
            next: &mut self.next,
            out,
        }
        .write(|sequence_number| match event.phase {
            StepPhase::Started => ResponseEvent::StepStarted {
                sequence_number,
                step,
                node,
            },
            StepPhase::Completed(latency) => {
                let latency_us = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX);
                ResponseEvent::StepCompleted {
                    sequence_number,
                    step,
                    node,
                    latency_us,
                }
            }
        })
    }

    /// Takes events that are there already, if they are to be shown as they are, in place of
    /// [`Self::output`]. The last ones are not: they wait for the end.
    pub fn passes(&mut self, said: &Verbatim) -> bool {
        let passes = self.is_verbatim && !said.ends;
        if passes {
            self.next += u64::from(said.events);
        }
        passes
    }

    /// Takes the next event of the run and writes what it changes. What was written of an end may be
    /// taken back, and a failure given in its place.
    ///
    /// # Errors
    /// [`serde_json::Error`]; never with the types of this crate.
    pub fn output(
        &mut self,
        event: &OutputEvent,
        out: &mut BytesMut,
    ) -> Result<(), serde_json::Error> {
        if matches!(event, OutputEvent::Ended(_)) {
            self.next = *self.end.get_or_insert(self.next);
        }
        if self.is_verbatim {
            return self.pass_on(event, out);
        }
        let parts_before = open_parts(&self.fold.object);
        let closes = matches!(
            event,
            OutputEvent::ItemDone
                | OutputEvent::Ended(lukhas_core::RunEnd {
                    outcome: Outcome::Incomplete(_),
                    ..
                })
        );
        let was_open = is_open(&self.fold.object);
        let steps = self.steps;
        self.fold.apply(event);
        let mut events = Events {
            next: &mut self.next,
            out,
        };
        let response = &self.fold.object;
        match event {
            OutputEvent::ItemAdded { .. } => events.item_added(response)?,
            OutputEvent::TextDelta(delta) | OutputEvent::RefusalDelta(delta) => {
                events.parts_added(response, parts_before)?;
                events.part_delta(response, delta)?;
            }
            OutputEvent::ArgumentsDelta(delta) => events.arguments_delta(response, delta)?,
            OutputEvent::ReasoningDelta(delta) => {
                events.summary_delta(response, parts_before, delta)?;
            }
            OutputEvent::Continued if steps => events.continued(response)?,
            OutputEvent::Continued
            | OutputEvent::ItemDone
            | OutputEvent::Verbatim(_)
            | OutputEvent::Ended(_) => {}
        }
        if closes && was_open {
            events.parts_added(response, parts_before)?;
            events.item_done(response)?;
        }
        match event {
            OutputEvent::Ended(end) => events.ended(response, &end.outcome),
            _ => Ok(()),
        }
    }
}

impl ResponseStream {
    /// Takes the next event of an answer that brings its own words along. The last ones wait for
    /// the end; a failure, which has none, is put in ours.
    fn pass_on(
        &mut self,
        event: &OutputEvent,
        out: &mut BytesMut,
    ) -> Result<(), serde_json::Error> {
        self.fold.apply(event);
        match event {
            OutputEvent::Verbatim(said) if self.passes(said) => {
                out.extend_from_slice(&said.bytes);
                Ok(())
            }
            OutputEvent::Ended(end) => match (&end.outcome, self.fold.verbatim()) {
                (Outcome::Completed | Outcome::Incomplete(_), Some(last)) => {
                    out.extend_from_slice(last);
                    Ok(())
                }
                (outcome, _) => Events {
                    next: &mut self.next,
                    out,
                }
                .ended(&self.fold.object, outcome),
            },
            _ => Ok(()),
        }
    }
}

/// Number of parts that the last item, if it is a message or reasoning, has so far.
fn open_parts(response: &ResponseObject) -> usize {
    match response.output.last() {
        Some(ItemObject::Known(KnownItem::Message(message))) => message.content.len(),
        Some(ItemObject::Known(KnownItem::Reasoning(reasoning))) => reasoning.summary.len(),
        Some(_) | None => 0,
    }
}

fn is_open(response: &ResponseObject) -> bool {
    matches!(response.output.last(), Some(ItemObject::Known(item))
        if item.status() == super::item::ItemStatus::InProgress)
}

/// Numbers events and writes them.
struct Events<'s> {
    next: &'s mut u64,
    out: &'s mut BytesMut,
}

impl Events<'_> {
    fn write<'e>(
        &mut self,
        event: impl FnOnce(u64) -> ResponseEvent<'e>,
    ) -> Result<(), serde_json::Error> {
        let event = event(*self.next);
        *self.next += 1;
        write_event(self.out, Some(event.name()), &event)
    }

    fn item_added(&mut self, response: &ResponseObject) -> Result<(), serde_json::Error> {
        let Some((output_index, item)) = last(response) else {
            return Ok(());
        };
        self.write(|sequence_number| ResponseEvent::ItemAdded {
            sequence_number,
            output_index,
            item,
        })
    }

    /// Announces a part that the last message has gained, and ends the one before it.
    fn parts_added(
        &mut self,
        response: &ResponseObject,
        before: usize,
    ) -> Result<(), serde_json::Error> {
        let Some((output_index, ItemObject::Known(KnownItem::Message(message)))) = last(response)
        else {
            return Ok(());
        };
        if message.content.len() == before {
            return Ok(());
        }
        if let Some(content_index) = before.checked_sub(1) {
            self.part_done(
                &message.id,
                output_index,
                content_index,
                &message.content[content_index],
            )?;
        }
        let empty = match message.content.last() {
            Some(PartObject::Refusal { .. }) => PartObject::Refusal {
                refusal: String::new(),
            },
            _ => PartObject::output_text(String::new()),
        };
        self.write(|sequence_number| ResponseEvent::PartAdded {
            sequence_number,
            item_id: &message.id,
            output_index,
            content_index: before,
            part: &empty,
        })
    }

    fn part_delta(
        &mut self,
        response: &ResponseObject,
        delta: &str,
    ) -> Result<(), serde_json::Error> {
        let Some((output_index, ItemObject::Known(KnownItem::Message(message)))) = last(response)
        else {
            return Ok(());
        };
        let content_index = message.content.len().saturating_sub(1);
        let item_id = message.id.as_str();
        let refuses = matches!(message.content.last(), Some(PartObject::Refusal { .. }));
        self.write(|sequence_number| match refuses {
            true => ResponseEvent::RefusalDelta {
                sequence_number,
                item_id,
                output_index,
                content_index,
                delta,
            },
            false => ResponseEvent::TextDelta {
                sequence_number,
                item_id,
                output_index,
                content_index,
                delta,
                logprobs: [],
            },
        })
    }

    fn continued(&mut self, response: &ResponseObject) -> Result<(), serde_json::Error> {
        let Some((output_index, ItemObject::Known(KnownItem::Message(message)))) = last(response)
        else {
            return Ok(());
        };
        let content_index = message.content.len().saturating_sub(1);
        let item_id = message.id.as_str();
        self.write(|sequence_number| ResponseEvent::Continued {
            sequence_number,
            item_id,
            output_index,
            content_index,
        })
    }

    fn arguments_delta(
        &mut self,
        response: &ResponseObject,
        delta: &str,
    ) -> Result<(), serde_json::Error> {
        let Some((output_index, ItemObject::Known(KnownItem::FunctionCall(call)))) = last(response)
        else {
            return Ok(());
        };
        let item_id = call.id.as_str();
        self.write(|sequence_number| ResponseEvent::ArgumentsDelta {
            sequence_number,
            item_id,
            output_index,
            delta,
        })
    }

    fn part_done(
        &mut self,
        item_id: &str,
        output_index: usize,
        content_index: usize,
        part: &PartObject,
    ) -> Result<(), serde_json::Error> {
        match part {
            PartObject::Refusal { refusal } => {
                self.write(|sequence_number| ResponseEvent::RefusalDone {
                    sequence_number,
                    item_id,
                    output_index,
                    content_index,
                    refusal,
                })?;
            }
            PartObject::OutputText { text, .. } => {
                self.write(|sequence_number| ResponseEvent::TextDone {
                    sequence_number,
                    item_id,
                    output_index,
                    content_index,
                    text,
                    logprobs: [],
                })?;
            }
            // INVARIANT: an answer holds texts and refusals alone.
            PartObject::InputText { .. }
            | PartObject::InputImage { .. }
            | PartObject::InputFile { .. } => {}
        }
        self.write(|sequence_number| ResponseEvent::PartDone {
            sequence_number,
            item_id,
            output_index,
            content_index,
            part,
        })
    }

    fn item_done(&mut self, response: &ResponseObject) -> Result<(), serde_json::Error> {
        let Some((output_index, item)) = last(response) else {
            return Ok(());
        };
        match item {
            ItemObject::Known(KnownItem::Message(message)) => {
                if let Some(part) = message.content.last() {
                    let content_index = message.content.len() - 1;
                    self.part_done(&message.id, output_index, content_index, part)?;
                }
            }
            ItemObject::Known(KnownItem::FunctionCall(call)) => {
                self.write(|sequence_number| ResponseEvent::ArgumentsDone {
                    sequence_number,
                    item_id: &call.id,
                    output_index,
                    name: &call.name,
                    arguments: &call.arguments,
                })?;
            }
            ItemObject::Known(KnownItem::Reasoning(reasoning)) => {
                self.summary_done(output_index, reasoning)?;
            }
            ItemObject::Known(KnownItem::FunctionOutput(_)) | ItemObject::Opaque(_) => {}
        }
        self.write(|sequence_number| ResponseEvent::ItemDone {
            sequence_number,
            output_index,
            item,
        })
    }

    fn ended(
        &mut self,
        response: &ResponseObject,
        outcome: &Outcome,
    ) -> Result<(), serde_json::Error> {
        self.write(|sequence_number| match outcome {
            Outcome::Completed => ResponseEvent::Completed {
                sequence_number,
                response,
            },
            Outcome::Incomplete(_) => ResponseEvent::Incomplete {
                sequence_number,
                response,
            },
            Outcome::Failed(_) => ResponseEvent::Failed {
                sequence_number,
                response,
            },
        })
    }
}

fn last(response: &ResponseObject) -> Option<(usize, &ItemObject)> {
    response
        .output
        .len()
        .checked_sub(1)
        .map(|index| (index, &response.output[index]))
}
