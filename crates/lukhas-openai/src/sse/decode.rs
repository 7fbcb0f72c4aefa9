// SPDX-License-Identifier: Apache-2.0
//! Bytes to events, whatever way they are cut.

use memchr::memchr2;

/// One event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SseEvent {
    /// The `event` field; empty when absent.
    pub event: String,
    /// The `data` lines, joined by line feeds.
    pub data: String,
}

/// Why a stream cannot be read on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SseError {
    /// One event is larger than the decoder holds.
    #[error("an event is larger than {limit} bytes")]
    TooLarge {
        /// The bound, in bytes.
        limit: usize,
    },
    /// A line is not UTF-8.
    #[error("a line is not valid UTF-8")]
    NotUtf8,
}

/// Reads events from bytes that arrive in pieces of any size.
///
/// Accepts LF, CR and CRLF line ends, a byte order mark, comments and unknown fields. An event
/// that no blank line has ended when the stream stops is never given out. Memory is bounded by
/// the limit on one event.
///
/// ```
/// let mut decoder = lukhas_openai::SseDecoder::new(1024);
/// assert!(decoder.push(b"data: {\"a\"").unwrap().is_empty());
/// let events = decoder.push(b":1}\n\n").unwrap();
/// assert_eq!(events[0].data, "{\"a\":1}");
/// ```
#[derive(Debug)]
pub struct SseDecoder {
    limit: usize,
    line: Vec<u8>,
    event: SseEvent,
    has_data: bool,
    after_cr: bool,
    first_line: bool,
}

impl SseDecoder {
    /// A decoder that holds at most `limit` bytes of one event.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self {
            limit,
            line: Vec::new(),
            event: SseEvent::default(),
            has_data: false,
            after_cr: false,
            first_line: true,
        }
    }

    /// Takes the next bytes and returns the events they end.
    ///
    /// # Errors
    /// [`SseError`]; the decoder is of no use afterwards.
    pub fn push(&mut self, bytes: &[u8]) -> Result<Vec<SseEvent>, SseError> {
        let mut events = Vec::new();
        let mut rest = bytes;
        while let Some(&first) = rest.first() {
            if std::mem::take(&mut self.after_cr) && first == b'\n' {
                rest = &rest[1..];
                continue;
            }
            let Some(end) = memchr2(b'\n', b'\r', rest) else {
                self.check(rest.len())?;
                self.line.extend_from_slice(rest);
                break;
            };
            let (line, next) = (&rest[..end], &rest[end + 1..]);
            self.after_cr = rest[end] == b'\r';
            rest = next;
            self.check(line.len())?;
            events.extend(self.end_line(line)?);
        }
        Ok(events)
    }

    /// Whether there is room for `more` bytes of the event.
    fn check(&self, more: usize) -> Result<(), SseError> {
        match self.line.len() + self.event.data.len() + more > self.limit {
            true => Err(SseError::TooLarge { limit: self.limit }),
            false => Ok(()),
        }
    }

    /// Takes the line that `tail` ends, and the event that it ends.
    fn end_line(&mut self, tail: &[u8]) -> Result<Option<SseEvent>, SseError> {
        if self.line.is_empty() {
            return self.line(tail);
        }
        let mut line = std::mem::take(&mut self.line);
        line.extend_from_slice(tail);
        let event = self.line(&line);
        line.clear();
        self.line = line;
        event
    }

    fn line(&mut self, line: &[u8]) -> Result<Option<SseEvent>, SseError> {
        let line = std::str::from_utf8(line).map_err(|_| SseError::NotUtf8)?;
        let line = match std::mem::take(&mut self.first_line) {
            true => line.strip_prefix('\u{feff}').unwrap_or(line),
            false => line,
        };
        if line.is_empty() {
            let event = std::mem::take(&mut self.event);
            return Ok(std::mem::take(&mut self.has_data).then_some(event));
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "data" => {
                if std::mem::replace(&mut self.has_data, true) {
                    self.event.data.push('\n');
                }
                self.event.data.push_str(value);
            }
            "event" => value.clone_into(&mut self.event.event),
            _ => {}
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(pieces: &[&[u8]]) -> Vec<(String, String)> {
        let mut decoder = SseDecoder::new(1 << 10);
        let all = pieces
            .iter()
            .flat_map(|p| decoder.push(p).expect("well formed"));
        all.map(|e| (e.event, e.data)).collect()
    }

    #[track_caller]
    fn check(text: &str, expected: &[(&str, &str)]) {
        let expected: Vec<_> = expected
            .iter()
            .map(|(e, d)| ((*e).to_owned(), (*d).to_owned()))
            .collect();
        assert_eq!(events(&[text.as_bytes()]), expected, "whole");
        let bytes: Vec<&[u8]> = text.as_bytes().chunks(1).collect();
        assert_eq!(events(&bytes), expected, "byte by byte");
        for cut in 0..text.len() {
            let (a, b) = text.as_bytes().split_at(cut);
            assert_eq!(events(&[a, b]), expected, "cut at {cut}");
        }
    }

    #[test]
    fn every_way_of_cutting_gives_the_same_events() {
        check("data: a\n\n", &[("", "a")]);
        check(
            "event: x\ndata: a\ndata: b\n\ndata:c\r\n\r\n",
            &[("x", "a\nb"), ("", "c")],
        );
        check("\u{feff}data: é\r\rdata: 2\n\n", &[("", "é"), ("", "2")]);
        check(": ping\n\nid: 1\nretry: 5\ndata\n\n", &[("", "")]);
        check("event: lost\n\ndata: kept\n\n", &[("", "kept")]);
        check("data: unfinished\n", &[]);
    }

    #[test]
    fn an_endless_event_is_refused_within_its_bound() {
        let mut decoder = SseDecoder::new(100);
        let mut refused = false;
        for _ in 0..20 {
            refused |= decoder.push(b"data: 0123456789\n").is_err();
        }
        assert!(refused);
        assert_eq!(
            SseDecoder::new(4).push(b"xxxxx"),
            Err(SseError::TooLarge { limit: 4 })
        );
        assert_eq!(SseDecoder::new(9).push(b"\xff\n"), Err(SseError::NotUtf8));
    }
}
