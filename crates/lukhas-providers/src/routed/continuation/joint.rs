// SPDX-License-Identifier: Apache-2.0
//! Fits what another attempt says to the text it goes on with.

use std::collections::VecDeque;

use lukhas_core::{ItemKind, Outcome, OutputEvent};

/// So many bytes of the beginning of a text are not said again by chance, but by a model that
/// begins anew.
const REPEATED: usize = 32;

/// The answer was begun anew, and differently: there is nothing to join.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::routed) struct Anew;

/// Fits what another attempt says to the text it goes on with.
///
/// A message is open when it begins, with index 0. What is said goes on in it. Thinking has no
/// place in it, and is left out. A model that says all of the text again before it goes on is heard
/// from there.
#[derive(Debug)]
pub(in crate::routed) struct Joint {
    said: String,
    /// White space that the text ended with, which models may say again.
    space: String,
    /// What has come of the rest, as long as it may be the text said again.
    held: String,
    place: Place,
    next_index: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// Its first item has not come.
    Before,
    /// In thinking that comes before.
    Thinking,
    /// In its message, where all that has come may be the text said again.
    Repeating,
    /// In its message, where white space may be said again.
    Spacing,
    /// Behind that: everything is new.
    Beyond,
}

impl Joint {
    /// The joint behind `said` and the white space after it.
    pub(super) fn new(said: String, space: String) -> Self {
        Self {
            said,
            space,
            held: String::new(),
            place: Place::Before,
            next_index: 1,
        }
    }

    /// Fits `event`, and puts what comes of it into `out`.
    ///
    /// # Errors
    /// [`Anew`], which no event of the attempt may follow.
    pub(in crate::routed) fn fit(
        &mut self,
        event: OutputEvent,
        out: &mut VecDeque<OutputEvent>,
    ) -> Result<(), Anew> {
        match (event, self.place) {
            (OutputEvent::ItemAdded { kind, .. }, Place::Before) => match kind {
                ItemKind::Message if self.said.len() < REPEATED => self.place = Place::Spacing,
                ItemKind::Message => self.place = Place::Repeating,
                ItemKind::Reasoning => self.place = Place::Thinking,
                ItemKind::FunctionCall { .. } => {
                    out.push_back(OutputEvent::ItemDone);
                    self.add(kind, out);
                }
            },
            (OutputEvent::ItemAdded { kind, .. }, _) => self.add(kind, out),
            (OutputEvent::ItemDone, Place::Thinking) => self.place = Place::Before,
            (OutputEvent::ReasoningDelta(_), Place::Thinking) => {}
            (OutputEvent::TextDelta(text), Place::Repeating) => self.repeat(&text, out)?,
            (OutputEvent::TextDelta(text), Place::Spacing) => self.space(&text, out),
            (event @ (OutputEvent::ItemDone | OutputEvent::Ended(_)), Place::Repeating) => {
                // What broke off while it was not clear is as if it had not come.
                if !is_failure(&event) {
                    self.release(out)?;
                }
                out.push_back(event);
            }
            (event, _) => out.push_back(event),
        }
        Ok(())
    }

    fn add(&mut self, kind: ItemKind, out: &mut VecDeque<OutputEvent>) {
        self.place = Place::Beyond;
        let index = self.next_index;
        self.next_index += 1;
        let id = None;
        out.push_back(OutputEvent::ItemAdded { index, kind, id });
    }

    /// Text that may be what was said, said again.
    fn repeat(&mut self, text: &str, out: &mut VecDeque<OutputEvent>) -> Result<(), Anew> {
        self.held.push_str(text);
        if let Some(rest) = self.held.strip_prefix(&self.said) {
            let rest = rest.to_owned();
            self.place = Place::Spacing;
            self.space(&rest, out);
            return Ok(());
        }
        match self.said.starts_with(&self.held) {
            true => Ok(()),
            false => self.release(out),
        }
    }

    /// It was not said again to its end: by chance, or by a model that begins anew.
    fn release(&mut self, out: &mut VecDeque<OutputEvent>) -> Result<(), Anew> {
        let (said, held) = (self.said.as_bytes(), self.held.as_bytes());
        if held.len() >= REPEATED && held[..REPEATED] == said[..REPEATED] {
            return Err(Anew);
        }
        let held = std::mem::take(&mut self.held);
        self.place = Place::Spacing;
        self.space(&held, out);
        Ok(())
    }

    /// Text that may begin with white space that is there already.
    fn space(&mut self, text: &str, out: &mut VecDeque<OutputEvent>) {
        let pairs = self.space.chars().zip(text.chars());
        let same = pairs.take_while(|(there, new)| there == new);
        let same: usize = same.map(|(there, _)| there.len_utf8()).sum();
        let rest = &text[same..];
        self.space.drain(..same);
        if !rest.is_empty() {
            self.place = Place::Beyond;
            out.push_back(OutputEvent::TextDelta(rest.to_owned()));
        }
    }
}

fn is_failure(event: &OutputEvent) -> bool {
    matches!(event, OutputEvent::Ended(end) if matches!(end.outcome, Outcome::Failed(_)))
}
