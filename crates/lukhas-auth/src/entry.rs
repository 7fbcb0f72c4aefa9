// SPDX-License-Identifier: Apache-2.0
//! A bearer token on its way into a key set.

use std::sync::Arc;

use lukhas_core::{Glob, Scope};
use lukhas_redact::Secret;

use crate::format::{self, Form};
use crate::{KeyError, KeyFault};

/// Fewest characters of a token.
pub const MIN_TOKEN_CHARS: usize = 16;

/// Most characters of a token.
pub const MAX_TOKEN_CHARS: usize = 1024;

/// A bearer token that is fit for use, and what its holder may do.
#[derive(Debug)]
pub struct KeyEntry {
    pub(crate) token: Secret<String>,
    pub(crate) origin: String,
    pub(crate) public_id: Option<Arc<str>>,
    pub(crate) tenant: Arc<str>,
    pub(crate) project: Arc<str>,
    pub(crate) scopes: Arc<[Scope]>,
    pub(crate) models: Arc<[Glob]>,
    pub(crate) indexes: Arc<[Glob]>,
}

impl KeyEntry {
    /// The entry of `token`, for tenant and project `default`, every scope, model and index.
    ///
    /// `origin` says in errors where the token came from, such as `` `LUKHAS_API_TOKEN` ``. A token
    /// is one that [`GeneratedKey`](crate::GeneratedKey) made, or any that an operator chose.
    ///
    /// # Errors
    /// [`KeyError::Unusable`] for fewer than 16 or more than 1,024 characters, for characters that
    /// are not visible ASCII, and for a mistyped key of this server.
    pub fn new(origin: impl Into<String>, token: Secret<String>) -> Result<Self, KeyError> {
        let origin = origin.into();
        match check(token.expose()) {
            Ok(public_id) => Ok(Self {
                token,
                origin,
                public_id,
                tenant: "default".into(),
                project: "default".into(),
                scopes: Scope::ALL.into(),
                models: [].into(),
                indexes: [].into(),
            }),
            Err(fault) => Err(KeyError::Unusable { origin, fault }),
        }
    }

    /// The same entry, known by `name` instead of an identifier of its own.
    ///
    /// # Errors
    /// [`KeyError::Unusable`] when `name` is not 1 to 15 letters, digits, `_`, `.` or `-`: names
    /// are shorter than any token, so a token in the place of a name never reaches a log.
    pub fn with_name(mut self, name: &str) -> Result<Self, KeyError> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
        if name.is_empty() || name.len() >= MIN_TOKEN_CHARS || !name.bytes().all(plain) {
            return Err(KeyError::Unusable {
                origin: self.origin,
                fault: KeyFault::Name,
            });
        }
        self.public_id = Some(name.into());
        Ok(self)
    }

    /// The same entry, for `tenant`.
    #[must_use]
    pub fn with_tenant(mut self, tenant: impl Into<Arc<str>>) -> Self {
        self.tenant = tenant.into();
        self
    }

    /// The same entry, for the account `project` of its tenant.
    #[must_use]
    pub fn with_project(mut self, project: impl Into<Arc<str>>) -> Self {
        self.project = project.into();
        self
    }

    /// The same entry, with only the models whose names `models` match, or with every model when
    /// there is no pattern.
    #[must_use]
    pub fn with_models(mut self, models: impl Into<Arc<[Glob]>>) -> Self {
        self.models = models.into();
        self
    }

    /// The same entry, with only the indexes whose names `indexes` match, or with every index of its
    /// tenant when there is no pattern.
    #[must_use]
    pub fn with_indexes(mut self, indexes: impl Into<Arc<[Glob]>>) -> Self {
        self.indexes = indexes.into();
        self
    }

    /// The same entry, with only `scopes`.
    #[must_use]
    pub fn with_scopes(mut self, scopes: impl Into<Arc<[Scope]>>) -> Self {
        self.scopes = scopes.into();
        self
    }
}

/// The public identifier inside `token`, if it is one of ours.
fn check(token: &str) -> Result<Option<Arc<str>>, KeyFault> {
    if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(KeyFault::NotVisibleAscii);
    }
    if token.len() < MIN_TOKEN_CHARS {
        return Err(KeyFault::TooShort(token.len()));
    }
    if token.len() > MAX_TOKEN_CHARS {
        return Err(KeyFault::TooLong(token.len()));
    }
    match format::read(token) {
        Form::Own { id } => Ok(Some(id.into())),
        Form::Mistyped => Err(KeyFault::Mistyped),
        Form::Foreign => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn fault_of(token: &str) -> Option<KeyFault> {
        match KeyEntry::new("the test", Secret::new(token.to_owned())) {
            Ok(_) => None,
            Err(KeyError::Unusable { origin, fault }) => {
                assert_eq!(origin, "the test");
                Some(fault)
            }
            Err(other) => panic!("{other:?}"),
        }
    }

    #[test]
    fn tokens_are_long_enough_and_visible_ascii() {
        for (token, expected) in [
            (String::new(), Some(KeyFault::TooShort(0))),
            ("s".repeat(15), Some(KeyFault::TooShort(15))),
            ("s".repeat(16), None),
            ("s".repeat(1024), None),
            ("s".repeat(1025), Some(KeyFault::TooLong(1025))),
            ("!~\"'#=/+.-_:;@ab".to_owned(), None),
            (
                format!("{} {}", "s".repeat(8), "s".repeat(8)),
                Some(KeyFault::NotVisibleAscii),
            ),
            (
                format!("{}\n", "s".repeat(16)),
                Some(KeyFault::NotVisibleAscii),
            ),
            (
                format!("{}\0", "s".repeat(16)),
                Some(KeyFault::NotVisibleAscii),
            ),
            ("é".repeat(16), Some(KeyFault::NotVisibleAscii)),
            (["sk", "proj", "0123456789"].join("-"), None),
            (
                ["lk", "live", "0123456789"].join("_"),
                Some(KeyFault::Mistyped),
            ),
        ] {
            assert_eq!(fault_of(&token), expected, "{} characters", token.len());
        }
    }

    #[test]
    fn a_name_is_shorter_than_any_token() {
        for (name, good) in [
            ("billing", true),
            ("team-a_2.prod", true),
            ("fifteen-letters", true),
            ("sixteen--letters", false),
            ("", false),
            ("a b", false),
            ("über", false),
            ("a`b", false),
        ] {
            let entry = KeyEntry::new("the test", Secret::new("t".repeat(20))).unwrap();
            let named = entry.with_name(name);
            assert_eq!(named.is_ok(), good, "{name}");
            if let Err(error) = named {
                assert_eq!(error.to_string(), "the key from the test cannot be used");
            }
        }
    }

    #[test]
    fn debug_never_shows_the_token() {
        let token = "visible-token-0123";
        let entry = KeyEntry::new("the test", Secret::new(token.to_owned())).unwrap();
        assert!(!format!("{entry:?}").contains(token));
    }
}
