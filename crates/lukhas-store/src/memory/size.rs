// SPDX-License-Identifier: Apache-2.0
//! How many bytes things take on the heap.

use lukhas_core::{Item, Media, MediaSource, Part};
use serde_json::Value;

/// What an allocator adds to an allocation, roughly.
pub(super) const ALLOCATION: usize = 16;

/// What a key of a JSON object takes beside its text and its value: a hash and a table slot.
const OBJECT_SLOT: usize = 32;

/// Bytes on the heap of a list of items.
pub(super) fn items(items: &Vec<Item>) -> usize {
    list(items) + items.iter().map(item).sum::<usize>()
}

fn item(item: &Item) -> usize {
    match item {
        Item::Message(message) => optional(message.id.as_ref()) + parts(&message.parts),
        Item::FunctionCall(call) => {
            optional(call.id.as_ref())
                + text(&call.call_id)
                + text(&call.name)
                + text(&call.arguments)
        }
        Item::FunctionOutput(output) => {
            optional(output.id.as_ref()) + text(&output.call_id) + parts(&output.parts)
        }
        Item::Opaque(value) => json(value),
    }
}

fn parts(parts: &Vec<Part>) -> usize {
    let part = |part: &Part| match part {
        Part::Text(value) | Part::Refusal(value) => text(value),
        Part::Image(value) | Part::File(value) | Part::Audio(value) => media(value),
    };
    list(parts) + parts.iter().map(part).sum::<usize>()
}

fn media(media: &Media) -> usize {
    let source = match &media.source {
        MediaSource::Url(value) | MediaSource::Inline(value) | MediaSource::FileId(value) => value,
    };
    text(source) + optional(media.hint.as_ref())
}

/// Bytes on the heap of a JSON value, which may be nested without bounds.
fn json(value: &Value) -> usize {
    let mut bytes = 0;
    let mut open = vec![value];
    while let Some(value) = open.pop() {
        match value {
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
            Value::String(value) => bytes += text(value),
            Value::Array(values) => {
                bytes += list(values);
                open.extend(values);
            }
            Value::Object(fields) => {
                // Its capacity is hidden; a table that doubles has at most one free slot for each
                // that is taken.
                let slot = size_of::<(String, Value)>() + OBJECT_SLOT;
                bytes += ALLOCATION + 2 * slot * fields.len();
                bytes += fields.keys().map(text).sum::<usize>();
                open.extend(fields.values());
            }
        }
    }
    bytes
}

fn list<T>(list: &Vec<T>) -> usize {
    allocation(list.capacity() * size_of::<T>())
}

fn optional(value: Option<&String>) -> usize {
    value.map_or(0, text)
}

fn text(text: &String) -> usize {
    allocation(text.capacity())
}

fn allocation(bytes: usize) -> usize {
    if bytes == 0 { 0 } else { bytes + ALLOCATION }
}

#[cfg(test)]
mod tests {
    use lukhas_core::{FunctionCall, FunctionOutput, Message, Role};
    use serde_json::json;

    use super::*;

    /// A text of `capacity` bytes on the heap, of which it uses one.
    fn long(capacity: usize) -> String {
        let mut text = String::with_capacity(capacity);
        text.push('x');
        text
    }

    #[test]
    fn every_text_of_an_item_counts_with_its_capacity() {
        let media = |source| Media {
            source,
            hint: Some(long(1_000)),
        };
        let message = |part| {
            Item::Message(Message {
                id: Some(long(1_000)),
                role: Role::User,
                parts: vec![part],
            })
        };
        for (item, texts) in [
            (message(Part::Text(long(1_000))), 2),
            (message(Part::Refusal(long(1_000))), 2),
            (
                message(Part::Image(media(MediaSource::Url(long(1_000))))),
                3,
            ),
            (
                message(Part::File(media(MediaSource::FileId(long(1_000))))),
                3,
            ),
            (
                message(Part::Audio(media(MediaSource::Inline(long(1_000))))),
                3,
            ),
            (
                Item::FunctionCall(FunctionCall {
                    id: Some(long(1_000)),
                    call_id: long(1_000),
                    name: long(1_000),
                    arguments: long(1_000),
                }),
                4,
            ),
            (
                Item::FunctionOutput(FunctionOutput {
                    id: Some(long(1_000)),
                    call_id: long(1_000),
                    parts: vec![Part::Text(long(1_000))],
                }),
                3,
            ),
            (
                Item::Opaque(json!({"text": "x".repeat(1_000), "list": [["y".repeat(1_000)]]})),
                2,
            ),
        ] {
            let shown = format!("{item:?}");
            let bytes = items(&vec![item]);
            let fixed = bytes - texts * 1_000;
            assert!(
                (100..1_000).contains(&fixed),
                "{fixed} beside the texts of {shown}"
            );
        }
    }

    #[test]
    fn spare_room_in_lists_counts() {
        let mut list = Vec::with_capacity(1_000);
        list.push(Item::text(Role::User, ""));
        assert!(items(&list) >= 1_000 * size_of::<Item>());
        assert_eq!(items(&Vec::new()), 0);
    }

    #[test]
    fn deep_json_takes_no_stack() {
        let deep = (0..100_000).fold(json!("x"), |value, _| Value::Array(vec![value]));
        assert!(json(&deep) > 100_000 * size_of::<Value>());
        // Freeing it is not ours to test: serde_json recurses.
        std::mem::forget(deep);
    }
}
