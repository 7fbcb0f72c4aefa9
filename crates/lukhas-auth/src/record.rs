// SPDX-License-Identifier: Apache-2.0
//! What is kept of a key.

use std::str::FromStr;
use std::sync::Arc;

use lukhas_core::{Glob, Principal, Scope};
use serde_json::{Value, json};

use crate::format::ID_CHARS;
use crate::members::Members;
use crate::pepper::Digest;
use crate::{Label, RecordFault, UtcTime};

/// Most scopes or patterns of one key.
const MAX_ITEMS: usize = 64;

/// What is kept of a key: who holds it and what it may do; of the key itself only a digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRecord {
    /// Public identifier, which the key holds, too.
    pub id: Arc<str>,
    /// What people call it.
    pub name: Label,
    /// What its holder may see and do.
    pub rights: Rights,
    /// When it was made.
    pub created_at: UtcTime,
    /// When it ends by itself, if ever.
    pub expires_at: Option<UtcTime>,
    /// When it was revoked, if it was.
    pub revoked_at: Option<UtcTime>,
    pub(crate) digest: Digest,
}

/// What the holder of a key may see and do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rights {
    /// Whose objects it sees.
    pub tenant: Label,
    /// Whose account it is, within the tenant.
    pub project: Label,
    /// What it may do.
    pub scopes: Arc<[Scope]>,
    /// Names of models that it may ask for; all of them when there is no pattern.
    pub models: Arc<[Glob]>,
    /// Names of indexes that it may use; all of its tenant's when there is no pattern.
    pub indexes: Arc<[Glob]>,
}

/// Whether a key is of use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyState {
    /// It is.
    Active,
    /// Its time is over.
    Expired,
    /// It was revoked.
    Revoked,
}

impl KeyRecord {
    /// Whether it is of use at `now`.
    #[must_use]
    pub fn state(&self, now: UtcTime) -> KeyState {
        match (self.revoked_at, self.expires_at) {
            (Some(_), _) => KeyState::Revoked,
            (None, Some(at)) if at <= now => KeyState::Expired,
            (None, Some(_) | None) => KeyState::Active,
        }
    }

    /// From when on it is nobody's: 0 for one that was revoked.
    pub(crate) fn until(&self) -> u64 {
        match (self.revoked_at, self.expires_at) {
            (Some(_), _) => 0,
            (None, Some(at)) => at.as_unix(),
            (None, None) => u64::MAX,
        }
    }

    pub(crate) fn principal(&self) -> Principal {
        Principal {
            key_id: Arc::clone(&self.id),
            tenant: self.rights.tenant.shared(),
            project: self.rights.project.shared(),
            scopes: Arc::clone(&self.rights.scopes),
            models: Arc::clone(&self.rights.models),
            indexes: Arc::clone(&self.rights.indexes),
        }
    }

    /// All of it but the digest.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let text = |time: Option<UtcTime>| time.map(|time| time.to_string());
        let scopes = self.rights.scopes.iter().map(|scope| scope.as_str());
        let patterns = |globs: &[Glob]| globs.iter().map(Glob::as_str).collect::<Value>();
        json!({
            "id": *self.id,
            "name": self.name.as_str(),
            "tenant": self.rights.tenant.as_str(),
            "project": self.rights.project.as_str(),
            "scopes": scopes.collect::<Vec<_>>(),
            "models": patterns(&self.rights.models),
            "indexes": patterns(&self.rights.indexes),
            "created_at": self.created_at.to_string(),
            "expires_at": text(self.expires_at),
            "revoked_at": text(self.revoked_at),
        })
    }

    /// Its line in a key store, without the end of the line.
    pub(crate) fn to_line(&self) -> String {
        let mut record = self.to_json();
        record["hmac"] = self.digest.to_string().into();
        record.to_string()
    }

    /// The record that `line` of a key store holds.
    pub(crate) fn parse(line: &[u8]) -> Result<Self, RecordFault> {
        let mut members = Members::parse(line)?;
        let record = Self {
            id: members.take("id", id)?,
            name: members.take("name", parsed)?,
            rights: Rights {
                tenant: members.take("tenant", parsed)?,
                project: members.take("project", parsed)?,
                scopes: members.take("scopes", |value| list(value, scope))?,
                models: members.take("models", |value| list(value, parsed))?,
                // Lines of before there was one have none.
                indexes: match members.has("indexes") {
                    true => members.take("indexes", |value| list(value, parsed))?,
                    false => [].into(),
                },
            },
            created_at: members.take("created_at", parsed)?,
            expires_at: members.take("expires_at", optional)?,
            revoked_at: members.take("revoked_at", optional)?,
            digest: members.take("hmac", digest)?,
        };
        members.end()?;
        Ok(record)
    }
}

impl KeyState {
    /// Its name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
        }
    }
}

// What the values of members may be. Messages never hold a value: it may be a key.

fn text(value: &Value) -> Result<&str, String> {
    value
        .as_str()
        .ok_or_else(|| "it is not a string".to_owned())
}

fn parsed<T: FromStr<Err: ToString>>(value: &Value) -> Result<T, String> {
    text(value)?
        .parse()
        .map_err(|error: T::Err| error.to_string())
}

fn optional<T: FromStr<Err: ToString>>(value: &Value) -> Result<Option<T>, String> {
    match value {
        Value::Null => Ok(None),
        _ => parsed(value).map(Some),
    }
}

fn list<T>(value: &Value, read: impl Fn(&Value) -> Result<T, String>) -> Result<Arc<[T]>, String> {
    let items = value.as_array().ok_or("it is not a list")?;
    if items.len() > MAX_ITEMS {
        return Err(format!("it has more than {MAX_ITEMS} items"));
    }
    let number = |(index, error)| format!("item {}: {error}", index + 1);
    let read = |(index, item)| read(item).map_err(|error| number((index, error)));
    items.iter().enumerate().map(read).collect()
}

fn id(value: &Value) -> Result<Arc<str>, String> {
    let id = text(value)?;
    if id.len() == ID_CHARS && id.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Ok(id.into());
    }
    Err(format!("it is not {ID_CHARS} letters and digits"))
}

fn scope(value: &Value) -> Result<Scope, String> {
    Scope::from_name(text(value)?).ok_or_else(|| "there is no such scope".to_owned())
}

fn digest(value: &Value) -> Result<Digest, String> {
    let digest = Digest::from_hex(text(value)?);
    digest.ok_or_else(|| "it is not 64 digits from 0 to f".to_owned())
}
