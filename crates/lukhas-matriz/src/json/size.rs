// SPDX-License-Identifier: Apache-2.0
//! How long a value is as text, without writing it.

use serde_json::Value;

/// Most levels of arrays and objects inside each other that anything here looks at.
pub(crate) const MAX_DEPTH: usize = 64;

/// The longest that a number is written.
const NUMBER: usize = 24;

/// At least the bytes that `value` takes as compact JSON, and little more; `None` when it is
/// nested deeper than [`MAX_DEPTH`].
pub(crate) fn size(value: &Value) -> Option<usize> {
    within(value, MAX_DEPTH)
}

fn within(value: &Value, levels: usize) -> Option<usize> {
    match value {
        Value::Null | Value::Bool(_) => Some("false".len()),
        Value::Number(_) => Some(NUMBER),
        Value::String(text) => Some(string(text)),
        Value::Array(values) => {
            let levels = levels.checked_sub(1)?;
            values.iter().try_fold(2, |sum, value| {
                Some(sum + within(value, levels)? + ",".len())
            })
        }
        Value::Object(fields) => {
            let levels = levels.checked_sub(1)?;
            fields.iter().try_fold(2, |sum, (name, value)| {
                Some(sum + string(name) + within(value, levels)? + ":,".len())
            })
        }
    }
}

/// A string with its quotes and escapes.
fn string(text: &str) -> usize {
    let bytes = text.as_bytes();
    let has_escape = |byte: &u8| (*byte < 0x20) | (*byte == b'"') | (*byte == b'\\');
    // Looks at all of it, not for the first one: that way it looks at many bytes at a time.
    let escaped = bytes.iter().filter(|byte| has_escape(byte)).count();
    let escapes: usize = match escaped {
        0 => 0,
        _ => bytes.iter().map(escape).sum(),
    };
    text.len() + escapes + 2
}

/// Bytes that writing `byte` takes beside the byte.
fn escape(byte: &u8) -> usize {
    match byte {
        b'"' | b'\\' | b'\n' | b'\r' | b'\t' | 0x08 | 0x0c => 1,
        0..0x20 => 5, // as in `\u0000`
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn values() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            any::<String>().prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::btree_map(any::<String>(), inner, 0..6)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn never_less_than_the_text(value in values()) {
            prop_assert!(size(&value).unwrap() >= value.to_string().len());
        }
    }

    #[test]
    fn a_string_is_as_long_as_it_is_written() {
        for text in [
            "",
            "plain é",
            "\u{1}",
            "\u{1f}",
            "\"",
            "\\",
            "\n\r\t",
            "\u{8}\u{c}",
            "a\u{7f}b",
        ] {
            let value = Value::from(text);
            assert_eq!(size(&value).unwrap(), value.to_string().len(), "{text:?}");
        }
    }

    #[test]
    fn close_to_the_text_of_an_ordinary_schema() {
        let schema = json!({
            "type": "object",
            "properties": {"city": {"type": "string", "description": "name of a city"}},
            "required": ["city"],
        });
        let text = schema.to_string().len();
        assert!(size(&schema).unwrap() <= text + text / 10);
    }

    #[test]
    fn too_deep_has_no_size() {
        let nested = |levels| (0..levels).fold(json!(1), |inner, _| json!([inner]));
        assert!(size(&nested(MAX_DEPTH)).is_some());
        assert_eq!(size(&nested(MAX_DEPTH + 1)), None);
    }
}
