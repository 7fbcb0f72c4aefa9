// SPDX-License-Identifier: Apache-2.0
//! Server-sent events (WHATWG HTML, section 9.2), both ways.

mod decode;

use bytes::{BufMut, BytesMut};
use serde::Serialize;

use crate::write_json;

pub use decode::{SseDecoder, SseError, SseEvent};

/// The frame that ends every stream of the API.
pub const DONE: &[u8] = b"data: [DONE]\n\n";

/// Appends one event to `out`: an `event:` line when `name` is given, then `data:` with the JSON of
/// `data`, which never holds a line break.
///
/// # Errors
/// When `data` cannot be written as JSON; `out` is as it was.
pub fn write_event<T: Serialize>(
    out: &mut BytesMut,
    name: Option<&str>,
    data: &T,
) -> Result<(), serde_json::Error> {
    let before = out.len();
    if let Some(name) = name {
        out.put_slice(b"event: ");
        out.put_slice(name.as_bytes());
        out.put_slice(b"\n");
    }
    out.put_slice(b"data: ");
    if let Err(error) = write_json(out, data) {
        out.truncate(before);
        return Err(error);
    }
    out.put_slice(b"\n\n");
    Ok(())
}
