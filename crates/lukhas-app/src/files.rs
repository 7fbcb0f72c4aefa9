// SPDX-License-Identifier: Apache-2.0
//! The files that a configuration is in, and whether they have changed.
//!
//! Files are looked at again and again: that works with every editor and every file system, and with
//! links that are exchanged, as Kubernetes does with the files of a `ConfigMap`.

use std::collections::BTreeMap;
use std::fs::{self, Metadata};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::Settings;
use crate::config::{Config, Origins};
use crate::keys::pepper_file;
use crate::reference::{Reference, UPSTREAM_KEY};

/// Files, each as it was when it was read.
#[derive(Clone, Debug, Default)]
pub(crate) struct Files {
    read: Stamps,
    /// As they were at the last look.
    seen: Stamps,
}

/// How each file was; `None` when it could not be had.
type Stamps = BTreeMap<PathBuf, Option<Stamp>>;

/// What tells one state of a file from another, without reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    modified: Option<SystemTime>,
    length: u64,
    identity: Identity,
}

/// Device, inode, and seconds and nanoseconds of its last change: other ones when a file takes the
/// place of another, whatever its date says.
#[cfg(unix)]
type Identity = (u64, u64, i64, i64);
#[cfg(not(unix))]
type Identity = ();

impl Files {
    /// Takes note of the file at `path`, which is read next.
    pub(crate) fn note(&mut self, path: &Path) {
        self.read.insert(path.to_owned(), stamp(path));
    }

    /// Whether any of them is another than it was when it was read, and nobody is writing it any
    /// more: they have not changed since the last look. So a file is not read half written.
    pub(crate) fn have_changed(&mut self) -> bool {
        let now: Stamps = self.read.keys().map(|it| (it.clone(), stamp(it))).collect();
        let have_changed = now != self.read && now == self.seen;
        self.seen = now;
        have_changed
    }

    /// The same files, as they are now.
    pub(crate) fn now(&self) -> Self {
        let mut now = Self::default();
        for path in self.read.keys() {
            now.note(path);
        }
        now
    }

    /// These, and the `others`, as they were read.
    pub(crate) fn and(mut self, others: Self) -> Self {
        self.read.extend(others.read);
        self
    }
}

/// Takes note of every file that a configuration names, beside those that it is in.
pub(crate) fn note(files: &mut Files, settings: &Settings, config: &Config, origins: &Origins) {
    let auth = settings.auth();
    let keys = [auth.keys_file(), auth.key_store()];
    keys.into_iter().flatten().for_each(|path| files.note(path));
    if let Some(path) = pepper_file(auth, origins) {
        files.note(&path);
    }
    for (name, upstream) in &config.upstreams {
        let key = origins.get(&format!("upstreams.{name}.key"));
        let reference = upstream.key.as_deref();
        let reference = reference.map(|text| Reference::parse(text, UPSTREAM_KEY, key.folder()));
        if let Some(Ok(Reference::File(path))) = reference {
            files.note(&path);
        }
        let ca = origins.get(&format!("upstreams.{name}.ca_file"));
        if let Some(path) = &upstream.ca_file {
            files.note(&ca.folder().unwrap_or(Path::new("")).join(path));
        }
    }
}

/// How the file at `path` is now; of a link, the file that it leads to.
fn stamp(path: &Path) -> Option<Stamp> {
    let metadata = fs::metadata(path).ok()?;
    Some(Stamp {
        modified: metadata.modified().ok(),
        length: metadata.len(),
        identity: identity(&metadata),
    })
}

#[cfg(unix)]
fn identity(metadata: &Metadata) -> Identity {
    use std::os::unix::fs::MetadataExt;
    (
        metadata.dev(),
        metadata.ino(),
        metadata.ctime(),
        metadata.ctime_nsec(),
    )
}

#[cfg(not(unix))]
fn identity(_: &Metadata) -> Identity {}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether a change is seen, after as many looks as it takes to come to rest.
    fn settles(files: &mut Files) -> bool {
        assert!(!files.have_changed(), "it may still be written");
        files.have_changed()
    }

    #[test]
    fn a_change_is_seen_when_it_has_come_to_rest() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        let mut files = Files::default();
        files.note(&path);
        assert!(!settles(&mut files));
        for text in ["one", "three", "seven"] {
            fs::write(&path, text).unwrap();
            assert!(settles(&mut files), "{text}");
            files.note(&path);
            assert!(!settles(&mut files), "{text}");
        }
        fs::write(&path, "1").unwrap();
        assert!(!files.have_changed());
        fs::write(&path, "12").unwrap();
        assert!(!files.have_changed(), "it goes on");
        assert!(files.have_changed());
        files.note(&path);
        fs::remove_file(&path).unwrap();
        assert!(settles(&mut files));
    }

    #[cfg(unix)]
    #[test]
    fn a_file_in_the_place_of_another_is_another() {
        use std::os::unix::fs::symlink;

        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let date = SystemTime::UNIX_EPOCH;
        for name in ["old", "new"] {
            fs::write(at(name), "same length").unwrap();
            let file = fs::File::options().write(true).open(at(name)).unwrap();
            file.set_modified(date).unwrap();
        }
        symlink("old", at("link")).unwrap();
        let mut files = Files::default();
        files.note(&at("link"));
        assert!(!settles(&mut files));
        symlink("new", at("next")).unwrap();
        fs::rename(at("next"), at("link")).unwrap();
        assert!(settles(&mut files), "a link that leads elsewhere");
        files.note(&at("old"));
        files.note(&at("link"));
        fs::rename(at("new"), at("old")).unwrap();
        assert!(settles(&mut files), "a file of the same date and length");
    }
}
