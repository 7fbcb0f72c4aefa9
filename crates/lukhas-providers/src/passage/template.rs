// SPDX-License-Identifier: Apache-2.0
//! Whole answers that differ in their texts and numbers alone.
//!
//! Most answers of a model are like one before: the same JSON with another text, other names and
//! other counts. A [`Template`] is such an answer with gaps in those places. What fits it means what
//! the answer meant that it was made from, with its own texts and numbers: putting one JSON string in
//! the place of another, or one number in the place of another, changes nothing else.

use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use bytes::{BufMut, BytesMut};
use lukhas_core::{Outcome, Usage};
use lukhas_openai::{Members, View};

use super::patches::{Patches, place};
use crate::dialect::{Gap, Plain};

/// Most gaps of an answer.
const MAX_GAPS: usize = 12;

/// Longest answer, without what is in its gaps, that a template is made of, in bytes.
const LONGEST: usize = 16 << 10;

/// Most models of an upstream that have a template.
const MAX_MODELS: usize = 64;

/// The templates of an upstream, by what it calls its models.
#[derive(Debug, Default)]
pub(crate) struct Templates(RwLock<HashMap<Box<str>, Arc<Slot>>>);

/// The template of a model, once an answer of it has been seen.
#[derive(Debug, Default)]
pub(super) struct Slot {
    template: RwLock<Option<Arc<Template>>>,
    /// How many answers have not fitted since one has.
    misses: AtomicU32,
}

/// An answer with gaps, as it comes and as it is passed on.
#[derive(Debug)]
pub(super) struct Template {
    /// What stands before each gap, which one it is, and what it takes.
    gaps: Vec<(Box<str>, Gap, Kind)>,
    /// What stands behind the last.
    end: Box<str>,
    ours: Vec<Part>,
    /// The names of the members that are this server's own.
    own: Vec<&'static str>,
    outcome: Outcome,
    usage: Usage,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    String,
    Number,
}

/// A part of an answer as it is passed on.
#[derive(Debug)]
enum Part {
    Fixed(Box<[u8]>),
    /// What is in this gap.
    Gap(usize),
    /// What this one of the own members is.
    Own(usize),
}

/// What an answer says that fits a template.
pub(super) struct Filled<'t> {
    /// What is in the gaps, as it is written.
    written: [&'t str; MAX_GAPS],
    text: Cow<'t, str>,
    id: Option<Cow<'t, str>>,
    outcome: Outcome,
    usage: Usage,
}

impl Templates {
    pub(super) fn of_model(&self, model: &str) -> Arc<Slot> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(slot) = known.get(model) {
            return Arc::clone(slot);
        }
        drop(known);
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MAX_MODELS {
            known.clear();
        }
        Arc::clone(known.entry(model.into()).or_default())
    }
}

#[cfg(test)]
impl Templates {
    /// Whether `text` would be read by a template of `model`, where `own` are this server's members.
    pub(crate) fn fits(&self, model: &str, text: &str, own: &[&'static str]) -> bool {
        let own: Vec<_> = own
            .iter()
            .map(|name| (*name, bytes::Bytes::new()))
            .collect();
        let template = self.of_model(model).template();
        template.is_some_and(|template| template.fill(text, &own).is_some())
    }

    pub(crate) fn len(&self) -> usize {
        self.0.read().expect("no panic").len()
    }
}

impl Slot {
    pub(super) fn template(&self) -> Option<Arc<Template>> {
        let template = self.template.read().unwrap_or_else(PoisonError::into_inner);
        template.clone()
    }

    /// Takes note of an answer that fitted.
    pub(super) fn hit(&self) {
        if self.misses.load(Ordering::Relaxed) > 0 {
            self.misses.store(0, Ordering::Relaxed);
        }
    }

    /// Takes note of an answer that did not fit; whether a template should be made of it. The longer
    /// none fits, the less often: some upstreams never say the same again.
    pub(super) fn miss(&self) -> bool {
        let misses = self.misses.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
        misses.is_power_of_two()
    }

    pub(super) fn learn(&self, template: Template) {
        let mut place = self
            .template
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        *place = Some(Arc::new(template));
    }
}

impl Template {
    /// The template of the answer `text`, which says `plain` and is passed on as `patches` change it.
    /// `None` when none can be made.
    pub(super) fn new(
        text: &str,
        plain: &Plain<'_>,
        patches: &Patches<'_>,
        own: &Members,
    ) -> Option<Self> {
        let mut gaps = Vec::with_capacity(MAX_GAPS);
        for (gap, value) in &plain.gaps {
            if let Some(kind) = Kind::of(value) {
                gaps.push((place(text, value)?, *gap, kind));
            }
        }
        gaps.sort_by_key(|(place, ..)| place.start);
        let in_gaps: usize = gaps.iter().map(|(place, ..)| place.len()).sum();
        if gaps.len() > MAX_GAPS || text.len() - in_gaps > LONGEST {
            return None;
        }
        let places: Vec<_> = gaps.iter().map(|(place, ..)| place.clone()).collect();
        let ours = parts(text, &places, patches)?;
        let mut rest = 0;
        let mut theirs = Vec::with_capacity(gaps.len());
        for (place, gap, kind) in gaps {
            theirs.push((text.get(rest..place.start)?.into(), gap, kind));
            rest = place.end;
        }
        Some(Self {
            gaps: theirs,
            end: text.get(rest..)?.into(),
            ours,
            own: own.iter().map(|(name, _)| *name).collect(),
            outcome: plain.outcome.clone(),
            usage: plain.usage,
        })
    }

    /// What `text` says, if it fits.
    pub(super) fn fill<'t>(&self, text: &'t str, own: &Members) -> Option<Filled<'t>> {
        let names = own.iter().map(|(name, _)| *name);
        names.eq(self.own.iter().copied()).then_some(())?;
        let mut filled = Filled {
            written: [""; MAX_GAPS],
            text: Cow::Borrowed(""),
            id: None,
            outcome: self.outcome.clone(),
            usage: self.usage,
        };
        let mut rest = text;
        for ((before, gap, kind), written) in self.gaps.iter().zip(&mut filled.written) {
            rest = rest.strip_prefix(&**before)?;
            let mut view = View::new(rest);
            // Space before a value is none of it.
            kind.begins(rest).then_some(())?;
            *written = match kind {
                Kind::String => {
                    let (written, string) = view.written(View::string)?;
                    match gap {
                        Gap::Text => filled.text = string,
                        Gap::MessageId => filled.id = Some(string),
                        _ => {}
                    }
                    written
                }
                Kind::Number => {
                    let (written, number) = view.written(View::unsigned)?;
                    match gap {
                        Gap::InputTokens => filled.usage.input_tokens = number,
                        Gap::CachedTokens => filled.usage.cached_tokens = number,
                        Gap::OutputTokens => filled.usage.output_tokens = number,
                        Gap::ReasoningTokens => filled.usage.reasoning_tokens = number,
                        Gap::Text | Gap::MessageId | Gap::Other => {}
                    }
                    written
                }
            };
            rest = &rest[written.len()..];
        }
        (rest == &*self.end).then_some(filled)
    }

    /// Writes an answer that fits as it is passed on.
    pub(super) fn write(
        &self,
        filled: &Filled<'_>,
        own: &Members,
        out: &mut BytesMut,
    ) -> Option<()> {
        for part in &self.ours {
            out.put_slice(match part {
                Part::Fixed(bytes) => bytes,
                Part::Gap(gap) => filled.written.get(*gap)?.as_bytes(),
                Part::Own(index) => &own.get(*index)?.1,
            });
        }
        Some(())
    }
}

impl Kind {
    /// Of a value that a gap can take the place of.
    fn of(value: &str) -> Option<Self> {
        match value.as_bytes().first()? {
            b'"' => Some(Self::String),
            _ => View::new(value).unsigned().map(|_| Self::Number),
        }
    }

    /// Whether one stands at the start of `text`.
    fn begins(self, text: &str) -> bool {
        let first = text.as_bytes().first();
        match self {
            Self::String => first == Some(&b'"'),
            Self::Number => first.is_some_and(u8::is_ascii_digit),
        }
    }
}

/// The parts of `text`, which has gaps at `gaps`, as `patches` change it.
fn parts(text: &str, gaps: &[Range<usize>], patches: &Patches<'_>) -> Option<Vec<Part>> {
    let is_replaced = |gap: &Range<usize>| patches.changes().any(|change| change.place == *gap);
    let gaps = gaps.iter().enumerate();
    let gaps = gaps.filter(|(_, place)| !is_replaced(place));
    let gaps = gaps.map(|(index, place)| (place.clone(), None, Some(Part::Gap(index)), &[][..]));
    let changes = patches.changes().map(|change| {
        let own = change.own.map(Part::Own);
        (change.place.clone(), change.name, own, change.json)
    });
    let mut all: Vec<_> = gaps.chain(changes).collect();
    all.sort_by_key(|(place, ..)| place.start);

    let mut parts = Vec::new();
    let mut fixed = BytesMut::new();
    let mut rest = 0;
    for (place, name, part, json) in all {
        fixed.put_slice(text.as_bytes().get(rest..place.start)?);
        if let Some(name) = name {
            Patches::write_name(name, &mut fixed);
        }
        match part {
            Some(part) => {
                parts.push(Part::Fixed(fixed.split().as_ref().into()));
                parts.push(part);
            }
            None => fixed.put_slice(json),
        }
        rest = place.end;
    }
    fixed.put_slice(text.as_bytes().get(rest..)?);
    parts.push(Part::Fixed(fixed.as_ref().into()));
    Some(parts)
}

impl<'t> Filled<'t> {
    /// The same as read without a template.
    pub(super) fn into_plain(self) -> Plain<'t> {
        Plain {
            text: self.text.into_owned(),
            id: self.id.map(Cow::into_owned),
            outcome: self.outcome,
            usage: self.usage,
            places: Vec::new(),
            gaps: Vec::new(),
        }
    }
}
