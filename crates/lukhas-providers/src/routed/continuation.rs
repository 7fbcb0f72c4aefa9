// SPDX-License-Identifier: Apache-2.0
//! Going on with an answer that broke off: what may be gone on with, what is asked, and how what
//! comes is fitted to what there is.

mod joint;

use lukhas_core::{
    Item, ItemKind, OutputEvent, OutputFormat, Role, RunError, RunErrorKind, RunRequest,
    ToolChoice, ToolMode,
};

pub(super) use joint::{Anew, Joint};

/// Longest text that is gone on with, in bytes: it is kept until the end of the answer.
const LONGEST: usize = 1 << 20;

/// What has been said of an answer that may be gone on with.
#[derive(Debug)]
pub(super) struct Draft {
    text: String,
    state: State,
    /// How often it may still be gone on with.
    left: u32,
    /// Whether the last item of the request is the text so far.
    is_asked: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Nothing is there.
    Empty,
    /// A message of text alone is open.
    Open,
    /// There is something else, or the message is whole: nothing can follow its text.
    Closed,
}

impl Draft {
    /// A draft of the answer to `request`, to be gone on with `times` at most; `None` when it never
    /// can be. Half of a structured answer, or of one that must call, is nothing to go on from; nor
    /// is it clear whose text it is when the caller has begun it.
    pub(super) fn new(request: &RunRequest, times: u32) -> Option<Self> {
        let must_call = match &request.tool_choice {
            ToolChoice::None | ToolChoice::Auto => false,
            ToolChoice::Required | ToolChoice::Function(_) => true,
            ToolChoice::Allowed { mode, .. } => *mode == ToolMode::Required,
        };
        let is_begun = match request.items.last() {
            Some(Item::Message(message)) => message.role == Role::Assistant,
            Some(Item::FunctionCall(_) | Item::FunctionOutput(_) | Item::Opaque(_)) | None => false,
        };
        let can_be = times > 0
            && !request.whole
            && request.format == OutputFormat::Text
            && !must_call
            && !is_begun;
        can_be.then(|| Self {
            text: String::new(),
            state: State::Empty,
            left: times,
            is_asked: false,
        })
    }

    /// Takes note of what the client is given.
    pub(super) fn note(&mut self, event: &OutputEvent) {
        self.state = match (event, self.state) {
            (OutputEvent::ItemAdded { kind, .. }, State::Empty) if *kind == ItemKind::Message => {
                State::Open
            }
            (OutputEvent::TextDelta(text), State::Open)
                if self.text.len() + text.len() <= LONGEST =>
            {
                self.text.push_str(text);
                State::Open
            }
            (OutputEvent::Continued, state) => state,
            (
                OutputEvent::ItemAdded { .. }
                | OutputEvent::TextDelta(_)
                | OutputEvent::RefusalDelta(_)
                | OutputEvent::ArgumentsDelta(_)
                | OutputEvent::ReasoningDelta(_)
                | OutputEvent::ItemDone
                | OutputEvent::Verbatim(_)
                | OutputEvent::Ended(_),
                _,
            ) => State::Closed,
        };
    }

    /// Whether it can be gone on with after it ended in `error`.
    pub(super) fn can_go_on(&self, error: &RunError) -> bool {
        let is_cut = matches!(
            error.kind,
            RunErrorKind::UpstreamTruncated | RunErrorKind::UpstreamTimeout
        );
        is_cut && self.left > 0 && self.state == State::Open && !self.said().is_empty()
    }

    /// Makes `request` ask for the rest: the text so far stands at its end, as what the assistant
    /// has begun to say. `used` is how many tokens of it came of the last attempt.
    ///
    /// White space at the end is left out: Anthropic's API refuses it, and models that see it
    /// repeat it.
    pub(super) fn ask_for_rest(&mut self, request: &mut RunRequest, used: u64) {
        if std::mem::replace(&mut self.is_asked, true) {
            request.items.pop();
        }
        let said = self.said().to_owned();
        request.items.push(Item::text(Role::Assistant, said));
        if let Some(most) = &mut request.max_output_tokens {
            let used = u32::try_from(used).unwrap_or(u32::MAX);
            *most = most.saturating_sub(used).max(1);
        }
        self.left -= 1;
    }

    /// Where the rest begins.
    pub(super) fn joint(&self) -> Joint {
        let said = self.said();
        Joint::new(said.to_owned(), self.text[said.len()..].to_owned())
    }

    fn said(&self) -> &str {
        self.text.trim_end()
    }
}

#[cfg(test)]
mod tests;
