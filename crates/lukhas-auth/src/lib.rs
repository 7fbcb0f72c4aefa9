// SPDX-License-Identifier: Apache-2.0
//! Bearer keys: generation, hashed key sets and authentication to a principal.
//!
//! A [`KeyEntry`] is a bearer token on its way in: from a key file ([`read_key_file`]), from the
//! environment, or just made ([`GeneratedKey`]). A [`KeyStore`] keeps what is known of keys that
//! were made here, and of each only a digest under a [`Pepper`]; a [`StoreFile`] changes it on disk.
//! A [`KeySet`] holds the digests of all of them and answers, as [`lukhas_core::Authenticator`],
//! whose a token is. No error ever holds a token.
//!
//! ```
//! use lukhas_auth::{GeneratedKey, KeyEntry, KeySet};
//! use lukhas_core::Authenticator;
//!
//! let mut rng = rand::rng();
//! let key = GeneratedKey::generate(&mut rng);
//! let shown_once = key.secret.expose().clone();
//! let keys = KeySet::new(&mut rng, [KeyEntry::new("the generated key", key.secret)?])?;
//!
//! let principal = keys.authenticate(shown_once.as_bytes())?;
//! assert_eq!(principal.key_id, key.id);
//! assert!(keys.authenticate(b"somebody else's token").is_err());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod entry;
mod error;
mod file;
mod format;
mod label;
mod members;
mod pepper;
mod private_file;
mod record;
mod set;
mod store;
mod utc;

pub use entry::{KeyEntry, MAX_TOKEN_CHARS, MIN_TOKEN_CHARS};
pub use error::{KeyError, KeyFault, RecordFault};
pub use file::{parse_key_file, read_key_file};
pub use format::{GeneratedKey, key_id};
pub use label::{Label, LabelError};
pub use pepper::Pepper;
pub use private_file::FileKind;
pub use record::{KeyRecord, KeyState, Rights};
pub use set::{Clock, KeySet};
pub use store::{KeyStore, NewKey, Rotation, StoreFile};
pub use utc::{UtcTime, UtcTimeError};
