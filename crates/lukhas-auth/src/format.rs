// SPDX-License-Identifier: Apache-2.0
//! The form of keys that this server makes: `lk_live_<id8>_<30 base62><crc6>`.

use std::sync::Arc;

use lukhas_redact::Secret;
use rand::CryptoRng;
use rand::distr::{Alphanumeric, Distribution};

use crate::KeyFault;

const PREFIX: &str = "lk_live_";
pub(crate) const ID_CHARS: usize = 8;
const SECRET_CHARS: usize = 30;
const CRC_CHARS: usize = 6;
const ID_END: usize = PREFIX.len() + ID_CHARS;
const CRC_START: usize = ID_END + 1 + SECRET_CHARS;
const KEY_CHARS: usize = CRC_START + CRC_CHARS;

/// A key that has just been made: `lk_live_`, its public id, `_`, 30 random characters (178 bits)
/// and a checksum that catches typing errors.
#[derive(Debug)]
pub struct GeneratedKey {
    /// Public identifier: 8 letters and digits, which the key holds too.
    pub id: Arc<str>,
    /// The key. Show it once; a [`KeySet`](crate::KeySet) cannot give it back.
    pub secret: Secret<String>,
}

/// What a token's form says about it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Form<'t> {
    /// Made by this server.
    Own {
        /// Its public identifier.
        id: &'t str,
    },
    /// Begins like one made by this server, but is none.
    Mistyped,
    /// Anything else.
    Foreign,
}

impl GeneratedKey {
    /// Makes a key from the bits of `rng`.
    #[must_use]
    pub fn generate(rng: &mut (impl CryptoRng + ?Sized)) -> Self {
        // Its full size at once: a String that grows leaves copies of the key behind.
        let mut key = String::with_capacity(KEY_CHARS);
        key.push_str(PREFIX);
        push_random(&mut key, ID_CHARS, rng);
        key.push('_');
        push_random(&mut key, SECRET_CHARS, rng);
        let checksum = checksum(key.as_bytes());
        key.extend(checksum.map(char::from));
        Self {
            id: key[PREFIX.len()..ID_END].into(),
            secret: Secret::new(key),
        }
    }
}

/// The public identifier inside `token`, if it is a key of this server without a typing error.
/// Whether it was ever made, only a [`KeyStore`](crate::KeyStore) can say.
///
/// # Errors
/// [`KeyFault::Mistyped`] for what begins as its keys do and is none, [`KeyFault::Foreign`] for
/// anything else.
pub fn key_id(token: &str) -> Result<&str, KeyFault> {
    match read(token) {
        Form::Own { id } => Ok(id),
        Form::Mistyped => Err(KeyFault::Mistyped),
        Form::Foreign => Err(KeyFault::Foreign),
    }
}

/// Reads the form of `token`.
pub(crate) fn read(token: &str) -> Form<'_> {
    let bytes = token.as_bytes();
    if !bytes.starts_with(PREFIX.as_bytes()) {
        return Form::Foreign;
    }
    if bytes.len() != KEY_CHARS || bytes[ID_END] != b'_' {
        return Form::Mistyped;
    }
    let mut rest = bytes[PREFIX.len()..ID_END]
        .iter()
        .chain(&bytes[ID_END + 1..]);
    if !rest.all(u8::is_ascii_alphanumeric) || checksum(&bytes[..CRC_START]) != bytes[CRC_START..] {
        return Form::Mistyped;
    }
    Form::Own {
        id: &token[PREFIX.len()..ID_END],
    }
}

/// The public identifier inside a token of this server's form, by its shape alone: whether the
/// checksum is right is not looked at, which would take longer than the rest of authenticating.
pub(crate) fn public_id(token: &[u8]) -> Option<[u8; ID_CHARS]> {
    let rest = token.strip_prefix(PREFIX.as_bytes())?;
    let (id, rest) = rest.split_first_chunk()?;
    (token.len() == KEY_CHARS && rest.first() == Some(&b'_')).then_some(*id)
}

/// The public identifier inside a token of this server's form, else all of it.
pub(crate) fn claimed(token: &[u8]) -> &[u8] {
    match public_id(token) {
        Some(_) => &token[PREFIX.len()..ID_END],
        None => token,
    }
}

fn push_random(key: &mut String, count: usize, rng: &mut (impl CryptoRng + ?Sized)) {
    key.extend((0..count).map(|_| char::from(Alphanumeric.sample(rng))));
}

/// CRC-32 of `bytes` in base 62, most significant digit first.
fn checksum(bytes: &[u8]) -> [u8; CRC_CHARS] {
    const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut rest = crc32(bytes) as usize;
    let mut text = [b'0'; CRC_CHARS];
    for digit in text.iter_mut().rev() {
        *digit = DIGITS[rest % DIGITS.len()];
        rest /= DIGITS.len();
    }
    text
}

/// CRC-32 as in IEEE 802.3, bit by bit: it runs once for a key that is made or configured.
fn crc32(bytes: &[u8]) -> u32 {
    const POLYNOMIAL: u32 = 0xEDB8_8320;
    let shift = |crc: u32, _| (crc >> 1) ^ (POLYNOMIAL & 0_u32.wrapping_sub(crc & 1));
    let step = |crc: u32, &byte: &u8| (0..8).fold(crc ^ u32::from(byte), shift);
    !bytes.iter().fold(u32::MAX, step)
}

#[cfg(test)]
mod tests;
