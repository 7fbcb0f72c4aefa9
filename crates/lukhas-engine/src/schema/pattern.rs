// SPDX-License-Identifier: Apache-2.0
//! Texts that a pattern matches.

use regex_syntax::hir::{Class, ClassUnicode, ClassUnicodeRange, Hir, HirKind, Repetition};

use crate::random::Random;

/// Longest text that a pattern is written out to, in bytes.
const LONGEST: usize = super::MOST_BYTES;

/// A text that `pattern` is found in, with about `min` characters where repetitions allow that.
///
/// Assertions other than the ends of the text are not looked at, so the caller checks. `mixed`
/// makes repetitions longer and goes round the kinds of characters, as rules for passwords ask.
pub(super) fn witness(
    pattern: &str,
    min: usize,
    mixed: bool,
    random: &mut Random,
) -> Option<String> {
    let hir = parse(pattern)?;
    let mut shortest = Writer {
        mixed,
        ..Writer::new(random.clone(), 0)
    };
    shortest.write(&hir)?;
    let wanted = if mixed { min.max(12) } else { min };
    let missing = wanted.saturating_sub(shortest.count);
    let mut writer = Writer {
        mixed,
        ..Writer::new(random.clone(), missing)
    };
    writer.write(&hir)?;
    *random = writer.random;
    Some(writer.text)
}

/// The pattern in terms of what can be written.
fn parse(pattern: &str) -> Option<Hir> {
    let translate = |pattern: &str| {
        let translated = jsonschema_regex::to_rust_regex(pattern).ok()?;
        regex_syntax::parse(&translated).ok()
    };
    translate(pattern).or_else(|| translate(&without_lookaround(pattern)))
}

/// `pattern` without its look-around groups: what they demand is left to luck and the check.
fn without_lookaround(pattern: &str) -> String {
    let mut text = String::with_capacity(pattern.len());
    let mut rest = pattern;
    while let Some(c) = rest.chars().next() {
        let opens = ["(?=", "(?!", "(?<=", "(?<!"]
            .iter()
            .any(|open| rest.starts_with(open));
        let len = match c {
            '\\' => 1 + rest[1..].chars().next().map_or(0, char::len_utf8),
            '[' => class_len(rest),
            '(' if opens => {
                rest = &rest[group_len(rest)..];
                continue;
            }
            c => c.len_utf8(),
        };
        text.push_str(&rest[..len]);
        rest = &rest[len..];
    }
    text
}

/// Length of the character class at the start of `text`.
fn class_len(text: &str) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            ']' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// Length of the group at the start of `text`.
fn group_len(text: &str) -> usize {
    let (mut at, mut depth) = (0, 0_usize);
    while let Some(c) = text[at..].chars().next() {
        match c {
            '\\' => at += 1 + text[at + 1..].chars().next().map_or(0, char::len_utf8),
            '[' => at += class_len(&text[at..]),
            c => at += c.len_utf8(),
        }
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            break;
        }
    }
    at
}

struct Writer {
    text: String,
    /// Characters of the text.
    count: usize,
    random: Random,
    /// Characters that repetitions should still add.
    missing: usize,
    mixed: bool,
    /// Counts the characters drawn from classes.
    drawn: usize,
}

impl Writer {
    fn new(random: Random, missing: usize) -> Self {
        Self {
            text: String::new(),
            count: 0,
            random,
            missing,
            mixed: false,
            drawn: 0,
        }
    }

    fn write(&mut self, hir: &Hir) -> Option<()> {
        if self.text.len() > LONGEST {
            return None;
        }
        match hir.kind() {
            HirKind::Empty | HirKind::Look(_) => {}
            HirKind::Literal(literal) => self.push(std::str::from_utf8(&literal.0).ok()?),
            HirKind::Class(Class::Unicode(class)) => {
                let c = self.draw(class)?;
                self.push(c.encode_utf8(&mut [0; 4]));
            }
            HirKind::Class(Class::Bytes(class)) => {
                let c = char::from(class.ranges().first()?.start());
                self.push(c.encode_utf8(&mut [0; 4]));
            }
            HirKind::Repetition(repetition) => self.repeat(repetition)?,
            HirKind::Capture(capture) => self.write(&capture.sub)?,
            HirKind::Concat(parts) => {
                for part in parts {
                    self.write(part)?;
                }
            }
            HirKind::Alternation(branches) => {
                let branch = self.random.below(branches.len());
                self.write(branches.get(branch)?)?;
            }
        }
        Some(())
    }

    /// Nothing is added when nothing is missing: the shortest text is the plainest.
    fn repeat(&mut self, repetition: &Repetition) -> Option<()> {
        let mut written = 0;
        let most = repetition.max.unwrap_or(u32::MAX);
        while written < repetition.min || written < most && self.missing > 0 {
            let before = self.count;
            self.write(&repetition.sub)?;
            if self.count == before {
                // It can be empty, and so can all of its repetitions.
                break;
            }
            if written >= repetition.min {
                self.missing = self.missing.saturating_sub(self.count - before);
            }
            written += 1;
        }
        Some(())
    }

    fn push(&mut self, text: &str) {
        self.text.push_str(text);
        self.count += text.chars().count();
    }

    /// A character of the class: rather a letter or digit, rather ASCII.
    fn draw(&mut self, class: &ClassUnicode) -> Option<char> {
        const KINDS: [&[(char, char)]; 4] = [
            &[('a', 'z')],
            &[('A', 'Z')],
            &[('0', '9')],
            &[('!', '/'), (':', '@')],
        ];
        self.drawn += 1;
        let first = if self.mixed { self.drawn } else { 0 };
        for kind in 0..KINDS.len() {
            let kind = KINDS[(first + kind) % KINDS.len()];
            let mut common = class.clone();
            let ranges = kind
                .iter()
                .map(|(start, end)| ClassUnicodeRange::new(*start, *end));
            common.intersect(&ClassUnicode::new(ranges));
            if let Some(c) = self.pick(&common) {
                return Some(c);
            }
        }
        self.pick(class)
    }

    fn pick(&mut self, class: &ClassUnicode) -> Option<char> {
        let count = class.ranges().len();
        let range = class.ranges().get(self.random.below(count))?;
        let (start, end) = (u32::from(range.start()), u32::from(range.end()));
        let offset = u32::try_from(self.random.below((end - start + 1) as usize)).ok()?;
        // A range may go across the surrogates.
        char::from_u32(start + offset).or(Some(range.start()))
    }
}
