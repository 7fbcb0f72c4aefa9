// SPDX-License-Identifier: Apache-2.0
//! Names that operators give.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// Most characters of a label.
const MAX_CHARS: usize = 64;

/// How keys begin that are known to us; no label does.
const KEY_PREFIXES: [&str; 2] = ["lk_live_", "sk-"];

/// The name of a key, a tenant or a project: 1 to 64 letters, digits, `_`, `.` or `-`, and nothing
/// that looks like a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label(Arc<str>);

/// Why a text is no label. Never holds the text: it may be a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LabelError {
    /// Not of the right characters, or too many or few of them.
    #[error("it is not 1 to {MAX_CHARS} letters, digits, `_`, `.` or `-`")]
    Form,
    /// It begins as keys do.
    #[error("it looks like a key, and a key is never a name")]
    Key,
}

impl Label {
    /// Its text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn shared(&self) -> Arc<str> {
        Arc::clone(&self.0)
    }
}

impl Default for Label {
    /// `default`.
    fn default() -> Self {
        Self("default".into())
    }
}

impl FromStr for Label {
    type Err = LabelError;

    fn from_str(text: &str) -> Result<Self, LabelError> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
        if text.is_empty() || text.len() > MAX_CHARS || !text.bytes().all(plain) {
            return Err(LabelError::Form);
        }
        if KEY_PREFIXES.iter().any(|prefix| text.starts_with(prefix)) {
            return Err(LabelError::Key);
        }
        Ok(Self(text.into()))
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_plain_and_no_keys() {
        for (text, expected) in [
            ("billing", Ok(())),
            ("team-a_2.prod", Ok(())),
            (&"a".repeat(64), Ok(())),
            (&"a".repeat(65), Err(LabelError::Form)),
            ("", Err(LabelError::Form)),
            ("a b", Err(LabelError::Form)),
            ("über", Err(LabelError::Form)),
            ("a\n", Err(LabelError::Form)),
            (&["lk", "live", "x"].join("_"), Err(LabelError::Key)),
            (&["sk", "x"].join("-"), Err(LabelError::Key)),
        ] {
            assert_eq!(text.parse::<Label>().map(|_| ()), expected, "{text}");
        }
    }
}
