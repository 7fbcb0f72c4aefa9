// SPDX-License-Identifier: Apache-2.0
//! Who asks.

use std::fmt;
use std::sync::Arc;

use crate::Glob;

/// Who asks: the holder of one key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// Public identifier of the key; never the key.
    pub key_id: Arc<str>,
    /// Whose objects it sees. Objects of other tenants do not exist for it.
    pub tenant: Arc<str>,
    /// Whose account it is, within the tenant. It hides nothing.
    pub project: Arc<str>,
    /// What it may do.
    pub scopes: Arc<[Scope]>,
    /// Names of models that it may ask for; all of them when there is no pattern. Other models do
    /// not exist for it.
    pub models: Arc<[Glob]>,
    /// Names of indexes that it may use; all of its tenant's when there is no pattern. Other indexes
    /// do not exist for it.
    pub indexes: Arc<[Glob]>,
}

/// A permission, as routes declare it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// Create, read and delete responses; run chat completions.
    Responses,
    /// Compute embeddings.
    Embeddings,
    /// Read the list of models.
    Models,
    /// Read metrics and the OpenAPI document.
    Operations,
    /// Use what is for administrators: redaction.
    Admin,
}

/// Turns a bearer token into a [`Principal`].
///
/// Implementers compare in constant time and take the same time for an unknown and a wrong token.
pub trait Authenticator: Send + Sync {
    /// The holder of `token`.
    ///
    /// # Errors
    /// [`AuthError`] when there is none; nothing in it tells why.
    fn authenticate(&self, token: &[u8]) -> Result<Arc<Principal>, AuthError>;

    /// What of `token` says whose it claims to be, by its form alone: the same for every attempt to
    /// guess one key. All of it when nothing does.
    fn claimed<'t>(&self, token: &'t [u8]) -> &'t [u8] {
        token
    }
}

/// The token is nobody's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the key is not known")]
pub struct AuthError;

impl Scope {
    /// Every scope there is.
    pub const ALL: [Self; 5] = [
        Self::Responses,
        Self::Embeddings,
        Self::Models,
        Self::Operations,
        Self::Admin,
    ];

    /// Its name on the command line, in key stores and in documents.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Responses => "responses:write",
            Self::Embeddings => "embeddings:write",
            Self::Models => "models:read",
            Self::Operations => "operations:read",
            Self::Admin => "admin:use",
        }
    }

    /// The scope of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == name)
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Principal {
    /// A holder of `key_id` who sees the objects of `tenant` and may do nothing yet: project
    /// `default`, no scope, every model and every index.
    #[must_use]
    pub fn new(key_id: impl Into<Arc<str>>, tenant: impl Into<Arc<str>>) -> Self {
        Self {
            key_id: key_id.into(),
            tenant: tenant.into(),
            project: "default".into(),
            scopes: [].into(),
            models: [].into(),
            indexes: [].into(),
        }
    }

    /// Whether the model `name` exists for it. Only the name it asks for counts: an alias is a name
    /// of its own, whatever it stands for.
    #[must_use]
    pub fn may_use(&self, name: &str) -> bool {
        allows(&self.models, name)
    }

    /// Whether the index `name` of its tenant exists for it.
    #[must_use]
    pub fn may_use_index(&self, name: &str) -> bool {
        allows(&self.indexes, name)
    }

    /// Whether it holds `scope`.
    #[must_use]
    pub fn may(&self, scope: Scope) -> bool {
        self.scopes.contains(&scope)
    }
}

/// Whether a list of patterns lets `name` through; an empty one is no list.
fn allows(patterns: &[Glob], name: &str) -> bool {
    patterns.is_empty() || patterns.iter().any(|glob| glob.matches(name))
}
