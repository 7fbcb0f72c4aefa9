// SPDX-License-Identifier: Apache-2.0
//! Redaction of parsed JSON.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use serde_json::{Map, Value};

use crate::finding::{Finding, Kind, Rule};
use crate::placeholder;
use crate::rules::Rules;
use crate::vault::Vault;

/// Replaces values in parsed JSON. What an escape hides (`\u0040` is an `@`) is decoded there.
///
/// Strings are searched, and the names of members; so are numbers, which become a string where they
/// are a value. Whatever is called like a secret is replaced whole: [`JsonRules::NAMES`], and more.
///
/// ```
/// use lukhas_redact::{JsonRules, Profile, Rules, RulesConfig};
/// use serde_json::json;
///
/// let rules = JsonRules::new(Rules::new(&RulesConfig::new(Profile::Logs))?);
/// let mut value = json!({"to": ["ada@example.com"], "password": "anything"});
/// rules.redact(&mut value);
/// assert_eq!(value, json!({"to": ["[REDACTED:EMAIL_ADDRESS]"], "password": "[REDACTED:SECRET]"}));
/// # Ok::<(), lukhas_redact::RulesError>(())
/// ```
#[derive(Clone, Debug)]
pub struct JsonRules {
    rules: Rules,
    names: Vec<String>,
}

/// A value that was replaced in JSON.
#[derive(Clone, Debug, PartialEq)]
pub struct JsonFinding {
    /// Where, as RFC 6901 writes it; with names as they are after redaction.
    pub pointer: String,
    /// What. Its offsets are within the string there, or within the name.
    pub finding: Finding,
}

/// What members with a secret's name hold.
const ENTITY: &str = "SECRET";
/// The rule that finds them.
const RULE: &str = "member_name";

impl JsonRules {
    /// Names of members whose value is secret, whatever it is. `-` is the same as `_`, and capital
    /// letters the same as small ones.
    pub const NAMES: &[&str] = &[
        "access_key",
        "access_token",
        "api_key",
        "apikey",
        "auth_token",
        "authorization",
        "client_secret",
        "cookie",
        "credentials",
        "id_token",
        "passphrase",
        "passwd",
        "password",
        "private_key",
        "proxy_authorization",
        "refresh_token",
        "secret",
        "secret_access_key",
        "secret_key",
        "session_token",
        "set_cookie",
        "x_api_key",
    ];

    /// Searches with `rules`.
    #[must_use]
    pub fn new(rules: Rules) -> Self {
        let names = Self::NAMES.iter().map(ToString::to_string).collect();
        Self { rules, names }
    }

    /// Has these names in the place of [`JsonRules::NAMES`].
    #[must_use]
    pub fn with_names<'n>(mut self, names: impl IntoIterator<Item = &'n str>) -> Self {
        self.names = names.into_iter().map(folded).collect();
        self
    }

    /// Replaces the values in `value`.
    pub fn redact(&self, value: &mut Value) -> Vec<JsonFinding> {
        self.walk(None, value)
    }

    /// The same with placeholders that `vault` can turn back, each to a text: of what is called like a
    /// secret, strings alone. What an encoding hides stays: it could not be put back as it was.
    pub fn redact_into(&self, vault: &Vault, value: &mut Value) -> Vec<JsonFinding> {
        self.walk(Some(vault), value)
    }

    fn walk(&self, vault: Option<&Vault>, value: &mut Value) -> Vec<JsonFinding> {
        let mut walk = Walk {
            rules: self,
            vault,
            pointer: String::new(),
            findings: Vec::new(),
        };
        walk.value(value);
        walk.findings
    }
}

fn folded(name: &str) -> String {
    name.to_ascii_lowercase().replace('-', "_")
}

struct Walk<'r> {
    rules: &'r JsonRules,
    vault: Option<&'r Vault>,
    pointer: String,
    findings: Vec<JsonFinding>,
}

impl Walk<'_> {
    /// As deep as the value, which its reader bounds (`serde_json` at 128).
    fn value(&mut self, value: &mut Value) {
        match value {
            Value::Null | Value::Bool(_) => {}
            Value::String(text) => {
                if let Some(redacted) = self.text(text) {
                    *text = redacted;
                }
            }
            Value::Number(number) => {
                if let Some(redacted) = self.text(&number.to_string()) {
                    *value = Value::String(redacted);
                }
            }
            Value::Array(items) => {
                for (index, item) in items.iter_mut().enumerate() {
                    self.within(&index.to_string(), |walk| walk.value(item));
                }
            }
            Value::Object(members) => self.members(members),
        }
    }

    fn members(&mut self, members: &mut Map<String, Value>) {
        for (name, mut value) in std::mem::take(members) {
            let secret = self.rules.names.contains(&folded(&name));
            let name = self.text(&name).unwrap_or(name);
            // Two names may have become one; neither member is lost.
            let mut free = name.clone();
            let mut number = 1;
            while members.contains_key(&free) {
                number += 1;
                free = format!("{name}#{number}");
            }
            self.within(&free, |walk| {
                if secret {
                    walk.secret(&mut value);
                } else {
                    walk.value(&mut value);
                }
            });
            members.insert(free, value);
        }
    }

    /// What `text` becomes, if there is something to be found in it.
    fn text(&mut self, text: &str) -> Option<String> {
        let rules = &self.rules.rules;
        let redacted = match self.vault {
            None => rules.redact_encoded(text),
            Some(vault) => rules.redact_into(vault, text),
        };
        if redacted.findings.is_empty() {
            return None;
        }
        for finding in redacted.findings {
            self.found(finding);
        }
        Some(redacted.text)
    }

    /// Replaces all of it, unless there is nothing.
    fn secret(&mut self, value: &mut Value) {
        let length = match value {
            Value::Null | Value::Bool(_) => return,
            Value::String(text) => text.chars().count(),
            Value::Number(_) | Value::Array(_) | Value::Object(_) => {
                value.to_string().chars().count()
            }
        };
        if length == 0 || value.as_str().is_some_and(placeholder::is_one) {
            return;
        }
        let text = value.as_str();
        let number = text.and_then(|text| self.vault?.number(ENTITY, text));
        let mut placeholder = String::new();
        placeholder::write(&mut placeholder, ENTITY, number);
        *value = Value::String(placeholder);
        self.found(Finding {
            rule: Arc::new(Rule {
                kind: Kind::Secret,
                entity: ENTITY.to_owned(),
                name: RULE.to_owned(),
            }),
            start: 0,
            end: length,
            score: 1.0,
        });
    }

    fn found(&mut self, finding: Finding) {
        let pointer = self.pointer.clone();
        self.findings.push(JsonFinding { pointer, finding });
    }

    fn within(&mut self, name: &str, work: impl FnOnce(&mut Self)) {
        let length = self.pointer.len();
        self.pointer.push('/');
        self.pointer
            .push_str(&name.replace('~', "~0").replace('/', "~1"));
        work(self);
        self.pointer.truncate(length);
    }
}
