// SPDX-License-Identifier: Apache-2.0
//! Items packed into one piece of memory.
//!
//! A kept response is seldom read and always freed, long after it has left the processor's caches.
//! By then every allocation costs a wait for memory, and packed items are one, where plain ones are
//! three for each message.

use lukhas_core::{FunctionCall, FunctionOutput, Item, Media, MediaSource, Message, Part, Role};
use serde_json::Value;

use crate::size;

/// Items, packed. An opaque one keeps its JSON value: not every value survives being written.
pub(super) struct Packed {
    len: usize,
    bytes: Box<[u8]>,
    opaque: Box<[Value]>,
}

/// Items that have just been packed, with room to spare.
pub(super) struct Loose {
    len: usize,
    bytes: Vec<u8>,
    opaque: Vec<Value>,
}

/// Room for a short request and its answer.
const USUAL_BYTES: usize = 512;

/// What an item begins with.
mod tag {
    pub(super) const SYSTEM: u8 = 0;
    pub(super) const DEVELOPER: u8 = 1;
    pub(super) const USER: u8 = 2;
    pub(super) const ASSISTANT: u8 = 3;
    pub(super) const CALL: u8 = 4;
    pub(super) const OUTPUT: u8 = 5;
    pub(super) const OPAQUE: u8 = 6;

    // What a part begins with; media add where their bytes are.
    pub(super) const TEXT: u8 = 0;
    pub(super) const REFUSAL: u8 = 1;
    pub(super) const IMAGE: u8 = 0x10;
    pub(super) const FILE: u8 = 0x20;
    pub(super) const AUDIO: u8 = 0x30;
    pub(super) const URL: u8 = 0;
    pub(super) const INLINE: u8 = 1;
    pub(super) const FILE_ID: u8 = 2;
}

impl Loose {
    pub(super) fn new(items: impl Iterator<Item = Item>) -> Self {
        let mut len = 0;
        let mut out = Writer(Vec::with_capacity(USUAL_BYTES));
        let mut opaque = Vec::new();
        for item in items {
            len += 1;
            out.item(&item);
            if let Item::Opaque(value) = item {
                opaque.push(value);
            }
        }
        Self {
            len,
            bytes: out.0,
            opaque,
        }
    }

    /// Number of items.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// All there is of them, where none is opaque.
    pub(super) fn bytes(&self) -> Option<&[u8]> {
        self.opaque.is_empty().then_some(&self.bytes)
    }

    pub(super) fn fit(self) -> Packed {
        Packed {
            len: self.len,
            // A copy that fits: giving back what is spare would leave a hole.
            bytes: self.bytes.as_slice().into(),
            opaque: self.opaque.into(),
        }
    }
}

impl Packed {
    /// `len` items, none of them opaque, of their [`bytes`](Loose::bytes).
    pub(super) fn copied(len: usize, bytes: &[u8]) -> Self {
        Self {
            len,
            bytes: bytes.into(),
            opaque: Box::default(),
        }
    }

    /// Number of items.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Bytes on the heap.
    pub(super) fn heap_bytes(&self) -> usize {
        size::allocation(self.bytes.len()) + size::json_list(&self.opaque)
    }

    /// The items, in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = Item> {
        Reader {
            bytes: &self.bytes,
            opaque: &self.opaque,
        }
    }
}

/// Items as they are packed.
struct Writer(Vec<u8>);

impl Writer {
    fn item(&mut self, item: &Item) {
        match item {
            Item::Message(message) => {
                self.0.push(role_tag(message.role));
                self.optional(message.id.as_deref());
                self.optional(message.name.as_deref());
                self.parts(&message.parts);
            }
            Item::FunctionCall(call) => {
                self.0.push(tag::CALL);
                self.optional(call.id.as_deref());
                self.text(&call.call_id);
                self.text(&call.name);
                self.text(&call.arguments);
            }
            Item::FunctionOutput(output) => {
                self.0.push(tag::OUTPUT);
                self.optional(output.id.as_deref());
                self.text(&output.call_id);
                self.parts(&output.parts);
            }
            Item::Opaque(_) => self.0.push(tag::OPAQUE),
        }
    }

    fn parts(&mut self, parts: &[Part]) {
        self.number(parts.len());
        for part in parts {
            match part {
                Part::Text(text) => {
                    self.0.push(tag::TEXT);
                    self.text(text);
                }
                Part::Refusal(text) => {
                    self.0.push(tag::REFUSAL);
                    self.text(text);
                }
                Part::Image(media) => self.media(tag::IMAGE, media),
                Part::File(media) => self.media(tag::FILE, media),
                Part::Audio(media) => self.media(tag::AUDIO, media),
            }
        }
    }

    fn media(&mut self, kind: u8, media: &Media) {
        let (place, source) = match &media.source {
            MediaSource::Url(value) => (tag::URL, value),
            MediaSource::Inline(value) => (tag::INLINE, value),
            MediaSource::FileId(value) => (tag::FILE_ID, value),
        };
        self.0.push(kind | place);
        self.text(source);
        self.optional(media.hint.as_deref());
    }

    fn optional(&mut self, text: Option<&str>) {
        self.0.push(u8::from(text.is_some()));
        if let Some(text) = text {
            self.text(text);
        }
    }

    fn text(&mut self, text: &str) {
        self.number(text.len());
        self.0.extend_from_slice(text.as_bytes());
    }

    /// Seven bits a byte, the lowest first; all but the last byte have the highest bit set
    /// (LEB128).
    fn number(&mut self, mut number: usize) {
        while number > 0x7F {
            self.0.push((number & 0x7F) as u8 | 0x80);
            number >>= 7;
        }
        self.0.push(number as u8);
    }
}

fn role_tag(role: Role) -> u8 {
    match role {
        Role::System => tag::SYSTEM,
        Role::Developer => tag::DEVELOPER,
        Role::User => tag::USER,
        Role::Assistant => tag::ASSISTANT,
    }
}

/// Items as they are unpacked. What a [`Writer`] wrote it reads to the end.
struct Reader<'p> {
    bytes: &'p [u8],
    opaque: &'p [Value],
}

impl Iterator for Reader<'_> {
    type Item = Item;

    fn next(&mut self) -> Option<Item> {
        let role = match self.byte()? {
            tag::SYSTEM => Role::System,
            tag::DEVELOPER => Role::Developer,
            tag::USER => Role::User,
            tag::ASSISTANT => Role::Assistant,
            tag::CALL => {
                return Some(Item::FunctionCall(FunctionCall {
                    id: self.optional()?,
                    call_id: self.text()?,
                    name: self.text()?,
                    arguments: self.text()?,
                }));
            }
            tag::OUTPUT => {
                return Some(Item::FunctionOutput(FunctionOutput {
                    id: self.optional()?,
                    call_id: self.text()?,
                    parts: self.parts()?,
                }));
            }
            _ => {
                let (value, rest) = self.opaque.split_first()?;
                self.opaque = rest;
                return Some(Item::Opaque(value.clone()));
            }
        };
        Some(Item::Message(Message {
            id: self.optional()?,
            name: self.optional()?,
            role,
            parts: self.parts()?,
        }))
    }
}

impl Reader<'_> {
    fn parts(&mut self) -> Option<Vec<Part>> {
        (0..self.number()?).map(|_| self.part()).collect()
    }

    fn part(&mut self) -> Option<Part> {
        let byte = self.byte()?;
        Some(match byte & 0xF0 {
            tag::IMAGE => Part::Image(self.media(byte)?),
            tag::FILE => Part::File(self.media(byte)?),
            tag::AUDIO => Part::Audio(self.media(byte)?),
            _ if byte == tag::REFUSAL => Part::Refusal(self.text()?),
            _ => Part::Text(self.text()?),
        })
    }

    fn media(&mut self, byte: u8) -> Option<Media> {
        let source = self.text()?;
        Some(Media {
            source: match byte & 0x0F {
                tag::URL => MediaSource::Url(source),
                tag::INLINE => MediaSource::Inline(source),
                _ => MediaSource::FileId(source),
            },
            hint: self.optional()?,
        })
    }

    fn optional(&mut self) -> Option<Option<String>> {
        Some(match self.byte()? {
            0 => None,
            _ => Some(self.text()?),
        })
    }

    fn text(&mut self) -> Option<String> {
        let len = self.number()?;
        let (text, rest) = self.bytes.split_at_checked(len)?;
        self.bytes = rest;
        String::from_utf8(text.to_vec()).ok()
    }

    fn number(&mut self) -> Option<usize> {
        let mut number = 0;
        for shift in (0..usize::BITS).step_by(7) {
            let byte = self.byte()?;
            number |= usize::from(byte & 0x7F) << shift;
            if byte & 0x80 == 0 {
                return Some(number);
            }
        }
        None
    }

    fn byte(&mut self) -> Option<u8> {
        let (byte, rest) = self.bytes.split_first()?;
        self.bytes = rest;
        Some(*byte)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn texts() -> impl Strategy<Value = String> {
        prop_oneof![
            8 => "\\PC{0,12}",
            1 => (100..40_000_usize).prop_map(|len| "é".repeat(len)),
        ]
    }

    fn ids() -> impl Strategy<Value = Option<String>> {
        prop::option::of(texts())
    }

    fn media() -> impl Strategy<Value = Media> {
        let source = prop_oneof![
            texts().prop_map(MediaSource::Url),
            texts().prop_map(MediaSource::Inline),
            texts().prop_map(MediaSource::FileId),
        ];
        (source, ids()).prop_map(|(source, hint)| Media { source, hint })
    }

    fn parts() -> impl Strategy<Value = Vec<Part>> {
        let part = prop_oneof![
            texts().prop_map(Part::Text),
            texts().prop_map(Part::Refusal),
            media().prop_map(Part::Image),
            media().prop_map(Part::File),
            media().prop_map(Part::Audio),
        ];
        prop::collection::vec(part, 0..4)
    }

    fn items() -> impl Strategy<Value = Item> {
        let roles = prop::sample::select(vec![
            Role::System,
            Role::Developer,
            Role::User,
            Role::Assistant,
        ]);
        let message = (ids(), ids(), roles, parts()).prop_map(|(id, name, role, parts)| {
            Item::Message(Message {
                id,
                name,
                role,
                parts,
            })
        });
        let call = (ids(), texts(), texts(), texts()).prop_map(|(id, call_id, name, arguments)| {
            Item::FunctionCall(FunctionCall {
                id,
                call_id,
                name,
                arguments,
            })
        });
        let output = (ids(), texts(), parts()).prop_map(|(id, call_id, parts)| {
            Item::FunctionOutput(FunctionOutput { id, call_id, parts })
        });
        let opaque = (any::<f64>(), texts())
            .prop_map(|(number, text)| Item::Opaque(json!({"number": number, "text": [text]})));
        prop_oneof![message, call, output, opaque]
    }

    proptest! {
        #[test]
        fn items_come_back_as_they_were(items in prop::collection::vec(items(), 0..6)) {
            let packed = Loose::new(items.iter().cloned()).fit();
            prop_assert_eq!(packed.len(), items.len());
            prop_assert_eq!(packed.iter().collect::<Vec<_>>(), items);
        }

        /// What the allocator is asked for, and what it adds.
        #[test]
        fn all_of_it_counts(text in texts()) {
            let packed = Loose::new(std::iter::once(Item::text(Role::User, text.as_str()))).fit();
            let beside = packed.heap_bytes() - text.len();
            prop_assert!((16..32).contains(&beside), "{} beside the text", beside);
        }
    }
}
