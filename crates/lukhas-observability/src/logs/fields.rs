// SPDX-License-Identifier: Apache-2.0
//! The fields of a line for people.

use std::borrow::Cow;
use std::fmt::{self, Write};

use tracing::field::Field;
use tracing_subscriber::field::MakeExt;
use tracing_subscriber::fmt::FormatFields;
use tracing_subscriber::fmt::format::{Writer, debug_fn};

use crate::Redaction;

/// Writes fields as `name=value`, the message first and bare; values are redacted, and control
/// characters are escaped, so that no value can begin a line of its own or talk to a terminal.
pub(super) fn fields(
    redaction: Redaction,
) -> impl for<'w> FormatFields<'w> + Send + Sync + 'static {
    debug_fn(
        move |writer: &mut Writer<'_>, field: &Field, value: &dyn fmt::Debug| {
            let written = format!("{value:?}");
            let value: Cow<'_, str> = redaction.field(field.name(), &written);
            let mut escaped = Escaped(writer);
            match field.name() {
                "message" => escaped.write_str(&value),
                name => write!(escaped, "{name}={value}"),
            }
        },
    )
    .delimited(" ")
}

struct Escaped<'a, 'w>(&'a mut Writer<'w>);

impl Write for Escaped<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for part in text.split_inclusive(char::is_control) {
            match part.char_indices().next_back() {
                Some((at, control)) if control.is_control() => {
                    self.0.write_str(&part[..at])?;
                    write!(self.0, "{}", control.escape_default())?;
                }
                _ => self.0.write_str(part)?,
            }
        }
        Ok(())
    }
}
