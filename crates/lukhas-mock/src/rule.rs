// SPDX-License-Identifier: Apache-2.0
//! A script: what is answered to which request.

use std::num::NonZeroU32;

use lukhas_core::Usage;

use crate::Injection;

/// One line of a script. The first that matches a request decides its answer.
///
/// Its faults come on top of those in the model's name; their counts are of the requests that the
/// rule answered.
#[derive(Clone, Debug, Default)]
pub struct Rule {
    /// The model that the request names; `None` for any.
    pub model: Option<String>,
    /// A text that the newest message or tool output contains; `None` for any.
    pub contains: Option<String>,
    /// What is answered; `None` leaves it to the offline engine.
    pub reply: Option<Reply>,
    /// What the answer says was used; `None` counts.
    pub usage: Option<Usage>,
    /// What goes wrong.
    pub faults: Vec<Injection>,
    /// How many requests it answers, the first ones; `None` for all.
    pub times: Option<NonZeroU32>,
}

/// What a [`Rule`] answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// A text, word by word when streamed.
    Text(String),
    /// Calls of functions, whether the request offers them or not.
    ToolCalls(Vec<ToolCall>),
    /// An error of this status, 400 to 599.
    Status(u16),
}

/// A call that a [`Reply`] makes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolCall {
    /// The function's name.
    pub name: String,
    /// Its arguments, as they are sent: JSON, or not.
    pub arguments: String,
}

impl Rule {
    /// Whether it is for a request to `model` whose newest texts are `newest`.
    pub(crate) fn matches(&self, model: &str, newest: &[String]) -> bool {
        let named = self.model.as_deref().is_none_or(|name| name == model);
        let said = |text: &str| newest.iter().any(|newest| newest.contains(text));
        named && self.contains.as_deref().is_none_or(said)
    }
}
