// SPDX-License-Identifier: Apache-2.0
//! A key store on disk, and changes of it.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::{KeyStore, MAX_FILE_BYTES};
use crate::KeyError;
use crate::private_file::{self, FileKind};

/// The store at a path, locked against every other change until this is dropped.
///
/// The lock is an advisory one on a file of its own beside the store, `NAME.lock`, because the store
/// itself is replaced by each change. Readers need none: they see the store before a change or after
/// it, whole.
#[derive(Debug)]
pub struct StoreFile {
    /// As it was named, which errors repeat.
    path: PathBuf,
    /// The file that is replaced.
    target: PathBuf,
    _lock: File,
}

impl StoreFile {
    /// Waits until nobody else changes the store at `path`, which need not exist.
    ///
    /// # Errors
    /// [`KeyError::Write`] when the lock cannot be had: there is no such folder, or no right to write
    /// there.
    pub fn lock(path: &Path) -> Result<Self, KeyError> {
        // The file that a link leads to is what is replaced, and locked; not the link.
        let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let mut options = OpenOptions::new();
        private_file::private(&mut options);
        let file = options
            .write(true)
            .create(true)
            .truncate(false)
            .open(beside(&target, ".lock"));
        let locked = file.and_then(|file| file.lock().map(|()| file));
        match locked {
            Ok(lock) => Ok(Self {
                path: path.to_owned(),
                target,
                _lock: lock,
            }),
            Err(source) => Err(KeyError::write(FileKind::Store, path, source)),
        }
    }

    /// The store, if there is one.
    ///
    /// # Errors
    /// As of [`KeyStore::read`].
    pub fn read(&self) -> Result<Option<KeyStore>, KeyError> {
        match KeyStore::read(&self.path) {
            Ok(store) => Ok(Some(store)),
            Err(KeyError::Read { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Puts `store` in the place of what is there, at once: whenever this process ends, there is the
    /// old store or the new one, and it is on the disk when this returns.
    ///
    /// # Errors
    /// [`KeyError::Write`], [`KeyError::TooLarge`] and [`KeyError::Record`]: what could not be read
    /// back is not written.
    pub fn write(&self, store: &KeyStore) -> Result<(), KeyError> {
        let text = store.to_text();
        if text.len() as u64 > MAX_FILE_BYTES {
            return Err(KeyError::too_large(
                FileKind::Store,
                &self.path,
                MAX_FILE_BYTES,
            ));
        }
        KeyStore::parse(&self.path, text.as_bytes())?;
        let replaced = self.replace(text.as_bytes());
        replaced.map_err(|source| KeyError::write(FileKind::Store, &self.path, source))
    }

    fn replace(&self, content: &[u8]) -> io::Result<()> {
        fs::rename(self.stage(content)?, &self.target)?;
        sync_folder(&self.target)
    }

    /// Writes what will be the store into a file beside it, and to the disk.
    fn stage(&self, content: &[u8]) -> io::Result<PathBuf> {
        let new = beside(&self.target, ".new");
        // One that ended before its last step has left it behind.
        match fs::remove_file(&new) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        let mut options = OpenOptions::new();
        private_file::private(&mut options);
        let mut file = options.write(true).create_new(true).open(&new)?;
        file.write_all(content)?;
        self.keep_owner(&file)?;
        file.sync_all()?;
        Ok(new)
    }

    /// Gives the new file to whom the old one belongs: a server that may read the store still may
    /// when another user, such as root, has changed it.
    #[cfg(unix)]
    fn keep_owner(&self, new: &File) -> io::Result<()> {
        use std::os::unix::fs::{MetadataExt, fchown};

        let Ok(old) = fs::metadata(&self.target) else {
            return Ok(());
        };
        let made = new.metadata()?;
        if (old.uid(), old.gid()) == (made.uid(), made.gid()) {
            return Ok(());
        }
        fchown(new, Some(old.uid()), Some(old.gid()))
    }

    #[cfg(not(unix))]
    fn keep_owner(&self, _new: &File) -> io::Result<()> {
        Ok(())
    }
}

/// That a file has got its name is on the disk when its folder is.
#[cfg(unix)]
fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

#[cfg(not(unix))]
fn sync_folder(_path: &Path) -> io::Result<()> {
    Ok(())
}

/// The path with `ending` behind it.
fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(ending);
    name.into()
}

#[cfg(test)]
mod tests {
    use std::thread;

    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::super::tests::{new_key, pepper, time};
    use super::*;

    fn add(path: &Path, seed: u64) {
        let file = StoreFile::lock(path).unwrap();
        let mut store = file
            .read()
            .unwrap()
            .unwrap_or_else(|| KeyStore::new(&pepper()));
        let mut rng = StdRng::seed_from_u64(seed);
        store
            .create(&pepper(), &mut rng, new_key(), time(1))
            .unwrap();
        file.write(&store).unwrap();
    }

    #[test]
    fn changes_at_once_lose_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys.jsonl");
        thread::scope(|scope| {
            for worker in 0..4 {
                let path = &path;
                scope.spawn(move || (0..5).for_each(|n| add(path, worker * 100 + n)));
            }
        });
        assert_eq!(KeyStore::read(&path).unwrap().records().len(), 20);
    }

    #[test]
    fn a_change_that_ends_before_its_last_step_has_changed_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys.jsonl");
        add(&path, 1);
        let before = fs::read(&path).unwrap();
        let file = StoreFile::lock(&path).unwrap();
        file.stage(b"half a sto").unwrap();
        drop(file);
        assert_eq!(fs::read(&path).unwrap(), before);
        add(&path, 2);
        assert_eq!(KeyStore::read(&path).unwrap().records().len(), 2);
    }

    #[cfg(unix)]
    #[test]
    fn a_store_is_its_owners_alone_and_stays_theirs() {
        use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys.jsonl");
        add(&path, 1);
        let owned = |path: &Path| {
            let metadata = fs::metadata(path).unwrap();
            (
                metadata.uid(),
                metadata.gid(),
                metadata.permissions().mode() & 0o777,
            )
        };
        let (uid, gid, mode) = owned(&path);
        assert_eq!(mode, 0o600);
        assert_eq!(owned(&beside(&path, ".lock")).2, 0o600);

        // Only root may give files away; for anyone else this is what was there.
        let owner = match chown(&path, Some(uid + 1), Some(gid + 1)) {
            Ok(()) => (uid + 1, gid + 1, 0o600),
            Err(_) => (uid, gid, 0o600),
        };
        add(&path, 2);
        assert_eq!(owned(&path), owner);
    }

    #[cfg(unix)]
    #[test]
    fn a_link_to_a_store_stays_one() {
        let folder = tempfile::tempdir().unwrap();
        let (path, link) = (folder.path().join("a"), folder.path().join("b"));
        add(&path, 1);
        std::os::unix::fs::symlink(&path, &link).unwrap();
        add(&link, 2);
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(KeyStore::read(&path).unwrap().records().len(), 2);
    }

    #[test]
    fn what_could_not_be_read_back_is_not_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys.jsonl");
        let file = StoreFile::lock(&path).unwrap();
        let mut store = KeyStore::new(&pepper());
        let mut new = new_key();
        new.rights.models = vec!["gpt-*".parse().unwrap(); 65].into();
        let mut rng = StdRng::seed_from_u64(1);
        store.create(&pepper(), &mut rng, new, time(1)).unwrap();
        assert!(matches!(file.write(&store), Err(KeyError::Record { .. })));

        let mut store = KeyStore::new(&pepper());
        let mut new = new_key();
        new.rights.models = vec![format!("{}*", "m".repeat(255)).parse().unwrap(); 64].into();
        for _ in 0..1_000 {
            let new = new.clone();
            store.create(&pepper(), &mut rng, new, time(1)).unwrap();
        }
        assert!(matches!(file.write(&store), Err(KeyError::TooLarge { .. })));
        assert!(!path.exists());
    }

    #[test]
    fn a_folder_that_is_not_there_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let error = StoreFile::lock(&folder.path().join("none/keys.jsonl")).unwrap_err();
        assert!(matches!(error, KeyError::Write { .. }));
    }
}
