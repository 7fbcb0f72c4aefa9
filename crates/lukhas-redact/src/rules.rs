// SPDX-License-Identifier: Apache-2.0
//! Detectors, compiled.

mod compile;
mod custom;
mod pattern;
mod search;

#[cfg(test)]
mod tests;

use std::fmt;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::Arc;

use regex_automata::hybrid::dfa::DFA;
use regex_automata::util::pool::{Pool, PoolGuard};

use crate::context::Words;
use crate::detector::Check;
use crate::finding::{Redacted, Rule};
use crate::redactor::{self, Redactor};
use crate::tail::Tail;
use crate::vault::Vault;

pub use compile::{RulesConfig, RulesError};
pub use custom::CustomPattern;
pub use pattern::PatternFault;
pub(crate) use regex_automata::hybrid::dfa::Cache;
pub(crate) use search::{Hit, Next, Progress, View};

/// The most bytes that a match may have, with the escape before it; a value may go on behind it.
pub(crate) const MAX_MATCH: usize = 256;

/// The most bytes that a pattern may match.
const MAX_PATTERN: usize = MAX_MATCH - search::ESCAPE_BYTES;

/// The most bytes that a stream ever holds back.
pub const MAX_HOLD: usize = MAX_MATCH;

/// Detectors, compiled. Clones share them.
///
/// All patterns are one automaton, which finds the leftmost match. Where several match, the first
/// rule in the order of the tables whose check agrees has the value.
#[derive(Clone)]
pub struct Rules {
    compiled: Arc<Compiled>,
}

pub(crate) struct Compiled {
    /// In the order of the patterns.
    rows: Vec<Row>,
    /// All patterns, read from where a match may begin.
    automaton: DFA,
    starts: search::Starts,
    caches: Pool<Cache, MakeCache>,
}

type MakeCache = Box<dyn Fn() -> Cache + Send + Sync + UnwindSafe + RefUnwindSafe>;
pub(crate) type CacheGuard<'r> = PoolGuard<'r, Cache, MakeCache>;

/// One rule, and how its matches are judged.
pub(crate) struct Row {
    pub(crate) value: RowValue,
    check: Check,
    context: RowContext,
    score: f32,
    pub(crate) tail: Option<Tail>,
    /// The bytes that a match may begin with.
    first: pattern::Bytes,
}

/// What a match of a row is.
pub(crate) enum RowValue {
    /// A value to be replaced.
    Entity {
        rule: Arc<Rule>,
        placeholder: String,
    },
    /// A placeholder of an earlier redaction, which stays.
    Placeholder,
}

/// What words to the left of a value do for it.
enum RowContext {
    /// Nothing.
    Free,
    /// With one of them, the score is this.
    Raises(Words, f32),
    /// Without one of them, there is no value. With one, the score is this.
    Required(Words, f32),
}

impl Rules {
    /// Compiles the detectors that `config` names.
    ///
    /// # Errors
    /// [`RulesError`] if an entity is unknown, or a pattern cannot be had.
    pub fn new(config: &RulesConfig) -> Result<Self, RulesError> {
        let compiled = Arc::new(compile::compile(config)?);
        Ok(Self { compiled })
    }

    /// Replaces the values in a whole text.
    #[must_use]
    pub fn redact(&self, text: &str) -> Redacted {
        redactor::redact(self, None, text)
    }

    /// The same with placeholders that `vault` can turn back.
    #[must_use]
    pub fn redact_into(&self, vault: &Vault, text: &str) -> Redacted {
        redactor::redact(self, Some(vault), text)
    }

    /// Replaces the values in a text that comes in pieces.
    #[must_use]
    pub fn redactor(&self) -> Redactor {
        Redactor::new(self.clone(), None)
    }

    /// The same with placeholders that `vault` can turn back.
    #[must_use]
    pub fn redactor_into(&self, vault: Vault) -> Redactor {
        Redactor::new(self.clone(), Some(vault))
    }

    pub(crate) fn compiled(&self) -> &Compiled {
        &self.compiled
    }
}

impl Compiled {
    pub(crate) fn cache(&self) -> CacheGuard<'_> {
        self.caches.get()
    }
}

impl fmt::Debug for Rules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rules = self.compiled.rows.len();
        f.debug_struct("Rules")
            .field("rules", &rules)
            .finish_non_exhaustive()
    }
}
