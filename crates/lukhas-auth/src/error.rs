// SPDX-License-Identifier: Apache-2.0
//! Why keys cannot be used.

use std::io;
use std::path::PathBuf;

use crate::{MAX_TOKEN_CHARS, MIN_TOKEN_CHARS};

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
    /// The key file cannot be read.
    #[error("the key file `{}` cannot be read", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Others than the owner may read, write or run the key file.
    #[error(
        "the key file `{}` is open to others than its owner (mode {mode:03o}): \
         run `chmod 600 {}`", path.display(), path.display()
    )]
    Permissions {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The key file is too large to be one.
    #[error("the key file `{}` is larger than {limit} bytes", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Most bytes of a key file.
        limit: u64,
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
    /// A line of a key file has more fields than a key and a name.
    #[error("its line holds more than a key and a name")]
    ExtraField,
}
