// SPDX-License-Identifier: Apache-2.0
//! An answer with the values that its placeholders stand for.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::Stream;
use lukhas_core::{OutputEvent, OutputStream};
use lukhas_redact::{Escape, Restorer, Vault};

/// The events of an answer, restored. Of a text, no more is held back than what may be the beginning of
/// a placeholder, and never beyond its item.
pub(super) struct Restored {
    inner: OutputStream,
    vault: Vault,
    /// What the texts of messages are.
    escape: Escape,
    open: Option<Open>,
    /// What comes before anything else of `inner`.
    ready: VecDeque<OutputEvent>,
}

/// The text that is being restored.
struct Open {
    kind: Text,
    restorer: Restorer,
}

/// What a delta is of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Text {
    Said,
    Refusal,
    Arguments,
    Reasoning,
}

impl Restored {
    pub(super) const fn new(inner: OutputStream, vault: Vault, escape: Escape) -> Self {
        Self {
            inner,
            vault,
            escape,
            open: None,
            ready: VecDeque::new(),
        }
    }

    fn take(&mut self, event: OutputEvent) {
        match event {
            OutputEvent::TextDelta(text) => self.delta(Text::Said, &text),
            OutputEvent::RefusalDelta(text) => self.delta(Text::Refusal, &text),
            OutputEvent::ArgumentsDelta(text) => self.delta(Text::Arguments, &text),
            OutputEvent::ReasoningDelta(text) => self.delta(Text::Reasoning, &text),
            // Another attempt goes on with the same text, perhaps within a placeholder.
            OutputEvent::Continued => self.ready.push_back(event),
            OutputEvent::ItemAdded { .. }
            | OutputEvent::ItemDone
            | OutputEvent::Verbatim(_)
            | OutputEvent::Ended(_) => {
                self.finish();
                self.ready.push_back(event);
            }
        }
    }

    fn delta(&mut self, kind: Text, text: &str) {
        if self.open.as_ref().is_some_and(|open| open.kind != kind) {
            self.finish();
        }
        let open = self.open.get_or_insert_with(|| {
            let escape = match kind {
                Text::Said => self.escape,
                Text::Arguments => Escape::Json,
                Text::Refusal | Text::Reasoning => Escape::None,
            };
            let restorer = Restorer::new(self.vault.clone(), escape);
            Open { kind, restorer }
        });
        let mut restored = String::with_capacity(text.len());
        open.restorer.push(text, &mut restored);
        self.say(kind, restored);
    }

    /// Ends the open text: what was held back of it is no placeholder.
    fn finish(&mut self) {
        if let Some(mut open) = self.open.take() {
            let mut rest = String::new();
            open.restorer.finish(&mut rest);
            self.say(open.kind, rest);
        }
    }

    fn say(&mut self, kind: Text, text: String) {
        if text.is_empty() {
            return;
        }
        self.ready.push_back(match kind {
            Text::Said => OutputEvent::TextDelta(text),
            Text::Refusal => OutputEvent::RefusalDelta(text),
            Text::Arguments => OutputEvent::ArgumentsDelta(text),
            Text::Reasoning => OutputEvent::ReasoningDelta(text),
        });
    }
}

impl Stream for Restored {
    type Item = OutputEvent;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<OutputEvent>> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Poll::Ready(Some(event));
            }
            match ready!(self.inner.as_mut().poll_next(cx)) {
                Some(event) => self.take(event),
                None => return Poll::Ready(None),
            }
        }
    }
}
