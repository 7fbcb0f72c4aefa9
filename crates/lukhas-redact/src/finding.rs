// SPDX-License-Identifier: Apache-2.0
//! What was found, and what is left of the text.

use std::sync::Arc;

/// What sort of value must not leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Personal data.
    Pii,
    /// A key, token or password.
    Secret,
}

/// What finds values of one form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Personal data or a secret.
    pub kind: Kind,
    /// What it finds, as Presidio calls it where it does: `EMAIL_ADDRESS`.
    pub entity: String,
    /// Its own name: an entity may have several forms.
    pub name: String,
}

/// A value that was replaced. It never holds the value itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// The rule that found it, shared by all that it finds.
    pub rule: Arc<Rule>,
    /// Where it began in the text before redaction, in Unicode scalar values.
    pub start: usize,
    /// Where it ended, in Unicode scalar values; the first one behind it.
    pub end: usize,
    /// How sure the rule is: above 0 and 1 at the most.
    pub score: f32,
}

/// A text without its values, and what they were.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Redacted {
    /// The text, with a placeholder for each value.
    pub text: String,
    /// The values, in the order of the text.
    pub findings: Vec<Finding>,
}

impl Kind {
    /// `pii` or `secret`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pii => "pii",
            Self::Secret => "secret",
        }
    }
}
