// SPDX-License-Identifier: Apache-2.0
//! An answer as a stream of events.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_core::Stream;
use lukhas_core::{ItemKind, OutputEvent, RunEnd, Usage, UsageSink, UsageSource};
use tokio::time::Sleep;

/// Longest delta of a message, in bytes.
const LONGEST_DELTA: usize = 64;
/// A call's arguments come in about this many pieces.
const PIECES: usize = 4;
/// Longest and shortest piece of arguments, in bytes.
const PIECE: (usize, usize) = (8, 1024);

/// An item of the answer.
#[derive(Debug)]
pub(crate) struct OutputItem {
    pub(crate) kind: ItemKind,
    /// The text of a message, or the arguments of a call.
    pub(crate) text: String,
    /// Whether the text was cut short.
    pub(crate) cut: bool,
}

/// Streams items that are known already; each delta is made when it is asked for.
pub(crate) struct AnswerStream {
    items: std::vec::IntoIter<OutputItem>,
    /// The item that is open, and how much of its text was sent.
    open: Option<(OutputItem, usize)>,
    index: u32,
    end: Option<RunEnd>,
    /// Bytes of all texts, and how many of them were sent.
    bytes: usize,
    sent: usize,
    abandoned: Option<UsageSink>,
    pace: Pace,
    pause: Option<Pin<Box<Sleep>>>,
}

/// How the text of an item is given out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pace {
    /// All at once.
    Whole,
    /// In pieces, with a pause between them.
    Pieces(Duration),
}

impl AnswerStream {
    /// Streams `items` at that pace, then `end`.
    pub(crate) fn new(items: Vec<OutputItem>, end: RunEnd, pace: Pace) -> Self {
        Self {
            bytes: items.iter().map(|item| item.text.len()).sum(),
            sent: 0,
            abandoned: None,
            items: items.into_iter(),
            open: None,
            index: 0,
            end: Some(end),
            pace,
            pause: None,
        }
    }

    /// The same, telling `abandoned` what was used when it is dropped before its end.
    pub(crate) fn with_sink(mut self, abandoned: Option<UsageSink>) -> Self {
        self.abandoned = abandoned;
        self
    }

    /// What was used up to here: of the output, the share of its bytes that were sent.
    fn partial(&self) -> Option<Usage> {
        let usage = self.end.as_ref()?.usage?;
        let (sent, bytes) = (self.sent as u64, self.bytes as u64);
        let output_tokens = usage.output_tokens.saturating_mul(sent);
        Some(Usage {
            output_tokens: output_tokens.div_ceil(bytes.max(1)),
            source: UsageSource::Partial,
            ..usage
        })
    }

    fn next_event(&mut self) -> Option<OutputEvent> {
        let Some((item, sent)) = &mut self.open else {
            let Some(item) = self.items.next() else {
                return self.end.take().map(OutputEvent::Ended);
            };
            let (kind, index) = (item.kind.clone(), self.index);
            self.open = Some((item, 0));
            self.index += 1;
            let id = None;
            return Some(OutputEvent::ItemAdded { index, kind, id });
        };
        if *sent == item.text.len() {
            let cut = item.cut;
            self.open = None;
            // INVARIANT: only the last item is cut, and it stays open.
            return if cut {
                self.next_event()
            } else {
                Some(OutputEvent::ItemDone)
            };
        }
        let delta = match self.pace {
            Pace::Whole => std::mem::take(&mut item.text),
            Pace::Pieces(delay) => {
                let delta = next_delta(item, *sent).to_owned();
                *sent += delta.len();
                if !delay.is_zero() && *sent < item.text.len() {
                    self.pause = Some(Box::pin(tokio::time::sleep(delay)));
                }
                delta
            }
        };
        self.sent += delta.len();
        Some(match item.kind {
            ItemKind::Message => OutputEvent::TextDelta(delta),
            ItemKind::FunctionCall { .. } => OutputEvent::ArgumentsDelta(delta),
            ItemKind::Reasoning => OutputEvent::ReasoningDelta(delta),
        })
    }
}

impl Stream for AnswerStream {
    type Item = OutputEvent;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<OutputEvent>> {
        if let Some(pause) = &mut self.pause {
            ready!(pause.as_mut().poll(cx));
            self.pause = None;
        }
        Poll::Ready(self.next_event())
    }
}

impl Drop for AnswerStream {
    fn drop(&mut self) {
        let has_begun = self.index > 0;
        if let Some(abandoned) = self.abandoned.as_deref().filter(|_| has_begun)
            && let Some(usage) = self.partial()
        {
            abandoned(usage);
        }
    }
}

/// The next piece of the item's text after the `sent` first bytes.
fn next_delta(item: &OutputItem, sent: usize) -> &str {
    let rest = &item.text[sent..];
    let end = match item.kind {
        ItemKind::Message | ItemKind::Reasoning => word_len(rest),
        ItemKind::FunctionCall { .. } => {
            let (shortest, longest) = PIECE;
            let len = item.text.len().div_ceil(PIECES).clamp(shortest, longest);
            rest.floor_char_boundary(len)
        }
    };
    &rest[..end]
}

/// Length of the word at the start of `text` and the white space after it.
fn word_len(text: &str) -> usize {
    let longest = text.floor_char_boundary(LONGEST_DELTA);
    let mut in_word = true;
    for (at, c) in text[..longest].char_indices() {
        if !in_word && !c.is_whitespace() {
            return at;
        }
        in_word = !c.is_whitespace();
    }
    longest
}
