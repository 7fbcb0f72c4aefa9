// SPDX-License-Identifier: Apache-2.0
//! Key files: one bearer token a line, and optionally its name.

use std::path::Path;
use std::str;

use lukhas_redact::Secret;

use crate::private_file::{self, FileKind};
use crate::{KeyEntry, KeyError, KeyFault};

/// Most bytes of a key file: far more keys than anyone writes by hand.
const MAX_FILE_BYTES: u64 = 1 << 20;

const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// Reads the key file at `path`: see [`parse_key_file`] for what it holds.
///
/// # Errors
/// [`KeyError::Permissions`] on Unix when others than its owner have any access to it, before a
/// byte is read; [`KeyError::Read`] and [`KeyError::TooLarge`]; and what parsing gives.
pub fn read_key_file(path: &Path) -> Result<Vec<KeyEntry>, KeyError> {
    let content = private_file::read(FileKind::Keys, path, MAX_FILE_BYTES)?;
    parse_key_file(path, content.expose())
}

/// Reads the `content` of the key file at `path`, which only errors name.
///
/// A line is a token, or a token, white space and a name (see [`KeyEntry::with_name`]). Empty lines
/// and what follows a `#` at the start of a field are skipped.
///
/// # Errors
/// [`KeyError::Unusable`] with the number of the line, for the first that cannot be used. The same
/// key on two lines is found by [`KeySet::new`](crate::KeySet::new), which names both.
pub fn parse_key_file(path: &Path, content: &[u8]) -> Result<Vec<KeyEntry>, KeyError> {
    let content = content.strip_prefix(BYTE_ORDER_MARK).unwrap_or(content);
    content
        .split(|&byte| byte == b'\n')
        .zip(1..)
        .filter_map(|(line, number)| {
            let origin = format!("`{}` line {number}", path.display());
            parse_line(origin, line).transpose()
        })
        .collect()
}

fn parse_line(origin: String, line: &[u8]) -> Result<Option<KeyEntry>, KeyError> {
    let mut fields = line
        .split(u8::is_ascii_whitespace)
        .filter(|field| !field.is_empty())
        .take_while(|field| !field.starts_with(b"#"));
    let Some(token) = fields.next() else {
        return Ok(None);
    };
    let (name, extra) = (fields.next(), fields.next());
    if extra.is_some() {
        let fault = KeyFault::ExtraField;
        return Err(KeyError::Unusable { origin, fault });
    }
    let Ok(token) = str::from_utf8(token) else {
        let fault = KeyFault::NotVisibleAscii;
        return Err(KeyError::Unusable { origin, fault });
    };
    let entry = KeyEntry::new(origin, Secret::new(token.to_owned()))?;
    match name {
        // What is not UTF-8 has no valid name either: the empty one is refused like it.
        Some(name) => entry
            .with_name(str::from_utf8(name).unwrap_or_default())
            .map(Some),
        None => Ok(Some(entry)),
    }
}

#[cfg(test)]
mod tests;
