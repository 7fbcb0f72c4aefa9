// SPDX-License-Identifier: Apache-2.0
//! What a request asks now, and what came before.

use std::borrow::Cow;
use std::fmt::Write as _;

use lukhas_core::{FunctionOutput, Item, Message, Part, Role, RunRequest};

/// A request, seen from its last user message.
#[derive(Debug)]
pub(crate) struct Turn<'r> {
    pub(crate) request: &'r RunRequest,
    /// The last user message's place among the items.
    user: Option<usize>,
    /// The text of the last user message.
    pub(crate) text: Cow<'r, str>,
}

impl<'r> Turn<'r> {
    pub(crate) fn new(request: &'r RunRequest) -> Self {
        let user = request
            .items
            .iter()
            .rposition(|item| user_message(item).is_some());
        let message = user.and_then(|at| user_message(&request.items[at]));
        let text = message.map_or(Cow::Borrowed(""), text);
        Self {
            request,
            user,
            text,
        }
    }

    /// Decides between values that are equally good.
    pub(crate) fn seed(&self) -> u64 {
        self.request
            .sampling
            .seed
            .unwrap_or_default()
            .cast_unsigned()
    }

    /// What tools gave since the last user message.
    pub(crate) fn outputs(&self) -> impl Iterator<Item = &'r FunctionOutput> + use<'r> {
        let since = self.user.map_or(0, |at| at + 1);
        self.request.items[since..]
            .iter()
            .filter_map(|item| match item {
                Item::FunctionOutput(output) => Some(output),
                Item::Message(_) | Item::FunctionCall(_) | Item::Opaque(_) => None,
            })
    }

    /// User messages before the last one, newest first.
    pub(crate) fn earlier(&self) -> impl Iterator<Item = Cow<'r, str>> + use<'r> {
        let before = &self.request.items[..self.user.unwrap_or(0)];
        before.iter().rev().filter_map(user_message).map(text)
    }

    /// The parts of the last user message.
    pub(crate) fn parts(&self) -> &'r [Part] {
        let message = self
            .user
            .and_then(|at| user_message(&self.request.items[at]));
        message.map_or(&[], |message| &message.parts)
    }

    /// The name of the function that was called with this identifier.
    pub(crate) fn called(&self, call_id: &str) -> Option<&'r str> {
        self.request.items.iter().rev().find_map(|item| match item {
            Item::FunctionCall(call) if call.call_id == call_id => Some(call.name.as_str()),
            Item::FunctionCall(_)
            | Item::Message(_)
            | Item::FunctionOutput(_)
            | Item::Opaque(_) => None,
        })
    }

    /// The text that values can be drawn from: what the user says and what tools gave.
    pub(crate) fn material(&self) -> Cow<'_, str> {
        let mut outputs = self.outputs().peekable();
        if outputs.peek().is_none() {
            return Cow::Borrowed(&self.text);
        }
        let mut material = self.text.to_string();
        for text in outputs
            .flat_map(|output| &output.parts)
            .filter_map(Part::as_text)
        {
            material.push('\n');
            material.push_str(text);
        }
        Cow::Owned(material)
    }
}

/// "1 image and 2 files" for the parts that are not text; `None` when there are none.
pub(crate) fn media<'p>(parts: impl Iterator<Item = &'p Part>) -> Option<String> {
    let (mut images, mut files, mut sounds) = (0, 0, 0);
    for part in parts {
        match part {
            Part::Image(_) => images += 1,
            Part::File(_) => files += 1,
            Part::Audio(_) => sounds += 1,
            Part::Text(_) | Part::Refusal(_) => {}
        }
    }
    let mut list = String::new();
    let kinds = [(images, "image"), (files, "file"), (sounds, "audio clip")];
    for (count, kind) in kinds.into_iter().filter(|(count, _)| *count > 0) {
        let and = if list.is_empty() { "" } else { " and " };
        let plural = if count == 1 { "" } else { "s" };
        // Writing to a string cannot fail.
        let _ = write!(list, "{and}{count} {kind}{plural}");
    }
    (!list.is_empty()).then_some(list)
}

fn user_message(item: &Item) -> Option<&Message> {
    match item {
        Item::Message(message) if message.role == Role::User => Some(message),
        Item::Message(_) | Item::FunctionCall(_) | Item::FunctionOutput(_) | Item::Opaque(_) => {
            None
        }
    }
}

/// The text parts, a line each.
fn text(message: &Message) -> Cow<'_, str> {
    let mut texts = message.parts.iter().filter_map(Part::as_text);
    let first = Cow::Borrowed(texts.next().unwrap_or_default());
    texts.fold(first, |all, text| Cow::Owned(format!("{all}\n{text}")))
}
