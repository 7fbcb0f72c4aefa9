// SPDX-License-Identifier: Apache-2.0
//! How many bytes things take on the heap.

use serde_json::Value;

/// What an allocator adds to an allocation, roughly.
pub(crate) const ALLOCATION: usize = 16;

/// What a key of a JSON object takes beside its text and its value: a hash and a table slot.
const OBJECT_SLOT: usize = 32;

/// Bytes of an allocation.
pub(crate) fn allocation(bytes: usize) -> usize {
    if bytes == 0 { 0 } else { bytes + ALLOCATION }
}

/// Bytes of JSON values, which may be nested without bounds.
pub(crate) fn json_list(values: &[Value]) -> usize {
    let mut bytes = allocation(size_of_val(values));
    let mut open: Vec<&Value> = values.iter().collect();
    while let Some(value) = open.pop() {
        match value {
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
            Value::String(value) => bytes += text(value),
            Value::Array(values) => {
                bytes += allocation(values.capacity() * size_of::<Value>());
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

fn text(text: &String) -> usize {
    allocation(text.capacity())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_text_of_a_value_counts_with_its_capacity() {
        let mut roomy = String::with_capacity(1_000);
        roomy.push('x');
        let texts = json!({"a text": "x".repeat(1_000), "list": [["y".repeat(1_000)], null]});
        let bytes = json_list(&[texts, Value::String(roomy)]);
        assert!((3_000..5_000).contains(&bytes), "{bytes}");
    }

    #[test]
    fn spare_room_in_lists_counts() {
        let mut list = Vec::with_capacity(1_000);
        list.push(json!(null));
        let bytes = json_list(&[Value::Array(list)]);
        assert!(bytes >= 1_000 * size_of::<Value>());
        assert_eq!(json_list(&[]), 0);
    }

    #[test]
    fn deep_json_takes_no_stack() {
        let deep = (0..100_000).fold(json!("x"), |value, _| Value::Array(vec![value]));
        assert!(json_list(std::slice::from_ref(&deep)) > 100_000 * size_of::<Value>());
        // Freeing it is not ours to test: serde_json recurses.
        std::mem::forget(deep);
    }
}
