// SPDX-License-Identifier: Apache-2.0
//! Who asks.

use std::sync::Arc;

/// Who asks: the holder of one key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// Public identifier of the key; never the key.
    pub key_id: Arc<str>,
    /// Whose objects it sees. Objects of other tenants do not exist for it.
    pub tenant: Arc<str>,
    /// What it may do.
    pub scopes: Arc<[Scope]>,
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
}

/// The token is nobody's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the key is not known")]
pub struct AuthError;

impl Scope {
    /// Every scope there is.
    pub const ALL: [Self; 4] = [
        Self::Responses,
        Self::Embeddings,
        Self::Models,
        Self::Operations,
    ];

    /// Its name in key files and documents.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Responses => "responses:write",
            Self::Embeddings => "embeddings:write",
            Self::Models => "models:read",
            Self::Operations => "operations:read",
        }
    }
}

impl Principal {
    /// Whether it holds `scope`.
    #[must_use]
    pub fn may(&self, scope: Scope) -> bool {
        self.scopes.contains(&scope)
    }
}
