// SPDX-License-Identifier: Apache-2.0
//! Why keys cannot be used.

use std::io;
use std::path::{Path, PathBuf};

use crate::pepper::MIN_PEPPER_BYTES;
use crate::{FileKind, MAX_TOKEN_CHARS, MIN_TOKEN_CHARS, UtcTime};

/// Why keys cannot be used. Names where they came from, never a token.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// One key is not fit for use.
    #[error("the key from {origin} cannot be used")]
    Unusable {
        /// Where it came from, such as `` `keys.txt` line 3 ``.
        origin: String,
        /// What is wrong with it.
        #[source]
        fault: KeyFault,
    },
    /// Two entries hold the same token.
    #[error("{first} and {second} hold the same key")]
    DuplicateKey {
        /// Where the first came from.
        first: String,
        /// Where the second came from.
        second: String,
    },
    /// Two entries have the same public identifier, so that nobody could tell them apart.
    #[error("the keys from {first} and {second} have the same name or id `{key_id}`")]
    DuplicateId {
        /// Where the first came from.
        first: String,
        /// Where the second came from.
        second: String,
        /// The identifier.
        key_id: String,
    },
    /// The pepper is too short to be one.
    #[error("the pepper from {origin} has {bytes} bytes, and needs at least {MIN_PEPPER_BYTES}")]
    Pepper {
        /// Where it came from.
        origin: String,
        /// Its bytes.
        bytes: usize,
    },
    /// A file with secrets cannot be read.
    #[error("the {kind} `{}` cannot be read", path.display())]
    Read {
        /// What it holds.
        kind: FileKind,
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A file with secrets cannot be written.
    #[error("the {kind} `{}` cannot be written", path.display())]
    Write {
        /// What it holds.
        kind: FileKind,
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Others than the owner may read, write or run a file with secrets.
    #[error(
        "the {kind} `{}` is open to others than its owner (mode {mode:03o}): \
         run `chmod 600 {}`", path.display(), path.display()
    )]
    Permissions {
        /// What it holds.
        kind: FileKind,
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// A file with secrets is too large to be one, or would become too large.
    #[error("the {kind} `{}` is larger than {limit} bytes", path.display())]
    TooLarge {
        /// What it holds.
        kind: FileKind,
        /// The file.
        path: PathBuf,
        /// Most bytes of it.
        limit: u64,
    },
    /// A line of a key store is not what this program writes.
    #[error("`{}` line {line}", path.display())]
    Record {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong with it.
        #[source]
        fault: RecordFault,
    },
    /// The digests of a key store were made with another pepper.
    #[error("the keys of `{}` were made with another pepper", path.display())]
    OtherPepper {
        /// The store.
        path: PathBuf,
    },
    /// A key store has no key of that identifier.
    #[error("there is no key `{0}`")]
    UnknownId(String),
    /// The key has been revoked.
    #[error("the key `{id}` was revoked at {at}")]
    Revoked {
        /// Its identifier.
        id: String,
        /// When.
        at: UtcTime,
    },
    /// A key would be of no use to anyone: it would have expired when it is made.
    #[error("{expires_at} is not in the future")]
    Past {
        /// When it would expire.
        expires_at: UtcTime,
    },
}

/// What is wrong with a line of a key store. Holds nothing of the line but short names of members.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordFault {
    /// Not one JSON object, from a column on.
    #[error("it is not a JSON object: look at column {0}")]
    Json(usize),
    /// The first line is none that this program writes there.
    #[error("it is not the header of a key store: only `lukhas keys` writes this file")]
    Header,
    /// The header is of a format that this program does not know.
    #[error("its format is version {0}, and this program knows version 1 only")]
    Version(u64),
    /// A member that no record has.
    #[error("`{0}` is no member of it")]
    Unknown(String),
    /// A member that is written twice.
    #[error("`{0}` is written twice")]
    Repeated(String),
    /// A member that is not there.
    #[error("`{0}` is missing")]
    Missing(&'static str),
    /// A member with a value that it cannot have.
    #[error("`{member}`: {reason}")]
    Value {
        /// The member.
        member: &'static str,
        /// What is wrong with its value.
        reason: String,
    },
    /// The member of another record that must differ is the same.
    #[error("`{member}` is that of line {line}, too")]
    Duplicate {
        /// The member.
        member: &'static str,
        /// The line of the other record.
        line: usize,
    },
}

/// What is wrong with one key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyFault {
    /// So short that it could be guessed.
    #[error("it has {0} characters, and a key needs at least {MIN_TOKEN_CHARS}")]
    TooShort(usize),
    /// Longer than any key.
    #[error("it has {0} characters, and a key has at most {MAX_TOKEN_CHARS}")]
    TooLong(usize),
    /// Not what an `Authorization` header can carry as a token.
    #[error("it holds a space, a control character or one outside ASCII")]
    NotVisibleAscii,
    /// It begins like a key made by this server, but is none.
    #[error("it begins with `lk_live_` but its form or checksum is wrong: look for a typing error")]
    Mistyped,
    /// The name is not one.
    #[error("its name is not 1 to 15 letters, digits, `_`, `.` or `-`")]
    Name,
    /// It is not of the form that keys of this server have.
    #[error("it does not begin with `lk_live_`, so nothing can be said of its form")]
    Foreign,
    /// A line of a key file has more fields than a key and a name.
    #[error("its line holds more than a key and a name")]
    ExtraField,
}

impl KeyError {
    pub(crate) fn write(kind: FileKind, path: &Path, source: io::Error) -> Self {
        let path = path.to_owned();
        Self::Write { kind, path, source }
    }

    pub(crate) fn too_large(kind: FileKind, path: &Path, limit: u64) -> Self {
        let path = path.to_owned();
        Self::TooLarge { kind, path, limit }
    }
}
