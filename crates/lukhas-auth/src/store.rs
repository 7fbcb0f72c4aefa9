// SPDX-License-Identifier: Apache-2.0
//! Key stores: what is kept of many keys.

mod file;

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rand::CryptoRng;
use serde_json::{Value, json};

use crate::members::Members;
use crate::pepper::Digest;
use crate::private_file::{self, FileKind};
use crate::record::{KeyRecord, KeyState, Rights};
use crate::{GeneratedKey, KeyError, Label, Pepper, RecordFault, UtcTime};

pub use file::StoreFile;

/// The version of the format.
const VERSION: u64 = 1;

/// Most bytes of a key store: some 40,000 keys.
const MAX_FILE_BYTES: u64 = 16 << 20;

/// What is kept of many keys. Only `lukhas keys` writes it.
///
/// As text it is JSON Lines: a header, `{"lukhas_keys":1,"pepper":"…"}`, whose `pepper` tells which
/// pepper the digests were made with and nothing about it, then one [`KeyRecord`] a line.
///
/// INVARIANT: no two records have the same identifier or the same digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyStore {
    pepper: Digest,
    records: Vec<KeyRecord>,
}

/// A key to be made.
#[derive(Clone, Debug)]
pub struct NewKey {
    /// What people call it.
    pub name: Label,
    /// What its holder may see and do.
    pub rights: Rights,
    /// When it ends by itself, if ever.
    pub expires_at: Option<UtcTime>,
}

impl KeyStore {
    /// A store without keys, for keys under `pepper`.
    #[must_use]
    pub fn new(pepper: &Pepper) -> Self {
        Self {
            pepper: pepper.check_value(),
            records: Vec::new(),
        }
    }

    /// Reads the store at `path`.
    ///
    /// # Errors
    /// [`KeyError::Permissions`], [`KeyError::Read`] and [`KeyError::TooLarge`], as of any file with
    /// secrets; and what parsing gives.
    pub fn read(path: &Path) -> Result<Self, KeyError> {
        let content = private_file::read(FileKind::Store, path, MAX_FILE_BYTES)?;
        Self::parse(path, content.expose())
    }

    /// Reads the `content` of the store at `path`, which only errors name.
    ///
    /// # Errors
    /// [`KeyError::Record`] with the number of the first line that is not what this program writes:
    /// what is not understood, or broke off, is never passed over.
    pub fn parse(path: &Path, content: &[u8]) -> Result<Self, KeyError> {
        let fault = |line, fault| KeyError::Record {
            path: path.to_owned(),
            line,
            fault,
        };
        let mut lines = content.split_inclusive(|&byte| byte == b'\n').zip(1..);
        let header = lines.next().ok_or(RecordFault::Header);
        let header = header.and_then(|(line, _)| read_header(whole(line)?));
        let mut store = Self {
            pepper: header.map_err(|wrong| fault(1, wrong))?,
            records: Vec::new(),
        };
        let mut seen = Seen::default();
        for (line, number) in lines {
            let record = whole(line).and_then(KeyRecord::parse);
            let record = record.and_then(|record| seen.add(&record, number).map(|()| record));
            store
                .records
                .push(record.map_err(|wrong| fault(number, wrong))?);
        }
        Ok(store)
    }

    /// The text of the store, which [`Self::parse`] reads back.
    #[must_use]
    pub fn to_text(&self) -> String {
        let header = json!({"lukhas_keys": VERSION, "pepper": self.pepper.to_string()});
        let mut text = format!("{header}\n");
        for record in &self.records {
            text.push_str(&record.to_line());
            text.push('\n');
        }
        text
    }

    /// Every record, in the order they were made.
    #[must_use]
    pub fn records(&self) -> &[KeyRecord] {
        &self.records
    }

    /// Makes sure that the digests of this store, which is at `path`, were made with `pepper`.
    ///
    /// # Errors
    /// [`KeyError::OtherPepper`].
    pub fn check_pepper(&self, path: &Path, pepper: &Pepper) -> Result<(), KeyError> {
        if self.pepper.is(&pepper.check_value()).into() {
            return Ok(());
        }
        let path = path.to_owned();
        Err(KeyError::OtherPepper { path })
    }

    /// The record of `token`, under the pepper of this store.
    #[must_use]
    pub fn holder(&self, pepper: &Pepper, token: &[u8]) -> Option<&KeyRecord> {
        let digest = pepper.digest(&[token]);
        let mut records = self.records.iter();
        records.find(|record| record.digest.is(&digest).into())
    }

    /// Makes a key from the bits of `rng`, and keeps its record.
    ///
    /// # Errors
    /// [`KeyError::Past`] when it would have expired at `now`.
    pub fn create(
        &mut self,
        pepper: &Pepper,
        rng: &mut (impl CryptoRng + ?Sized),
        new: NewKey,
        now: UtcTime,
    ) -> Result<GeneratedKey, KeyError> {
        if let Some(expires_at) = new.expires_at.filter(|at| *at <= now) {
            return Err(KeyError::Past { expires_at });
        }
        let mut key = GeneratedKey::generate(rng);
        while self.records.iter().any(|record| record.id == key.id) {
            key = GeneratedKey::generate(rng);
        }
        self.records.push(KeyRecord {
            id: key.id.clone(),
            name: new.name,
            rights: new.rights,
            created_at: now,
            expires_at: new.expires_at,
            revoked_at: None,
            digest: pepper.digest(&[key.secret.expose().as_bytes()]),
        });
        Ok(key)
    }

    /// Ends the key `id` now; its record stays.
    ///
    /// # Errors
    /// [`KeyError::UnknownId`] and [`KeyError::Revoked`].
    pub fn revoke(&mut self, id: &str, now: UtcTime) -> Result<&KeyRecord, KeyError> {
        let record = self.unrevoked(id)?;
        record.revoked_at = Some(now);
        Ok(record)
    }

    /// Makes another key with the name and the rights of `id`, which ends after `grace`, if it does
    /// not before. The new one ends at `expires_at`, or else when the old one would have.
    ///
    /// # Errors
    /// [`KeyError::UnknownId`], [`KeyError::Revoked`], and [`KeyError::Past`] when the new one would
    /// have expired at `now`.
    pub fn rotate(
        &mut self,
        pepper: &Pepper,
        rng: &mut (impl CryptoRng + ?Sized),
        id: &str,
        change: Rotation,
        now: UtcTime,
    ) -> Result<GeneratedKey, KeyError> {
        let old = self.unrevoked(id)?;
        let new = NewKey {
            name: old.name.clone(),
            rights: old.rights.clone(),
            expires_at: change.expires_at.or(old.expires_at),
        };
        let ends = now.after(change.grace);
        let before = old.expires_at;
        let key = self.create(pepper, rng, new, now)?;
        // It was there, and making a key moves none.
        if let Some(old) = self.records.iter_mut().find(|record| *record.id == *id) {
            old.expires_at = before.into_iter().chain(ends).min();
        }
        Ok(key)
    }

    fn unrevoked(&mut self, id: &str) -> Result<&mut KeyRecord, KeyError> {
        let record = self.records.iter_mut().find(|record| *record.id == *id);
        let record = record.ok_or_else(|| KeyError::UnknownId(shown(id)))?;
        match record.revoked_at {
            Some(at) => Err(KeyError::Revoked {
                id: record.id.to_string(),
                at,
            }),
            None => Ok(record),
        }
    }

    /// How many keys are of use at `now`.
    #[must_use]
    pub fn active(&self, now: UtcTime) -> usize {
        let active = |record: &&KeyRecord| record.state(now) == KeyState::Active;
        self.records.iter().filter(active).count()
    }
}

/// How a key is replaced.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rotation {
    /// How long the old key goes on.
    pub grace: Duration,
    /// When the new key ends; when absent, at the end of the old one.
    pub expires_at: Option<UtcTime>,
}

/// An identifier that was asked for; whoever writes a key there must not see it again.
fn shown(id: &str) -> String {
    let plain = id.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if plain && id.len() <= crate::format::ID_CHARS {
        return id.to_owned();
    }
    "…".to_owned()
}

/// The line without its end, which it must have: else the file broke off there.
fn whole(line: &[u8]) -> Result<&[u8], RecordFault> {
    let end = RecordFault::Json(line.len() + 1);
    line.strip_suffix(b"\n").ok_or(end)
}

fn read_header(line: &[u8]) -> Result<Digest, RecordFault> {
    let mut members = Members::parse(line).map_err(|_| RecordFault::Header)?;
    if !members.has("lukhas_keys") {
        return Err(RecordFault::Header);
    }
    let number = |value: &Value| value.as_u64().ok_or("it is not a whole number");
    match members.take("lukhas_keys", number)? {
        VERSION => {}
        other => return Err(RecordFault::Version(other)),
    }
    let digest = |value: &Value| value.as_str().and_then(Digest::from_hex);
    let digest = |value: &Value| digest(value).ok_or("it is not 64 digits from 0 to f");
    let pepper = members.take("pepper", digest)?;
    members.end()?;
    Ok(pepper)
}

/// On which line each identifier and each digest was first seen.
#[derive(Default)]
struct Seen {
    ids: HashMap<Arc<str>, usize>,
    digests: HashMap<Digest, usize>,
}

impl Seen {
    fn add(&mut self, record: &KeyRecord, line: usize) -> Result<(), RecordFault> {
        let id = self.ids.insert(record.id.clone(), line);
        let digest = self.digests.insert(record.digest, line);
        match (id, digest) {
            (Some(line), _) => Err(RecordFault::Duplicate { member: "id", line }),
            (None, Some(line)) => Err(RecordFault::Duplicate {
                member: "hmac",
                line,
            }),
            (None, None) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
