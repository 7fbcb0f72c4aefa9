// SPDX-License-Identifier: Apache-2.0
//! Redaction of a text that comes in pieces.
//!
//! Patterns are regular and of bounded length, and look at one character on each side at most;
//! checks look at the match, context words to its left. What starts at some place is therefore
//! decided once the text behind that place is no prefix of any match. The place where the longest
//! such prefix begins is found by one run of an automaton from the end of the text; what is before
//! it is final, and nothing else is ever released. A whole text is one piece and an end.

#[cfg(test)]
mod tests;

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use crate::context::REACH_BYTES;
use crate::finding::{Finding, Redacted};
use crate::placeholder;
use crate::rules::{Caches, Hit, Next, RowValue, Rules, View};
use crate::tail::Swallow;
use crate::vault::{Slot, Vault};

/// Replaces the values in a text that comes in pieces.
///
/// What it appends is the same for every way of cutting the text. It never holds back more than
/// [`MAX_HOLD`](crate::MAX_HOLD) bytes, and no part of a value is ever released. One redactor
/// belongs to one text: to one choice, item and content part of an answer.
///
/// A text is complete only after [`Redactor::finish`], also when its stream was cut: what is held
/// back is released by nothing else.
pub struct Redactor {
    rules: Rules,
    vault: Option<Vault>,
    /// The text from some place before `position`, as far as it may still be looked at.
    text: String,
    /// Where what follows the last value begins, if that is in `text`. Whatever is there begins as a
    /// text begins: no word boundary and no context looks across a value.
    wall: usize,
    /// What is before it is released.
    position: usize,
    /// Unicode scalar values before `position`, in the whole text.
    characters: usize,
    /// The value whose end is being waited for.
    open: Option<Open>,
}

/// A value that was replaced and goes on.
#[derive(Debug)]
struct Open {
    swallow: Swallow,
    finding: Finding,
    slot: Option<Slot>,
}

/// Bytes of a word that is waited for.
const MAX_WORD: usize = 64;

/// Released bytes that are kept before they are thrown away together.
const SLACK: usize = 4096;

impl Redactor {
    pub(crate) const fn new(rules: Rules, vault: Option<Vault>) -> Self {
        Self {
            rules,
            vault,
            text: String::new(),
            wall: 0,
            position: 0,
            characters: 0,
            open: None,
        }
    }

    /// Takes the next piece of the text and appends what is decided to `out`.
    pub fn push(&mut self, piece: &str, out: &mut Redacted) {
        self.text.push_str(piece);
        if self.is_within_word(piece) {
            return;
        }
        out.text.reserve(piece.len());
        self.advance(Progress::More, out);
        self.compact();
    }

    /// Whether `piece` only lengthens a word, which may become an address until it ends: it is waited
    /// for without a look. What is released later is released all the same.
    fn is_within_word(&self, piece: &str) -> bool {
        self.open.is_none()
            && self.held() <= MAX_WORD
            && piece.bytes().all(|byte| byte.is_ascii_alphanumeric())
    }

    /// Ends the text and appends what was held back to `out`. The next piece begins a new text.
    pub fn finish(&mut self, out: &mut Redacted) {
        self.advance(Progress::Ended, out);
        self.text.clear();
        self.wall = 0;
        self.position = 0;
        self.characters = 0;
    }

    /// Bytes that are held back.
    #[must_use]
    pub fn held(&self) -> usize {
        self.text.len() - self.position
    }

    fn advance(&mut self, progress: Progress, out: &mut Redacted) {
        if !self.swallow(self.text.len(), progress, out) {
            return;
        }
        // A handle, so that the automata may be used while the rest of `self` changes.
        let rules = self.rules.clone();
        let mut guard = rules.compiled().caches();
        let caches: &mut Caches = &mut guard;
        let mut settled = self.settled(progress, caches);
        while self.position < settled {
            let view = self.view(self.text.len());
            let hit = match rules.compiled().next(caches, view, self.position, settled) {
                Next::Hit(hit) => hit,
                Next::Nothing { until } => {
                    self.release(until, out);
                    return;
                }
            };
            self.replace(&rules, caches, &hit, out);
            if !self.swallow(self.text.len(), progress, out) {
                return;
            }
            // Behind a value, a longer beginning may have been part of it.
            if self.position > settled {
                settled = self.settled(progress, caches);
            }
        }
    }

    /// The text up to `end`.
    fn view(&self, end: usize) -> View<'_> {
        View {
            text: &self.text[..end],
            wall: self.wall,
        }
    }

    fn settled(&self, progress: Progress, caches: &mut Caches) -> usize {
        match progress {
            Progress::More => {
                let rest = &self.text[self.position..];
                self.position + self.rules.compiled().settled(caches, rest)
            }
            Progress::Ended => self.text.len(),
        }
    }

    /// Releases the text before `end`.
    fn release(&mut self, end: usize, out: &mut Redacted) {
        let text = &self.text[self.position..end];
        self.characters += text.chars().count();
        out.text.push_str(text);
        self.position = end;
    }

    /// Replaces what is found, and releases what is before it.
    fn replace(&mut self, rules: &Rules, caches: &mut Caches, hit: &Hit<'_>, out: &mut Redacted) {
        let Range { start, end } = hit.range;
        // A placeholder hides what is behind it: what is before it is searched as if it ended there.
        let mut from = hit.start;
        while from < start {
            let view = self.view(start);
            let next = rules.compiled().next(caches, view, from, start);
            let Next::Hit(inner) = next else {
                break;
            };
            self.replace(rules, caches, &inner, out);
            self.swallow(start, Progress::Ended, out);
            from = self.position;
        }
        self.release(start, out);
        let value = &self.text[start..end];
        let first = self.characters;
        self.characters += value.chars().count();
        self.position = end;
        self.wall = end;
        let RowValue::Entity {
            kind,
            entity,
            rule,
            placeholder,
        } = &hit.row.value
        else {
            out.text.push_str(value);
            return;
        };
        let finding = Finding {
            kind: *kind,
            entity: Arc::clone(entity),
            start: first,
            end: self.characters,
            rule: Arc::clone(rule),
            score: hit.score,
        };
        let mut slot = None;
        match &self.vault {
            None => out.text.push_str(placeholder),
            Some(vault) if hit.row.tail.is_some() => {
                slot = vault.open(entity, value);
                let number = slot.as_ref().map(|slot| slot.number);
                placeholder::write(&mut out.text, entity, number);
            }
            Some(vault) => {
                placeholder::write(&mut out.text, entity, vault.number(entity, value));
            }
        }
        match hit.row.tail {
            None => out.findings.push(finding),
            Some(tail) => {
                self.open = Some(Open {
                    swallow: Swallow::new(tail),
                    finding,
                    slot,
                });
            }
        }
    }

    /// Drops what belongs to an open value before `end`. Whether it is over, or there is none.
    fn swallow(&mut self, end: usize, progress: Progress, out: &mut Redacted) -> bool {
        let Some(open) = &mut self.open else {
            return true;
        };
        let text = &self.text[self.position..end];
        let (taken, over) = open.swallow.take(text);
        let text = &text[..taken];
        if let (Some(vault), Some(slot)) = (&self.vault, &open.slot) {
            vault.extend(slot, text);
        }
        self.characters += text.chars().count();
        self.position += taken;
        self.wall = self.position;
        open.finding.end = self.characters;
        let over = over || progress == Progress::Ended;
        if over && let Some(open) = self.open.take() {
            out.findings.push(open.finding);
        }
        over
    }

    /// Forgets released text, up to what context may reach.
    fn compact(&mut self) {
        if self.position < SLACK {
            return;
        }
        let keep = self.position.saturating_sub(REACH_BYTES).max(self.wall);
        let keep = self.text.floor_char_boundary(keep);
        self.text.drain(..keep);
        self.position -= keep;
        self.wall = self.wall.saturating_sub(keep);
    }
}

/// Without the text, which may hold a value.
impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redactor")
            .field("held", &self.held())
            .finish_non_exhaustive()
    }
}

/// Whether more of a text may come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Progress {
    More,
    Ended,
}
