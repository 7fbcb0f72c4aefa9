// SPDX-License-Identifier: Apache-2.0
//! The one stage that text passes on its way to a log, an event, a span or an error.

use std::borrow::Cow;
use std::fmt;
use std::sync::{Arc, OnceLock};

use lukhas_redact::{Profile, Redacted, Rules, RulesConfig, RulesError};
use serde_json::Value;

use crate::Metrics;
use crate::metrics::RedactionCounters;

/// What stands for a text of which nobody can say what is in it.
const UNREAD: &str = "[REDACTED]";

/// Bytes of a word that no rule could find anything in, if it is a plain one.
const PLAIN_WORD: usize = 15;

/// Fields that this server fills itself, with names and identifiers of its own: people search logs for
/// them, and no rule may take one for something else.
const OWN_FIELDS: [&str; 12] = [
    "address",
    "event_type",
    "key_id",
    "level",
    "request_id",
    "route",
    "run_id",
    "span_id",
    "target",
    "timestamp",
    "trace_id",
    "upstream",
];

/// Keeps personal data and secrets out of what leaves for logs, events, spans and errors, and counts
/// what it found. Clones are one stage.
///
/// Rules that nobody has added to are compiled when the first text needs them: most processes never
/// say anything that could hold a value.
#[derive(Clone)]
pub struct Redaction(Arc<Stage>);

/// A stage for each place that texts go to.
#[derive(Clone, Debug)]
pub struct Redactions {
    /// Logs, events and spans.
    pub logs: Redaction,
    /// Models of somebody else, and errors: these may be about addresses of machines.
    pub upstream: Redaction,
    /// Readers of answers.
    pub client: Redaction,
}

struct Stage {
    config: RulesConfig,
    /// `None` inside when they cannot be compiled; then no text passes.
    rules: OnceLock<Option<Rules>>,
    /// Whether the rules are those of the profile alone, so that it is known what they never find.
    is_plain: bool,
    found: RedactionCounters,
}

impl Redaction {
    /// A stage that finds what `profile` names.
    #[must_use]
    pub fn new(profile: Profile) -> Self {
        Self(Arc::new(Stage {
            config: RulesConfig::new(profile),
            rules: OnceLock::new(),
            is_plain: true,
            found: RedactionCounters::default(),
        }))
    }

    /// A stage that finds what `config` names.
    ///
    /// # Errors
    /// [`RulesError`] if an entity is unknown, or a pattern cannot be had.
    pub fn with_rules(config: RulesConfig) -> Result<Self, RulesError> {
        let rules = OnceLock::from(Some(Rules::new(&config)?));
        Ok(Self(Arc::new(Stage {
            config,
            rules,
            is_plain: false,
            found: RedactionCounters::default(),
        })))
    }

    /// The same stage, which counts in `metrics` what it finds from now on.
    #[must_use]
    pub fn counted_in(self, metrics: &Metrics) -> Self {
        let stage = &*self.0;
        Self(Arc::new(Stage {
            config: stage.config.clone(),
            rules: stage.rules.clone(),
            is_plain: stage.is_plain,
            found: metrics.redactions().clone(),
        }))
    }

    /// What there is to be found in `text`, and what is left of it; `None` when the rules cannot be
    /// compiled. It is not counted.
    #[must_use]
    pub fn redacted(&self, text: &str) -> Option<Redacted> {
        Some(self.compiled()?.redact_encoded(text))
    }

    /// `text` without personal data and secrets.
    #[must_use]
    pub fn text<'t>(&self, text: &'t str) -> Cow<'t, str> {
        if self.0.is_plain && is_plain(text) {
            return Cow::Borrowed(text);
        }
        let Some(rules) = self.compiled() else {
            return Cow::Borrowed(UNREAD);
        };
        let redacted = rules.redact_encoded(text);
        if redacted.findings.is_empty() {
            return Cow::Borrowed(text);
        }
        for finding in &redacted.findings {
            self.0.found.count(finding.rule.kind);
        }
        Cow::Owned(redacted.text)
    }

    /// What is written of the field `name`, whose value is `value`.
    #[must_use]
    pub fn field<'t>(&self, name: &str, value: &'t str) -> Cow<'t, str> {
        if OWN_FIELDS.contains(&name) {
            Cow::Borrowed(value)
        } else {
            self.text(value)
        }
    }

    /// Redacts the texts in `value`, the member `name` of an object.
    pub(crate) fn value(&self, name: &str, value: &mut Value) {
        match value {
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
            Value::String(text) => {
                if let Cow::Owned(redacted) = self.field(name, text) {
                    *text = redacted;
                }
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.value(name, item)),
            Value::Object(members) => {
                for (name, value) in members {
                    self.value(name, value);
                }
            }
        }
    }

    /// Its rules; `None` when they cannot be compiled. What they find is not counted.
    #[must_use]
    pub fn rules(&self) -> Option<Rules> {
        self.compiled().cloned()
    }

    fn compiled(&self) -> Option<&Rules> {
        let make = || Rules::new(&self.0.config).ok();
        self.0.rules.get_or_init(make).as_ref()
    }
}

impl Redactions {
    /// The stage of the profile `name`.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<&Redaction> {
        Some(match name.parse().ok()? {
            Profile::Logs => &self.logs,
            Profile::Upstream => &self.upstream,
            Profile::Client => &self.client,
        })
    }
}

impl Default for Redactions {
    fn default() -> Self {
        Self {
            logs: Redaction::new(Profile::Logs),
            upstream: Redaction::new(Profile::Upstream),
            client: Redaction::new(Profile::Client),
        }
    }
}

/// Whether no rule of any profile finds anything in `text`: short words of letters, and nothing that
/// sets numbers, addresses and assignments apart.
fn is_plain(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphabetic() || b"'.;()`\"?!".contains(&byte);
    text.split([' ', '\n'])
        .all(|word| word.len() <= PLAIN_WORD && word.bytes().all(plain))
}

/// What is kept out of logs.
impl Default for Redaction {
    fn default() -> Self {
        Self::new(Profile::Logs)
    }
}

impl fmt::Debug for Redaction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redaction")
            .field("compiled", &self.0.rules.get().is_some())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
