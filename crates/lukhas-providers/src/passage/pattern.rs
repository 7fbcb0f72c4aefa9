// SPDX-License-Identifier: Apache-2.0
//! Events that differ in their text alone.
//!
//! Most events of a stream are like the one before: the same JSON with another text in one place,
//! and perhaps another number in another. A [`Pattern`] is such an event with gaps in those places.
//! What fits it means what the event meant that it was made from, with its own text: putting one
//! JSON string, or one number, in the place of another changes nothing else.

use bytes::{BufMut, BytesMut};
use lukhas_openai::SseEvent;

use super::patches::place;

/// A text that no event holds.
const TEXT: &str = "\"\\u0000lukhas\\u0000gap\\u0000\"";
/// A number that no event holds.
const NUMBER: &str = "918273645546372819";

/// Longest event that a pattern is made of, in bytes.
const LONGEST: usize = 4096;

/// An event with gaps, as it comes and as it is passed on.
#[derive(Debug)]
pub(super) struct Pattern {
    name: String,
    theirs: Gapped,
    ours: Gapped,
}

/// A text with a gap for a string and, before or after it, perhaps one for a number.
#[derive(Debug, PartialEq, Eq)]
struct Gapped {
    pieces: Vec<String>,
    /// Which gap is the string's; the other one, if there is one, is the number's.
    string: usize,
}

/// What stands in the gaps of an event.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Filled<'d> {
    /// A JSON string, with its quotes.
    pub(super) string: &'d str,
    number: &'d str,
}

impl Pattern {
    /// The pattern of `event`, in which `string` is what it says and `number` what counts it: parts
    /// of its data. `write` writes data as they are passed on. `None` when no pattern can be made.
    pub(super) fn new(
        event: &SseEvent,
        string: &str,
        number: Option<&str>,
        mut write: impl FnMut(&str, &mut BytesMut) -> Option<()>,
    ) -> Option<Self> {
        let data = event.data.as_str();
        if data.len() > LONGEST || data.contains(TEXT) || data.contains(NUMBER) {
            return None;
        }
        let mut gaps = vec![(place(data, string)?, TEXT)];
        if let Some(number) = number {
            gaps.push((place(data, number)?, NUMBER));
        }
        gaps.sort_by_key(|(place, _)| place.start);
        let mut with_gaps = String::with_capacity(data.len() + 64);
        let mut from = 0;
        for (place, gap) in gaps {
            with_gaps.push_str(data.get(from..place.start)?);
            with_gaps.push_str(gap);
            from = place.end;
        }
        with_gaps.push_str(data.get(from..)?);
        let mut written = BytesMut::new();
        write(&with_gaps, &mut written)?;
        let has_number = number.is_some();
        Some(Self {
            name: event.event.clone(),
            theirs: Gapped::new(&with_gaps, has_number)?,
            ours: Gapped::new(std::str::from_utf8(&written).ok()?, has_number)?,
        })
    }

    /// What fills the gaps of `event`, if it is of this pattern.
    pub(super) fn fill<'d>(&self, event: &'d SseEvent) -> Option<Filled<'d>> {
        (event.event == self.name).then_some(())?;
        self.theirs.fill(&event.data)
    }

    /// Writes an event of this pattern as it is passed on.
    pub(super) fn write(&self, filled: &Filled<'_>, out: &mut BytesMut) {
        for (index, piece) in self.ours.pieces.iter().enumerate() {
            if let Some(gap) = index.checked_sub(1) {
                let gap = match gap == self.ours.string {
                    true => filled.string,
                    false => filled.number,
                };
                out.put_slice(gap.as_bytes());
            }
            out.put_slice(piece.as_bytes());
        }
    }
}

impl Gapped {
    fn new(text: &str, has_number: bool) -> Option<Self> {
        let at_text = text.find(TEXT)?;
        let string = match has_number {
            true => usize::from(text.find(NUMBER)? < at_text),
            false => 0,
        };
        let (first, second) = match (has_number, string) {
            (false, _) => (TEXT, None),
            (true, 0) => (TEXT, Some(NUMBER)),
            (true, _) => (NUMBER, Some(TEXT)),
        };
        let (before, mut after) = text.split_once(first)?;
        let mut pieces = vec![before.to_owned()];
        if let Some(second) = second {
            let (between, rest) = after.split_once(second)?;
            pieces.push(between.to_owned());
            after = rest;
        }
        // A gap that is there twice is none.
        let is_once = !after.contains(TEXT) && !after.contains(NUMBER);
        pieces.push(after.to_owned());
        is_once.then_some(Self { pieces, string })
    }

    fn fill<'d>(&self, data: &'d str) -> Option<Filled<'d>> {
        let (first, rest) = self.pieces.split_first()?;
        let (last, between) = rest.split_last()?;
        let mut data = data
            .strip_prefix(first.as_str())?
            .strip_suffix(last.as_str())?;
        let mut number = "";
        if let Some(between) = between.first() {
            (data, number) = match self.string {
                0 => {
                    let (data, number) = split_number_from_end(data)?;
                    (data.strip_suffix(between.as_str())?, number)
                }
                _ => {
                    let (number, data) = split_number(data)?;
                    (data.strip_prefix(between.as_str())?, number)
                }
            };
        }
        Some(Filled {
            string: data,
            number,
        })
    }
}

/// A whole number at the start of `text`, and what follows it.
fn split_number(text: &str) -> Option<(&str, &str)> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, rest) = text.split_at(digits);
    is_number(number).then_some((number, rest))
}

/// What precedes a whole number at the end of `text`, and the number.
fn split_number_from_end(text: &str) -> Option<(&str, &str)> {
    let digits = text.bytes().rev().take_while(u8::is_ascii_digit).count();
    let (rest, number) = text.split_at(text.len() - digits);
    is_number(number).then_some((rest, number))
}

/// Whether digits are a number of JSON that fits in 64 bits.
fn is_number(digits: &str) -> bool {
    matches!(digits.len(), 1..=18) && (digits.len() == 1 || !digits.starts_with('0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(data: &str) -> SseEvent {
        SseEvent {
            event: String::new(),
            data: data.to_owned(),
        }
    }

    /// The pattern of `data` with `string` and `number` as gaps, which is passed on in capitals.
    fn pattern(data: &str, string: &str, number: Option<&str>) -> Option<Pattern> {
        let event = event(data);
        let part = |part: &str| {
            let start = event.data.find(part).expect("a part");
            &event.data[start..start + part.len()]
        };
        Pattern::new(&event, part(string), number.map(part), |data, out| {
            out.put_slice(data.replace("\"a\"", "\"A\"").as_bytes());
            Some(())
        })
    }

    #[track_caller]
    fn check(pattern: &Pattern, data: &str, expected: Option<(&str, &str)>) {
        let event = event(data);
        let filled = pattern.fill(&event);
        let written = filled.map(|filled| {
            let mut out = BytesMut::new();
            pattern.write(&filled, &mut out);
            let out = String::from_utf8(out.to_vec()).expect("UTF-8");
            (filled.string, out)
        });
        let expected = expected.map(|(string, out)| (string, out.to_owned()));
        assert_eq!(written, expected, "{data}");
    }

    #[test]
    fn an_event_with_another_text_fits() {
        let pattern = pattern(r#"{"a":1,"t":"x","z":[]}"#, "\"x\"", None).expect("a pattern");
        check(
            &pattern,
            r#"{"a":1,"t":"y z","z":[]}"#,
            Some((r#""y z""#, r#"{"A":1,"t":"y z","z":[]}"#)),
        );
        check(
            &pattern,
            r#"{"a":1,"t":"","z":[]}"#,
            Some(("\"\"", r#"{"A":1,"t":"","z":[]}"#)),
        );
        check(&pattern, r#"{"a":2,"t":"x","z":[]}"#, None);
        check(&pattern, r#"{"a":1,"t":"x","z":[1]}"#, None);
        check(&pattern, r#"{"a":1"#, None);
        // Whether what stands in the gap is a string, the reader of it sees.
        check(
            &pattern,
            r#"{"a":1,"t":7,"z":[]}"#,
            Some(("7", r#"{"A":1,"t":7,"z":[]}"#)),
        );
    }

    #[test]
    fn numbers_before_and_after_the_text_may_differ() {
        let before = pattern(r#"{"n":7,"t":"x"}"#, "\"x\"", Some("7")).expect("a pattern");
        check(
            &before,
            r#"{"n":10,"t":"y"}"#,
            Some(("\"y\"", r#"{"n":10,"t":"y"}"#)),
        );
        let after = pattern(r#"{"t":"x","n":7}"#, "\"x\"", Some("7")).expect("a pattern");
        check(
            &after,
            r#"{"t":"1","n":10}"#,
            Some(("\"1\"", r#"{"t":"1","n":10}"#)),
        );
        for number in ["", "-1", "01", "1.5", "1e9", "1234567890123456789", "null"] {
            check(&before, &format!(r#"{{"n":{number},"t":"y"}}"#), None);
            check(&after, &format!(r#"{{"t":"y","n":{number}}}"#), None);
        }
    }

    #[test]
    fn what_holds_a_gap_already_has_no_pattern() {
        assert!(pattern(&format!(r#"{{"t":"x","u":{TEXT}}}"#), "\"x\"", None).is_none());
        assert!(pattern(&format!(r#"{{"t":"x","u":{NUMBER}}}"#), "\"x\"", None).is_none());
        let long = format!(r#"{{"t":"x","u":"{}"}}"#, "y".repeat(LONGEST));
        assert!(pattern(&long, "\"x\"", None).is_none());
    }
}
