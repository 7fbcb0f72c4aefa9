// SPDX-License-Identifier: Apache-2.0
//! Lines of JSON, redacted where no escape hides a value.

use std::io::{self, Write};

use serde_json::Value;
use tracing::Metadata;
use tracing_subscriber::fmt::MakeWriter;

use crate::Redaction;

/// Makes writers that redact the lines they are given.
pub(super) struct RedactedLines<M> {
    writers: M,
    redaction: Redaction,
}

/// Writes one event, which comes as one line.
pub(super) struct RedactedLine<'m, W> {
    writer: W,
    redaction: &'m Redaction,
}

impl<M> RedactedLines<M> {
    pub(super) const fn new(writers: M, redaction: Redaction) -> Self {
        Self { writers, redaction }
    }
}

impl<'m, M: MakeWriter<'m>> MakeWriter<'m> for RedactedLines<M> {
    type Writer = RedactedLine<'m, M::Writer>;

    fn make_writer(&'m self) -> Self::Writer {
        RedactedLine {
            writer: self.writers.make_writer(),
            redaction: &self.redaction,
        }
    }

    fn make_writer_for(&'m self, meta: &Metadata<'_>) -> Self::Writer {
        RedactedLine {
            writer: self.writers.make_writer_for(meta),
            redaction: &self.redaction,
        }
    }
}

impl<W: Write> Write for RedactedLine<'_, W> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let redacted = match serde_json::from_slice::<Value>(line) {
            Ok(mut value) => {
                self.redaction.value("", &mut value);
                format!("{value}\n")
            }
            // A line that is no JSON is redacted as it stands.
            Err(_) => {
                let text = String::from_utf8_lossy(line);
                self.redaction.text(&text).into_owned()
            }
        };
        self.writer.write_all(redacted.as_bytes())?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}
