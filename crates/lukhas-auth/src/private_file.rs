// SPDX-License-Identifier: Apache-2.0
//! Files that only their owner may read.

use std::fmt;
use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read};
use std::path::Path;

use lukhas_redact::Secret;

use crate::KeyError;

/// What a file with secrets holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// One key a line.
    Keys,
    /// Records of keys.
    Store,
    /// The pepper.
    Pepper,
}

/// Reads the whole file at `path`.
///
/// # Errors
/// [`KeyError::Permissions`] on Unix when others than its owner have any access to it, before a
/// byte is read; [`KeyError::Read`]; and [`KeyError::TooLarge`] beyond `limit` bytes.
pub(crate) fn read(kind: FileKind, path: &Path, limit: u64) -> Result<Secret<Vec<u8>>, KeyError> {
    let failed = |source: io::Error| KeyError::Read {
        kind,
        path: path.to_owned(),
        source,
    };
    let file = File::open(path).map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    check_permissions(kind, path, &metadata)?;
    // Its full size at once: a Vec that grows leaves copies of secrets behind.
    let capacity = usize::try_from(metadata.len().min(limit)).unwrap_or_default() + 1;
    let mut content = Vec::with_capacity(capacity);
    let read = file.take(limit + 1).read_to_end(&mut content);
    let content = Secret::new(content);
    read.map_err(failed)?;
    if content.expose().len() as u64 > limit {
        return Err(KeyError::too_large(kind, path, limit));
    }
    Ok(content)
}

/// Makes files that `options` create readable by their owner only.
#[cfg(unix)]
pub(crate) fn private(options: &mut OpenOptions) {
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
}

#[cfg(not(unix))]
pub(crate) fn private(_options: &mut OpenOptions) {}

#[cfg(unix)]
fn check_permissions(kind: FileKind, path: &Path, metadata: &Metadata) -> Result<(), KeyError> {
    use std::os::unix::fs::PermissionsExt;

    const OTHERS: u32 = 0o077;
    let mode = metadata.permissions().mode() & 0o777;
    if mode & OTHERS == 0 {
        return Ok(());
    }
    Err(KeyError::Permissions {
        kind,
        path: path.to_owned(),
        mode,
    })
}

#[cfg(not(unix))]
fn check_permissions(_kind: FileKind, _path: &Path, _metadata: &Metadata) -> Result<(), KeyError> {
    Ok(())
}

impl fmt::Display for FileKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Keys => "key file",
            Self::Store => "key store",
            Self::Pepper => "pepper file",
        })
    }
}
