// SPDX-License-Identifier: Apache-2.0
//! Values that one layer of an encoding hides.
//!
//! Only whole texts are looked into so: how a run of characters decodes is not known before its end,
//! and a run has no bound.

use std::collections::BTreeMap;
use std::ops::Range;

use base64::Engine as _;
use base64::alphabet::{self, Alphabet};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use crate::finding::{Finding, Redacted};
use crate::placeholder;
use crate::rules::Rules;

/// Characters of a run that is decoded at least. Shorter ones are mostly words.
const SHORTEST: usize = 24;

/// Values, by where they begin in the text, in bytes, and with where they end.
///
/// INVARIANT: none overlaps another.
#[derive(Default)]
struct Found(BTreeMap<usize, (usize, Finding)>);

const fn base64(alphabet: &Alphabet) -> GeneralPurpose {
    let config = GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true);
    GeneralPurpose::new(alphabet, config)
}

const STANDARD: GeneralPurpose = base64(&alphabet::STANDARD);
const URL_SAFE: GeneralPurpose = base64(&alphabet::URL_SAFE);

impl Rules {
    /// The same as [`Rules::redact`], and values that one layer of base64 (RFC 4648), percent-encoding
    /// (RFC 3986) or hexadecimal digits hides in 24 characters or more.
    ///
    /// Of percent-encoding, the characters of the value are replaced; of the others, the whole run.
    ///
    /// ```
    /// use lukhas_redact::{Profile, Rules, RulesConfig};
    ///
    /// let rules = Rules::new(&RulesConfig::new(Profile::Logs))?;
    /// let redacted = rules.redact_encoded("GET /find?mail=ada%40example.com&page=2");
    /// assert_eq!(redacted.text, "GET /find?mail=[REDACTED:EMAIL_ADDRESS]&page=2");
    /// # Ok::<(), lukhas_redact::RulesError>(())
    /// ```
    #[must_use]
    pub fn redact_encoded(&self, text: &str) -> Redacted {
        if runs(text, is_encoded).next().is_none() {
            return self.redact(text);
        }
        let mut found = Found::default();
        if let Some((decoded, places)) = unescaped(text) {
            self.find(&decoded, |at| places[at], &mut found);
        }
        self.find(text, |at| at, &mut found);
        for run in runs(text, is_encoded) {
            self.find_in_words(text, run, &mut found);
        }
        found.replaced(text)
    }

    /// Adds what is found in `text` as it is written; `place` says where a byte of it really is.
    fn find(&self, text: &str, place: impl Fn(usize) -> usize, found: &mut Found) {
        let (mut at, mut characters) = (0, 0);
        for finding in self.redact(text).findings {
            let start = at + bytes_of(&text[at..], finding.start - characters);
            at = start + bytes_of(&text[start..], finding.end - finding.start);
            characters = finding.end;
            found.add(place(start)..place(at), finding);
        }
    }

    /// Adds to `found` what words of `run` hide, if nothing is found in them as they are written.
    fn find_in_words(&self, text: &str, run: Range<usize>, found: &mut Found) {
        for (belongs, decode) in ENCODINGS {
            for word in runs(&text[run.clone()], belongs) {
                let (start, mut end) = (run.start + word.start, run.start + word.end);
                if found.last_before(end).is_some_and(|(_, end)| end > start) {
                    continue;
                }
                let decoded = decode(&text[start..end]).and_then(readable);
                let hidden = decoded.map(|decoded| self.redact(&decoded).findings);
                if let Some(finding) = hidden.and_then(|hidden| hidden.into_iter().next()) {
                    // `=` fills base64 up.
                    let fill = text[end..].bytes().take(2);
                    end += fill.take_while(|&byte| byte == b'=').count();
                    found.add(start..end, finding);
                }
            }
        }
    }
}

/// How a word is told from what is around it, and decoded.
type Encoding = (fn(u8) -> bool, fn(&str) -> Option<Vec<u8>>);

/// Each is a part of the next, or nearly: a word of the first is decoded as that.
const ENCODINGS: [Encoding; 3] = [
    (|byte| byte.is_ascii_hexdigit(), hexadecimal),
    (
        |byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/'),
        |word| decode(&STANDARD, word),
    ),
    (
        |byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'),
        |word| decode(&URL_SAFE, word),
    ),
];

impl Found {
    /// Where the last value that begins before `end` begins and ends.
    fn last_before(&self, end: usize) -> Option<(usize, usize)> {
        let (start, (end, _)) = self.0.range(..end).next_back()?;
        Some((*start, *end))
    }

    /// Adds a value. Where others overlap it, all are one, and the first that was added says what.
    fn add(&mut self, mut range: Range<usize>, mut finding: Finding) {
        while let Some((start, end)) = self.last_before(range.end)
            && end > range.start
        {
            if let Some((_, first)) = self.0.remove(&start) {
                finding = first;
            }
            range = range.start.min(start)..range.end.max(end);
        }
        self.0.insert(range.start, (range.end, finding));
    }

    /// `text` with placeholders for them.
    fn replaced(self, text: &str) -> Redacted {
        let mut out = Redacted::default();
        let (mut at, mut characters) = (0, 0);
        for (start, (end, mut finding)) in self.0 {
            let (before, value) = (&text[at..start], &text[start..end]);
            out.text.push_str(before);
            placeholder::write(&mut out.text, &finding.rule.entity, None);
            finding.start = characters + before.chars().count();
            finding.end = finding.start + value.chars().count();
            (at, characters) = (end, finding.end);
            out.findings.push(finding);
        }
        out.text.push_str(&text[at..]);
        out
    }
}

/// Bytes of the first `characters` of `text`.
fn bytes_of(text: &str, characters: usize) -> usize {
    let end = text.char_indices().nth(characters);
    end.map_or(text.len(), |(at, _)| at)
}

/// The longest runs of bytes that `belongs` names, if they are long enough.
fn runs(text: &str, belongs: fn(u8) -> bool) -> impl Iterator<Item = Range<usize>> {
    let bytes = text.as_bytes();
    let mut at = 0;
    std::iter::from_fn(move || {
        while at < bytes.len() {
            let start = at + bytes[at..].iter().position(|&byte| belongs(byte))?;
            let length = bytes[start..].iter().position(|&byte| !belongs(byte));
            at = length.map_or(bytes.len(), |length| start + length);
            if at - start >= SHORTEST {
                return Some(start..at);
            }
        }
        None
    })
}

/// Whether encoded text, or what stands between parts of it in a URL, may hold `byte`.
fn is_encoded(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"+/-_=%.~!$&'()*,;:@?#|".contains(&byte)
}

fn decode(engine: &GeneralPurpose, run: &str) -> Option<Vec<u8>> {
    // One character beyond whole bytes is of something that was cut.
    let whole = if run.len() % 4 == 1 {
        run.len() - 1
    } else {
        run.len()
    };
    engine.decode(&run[..whole]).ok()
}

fn hexadecimal(run: &str) -> Option<Vec<u8>> {
    let (pairs, _) = run.as_bytes().as_chunks::<2>();
    pairs.iter().map(|&pair| byte(pair)).collect()
}

/// `bytes` as text, if they are one that people write.
fn readable(bytes: Vec<u8>) -> Option<String> {
    let text = String::from_utf8(bytes).ok()?;
    let is_text = text
        .chars()
        .all(|c| !c.is_control() || c.is_ascii_whitespace());
    is_text.then_some(text)
}

/// `text` without the percent-encoding of its long runs, if they have any that is text, and where each
/// byte of it begins in `text`; so does what is behind the last.
fn unescaped(text: &str) -> Option<(String, Vec<usize>)> {
    if !text.contains('%') {
        return None;
    }
    let (mut decoded, mut places, mut at) = (String::new(), Vec::new(), 0);
    for run in runs(text, is_encoded) {
        let Some((bytes, starts)) = percent(&text[run.clone()]) else {
            continue;
        };
        let Ok(bytes) = String::from_utf8(bytes) else {
            continue;
        };
        decoded.push_str(&text[at..run.start]);
        places.extend(at..run.start);
        decoded.push_str(&bytes);
        places.extend(starts.into_iter().map(|start| run.start + start));
        at = run.end;
    }
    if at == 0 {
        return None;
    }
    decoded.push_str(&text[at..]);
    places.extend(at..=text.len());
    Some((decoded, places))
}

/// The bytes that `run` encodes, and where each begins, if anything of it is encoded.
fn percent(run: &str) -> Option<(Vec<u8>, Vec<usize>)> {
    let (mut decoded, mut starts) = (Vec::new(), Vec::new());
    let (bytes, mut at) = (run.as_bytes(), 0);
    while let Some(&first) = bytes.get(at) {
        let pair = bytes.get(at + 1..at + 3).filter(|_| first == b'%');
        let pair = pair.and_then(|pair| byte(pair.try_into().ok()?));
        let (value, length) = pair.map_or((first, 1), |value| (value, 3));
        decoded.push(value);
        starts.push(at);
        at += length;
    }
    (decoded.len() < bytes.len()).then_some((decoded, starts))
}

/// The byte that two hexadecimal digits write.
fn byte(pair: [u8; 2]) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let value = digit(pair[0])? * 16 + digit(pair[1])?;
    u8::try_from(value).ok()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::Rule;
    use crate::{Profile, RulesConfig};

    fn rules() -> Rules {
        Rules::new(&RulesConfig::new(Profile::Logs)).unwrap()
    }

    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(rules().redact_encoded(text).text, expected);
    }

    #[test]
    fn values_are_found_in_base64() {
        // `write to ada@example.com now`, in both alphabets, with fill and without, cut by one.
        for run in [
            "d3JpdGUgdG8gYWRhQGV4YW1wbGUuY29tIG5vdw==",
            "d3JpdGUgdG8gYWRhQGV4YW1wbGUuY29tIG5vdw",
            "d3JpdGUgdG8gYWRhQGV4YW1wbGUuY29tIG5vd",
        ] {
            check(
                &format!("data={run}&x=1"),
                "data=[REDACTED:EMAIL_ADDRESS]&x=1",
            );
            check(&format!("é {run}."), "é [REDACTED:EMAIL_ADDRESS].");
        }
        let bytes = "??>>?? ada@example.com ??>>";
        let standard = STANDARD.encode(bytes);
        assert!(
            standard.contains('/') && standard.contains('+'),
            "{standard}"
        );
        check(&standard, "[REDACTED:EMAIL_ADDRESS]");
        check(&URL_SAFE.encode(bytes), "[REDACTED:EMAIL_ADDRESS]");
    }

    #[test]
    fn values_are_found_in_hexadecimal_digits() {
        let run: String = "to ada@example.com"
            .bytes()
            .map(|b| format!("{b:02x}"))
            .collect();
        check(&format!("<{run}>"), "<[REDACTED:EMAIL_ADDRESS]>");
        check(&run.to_uppercase(), "[REDACTED:EMAIL_ADDRESS]");
    }

    #[test]
    fn values_are_found_in_percent_encoding_and_the_rest_stays() {
        check(
            "GET /find?a=%C3%A9&mail=ada%40example.com&phone=%2B49%2030%201234567#x é",
            "GET /find?a=%C3%A9&mail=[REDACTED:EMAIL_ADDRESS]&phone=[REDACTED:PHONE_NUMBER]#x é",
        );
    }

    #[test]
    fn offsets_are_those_of_the_text_before() {
        let text = "é bob@example.com d3JpdGUgdG8gYWRhQGV4YW1wbGUuY29tIG5vdw== 4111111111111111";
        let redacted = rules().redact_encoded(text);
        let characters: Vec<char> = text.chars().collect();
        let found = redacted.findings.iter().map(|finding| {
            let value: String = characters[finding.start..finding.end].iter().collect();
            (finding.rule.entity.clone(), value)
        });
        let found: Vec<_> = found.collect();
        let expected = [
            ("EMAIL_ADDRESS", "bob@example.com"),
            ("EMAIL_ADDRESS", "d3JpdGUgdG8gYWRhQGV4YW1wbGUuY29tIG5vdw=="),
            ("CREDIT_CARD", "4111111111111111"),
        ];
        let expected = expected.map(|(entity, value)| (entity.to_owned(), value.to_owned()));
        assert_eq!(found, expected);
        assert_eq!(
            redacted.text,
            "é [REDACTED:EMAIL_ADDRESS] [REDACTED:EMAIL_ADDRESS] [REDACTED:CREDIT_CARD]"
        );
    }

    #[test]
    fn what_hides_nothing_stays_as_it_is() {
        for text in [
            "",
            "a plain text, with nothing in it",
            // Hashes, identifiers, paths, and base64 of what is no text or no value.
            "da39a3ee5e6b4b0d3255bfef95601890afd80709",
            "123e4567-e89b-12d3-a456-426614174000",
            "/usr/share/doc/some-package/README.Debian.gz",
            "aGVsbG8gd29ybGQsIGhvdyBhcmUgeW91Pw==",
            "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJ",
            "https://example.com/a%20b%20c%2Fd?e=%E4%BD%A0%E5%A5%BD&f=%zz%4",
            // Too short to be decoded.
            "ada%40example.com",
        ] {
            check(text, text);
        }
    }

    #[test]
    fn what_is_found_twice_is_one_value() {
        let finding = |entity: &str| Finding {
            rule: Arc::new(Rule {
                kind: crate::Kind::Pii,
                entity: entity.to_owned(),
                name: String::new(),
            }),
            start: 0,
            end: 0,
            score: 1.0,
        };
        let mut found = Found::default();
        for (range, entity) in [
            (2..4, "A"),
            (6..8, "B"),
            (10..12, "C"),
            (3..7, "D"),
            (12..13, "E"),
        ] {
            found.add(range, finding(entity));
        }
        let redacted = found.replaced("0123456789abcdefg");
        assert_eq!(
            redacted.text,
            "01[REDACTED:A]89[REDACTED:C][REDACTED:E]defg"
        );
    }
}
