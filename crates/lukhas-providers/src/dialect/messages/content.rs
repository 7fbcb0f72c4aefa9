// SPDX-License-Identifier: Apache-2.0
//! Content blocks of a request.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lukhas_core::{Media, MediaSource, Part, RunError};
use serde_json::{Value, json};

use super::super::no_place;

/// What every PDF begins with (`%PDF-`), in base64.
const PDF: &str = "JVBERi0";

/// The block of a part of a message or of a tool's result; `None` for an empty text, which the API
/// refuses.
pub(super) fn block(part: &Part) -> Result<Option<Value>, RunError> {
    Ok(Some(match part {
        Part::Text(text) | Part::Refusal(text) if text.is_empty() => return Ok(None),
        Part::Text(text) | Part::Refusal(text) => json!({"type": "text", "text": text}),
        Part::Image(media) => json!({"type": "image", "source": image(media)?}),
        Part::File(media) => document(media)?,
        Part::Audio(_) => return Err(no_place("audio")),
    }))
}

fn image(media: &Media) -> Result<Value, RunError> {
    let MediaSource::Url(url) = &media.source else {
        return Err(no_place("an image that is not a URL"));
    };
    if !url.starts_with("data:") {
        return Ok(json!({"type": "url", "url": url}));
    }
    match Data::parse(url) {
        Some(Data { media_type, base64 }) => Ok(encoded(media_type, base64)),
        None => Err(no_place("an image whose `data:` URL is not in base64")),
    }
}

/// A file, as far as it is a PDF or plain text.
fn document(media: &Media) -> Result<Value, RunError> {
    let source = match &media.source {
        MediaSource::Url(url) | MediaSource::Inline(url) if url.starts_with("data:") => {
            match Data::parse(url) {
                Some(Data {
                    media_type: "application/pdf",
                    base64,
                }) => encoded("application/pdf", base64),
                Some(Data {
                    media_type: "text/plain",
                    base64,
                }) => plain(base64)?,
                Some(_) | None => return Err(no_document()),
            }
        }
        MediaSource::Url(url) => json!({"type": "url", "url": url}),
        MediaSource::Inline(base64) if base64.starts_with(PDF) => {
            encoded("application/pdf", base64)
        }
        MediaSource::Inline(_) => return Err(no_document()),
        // It would be one of this server's own account, whoever asks.
        MediaSource::FileId(_) => return Err(no_place("an uploaded file")),
    };
    let mut document = json!({"type": "document", "source": source});
    if let Some(name) = &media.hint {
        document["title"] = name.clone().into();
    }
    Ok(document)
}

/// What a `data:` URL in base64 holds (RFC 2397).
struct Data<'u> {
    media_type: &'u str,
    base64: &'u str,
}

impl<'u> Data<'u> {
    fn parse(url: &'u str) -> Option<Self> {
        let (head, base64) = url.strip_prefix("data:")?.split_once(',')?;
        let head = head.strip_suffix(";base64")?;
        let media_type = head.split(';').next().unwrap_or_default();
        Some(Self { media_type, base64 })
    }
}

fn encoded(media_type: &str, base64: &str) -> Value {
    json!({"type": "base64", "media_type": media_type, "data": base64})
}

fn plain(base64: &str) -> Result<Value, RunError> {
    let text = STANDARD.decode(base64).ok();
    let text = text.and_then(|bytes| String::from_utf8(bytes).ok());
    let text = text.ok_or_else(|| {
        let message = "A file of plain text is not UTF-8 in base64.";
        RunError::invalid("input", message)
    })?;
    Ok(json!({"type": "text", "media_type": "text/plain", "data": text}))
}

fn no_document() -> RunError {
    no_place("a file that is neither a PDF nor plain text")
}
