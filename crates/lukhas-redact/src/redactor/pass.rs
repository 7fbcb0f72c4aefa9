// SPDX-License-Identifier: Apache-2.0
//! One pass over what is there of a text.

use std::ops::Range;
use std::sync::Arc;

use crate::finding::{Finding, Redacted};
use crate::placeholder;
use crate::rules::{Cache, Compiled, Hit, Next, Progress, RowValue, View};
use crate::tail::Swallow;
use crate::vault::{Slot, Vault};

/// How far a text has been dealt with.
#[derive(Debug, Default)]
pub(super) struct Scan {
    /// Where what follows the last value begins, if that is still there. Whatever is there begins as a
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

/// Takes a [`Scan`] as far through a text as can be decided.
pub(super) struct Pass<'p> {
    pub(super) scan: &'p mut Scan,
    pub(super) compiled: &'p Compiled,
    pub(super) cache: &'p mut Cache,
    pub(super) vault: Option<&'p Vault>,
    pub(super) text: &'p str,
    pub(super) out: &'p mut Redacted,
}

impl Scan {
    pub(super) const fn position(&self) -> usize {
        self.position
    }

    pub(super) const fn wall(&self) -> usize {
        self.wall
    }

    pub(super) const fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// The first `bytes` of the text are no longer there.
    pub(super) const fn forget(&mut self, bytes: usize) {
        self.position -= bytes;
        self.wall = self.wall.saturating_sub(bytes);
    }
}

impl<'p> Pass<'p> {
    pub(super) fn advance(mut self, progress: Progress) {
        let end = self.text.len();
        while self.swallow(end, progress) && self.scan.position < end {
            match self.next(self.scan.position, end, progress) {
                Next::Hit(hit) => self.replace(&hit),
                Next::Nothing { until } => {
                    self.release(until);
                    return;
                }
            }
        }
    }

    /// The first value at `from` or behind it in the text up to `end`.
    fn next(&mut self, from: usize, end: usize, progress: Progress) -> Next<'p> {
        let view = View {
            text: &self.text[..end],
            wall: self.scan.wall,
            progress,
        };
        self.compiled.next(self.cache, view, from)
    }

    /// Releases the text before `end`.
    fn release(&mut self, end: usize) {
        let text = &self.text[self.scan.position..end];
        self.scan.characters += characters(text);
        self.out.text.push_str(text);
        self.scan.position = end;
    }

    /// Replaces what is found, and releases what is before it.
    fn replace(&mut self, hit: &Hit<'_>) {
        let Range { start, end } = hit.range;
        // A placeholder hides what is behind it: what is before it is searched as if it ended there.
        let mut from = hit.start;
        while from < start {
            let Next::Hit(inner) = self.next(from, start, Progress::Ended) else {
                break;
            };
            self.replace(&inner);
            self.swallow(start, Progress::Ended);
            from = self.scan.position;
        }
        self.release(start);
        let value = &self.text[start..end];
        let first = self.scan.characters;
        self.scan.characters += characters(value);
        self.scan.position = end;
        self.scan.wall = end;
        let RowValue::Entity { rule, placeholder } = &hit.row.value else {
            self.out.text.push_str(value);
            return;
        };
        let finding = Finding {
            rule: Arc::clone(rule),
            start: first,
            end: self.scan.characters,
            score: hit.score,
        };
        let slot = match self.vault {
            None => {
                self.out.text.push_str(placeholder);
                None
            }
            Some(vault) if hit.row.tail.is_some() => {
                let slot = vault.open(&rule.entity, value);
                let number = slot.as_ref().map(|slot| slot.number);
                placeholder::write(&mut self.out.text, &rule.entity, number);
                slot
            }
            Some(vault) => {
                let number = vault.number(&rule.entity, value);
                placeholder::write(&mut self.out.text, &rule.entity, number);
                None
            }
        };
        match hit.row.tail {
            None => self.out.findings.push(finding),
            Some(tail) => {
                self.scan.open = Some(Open {
                    swallow: Swallow::new(tail),
                    finding,
                    slot,
                });
            }
        }
    }

    /// Drops what belongs to an open value before `end`. Whether it is over, or there is none.
    fn swallow(&mut self, end: usize, progress: Progress) -> bool {
        let scan = &mut *self.scan;
        let Some(open) = &mut scan.open else {
            return true;
        };
        let text = &self.text[scan.position..end];
        let (taken, over) = open.swallow.take(text);
        let text = &text[..taken];
        if let (Some(vault), Some(slot)) = (self.vault, &open.slot) {
            vault.extend(slot, text);
        }
        scan.characters += characters(text);
        scan.position += taken;
        scan.wall = scan.position;
        open.finding.end = scan.characters;
        let over = over || progress == Progress::Ended;
        if over && let Some(open) = scan.open.take() {
            self.out.findings.push(open.finding);
        }
        over
    }
}

/// Unicode scalar values in `text`.
fn characters(text: &str) -> usize {
    if text.is_ascii() {
        text.len()
    } else {
        text.chars().count()
    }
}
