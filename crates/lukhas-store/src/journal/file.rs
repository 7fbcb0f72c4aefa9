// SPDX-License-Identifier: Apache-2.0
//! The files of a journal, and what is known of them.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use lukhas_reliability::Line;

use super::JournalError;
use super::record::{self, Contents, Totals};

/// A journal of fewer bytes is not written anew while it is open.
const SMALL: u64 = 1 << 20;

/// A journal is written anew when it is so many times as long as its snapshot.
const GROWTH: u64 = 4;

/// Most bytes of a journal: many times what a million accounts need.
const MOST: u64 = 1 << 30;

/// Where a journal is.
#[derive(Debug)]
pub(super) struct Folder(PathBuf);

/// Keeps other processes out while it lives.
#[derive(Debug)]
pub(super) struct Lock(#[expect(dead_code, reason = "held, not read")] File);

/// An open journal.
#[derive(Debug)]
pub(super) struct State {
    file: Arc<File>,
    /// Its bytes, all of them whole lines.
    len: u64,
    /// Bytes of its snapshot.
    base: u64,
    /// Number of the last spend.
    seq: u64,
    /// What was settled, whether or not it could be written.
    pub(super) totals: Totals,
    /// Spends that could not be written so far.
    unwritten: u64,
    /// Whether the file lacks something, so that only a new one will do.
    is_failing: bool,
    is_unsynced: bool,
    pub(super) is_closed: bool,
}

/// What a new file will begin with.
pub(super) struct Draft {
    totals: Totals,
    seq: u64,
    now: SystemTime,
    /// Where the journal ended, and what was unwritten, when this was drawn up.
    len: u64,
    unwritten: u64,
}

/// A snapshot on the disk, beside the journal.
pub(super) struct Written {
    draft: Draft,
    file: File,
    base: u64,
}

impl Folder {
    pub(super) fn new(path: &Path) -> Self {
        Self(path.to_owned())
    }

    fn journal(&self) -> PathBuf {
        self.0.join("spends.journal")
    }

    fn new_journal(&self) -> PathBuf {
        self.0.join("spends.journal.new")
    }

    pub(super) fn error(&self, source: io::Error) -> JournalError {
        let path = self.journal();
        JournalError::Io { path, source }
    }

    /// Makes the folder and shuts others out. A process that ends, however it does, lets them in.
    pub(super) fn lock(&self) -> Result<Lock, JournalError> {
        let path = self.0.join("spends.lock");
        let error = |source| JournalError::Io {
            path: path.clone(),
            source,
        };
        fs::create_dir_all(&self.0).map_err(error)?;
        let file = private().create(true).truncate(false).open(&path);
        let file = file.map_err(error)?;
        match file.try_lock() {
            Ok(()) => Ok(Lock(file)),
            Err(TryLockError::WouldBlock) => Err(JournalError::InUse(self.0.clone())),
            Err(TryLockError::Error(source)) => Err(error(source)),
        }
    }

    /// What the journal holds, and where a torn write begins.
    pub(super) fn read(&self) -> Result<(Contents, Option<usize>), JournalError> {
        let file = match File::open(self.journal()) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Ok((Contents::default(), None));
            }
            Err(error) => return Err(self.error(error)),
        };
        let mut bytes = Vec::new();
        let read = file.take(MOST + 1).read_to_end(&mut bytes);
        read.map_err(|source| self.error(source))?;
        let damaged = |offset, what| JournalError::Damaged {
            path: self.journal(),
            offset,
            what,
        };
        if bytes.len() as u64 > MOST {
            return Err(damaged(bytes.len() - 1, "it is longer than a journal is"));
        }
        let contents = record::read(&bytes).map_err(|it| damaged(it.offset, it.what))?;
        let torn_at = (contents.len < bytes.len()).then_some(contents.len);
        Ok((contents, torn_at))
    }

    /// Brings a rename to the disk.
    fn sync(&self) -> io::Result<()> {
        File::open(&self.0)?.sync_all()
    }
}

impl State {
    /// A journal written anew.
    pub(super) fn new(
        folder: &Folder,
        seq: u64,
        totals: Totals,
        now: SystemTime,
    ) -> io::Result<Self> {
        let draft = Draft::new(&totals, seq, now);
        let Written { draft, file, base } = draft.write(folder)?;
        fs::rename(folder.new_journal(), folder.journal())?;
        folder.sync()?;
        Ok(Self {
            file: Arc::new(file),
            len: base,
            base,
            seq,
            totals: draft.totals,
            unwritten: 0,
            is_failing: false,
            is_unsynced: false,
            is_closed: false,
        })
    }

    /// Writes a spend. It is among the totals whether or not it can be written.
    pub(super) fn append(&mut self, lines: &[Line]) -> io::Result<()> {
        for line in lines.iter().filter(|line| line.amount > 0) {
            let total = self.totals.entry(line.page.clone()).or_default();
            *total = total.saturating_add(line.amount);
        }
        let written = if self.is_failing {
            Err(io::Error::other("the journal could not be written before"))
        } else {
            self.write(lines)
        };
        if written.is_err() {
            self.unwritten += 1;
        }
        written
    }

    fn write(&mut self, lines: &[Line]) -> io::Result<()> {
        let bytes = record::spend(self.seq + 1, lines)?;
        // Once: what follows a torn write would be taken for damage.
        let written = (&*self.file).write(&bytes)?;
        if written < bytes.len() {
            return Err(ErrorKind::WriteZero.into());
        }
        self.seq += 1;
        self.len += bytes.len() as u64;
        self.is_unsynced = true;
        Ok(())
    }

    /// Only a new file will do from here on; what was torn is cut off this one, if that can be.
    pub(super) fn fail(&mut self) {
        self.is_failing = true;
        let _ = self.file.set_len(self.len);
    }

    #[cfg(test)]
    pub(super) fn replace_file(&mut self, file: File) {
        self.file = Arc::new(file);
    }

    /// Whether there is something to do for the keeper.
    pub(super) fn needs_keeping(&self) -> bool {
        self.is_unsynced || self.is_failing
    }

    pub(super) fn must_rewrite(&self) -> bool {
        self.is_failing || self.len > SMALL.max(self.base.saturating_mul(GROWTH))
    }

    /// The file, if it holds what may not be on the disk; it will be, then.
    pub(super) fn take_unsynced(&mut self) -> Option<Arc<File>> {
        std::mem::take(&mut self.is_unsynced).then(|| Arc::clone(&self.file))
    }

    pub(super) fn draft(&self, now: SystemTime) -> Draft {
        Draft {
            len: self.len,
            unwritten: self.unwritten,
            ..Draft::new(&self.totals, self.seq, now)
        }
    }

    /// Takes a new file into use, with what was spent since it was begun; not where some of that
    /// could not be written.
    pub(super) fn adopt(&mut self, written: Written, folder: &Folder) -> io::Result<bool> {
        let Written {
            draft,
            mut file,
            base,
        } = written;
        if draft.unwritten != self.unwritten {
            return Ok(false);
        }
        let mut since = Vec::new();
        let mut old = File::open(folder.journal())?;
        old.seek(SeekFrom::Start(draft.len))?;
        old.take(self.len - draft.len).read_to_end(&mut since)?;
        if since.len() as u64 != self.len - draft.len {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        file.write_all(&since)?;
        fs::rename(folder.new_journal(), folder.journal())?;
        self.file = Arc::new(file);
        self.len = base + since.len() as u64;
        self.base = base;
        self.totals.retain(|page, _| page.window.end() > draft.now);
        self.is_unsynced = !since.is_empty();
        let synced = folder.sync();
        self.is_failing = synced.is_err();
        synced.map(|()| true)
    }
}

impl Draft {
    /// Of windows that are not over.
    fn new(totals: &Totals, seq: u64, now: SystemTime) -> Self {
        let current = totals.iter().filter(|(page, _)| page.window.end() > now);
        Self {
            totals: current
                .map(|(page, total)| (page.clone(), *total))
                .collect(),
            seq,
            now,
            len: 0,
            unwritten: 0,
        }
    }

    /// Writes it to the disk.
    pub(super) fn write(self, folder: &Folder) -> io::Result<Written> {
        let bytes = record::snapshot(self.seq, &self.totals)?;
        let path = folder.new_journal();
        // One that a process left behind has no further use.
        match fs::remove_file(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        let mut file = private().append(true).create_new(true).open(path)?;
        file.write_all(&bytes)?;
        file.sync_data()?;
        Ok(Written {
            draft: self,
            file,
            base: bytes.len() as u64,
        })
    }
}

/// For a file that nobody else may read.
fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}
