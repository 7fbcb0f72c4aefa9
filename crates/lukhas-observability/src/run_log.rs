// SPDX-License-Identifier: Apache-2.0
//! Run events as files of JSON lines.

mod files;
mod line;

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, SystemTime};

use crate::Redaction;
use crate::queue::Queue;
use crate::telemetry::{RunEvents, Standing};
use files::Files;
use line::Lines;

/// Most events that wait to be written, a few of one run together.
pub(crate) const CAPACITY: usize = 16_384;
/// Bytes that are written at a time.
const PIECE: usize = 64 << 10;
/// How long after a failure nothing is tried.
const PAUSE: Duration = Duration::from_secs(1);

/// Where run events are written, and how much of them is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunLogConfig {
    /// The folder, for one process at a time; made if it is not there. `runs.jsonl` is written,
    /// `runs-TIME-NNN.jsonl` are the files before it.
    pub dir: PathBuf,
    /// Bytes after which a file ends. An event is never cut in two.
    pub max_file_bytes: u64,
    /// Time after which a file ends.
    pub max_file_age: Duration,
    /// Most bytes of all files together; beyond, the oldest are removed.
    pub max_total_bytes: u64,
    /// Whether the end of a run shows what was said, redacted.
    pub content: bool,
}

/// The thread that writes run events.
pub(crate) struct RunLog {
    queue: Arc<Queue<RunEvents>>,
    standing: Arc<Standing>,
    shows_content: bool,
    writer: Mutex<Option<JoinHandle<()>>>,
}

struct Writer {
    files: Files,
    queue: Arc<Queue<RunEvents>>,
    standing: Arc<Standing>,
    lines: Lines,
    /// Whether the last write failed.
    is_failing: bool,
}

impl RunLog {
    /// Opens the folder and starts to write.
    pub(crate) fn open(
        config: RunLogConfig,
        queue: Queue<RunEvents>,
        redaction: Redaction,
    ) -> io::Result<Self> {
        let (queue, standing) = (Arc::new(queue), Arc::new(Standing::default()));
        let shows_content = config.content;
        let writer = Writer {
            files: Files::open(config)?,
            queue: Arc::clone(&queue),
            standing: Arc::clone(&standing),
            lines: Lines::new(redaction, shows_content),
            is_failing: false,
        };
        let thread = thread::Builder::new().name("run-log".to_owned());
        let writer = thread.spawn(move || writer.run())?;
        Ok(Self {
            queue,
            standing,
            shows_content,
            writer: Mutex::new(Some(writer)),
        })
    }

    pub(crate) fn put(&self, events: RunEvents) {
        let count = events.events.len();
        self.queue.put(events, count);
    }

    /// Whether it shows what is said.
    pub(crate) fn shows_content(&self) -> bool {
        self.shows_content
    }

    /// What is wrong, if something is.
    pub(crate) fn problem(&self) -> Option<String> {
        self.standing.problem()
    }

    /// Writes what waits, and nothing after it.
    pub(crate) fn close(&self) {
        self.queue.close();
        let writer = self
            .writer
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(writer) = writer {
            // A writer that panicked has said so in the log.
            let _ = writer.join();
        }
    }
}

impl Writer {
    fn run(mut self) {
        let (mut items, mut lines) = (Vec::new(), Vec::new());
        loop {
            let goes_on = self.queue.take(&mut items);
            let mut waiting = 0;
            for events in items.drain(..) {
                self.lines.write(&events, &mut lines);
                waiting += events.events.len();
                if lines.len() >= PIECE {
                    self.append(&mut lines, &mut waiting);
                }
            }
            self.append(&mut lines, &mut waiting);
            if !goes_on {
                break;
            }
            if self.is_failing {
                self.queue.rest(PAUSE);
            }
        }
    }

    /// Writes `lines`, which are of `waiting` events, or loses them.
    fn append(&mut self, lines: &mut Vec<u8>, waiting: &mut usize) {
        if lines.is_empty() {
            return;
        }
        match self.files.append(lines, SystemTime::now()) {
            Ok(()) => {
                if self.is_failing {
                    tracing::info!("run events can be written again");
                }
                self.is_failing = false;
                self.standing.well();
            }
            Err(error) => {
                self.queue.lose(*waiting);
                if !self.is_failing {
                    tracing::error!(%error, "run events cannot be written, and are lost");
                }
                self.is_failing = true;
                self.standing
                    .failing(format!("run events cannot be written: {}", error.kind()));
            }
        }
        lines.clear();
        *waiting = 0;
    }
}

#[cfg(test)]
mod tests;
