// SPDX-License-Identifier: Apache-2.0
//! What digests of keys are made with.

use std::fmt;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;

use hmac::{Hmac, KeyInit, Mac};
use lukhas_redact::Secret;
use rand::CryptoRng;
use sha2::Sha256;
use subtle::{Choice, ConstantTimeEq};

use crate::KeyError;
use crate::private_file::{self, FileKind};

/// Fewest bytes of a pepper.
pub(crate) const MIN_PEPPER_BYTES: usize = 32;

/// Bytes of a pepper that is made here: so many that it need not be hashed before use.
const BYTES: usize = 64;

/// Most bytes of a pepper's file.
const MAX_FILE_BYTES: u64 = 4096;

/// What an HMAC-SHA-256 gives.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Digest([u8; 32]);

/// The secret that keys are digested with: without it, digests tell nothing about keys, and none can
/// be made.
#[derive(Clone)]
pub struct Pepper(Hmac<Sha256>);

impl Pepper {
    /// The pepper of `secret`, which `origin` names in errors, such as `` `PEPPER` ``.
    ///
    /// # Errors
    /// [`KeyError::Pepper`] for fewer than 32 bytes.
    pub fn new(origin: impl Into<String>, secret: &Secret<String>) -> Result<Self, KeyError> {
        let bytes = secret.expose().as_bytes();
        match Hmac::new_from_slice(bytes) {
            Ok(mac) if bytes.len() >= MIN_PEPPER_BYTES => Ok(Self(mac)),
            Ok(_) | Err(_) => Err(KeyError::Pepper {
                origin: origin.into(),
                bytes: bytes.len(),
            }),
        }
    }

    /// A pepper from the bits of `rng`, for digests that are never kept.
    pub fn random(rng: &mut (impl CryptoRng + ?Sized)) -> Self {
        let mut bits = [0; BYTES];
        rng.fill_bytes(&mut bits);
        Self(Hmac::new(&bits.into()))
    }

    /// The pepper in the file at `path`, which only its owner may read; white space around it does
    /// not count.
    ///
    /// # Errors
    /// [`KeyError::Read`], [`KeyError::Permissions`] and [`KeyError::TooLarge`], as of any file with
    /// secrets, and [`KeyError::Pepper`].
    pub fn read_file(path: &Path) -> Result<Self, KeyError> {
        let content = private_file::read(FileKind::Pepper, path, MAX_FILE_BYTES)?;
        let text = String::from_utf8_lossy(content.expose().trim_ascii()).into_owned();
        Self::new(format!("`{}`", path.display()), &Secret::new(text))
    }

    /// A new pepper from the bits of `rng`, written into a new file at `path` that only its owner
    /// may read. It is on the disk when this returns.
    ///
    /// # Errors
    /// [`KeyError::Write`], also when there is a file already.
    pub fn create_file(path: &Path, rng: &mut (impl CryptoRng + ?Sized)) -> Result<Self, KeyError> {
        let mut bits = [0; BYTES / 2];
        rng.fill_bytes(&mut bits);
        let text = Secret::new(format!("{}\n", Digest(bits)));
        let mut options = OpenOptions::new();
        private_file::private(&mut options);
        let file = options.write(true).create_new(true).open(path);
        let written = file.and_then(|mut file| {
            file.write_all(text.expose().as_bytes())?;
            file.sync_all()
        });
        written.map_err(|source| KeyError::write(FileKind::Pepper, path, source))?;
        Self::new("", &Secret::new(text.expose().trim_end().to_owned()))
    }

    /// The digest of the parts, one behind the other.
    pub(crate) fn digest(&self, parts: &[&[u8]]) -> Digest {
        let mut mac = self.0.clone();
        for part in parts {
            mac.update(part);
        }
        Digest(mac.finalize().into_bytes().into())
    }

    /// What tells this pepper from others. No token holds a zero byte, so this is never the digest
    /// of one.
    pub(crate) fn check_value(&self) -> Digest {
        self.digest(&[b"lukhas key store\0"])
    }
}

impl Digest {
    /// The digest that `text` writes in 64 lower-case hexadecimal digits.
    pub(crate) fn from_hex(text: &str) -> Option<Self> {
        let digit = |byte: u8| match byte {
            b'0'..=b'9' => Some(byte - b'0'),
            b'a'..=b'f' => Some(byte - b'a' + 10),
            _ => None,
        };
        let mut bytes = [0; 32];
        let (pairs, rest) = text.as_bytes().as_chunks::<2>();
        if pairs.len() != bytes.len() || !rest.is_empty() {
            return None;
        }
        for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
            *byte = digit(*high)? << 4 | digit(*low)?;
        }
        Some(Self(bytes))
    }

    /// Whether they are the same, in constant time.
    pub(crate) fn is(&self, other: &Self) -> Choice {
        self.0.ct_eq(&other.0)
    }

    pub(crate) fn first_bytes(&self) -> [u8; 4] {
        let [a, b, c, d, ..] = self.0;
        [a, b, c, d]
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Digest(..)")
    }
}

impl fmt::Debug for Pepper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pepper(***)")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::*;

    /// RFC 4231, test case 2, with its key padded to the block: what digests are made with is
    /// HMAC-SHA-256.
    #[test]
    fn a_digest_is_hmac_sha_256() {
        let key = format!("Jefe{}", "\0".repeat(60));
        let pepper = Pepper::new("the test", &Secret::new(key)).unwrap();
        assert_eq!(
            pepper
                .digest(&[b"what do ya want ", b"for nothing?"])
                .to_string(),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
    }

    #[test]
    fn a_pepper_has_at_least_32_bytes() {
        let new = |bytes| Pepper::new("`PEPPER`", &Secret::new("p".repeat(bytes)));
        assert!(new(32).is_ok() && new(1000).is_ok());
        let error = new(31).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the pepper from `PEPPER` has 31 bytes, and needs at least 32"
        );
    }

    #[test]
    fn a_pepper_is_read_back_from_its_file_and_never_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pepper");
        let mut rng = StdRng::seed_from_u64(1);
        let made = Pepper::create_file(&path, &mut rng).unwrap();
        let read = Pepper::read_file(&path).unwrap();
        assert_eq!(made.check_value(), read.check_value());
        let content = std::fs::read(&path).unwrap();
        assert_eq!(content.len(), BYTES + 1);

        let again = Pepper::create_file(&path, &mut rng);
        assert!(matches!(again, Err(KeyError::Write { .. })));
        assert_eq!(std::fs::read(&path).unwrap(), content);
        assert_ne!(
            Pepper::random(&mut rng).check_value(),
            read.check_value(),
            "another one is another one"
        );
    }

    #[test]
    fn debug_shows_nothing() {
        let pepper = Pepper::random(&mut StdRng::seed_from_u64(1));
        assert_eq!(format!("{pepper:?}"), "Pepper(***)");
        assert_eq!(format!("{:?}", pepper.check_value()), "Digest(..)");
    }

    proptest! {
        #[test]
        fn digests_are_read_back_from_hexadecimal(bytes: [u8; 32], text in "[0-9a-fA-Fg]{0,66}") {
            let digest = Digest(bytes);
            prop_assert_eq!(Digest::from_hex(&digest.to_string()), Some(digest));
            if let Some(read) = Digest::from_hex(&text) {
                prop_assert_eq!(read.to_string(), text);
            }
        }
    }
}
