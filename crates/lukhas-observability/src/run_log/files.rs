// SPDX-License-Identifier: Apache-2.0
//! A folder of files of lines: one that is written, and those before it.

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::RunLogConfig;
use super::line::compact_time;

/// The file that is written.
const CURRENT: &str = "runs.jsonl";
/// What the names of those before it begin and end with.
const OLD: (&str, &str) = ("runs-", ".jsonl");

/// The files of a run log.
///
/// INVARIANT: the current file ends in a whole line, except after a write that failed; then the next
/// one first cuts off what that left.
#[derive(Debug)]
pub(super) struct Files {
    config: RunLogConfig,
    current: File,
    /// Bytes of whole lines in it.
    length: u64,
    began: SystemTime,
    /// Whether more may be in the file than `length`.
    is_torn: bool,
    /// Bytes of the files before it.
    old_bytes: u64,
}

impl Files {
    /// Opens the folder, which is made if it is not there, and goes on with the file that was written
    /// last.
    pub(super) fn open(config: RunLogConfig) -> io::Result<Self> {
        let (mut current, began) = open(&config.dir)?;
        let length = whole_lines(&mut current)?;
        let mut files = Self {
            config,
            current,
            length,
            began,
            is_torn: true,
            old_bytes: 0,
        };
        files.mend()?;
        files.old_bytes = files.old_files()?.iter().map(|(_, bytes)| bytes).sum();
        files.make_room(0)?;
        Ok(files)
    }

    /// Appends `lines`, which are whole, to a file that has room for them.
    pub(super) fn append(&mut self, lines: &[u8], now: SystemTime) -> io::Result<()> {
        self.find()?;
        self.mend()?;
        if self.is_full(lines.len() as u64, now) {
            self.rotate(now)?;
        }
        self.make_room(lines.len() as u64)?;
        self.is_torn = true;
        self.current.write_all(lines)?;
        self.is_torn = false;
        self.length += lines.len() as u64;
        Ok(())
    }

    /// Begins a new file where somebody has removed the one that was written.
    fn find(&mut self) -> io::Result<()> {
        if self.current.metadata()?.nlink() == 0 {
            (self.current, self.began) = open(&self.config.dir)?;
            self.length = 0;
            self.is_torn = true;
        }
        Ok(())
    }

    /// Cuts off what a write left that failed.
    fn mend(&mut self) -> io::Result<()> {
        if self.is_torn {
            self.current.set_len(self.length)?;
            self.current.seek(SeekFrom::Start(self.length))?;
            self.is_torn = false;
        }
        Ok(())
    }

    fn is_full(&self, more: u64, now: SystemTime) -> bool {
        let age = now.duration_since(self.began).unwrap_or(Duration::ZERO);
        let is_old = age >= self.config.max_file_age;
        self.length > 0 && (self.length + more > self.config.max_file_bytes || is_old)
    }

    /// Begins a new file.
    fn rotate(&mut self, now: SystemTime) -> io::Result<()> {
        let dir = &self.config.dir;
        let (start, end) = OLD;
        let time = compact_time(now);
        // Files of one second are told apart by a number.
        let names = (0..1_000).map(|number| dir.join(format!("{start}{time}-{number:03}{end}")));
        let free = names.into_iter().find(|name| !name.exists());
        let old = free.ok_or_else(|| io::Error::from(io::ErrorKind::AlreadyExists))?;
        match fs::rename(dir.join(CURRENT), old) {
            // Somebody else has given it another name.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            renamed => renamed?,
        }
        (self.current, _) = open(dir)?;
        self.old_bytes += self.length;
        self.length = 0;
        self.began = now;
        Ok(())
    }

    /// Removes the oldest files until there is room for `more` bytes.
    fn make_room(&mut self, more: u64) -> io::Result<()> {
        let most = self.config.max_total_bytes;
        let is_over = |old_bytes: u64| old_bytes + self.length + more > most;
        if !is_over(self.old_bytes) {
            return Ok(());
        }
        // Somebody else may have removed some.
        let mut old = self.old_files()?;
        // Their names are in the order of their times.
        old.sort();
        let mut bytes: u64 = old.iter().map(|(_, bytes)| bytes).sum();
        for (path, length) in old {
            if !is_over(bytes) {
                break;
            }
            fs::remove_file(path)?;
            bytes -= length;
        }
        self.old_bytes = bytes;
        Ok(())
    }

    fn old_files(&self) -> io::Result<Vec<(PathBuf, u64)>> {
        let mut files = Vec::new();
        for entry in fs::read_dir(&self.config.dir)? {
            let entry = entry?;
            if is_old(&entry.file_name()) {
                files.push((entry.path(), entry.metadata()?.len()));
            }
        }
        Ok(files)
    }
}

fn is_old(name: &OsStr) -> bool {
    let (start, end) = OLD;
    name.to_str()
        .is_some_and(|name| name.starts_with(start) && name.ends_with(end))
}

/// The current file, for this process alone, and when it began.
fn open(dir: &Path) -> io::Result<(File, SystemTime)> {
    let mut folder = fs::DirBuilder::new();
    folder.recursive(true).mode(0o700).create(dir)?;
    let path = dir.join(CURRENT);
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)?;
    file.try_lock().map_err(|error| match error {
        TryLockError::WouldBlock => io::Error::new(
            io::ErrorKind::ResourceBusy,
            "another process writes its run events there",
        ),
        TryLockError::Error(error) => error,
    })?;
    let metadata = file.metadata()?;
    // Not every file system knows when a file was made.
    let began = metadata.created().or_else(|_| metadata.modified())?;
    Ok((file, began))
}

/// Bytes of `file` up to the end of its last whole line: a process that was killed may have left the
/// beginning of one.
fn whole_lines(file: &mut File) -> io::Result<u64> {
    const PIECE: u64 = 64 << 10;
    let mut end = file.metadata()?.len();
    let mut piece = Vec::new();
    while end > 0 {
        let start = end.saturating_sub(PIECE);
        file.seek(SeekFrom::Start(start))?;
        piece.clear();
        (&*file).take(end - start).read_to_end(&mut piece)?;
        if let Some(at) = piece.iter().rposition(|&byte| byte == b'\n') {
            return Ok(start + at as u64 + 1);
        }
        end = start;
    }
    Ok(0)
}
