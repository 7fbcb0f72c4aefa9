// SPDX-License-Identifier: Apache-2.0
//! From core's events to the response object.

use std::sync::Arc;

use bytes::Bytes;
use lukhas_core::{
    Entropy, Id, IncompleteReason, Item, ItemKind, Outcome, OutputEvent, RunEnd, RunError,
};

use super::ReasoningObject;
use super::item::{
    FunctionCallObject, ItemObject, ItemStatus, KnownItem, MessageObject, PartObject,
};
use super::object::{IncompleteDetails, ResponseError, ResponseObject, ResponseStatus};

/// Builds a response out of the events of its run. A whole answer is this fold; a streamed one
/// shows each of its changes.
pub struct ResponseFold {
    pub(super) object: ResponseObject,
    entropy: Arc<dyn Entropy>,
    clock: fn() -> u64,
    describe: fn(&RunError) -> ResponseError,
    verbatim: Option<Bytes>,
}

impl ResponseFold {
    /// A fold into `object`. `clock` tells Unix time in seconds; `describe` gives an error the
    /// code it has on the wire.
    #[must_use]
    pub fn new(
        object: ResponseObject,
        entropy: Arc<dyn Entropy>,
        clock: fn() -> u64,
        describe: fn(&RunError) -> ResponseError,
    ) -> Self {
        Self {
            object,
            entropy,
            clock,
            describe,
            verbatim: None,
        }
    }

    /// How the answer ends in the words of the request's original, if it came in them: the body of
    /// a whole response, or the last events of a streamed one. To be asked for once the run has
    /// ended well.
    #[must_use]
    pub fn verbatim(&self) -> Option<&Bytes> {
        self.verbatim.as_ref()
    }

    /// Whether the response has failed.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        self.object.status == ResponseStatus::Failed
    }

    /// The response so far.
    #[must_use]
    pub fn object(&self) -> &ResponseObject {
        &self.object
    }

    /// The response's identifier and its items so far, in core's terms.
    #[must_use]
    pub fn into_parts(self) -> (String, Vec<Item>) {
        let ResponseObject { id, output, .. } = self.object;
        (id, output.into_iter().map(ItemObject::into_core).collect())
    }

    /// The items so far, in core's terms.
    #[must_use]
    pub fn items(&self) -> Vec<Item> {
        let items = self.object.output.iter().cloned();
        items.map(ItemObject::into_core).collect()
    }

    /// Takes the next event.
    pub fn apply(&mut self, event: &OutputEvent) {
        match event {
            OutputEvent::ItemAdded { kind, id, .. } => self.add(kind, id.as_ref()),
            OutputEvent::TextDelta(delta) => self.grow_text(delta),
            OutputEvent::RefusalDelta(delta) => self.grow_refusal(delta),
            OutputEvent::ArgumentsDelta(delta) => {
                if let Some(KnownItem::FunctionCall(call)) = self.open_item() {
                    call.arguments.push_str(delta);
                }
            }
            OutputEvent::ReasoningDelta(delta) => {
                if let Some(KnownItem::Reasoning(reasoning)) = self.open_item() {
                    reasoning.grow(delta);
                }
            }
            OutputEvent::Continued => self.object.lukhas_continuations += 1,
            OutputEvent::ItemDone => self.close(ItemStatus::Completed),
            OutputEvent::Verbatim(said) if said.ends => self.verbatim = Some(said.bytes.clone()),
            OutputEvent::Verbatim(_) => {}
            OutputEvent::Ended(end) => self.end(end),
        }
    }

    fn add(&mut self, kind: &ItemKind, id: Option<&String>) {
        let id = |prefix| match id {
            Some(id) => id.clone(),
            None => Id::new(prefix, &*self.entropy).into(),
        };
        let status = ItemStatus::InProgress;
        let item = match kind {
            ItemKind::Message => KnownItem::Message(MessageObject {
                id: id("msg_"),
                status,
                role: "assistant",
                content: Vec::new(),
            }),
            ItemKind::FunctionCall { call_id, name } => {
                KnownItem::FunctionCall(FunctionCallObject {
                    id: id("fc_"),
                    call_id: call_id.clone(),
                    name: name.clone(),
                    arguments: String::new(),
                    status,
                })
            }
            ItemKind::Reasoning => KnownItem::Reasoning(ReasoningObject {
                id: id("rs_"),
                summary: Vec::new(),
                status,
            }),
        };
        self.object.output.push(ItemObject::Known(item));
    }

    /// The item that still grows.
    fn open_item(&mut self) -> Option<&mut KnownItem> {
        match self.object.output.last_mut() {
            Some(ItemObject::Known(item)) if item.status() == ItemStatus::InProgress => Some(item),
            Some(_) | None => None,
        }
    }

    fn grow_text(&mut self, delta: &str) {
        let Some(KnownItem::Message(message)) = self.open_item() else {
            return;
        };
        match message.content.last_mut() {
            Some(PartObject::OutputText { text, .. }) => text.push_str(delta),
            _ => message
                .content
                .push(PartObject::output_text(delta.to_owned())),
        }
    }

    fn grow_refusal(&mut self, delta: &str) {
        let Some(KnownItem::Message(message)) = self.open_item() else {
            return;
        };
        match message.content.last_mut() {
            Some(PartObject::Refusal { refusal }) => refusal.push_str(delta),
            _ => message.content.push(PartObject::Refusal {
                refusal: delta.to_owned(),
            }),
        }
    }

    /// Ends the open item. A message without a part gets an empty text, as clients expect one.
    fn close(&mut self, status: ItemStatus) {
        let Some(item) = self.open_item() else { return };
        match item {
            KnownItem::Message(message) => {
                if message.content.is_empty() {
                    message.content.push(PartObject::output_text(String::new()));
                }
                message.status = status;
            }
            KnownItem::FunctionCall(call) => call.status = status,
            KnownItem::FunctionOutput(output) => output.status = status,
            KnownItem::Reasoning(reasoning) => reasoning.status = status,
        }
    }

    fn end(&mut self, end: &RunEnd) {
        self.close(ItemStatus::Incomplete);
        self.object.usage = end.usage.map(Into::into);
        match &end.outcome {
            Outcome::Completed => {
                self.object.status = ResponseStatus::Completed;
                self.object.completed_at = Some((self.clock)());
            }
            Outcome::Incomplete(reason) => {
                self.object.status = ResponseStatus::Incomplete;
                self.object.incomplete_details = Some(IncompleteDetails {
                    reason: match reason {
                        IncompleteReason::MaxOutputTokens => "max_output_tokens",
                        IncompleteReason::ContentFilter => "content_filter",
                    },
                });
            }
            Outcome::Failed(error) => {
                // It may have come to its own end, and then not have been kept.
                self.object.completed_at = None;
                self.object.incomplete_details = None;
                self.object.status = ResponseStatus::Failed;
                self.object.error = Some((self.describe)(error));
            }
        }
    }
}

impl KnownItem {
    pub(super) fn status(&self) -> ItemStatus {
        match self {
            Self::Message(item) => item.status,
            Self::FunctionCall(item) => item.status,
            Self::FunctionOutput(item) => item.status,
            Self::Reasoning(item) => item.status,
        }
    }
}

impl std::fmt::Debug for ResponseFold {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ResponseFold")
            .field("object", &self.object)
            .finish_non_exhaustive()
    }
}
