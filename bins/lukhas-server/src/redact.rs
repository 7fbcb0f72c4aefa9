// SPDX-License-Identifier: Apache-2.0
//! `lukhas redact`: standard input to standard output, without personal data and secrets.

use std::io::{self, BufRead, Read, Write};

use lukhas_app::redact_rules;
use lukhas_redact::{Finding, Redacted, Rules};
use serde_json::{Value, json};

use crate::arguments::RedactSettings;
use crate::failure::Failure;

/// Bytes that are read at once.
const CHUNK: usize = 64 * 1024;
/// Bytes of a line of JSON at most.
const MAX_LINE: u64 = 16 * 1024 * 1024;

/// Redacts until the input ends, or nobody reads the output any more.
pub(crate) fn run(settings: RedactSettings) -> Result<(), Failure> {
    let jsonl = settings.jsonl;
    let rules = redact_rules(&settings.into())?;
    let (input, mut out) = (io::stdin().lock(), io::stdout().lock());
    let done = if jsonl {
        lines(&rules, input, &mut out)
    } else {
        text(&rules, input, &mut out)
    };
    match done {
        Err(Failure::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        done => done,
    }
}

/// Text as it comes. What was read before a failure is written, and its end is redacted too.
fn text(rules: &Rules, mut input: impl Read, out: &mut impl Write) -> Result<(), Failure> {
    let mut redactor = rules.redactor();
    let mut redacted = Redacted::default();
    let mut decoder = Decoder::default();
    let mut chunk = vec![0; CHUNK];
    let ended = loop {
        match input.read(&mut chunk) {
            Ok(0) => break Ok(()),
            Ok(read) => decoder.push(&chunk[..read], |piece| redactor.push(piece, &mut redacted)),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => break Err(Failure::Text(error)),
        }
        write(out, &mut redacted.text)?;
        redacted.findings.clear();
    };
    decoder.finish(|piece| redactor.push(piece, &mut redacted));
    redactor.finish(&mut redacted);
    write(out, &mut redacted.text)?;
    ended
}

fn write(out: &mut impl Write, text: &mut String) -> Result<(), Failure> {
    let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    text.clear();
    written.map_err(Failure::Output)
}

/// Joins bytes to characters. What is no UTF-8 becomes U+FFFD: a value could hide behind it else.
#[derive(Default)]
struct Decoder {
    cut: Vec<u8>,
}

impl Decoder {
    fn push(&mut self, bytes: &[u8], mut give: impl FnMut(&str)) {
        self.cut.extend_from_slice(bytes);
        let mut kept = 0;
        let mut chunks = self.cut.utf8_chunks().peekable();
        while let Some(chunk) = chunks.next() {
            give(chunk.valid());
            let invalid = chunk.invalid();
            let last = chunks.peek().is_none();
            if last && is_cut(invalid) {
                kept = invalid.len();
            } else if !invalid.is_empty() {
                give("\u{FFFD}");
            }
        }
        self.cut.drain(..self.cut.len() - kept);
    }

    fn finish(&mut self, mut give: impl FnMut(&str)) {
        if !self.cut.is_empty() {
            self.cut.clear();
            give("\u{FFFD}");
        }
    }
}

/// Whether `bytes` may be the beginning of a character.
fn is_cut(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_err_and(|error| error.error_len().is_none())
}

/// A line out for each line in.
fn lines(rules: &Rules, mut input: impl BufRead, out: &mut impl Write) -> Result<(), Failure> {
    let mut line = Vec::new();
    for number in 1.. {
        line.clear();
        let mut limited = (&mut input).take(MAX_LINE + 1);
        let read = limited
            .read_until(b'\n', &mut line)
            .map_err(Failure::Text)?;
        if read == 0 {
            break;
        }
        if line.trim_ascii().is_empty() {
            continue;
        }
        let answer = answer(rules, &line).map_err(|reason| Failure::Line { number, reason })?;
        write(out, &mut (answer.to_string() + "\n"))?;
    }
    Ok(())
}

/// What is answered to a line, or what is wrong with it.
fn answer(rules: &Rules, line: &[u8]) -> Result<Value, String> {
    if line.len() as u64 > MAX_LINE {
        return Err(format!("it is longer than {MAX_LINE} bytes"));
    }
    // The parser's own words may quote what is to be redacted: only the place is told.
    let place = |error: serde_json::Error| format!("no JSON at column {}", error.column());
    let value: Value = serde_json::from_slice(line).map_err(place)?;
    let text = value.get("text").and_then(Value::as_str);
    let text = text.ok_or("expected an object with a string `text`")?;
    let redacted = rules.redact_encoded(text);
    let findings: Vec<_> = redacted.findings.iter().map(to_json).collect();
    Ok(json!({
        "id": value.get("id").unwrap_or(&Value::Null),
        "redacted": redacted.text,
        "findings": findings,
    }))
}

fn to_json(finding: &Finding) -> Value {
    // Two digits say all that a score means; those of an `f32` as an `f64` say more.
    let score = (f64::from(finding.score) * 100.0).round() / 100.0;
    json!({
        "kind": finding.rule.kind.as_str(),
        "entity": finding.rule.entity,
        "start": finding.start,
        "end": finding.end,
        "rule": finding.rule.name,
        "score": score,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pieces: &[&[u8]], expected: &str) {
        let mut text = String::new();
        let mut decoder = Decoder::default();
        for piece in pieces {
            decoder.push(piece, |piece| text.push_str(piece));
        }
        decoder.finish(|piece| text.push_str(piece));
        assert_eq!(text, expected);
    }

    #[test]
    fn characters_are_joined_and_other_bytes_replaced() {
        check(&[b"a\xc3", b"\xa9b"], "aéb");
        check(&[b"\xf0", b"\x9f", b"\x99", b"\x82"], "🙂");
        check(&[b"a\xffb", b"\xc3"], "a\u{FFFD}b\u{FFFD}");
        check(&[b"\xc3", b"b"], "\u{FFFD}b");
    }
}
