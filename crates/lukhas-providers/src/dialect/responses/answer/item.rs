// SPDX-License-Identifier: Apache-2.0
//! The items of an answer, as events speak of them.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::Value;

use crate::answer::Answer;
use crate::error::Unreadable;

/// What comes between two parts of one item's reasoning.
const BETWEEN: &str = "\n\n";

/// The items that have begun, in order. The last one may be open.
#[derive(Debug, Default)]
pub(super) struct Items(Vec<Begun>);

/// An item that has begun.
#[derive(Debug)]
struct Begun {
    /// What events know it by.
    key: Key,
    kind: Kind,
    is_open: bool,
    /// Bytes that have been given out of each part.
    sent: BTreeMap<u64, usize>,
}

/// What events know an item by: its place, or, for servers that do not number items, its
/// identifier, or that of its call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Key {
    Place(u64),
    Name(String),
    /// No event names it: the place where it stands among the items.
    Unnamed(usize),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Message,
    Call,
    /// Reasoning, and whether its summary or its own text is shown; `None` before the first of
    /// either.
    Reasoning(Option<Piece>),
    /// An item that was not asked for and is not part of the answer.
    Other,
}

/// What an event adds to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    Text,
    Refusal,
    Arguments,
    Summary,
    Reasoning,
}

impl Items {
    /// Number of items so far.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// `response.output_item.added`.
    pub(super) fn begin(&mut self, event: &Value, answer: &mut Answer) -> Result<(), Unreadable> {
        let key = key(event).unwrap_or_else(|| self.unnamed());
        if self.0.iter().any(|item| item.key == key) {
            return Err(Unreadable::new("it began the same item twice"));
        }
        self.add(key, &event["item"], answer)
    }

    /// A delta of a text that has begun, in the part `slot` of the item `key`.
    pub(super) fn grow_text(
        &mut self,
        key: &Key,
        slot: u64,
        delta: &str,
        answer: &mut Answer,
    ) -> Result<(), Unreadable> {
        let piece = Piece::Text;
        let index = match self.find(piece, Some(key))? {
            Some(index) => index,
            None => self.begin_piece(piece, Some(key.clone()), None, answer)?,
        };
        self.0[index].grow(piece, slot, delta, answer)
    }

    /// A delta.
    pub(super) fn grow(
        &mut self,
        piece: Piece,
        event: &Value,
        answer: &mut Answer,
    ) -> Result<(), Unreadable> {
        let delta = text(&event["delta"])?;
        let index = self.find_or_begin(piece, event, answer)?;
        self.0[index].grow(piece, slot(piece, event), delta, answer)
    }

    /// The end of a part, with its whole text at `path`.
    pub(super) fn complete(
        &mut self,
        piece: Piece,
        event: &Value,
        path: &str,
        answer: &mut Answer,
    ) -> Result<(), Unreadable> {
        let whole = text(event.pointer(path).unwrap_or(&Value::Null))?;
        if whole.is_empty() {
            return Ok(());
        }
        let index = self.find_or_begin(piece, event, answer)?;
        self.0[index].complete(piece, slot(piece, event), whole, answer)
    }

    /// `response.content_part.done`.
    pub(super) fn part_done(
        &mut self,
        event: &Value,
        answer: &mut Answer,
    ) -> Result<(), Unreadable> {
        match event.pointer("/part/type").and_then(Value::as_str) {
            Some("output_text") => self.complete(Piece::Text, event, "/part/text", answer),
            Some("refusal") => self.complete(Piece::Refusal, event, "/part/refusal", answer),
            Some("reasoning_text") => self.complete(Piece::Reasoning, event, "/part/text", answer),
            Some(_) | None => Ok(()),
        }
    }

    /// `response.output_item.done`.
    pub(super) fn done(&mut self, event: &Value, answer: &mut Answer) -> Result<(), Unreadable> {
        let item = &event["item"];
        let found = match key(event) {
            Some(key) => self.0.iter().position(|begun| begun.key == key),
            None => self.last_of(|kind| same(kind, Kind::of(item))),
        };
        match found {
            Some(index) => self.close(index, item, answer),
            None => {
                let key = key(event).unwrap_or_else(|| self.unnamed());
                self.add(key, item, answer)?;
                self.close(self.0.len() - 1, item, answer)
            }
        }
    }

    /// An item that no event has spoken of.
    pub(super) fn whole(&mut self, item: &Value, answer: &mut Answer) -> Result<(), Unreadable> {
        self.add(self.unnamed(), item, answer)?;
        self.close(self.0.len() - 1, item, answer)
    }

    fn add(&mut self, key: Key, item: &Value, answer: &mut Answer) -> Result<(), Unreadable> {
        let kind = Kind::of(item);
        answer.name_next(item["id"].as_str());
        match kind {
            Kind::Call => {
                let member = |name: &str| item[name].as_str().unwrap_or_default();
                answer.call(&key.to_string(), member("call_id"), member("name"))?;
            }
            // It begins with its first piece: many have none.
            Kind::Message | Kind::Reasoning(_) => answer.close(),
            Kind::Other => {}
        }
        self.push(key, kind);
        Ok(())
    }

    fn push(&mut self, key: Key, kind: Kind) {
        if let Some(last) = self.0.last_mut() {
            last.is_open = false;
        }
        self.0.push(Begun {
            key,
            kind,
            is_open: true,
            sent: BTreeMap::new(),
        });
    }

    /// Gives out what an item that is done still holds. One that was cut short stays open, in case
    /// the answer ends with it.
    fn close(&mut self, index: usize, item: &Value, answer: &mut Answer) -> Result<(), Unreadable> {
        let begun = &mut self.0[index];
        if !same(begun.kind, Kind::of(item)) {
            return Err(Unreadable::new("an item has become one of another kind"));
        }
        for (piece, slot, whole) in pieces(item) {
            begun.complete(piece, slot, text(whole)?, answer)?;
        }
        if std::mem::take(&mut begun.is_open) && item["status"] != "incomplete" {
            answer.close();
        }
        Ok(())
    }

    /// The item that `event` adds to. Some servers never say that a message or reasoning begins.
    fn find_or_begin(
        &mut self,
        piece: Piece,
        event: &Value,
        answer: &mut Answer,
    ) -> Result<usize, Unreadable> {
        let key = key(event);
        match self.find(piece, key.as_ref())? {
            Some(index) => Ok(index),
            None => self.begin_piece(piece, key, event["item_id"].as_str(), answer),
        }
    }

    /// The item that a piece adds to.
    fn find(&self, piece: Piece, key: Option<&Key>) -> Result<Option<usize>, Unreadable> {
        let found = match key {
            Some(key) => self.0.iter().position(|item| item.key == *key),
            None => self.last_of(|kind| piece.is_of(kind)),
        };
        match found {
            Some(index) if !piece.is_of(self.0[index].kind) => {
                Err(Unreadable::new("an item has a part of another kind"))
            }
            found => Ok(found),
        }
    }

    /// Begins an item with one of its pieces.
    fn begin_piece(
        &mut self,
        piece: Piece,
        key: Option<Key>,
        id: Option<&str>,
        answer: &mut Answer,
    ) -> Result<usize, Unreadable> {
        let kind = match piece {
            Piece::Text | Piece::Refusal => Kind::Message,
            Piece::Summary | Piece::Reasoning => Kind::Reasoning(None),
            Piece::Arguments => {
                let what = "it sent arguments of a tool call that has not begun";
                return Err(Unreadable::new(what));
            }
        };
        answer.close();
        answer.name_next(id);
        let key = key.unwrap_or_else(|| self.unnamed());
        self.push(key, kind);
        Ok(self.0.len() - 1)
    }

    /// The last item, if it is open and of that kind.
    fn last_of(&self, is_it: impl Fn(Kind) -> bool) -> Option<usize> {
        let last = self.0.last()?;
        (last.is_open && is_it(last.kind)).then(|| self.0.len() - 1)
    }

    /// A key for an item that no event will name.
    fn unnamed(&self) -> Key {
        Key::Unnamed(self.0.len())
    }
}

impl Begun {
    fn grow(
        &mut self,
        piece: Piece,
        slot: u64,
        delta: &str,
        answer: &mut Answer,
    ) -> Result<(), Unreadable> {
        match self.is_open {
            true => self.push(piece, slot, delta, answer),
            false => Err(went_back()),
        }
    }

    /// Gives out what `whole` has beyond what was given out of that part.
    fn complete(
        &mut self,
        piece: Piece,
        slot: u64,
        whole: &str,
        answer: &mut Answer,
    ) -> Result<(), Unreadable> {
        if !self.shows(piece) {
            return Ok(());
        }
        let sent = self.sent.get(&slot).copied().unwrap_or(0);
        let rest = whole.get(sent..).unwrap_or_default();
        match rest.is_empty() {
            true => Ok(()),
            false if self.is_open => self.push(piece, slot, rest, answer),
            false => Err(went_back()),
        }
    }

    fn push(
        &mut self,
        piece: Piece,
        slot: u64,
        delta: &str,
        answer: &mut Answer,
    ) -> Result<(), Unreadable> {
        if delta.is_empty() || !self.shows(piece) {
            return Ok(());
        }
        let is_first = self.sent.is_empty();
        let sent = self.sent.entry(slot).or_insert(0);
        let is_new = *sent == 0;
        *sent += delta.len();
        match piece {
            Piece::Text => answer.text(delta.to_owned()),
            Piece::Refusal => answer.refusal(delta.to_owned()),
            Piece::Arguments => answer.arguments(&self.key.to_string(), delta.to_owned())?,
            Piece::Summary | Piece::Reasoning => {
                if is_new && !is_first {
                    answer.reasoning(BETWEEN.to_owned());
                }
                self.kind = Kind::Reasoning(Some(piece));
                answer.reasoning(delta.to_owned());
            }
        }
        Ok(())
    }

    /// Whether that piece is given out: of reasoning that has a summary and a text of its own, only
    /// what comes first.
    fn shows(&self, piece: Piece) -> bool {
        match self.kind {
            Kind::Reasoning(Some(shown)) => piece == shown,
            Kind::Message | Kind::Call | Kind::Reasoning(None) => true,
            Kind::Other => false,
        }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Place(place) => write!(f, "{place}"),
            Self::Name(name) => f.write_str(name),
            Self::Unnamed(place) => write!(f, "#{place}"),
        }
    }
}

impl Kind {
    fn of(item: &Value) -> Self {
        match item["type"].as_str() {
            Some("message") => Self::Message,
            Some("function_call") => Self::Call,
            Some("reasoning") => Self::Reasoning(None),
            Some(_) | None => Self::Other,
        }
    }
}

impl Piece {
    fn is_of(self, kind: Kind) -> bool {
        match self {
            Self::Text | Self::Refusal => kind == Kind::Message,
            Self::Arguments => kind == Kind::Call,
            Self::Summary | Self::Reasoning => matches!(kind, Kind::Reasoning(_)),
        }
    }
}

fn same(a: Kind, b: Kind) -> bool {
    std::mem::discriminant(&a) == std::mem::discriminant(&b)
}

/// What an event knows its item by.
fn key(event: &Value) -> Option<Key> {
    if let Some(index) = event["output_index"].as_u64() {
        return Some(Key::Place(index));
    }
    let item = &event["item"];
    let names = [&event["item_id"], &item["id"], &item["call_id"]];
    let mut names = names.iter().filter_map(|name| name.as_str());
    let name = names.find(|name| !name.is_empty())?;
    Some(Key::Name((*name).to_owned()))
}

fn slot(piece: Piece, event: &Value) -> u64 {
    let name = match piece {
        Piece::Text | Piece::Refusal | Piece::Reasoning => "content_index",
        Piece::Summary => "summary_index",
        Piece::Arguments => return 0,
    };
    event[name].as_u64().unwrap_or(0)
}

/// The texts of a whole item. The summary of reasoning comes before the text of its own.
fn pieces(item: &Value) -> Vec<(Piece, u64, &Value)> {
    let list = |name: &str| (0..).zip(item[name].as_array().into_iter().flatten());
    let content = || {
        list("content").filter_map(|(slot, part)| match part["type"].as_str()? {
            "output_text" => Some((Piece::Text, slot, &part["text"])),
            "refusal" => Some((Piece::Refusal, slot, &part["refusal"])),
            "reasoning_text" => Some((Piece::Reasoning, slot, &part["text"])),
            _ => None,
        })
    };
    let kind = Kind::of(item);
    let all: Vec<_> = match kind {
        Kind::Message => content().collect(),
        Kind::Reasoning(_) => {
            let summary = list("summary").map(|(slot, part)| (Piece::Summary, slot, &part["text"]));
            summary.chain(content()).collect()
        }
        Kind::Call => vec![(Piece::Arguments, 0, &item["arguments"])],
        Kind::Other => Vec::new(),
    };
    let own = all.into_iter().filter(|(piece, ..)| piece.is_of(kind));
    own.collect()
}

/// A text that may be absent, but nothing else.
fn text(value: &Value) -> Result<&str, Unreadable> {
    match value {
        Value::Null => Ok(""),
        Value::String(text) => Ok(text),
        _ => Err(Unreadable::new("a text in it is none")),
    }
}

fn went_back() -> Unreadable {
    Unreadable::new("it went back to an item that it had left")
}
