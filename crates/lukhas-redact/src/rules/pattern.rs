// SPDX-License-Identifier: Apache-2.0
//! A pattern's syntax tree: what it may hold, and what it may begin with.

use regex_syntax::ParserBuilder;
use regex_syntax::hir::{Class, ClassBytes, ClassBytesRange, ClassUnicode, ClassUnicodeRange};
use regex_syntax::hir::{Hir, HirKind, Look};

use super::MAX_PATTERN;

/// Why a pattern cannot be had.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PatternFault {
    /// What it finds has a name that a placeholder cannot show.
    #[error("the entity's name is not of capital letters, digits and `_`, 32 at the most")]
    Name,
    /// It is too long a text.
    #[error("it is {0} bytes long; {most} are the most", most = super::CustomPattern::MAX_BYTES)]
    Text(usize),
    /// It is no regular expression.
    #[error("it is no regular expression: {0}")]
    Syntax(String),
    /// It has no bound: nothing could ever be released while it may still match.
    #[error("`*`, `+` and `{{n,}}` have no bound; write `{{1,40}}`, say")]
    Unbounded,
    /// It may match more than a match may have.
    #[error("it may match {0} bytes; {MAX_PATTERN} are the most")]
    TooLong(usize),
    /// It matches nothing at all, or the empty text.
    #[error("it matches the empty text, or nothing")]
    Empty,
    /// It looks around by more than word boundaries.
    #[error("`^`, `$` and other anchors have no meaning in a stream; only `\\b` has")]
    Anchor,
    /// It matches the character that begins a placeholder.
    #[error("it needs a `[`, which begins a placeholder")]
    Bracket,
    /// Its automaton is too large.
    #[error("its automaton is too large; use shorter repetitions or fewer classes like `\\w`")]
    TooLarge,
}

/// A set of bytes.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Bytes([u64; 4]);

/// Nested groups of a pattern at most.
const MAX_NESTING: u32 = 50;
/// What begins a placeholder.
const BRACKET: char = '[';

/// How a pattern is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Alphabet {
    /// `\d` and `\w` are ASCII, as in the tables of this crate.
    Ascii,
    /// `\d` and `\w` are Unicode, as users expect.
    Unicode,
}

/// Reads `pattern` without judging it.
pub(super) fn parse(pattern: &str, alphabet: Alphabet) -> Result<Hir, PatternFault> {
    let mut parser = ParserBuilder::new()
        .unicode(alphabet == Alphabet::Unicode)
        .nest_limit(MAX_NESTING)
        .build();
    let parsed = parser.parse(pattern);
    parsed.map_err(|error| {
        // The crate's own text is several lines with the pattern; its last line is the reason.
        let text = error.to_string();
        let reason = text.lines().last().unwrap_or_default();
        PatternFault::Syntax(reason.trim_start_matches("error: ").to_owned())
    })
}

/// The same without what a value cannot have, bounded.
pub(super) fn admit(hir: &Hir) -> Result<Hir, PatternFault> {
    let hir = rewrite(hir)?;
    let properties = hir.properties();
    match (properties.minimum_len(), properties.maximum_len()) {
        (None | Some(0), _) => Err(PatternFault::Empty),
        (_, None) => Err(PatternFault::Unbounded),
        (_, Some(most)) if most > MAX_PATTERN => Err(PatternFault::TooLong(most)),
        (_, Some(_)) => Ok(hir),
    }
}

/// Without groups and brackets, and with word boundaries of ASCII, which automata know.
fn rewrite(hir: &Hir) -> Result<Hir, PatternFault> {
    let all = |subs: &[Hir]| subs.iter().map(rewrite).collect::<Result<Vec<_>, _>>();
    Ok(match hir.kind() {
        HirKind::Empty => Hir::empty(),
        HirKind::Literal(literal) if literal.0.contains(&(BRACKET as u8)) => {
            return Err(PatternFault::Bracket);
        }
        HirKind::Literal(_) => hir.clone(),
        HirKind::Class(class) => Hir::class(without_bracket(class.clone())),
        HirKind::Look(look) => Hir::look(ascii(*look).ok_or(PatternFault::Anchor)?),
        HirKind::Repetition(repetition) if repetition.max.is_none() => {
            return Err(PatternFault::Unbounded);
        }
        HirKind::Repetition(repetition) => {
            Hir::repetition(repetition.with(rewrite(&repetition.sub)?))
        }
        HirKind::Capture(capture) => rewrite(&capture.sub)?,
        HirKind::Concat(subs) => Hir::concat(all(subs)?),
        HirKind::Alternation(subs) => Hir::alternation(all(subs)?),
    })
}

fn without_bracket(mut class: Class) -> Class {
    match &mut class {
        Class::Unicode(class) => {
            class.difference(&ClassUnicode::new([ClassUnicodeRange::new(
                BRACKET, BRACKET,
            )]));
        }
        Class::Bytes(class) => {
            let bracket = ClassBytesRange::new(BRACKET as u8, BRACKET as u8);
            class.difference(&ClassBytes::new([bracket]));
        }
    }
    class
}

const fn ascii(look: Look) -> Option<Look> {
    match look {
        Look::WordAscii | Look::WordUnicode => Some(Look::WordAscii),
        Look::WordAsciiNegate | Look::WordUnicodeNegate => Some(Look::WordAsciiNegate),
        Look::WordStartAscii | Look::WordStartUnicode => Some(Look::WordStartAscii),
        Look::WordEndAscii | Look::WordEndUnicode => Some(Look::WordEndAscii),
        Look::WordStartHalfAscii | Look::WordStartHalfUnicode => Some(Look::WordStartHalfAscii),
        Look::WordEndHalfAscii | Look::WordEndHalfUnicode => Some(Look::WordEndHalfAscii),
        Look::Start | Look::End | Look::StartLF | Look::EndLF | Look::StartCRLF | Look::EndCRLF => {
            None
        }
    }
}

/// The bytes that a match of `hir` may begin with.
pub(super) fn first_bytes(hir: &Hir) -> Bytes {
    let mut bytes = Bytes::default();
    add_first(hir, &mut bytes);
    bytes
}

/// Whether `hir` may be passed without a byte.
fn add_first(hir: &Hir, bytes: &mut Bytes) -> bool {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => true,
        HirKind::Literal(literal) => literal.0.first().is_none_or(|&byte| {
            bytes.add(byte..=byte);
            false
        }),
        HirKind::Class(Class::Bytes(class)) => {
            class
                .iter()
                .for_each(|range| bytes.add(range.start()..=range.end()));
            false
        }
        HirKind::Class(Class::Unicode(class)) => {
            for range in class.iter() {
                let first = |c: char| c.encode_utf8(&mut [0; 4]).as_bytes()[0];
                bytes.add(first(range.start())..=first(range.end()));
            }
            false
        }
        HirKind::Repetition(repetition) => {
            let passed = add_first(&repetition.sub, bytes);
            passed || repetition.min == 0
        }
        HirKind::Capture(capture) => add_first(&capture.sub, bytes),
        HirKind::Concat(subs) => subs.iter().all(|sub| add_first(sub, bytes)),
        HirKind::Alternation(subs) => {
            // Each of them, even if one may be passed.
            let mut passed = false;
            for sub in subs {
                passed |= add_first(sub, bytes);
            }
            passed
        }
    }
}

impl Bytes {
    pub(super) const fn has(self, byte: u8) -> bool {
        self.0[byte as usize / 64] & (1 << (byte % 64)) != 0
    }

    pub(super) fn add_all(&mut self, other: Self) {
        self.0
            .iter_mut()
            .zip(other.0)
            .for_each(|(set, other)| *set |= other);
    }

    fn add(&mut self, range: std::ops::RangeInclusive<u8>) {
        for byte in range {
            self.0[usize::from(byte) / 64] |= 1 << (byte % 64);
        }
    }
}
