// SPDX-License-Identifier: Apache-2.0
//! What budgets were spent, in a file that outlasts the process.

mod file;
mod record;

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, SystemTime};

use lukhas_reliability::{Line, Spend, SpendLog, SpendLogError};

use self::file::{Folder, Lock, State};
use self::record::Totals;

/// How often spends are brought to the disk, and an unwritable journal is tried again.
const TURN: Duration = Duration::from_secs(1);

/// Spends in a file of one folder, `spends.journal`, for one process at a time.
///
/// A spend is one line, written by one `write(2)` before [`SpendLog::append`] returns: it survives the
/// end of the process, however that comes. At most a second later, on a thread of the journal's own, it
/// is on the disk (`fdatasync`) and survives a loss of power, too.
///
/// The file begins with a snapshot of all accounts, and is written anew, beside itself and put in its
/// place by a rename, when it is opened and when it has grown. A journal that cannot be written says
/// so ([`SpendLog::check`]) until a new snapshot could be, which is tried every second; what was spent
/// meanwhile is in it.
pub struct SpendJournal {
    shared: Arc<Shared>,
    keeper: Option<JoinHandle<()>>,
    _lock: Lock,
}

/// What a journal held when it was opened.
#[derive(Debug)]
pub struct Restored {
    /// What every account had settled, in windows that are not over.
    pub lines: Vec<Line>,
    /// The byte at which a torn write began, as of a process that was killed in it. It was cut off.
    pub torn_at: Option<usize>,
}

/// Why there is no journal.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// Another process has it.
    #[error("`{}` is in use by another process, and is for one at a time", .0.display())]
    InUse(PathBuf),
    /// It is damaged, by more than a torn write at its end. Nothing was changed.
    #[error("`{}` is damaged at byte {offset}: {what}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The byte at which what is wrong begins.
        offset: usize,
        /// What is wrong.
        what: &'static str,
    },
    /// It cannot be read or written.
    #[error("`{}` cannot be used", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

struct Shared {
    folder: Folder,
    clock: fn() -> SystemTime,
    state: Mutex<State>,
    /// Wakes the keeper: there is something to bring to the disk, or the journal is closed.
    wake: Condvar,
    /// Held for a turn: only one at a time writes the journal anew.
    turn: Mutex<()>,
    /// Whether a spend could not be written; read without the lock.
    is_failing: AtomicBool,
}

impl SpendJournal {
    /// The journal of `folder`, which is made if it is not there; and what it holds of windows that
    /// are not over by `clock`.
    ///
    /// # Errors
    /// [`JournalError`] when another process has it, it is damaged, or cannot be written.
    pub fn open(
        folder: &Path,
        clock: fn() -> SystemTime,
    ) -> Result<(Self, Restored), JournalError> {
        let folder = Folder::new(folder);
        let lock = folder.lock()?;
        let (contents, torn_at) = folder.read()?;
        let state = State::new(&folder, contents.seq, contents.totals, clock());
        let state = state.map_err(|source| folder.error(source))?;
        let restored = Restored {
            lines: lines(&state.totals),
            torn_at,
        };
        let shared = Arc::new(Shared {
            folder,
            clock,
            state: Mutex::new(state),
            wake: Condvar::new(),
            turn: Mutex::default(),
            is_failing: AtomicBool::new(false),
        });
        let keeper = thread::Builder::new().name("spends".into()).spawn({
            let shared = Arc::clone(&shared);
            move || shared.keep()
        });
        let keeper = keeper.map_err(|source| shared.folder.error(source))?;
        let journal = Self {
            shared,
            keeper: Some(keeper),
            _lock: lock,
        };
        Ok((journal, restored))
    }

    /// What the journal of `folder` holds, whether or not a process has it open: nothing where there
    /// is none.
    ///
    /// # Errors
    /// [`JournalError`] when it is damaged or cannot be read.
    pub fn read(folder: &Path) -> Result<Vec<Line>, JournalError> {
        let (contents, _) = Folder::new(folder).read()?;
        Ok(lines(&contents.totals))
    }
}

fn lines(totals: &Totals) -> Vec<Line> {
    let lines = totals.iter().map(|(page, amount)| Line {
        page: page.clone(),
        amount: *amount,
    });
    lines.collect()
}

impl SpendLog for SpendJournal {
    fn append(&self, spend: &Spend<'_>) -> Result<(), SpendLogError> {
        let mut state = self.shared.lock();
        let was_clean = !state.needs_keeping();
        let appended = state.append(spend.lines);
        if let Err(error) = &appended {
            self.shared.fail(&mut state, error);
        }
        drop(state);
        if was_clean {
            self.shared.wake.notify_all();
        }
        appended.map_err(SpendLogError::new)
    }

    fn check(&self) -> Result<(), SpendLogError> {
        if self.shared.is_failing.load(Ordering::Acquire) {
            return Err(SpendLogError::new("the journal cannot be written"));
        }
        Ok(())
    }
}

impl Shared {
    /// Nothing under the lock panics.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Brings spends to the disk, and writes the journal anew when it has grown or could not be
    /// written, at most once a turn, until it is closed and all is on the disk.
    fn keep(&self) {
        let mut is_closed = false;
        while !is_closed {
            let idle = |state: &mut State| !state.is_closed && !state.needs_keeping();
            let state = self.wake.wait_while(self.lock(), idle);
            drop(state.unwrap_or_else(PoisonError::into_inner));
            self.turn();
            let open = |state: &mut State| !state.is_closed;
            let waited = self.wake.wait_timeout_while(self.lock(), TURN, open);
            is_closed = waited.unwrap_or_else(PoisonError::into_inner).0.is_closed;
        }
        self.turn();
    }

    fn turn(&self) {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let unsynced = self.lock().take_unsynced();
        if let Some(Err(error)) = unsynced.map(|file| file.sync_data()) {
            // What the system could not bring to the disk it may have forgotten.
            self.fail(&mut self.lock(), &error);
        }
        if self.lock().must_rewrite() {
            self.rewrite();
        }
    }

    /// Writes a snapshot beside the journal, without holding anybody up, and puts it in its place.
    fn rewrite(&self) {
        let draft = self.lock().draft((self.clock)());
        let written = draft.write(&self.folder);
        let mut state = self.lock();
        match written.and_then(|written| state.adopt(written, &self.folder)) {
            Ok(true) => {
                if self.is_failing.swap(false, Ordering::Release) {
                    tracing::info!("the journal of budgets can be written again");
                }
            }
            // Something was spent meanwhile that could not be written: the next turn has it.
            Ok(false) => {}
            Err(error) => {
                // One that fails has said so; another grows on.
                if !self.is_failing.load(Ordering::Acquire) {
                    tracing::warn!(%error, "the journal of budgets cannot be written anew");
                }
            }
        }
    }

    fn fail(&self, state: &mut State, error: &io::Error) {
        state.fail();
        if !self.is_failing.swap(true, Ordering::Release) {
            tracing::error!(%error, "the journal of budgets cannot be written");
        }
    }
}

impl Drop for SpendJournal {
    fn drop(&mut self) {
        self.shared.lock().is_closed = true;
        self.shared.wake.notify_all();
        if let Some(keeper) = self.keeper.take() {
            // It does not panic.
            let _ = keeper.join();
        }
    }
}

impl fmt::Debug for SpendJournal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SpendJournal")
            .field("folder", &self.shared.folder)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
