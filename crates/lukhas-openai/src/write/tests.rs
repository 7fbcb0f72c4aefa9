// SPDX-License-Identifier: Apache-2.0
use std::collections::BTreeMap;

use bytes::BytesMut;
use proptest::prelude::*;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::write_json;

#[track_caller]
fn check<T: Serialize + ?Sized>(value: &T) {
    let mut out = BytesMut::from("before ");
    write_json(&mut out, value).unwrap();
    let expected = serde_json::to_string(value).unwrap();
    assert_eq!(std::str::from_utf8(&out[7..]).unwrap(), expected);
}

/// One of everything that can be derived.
#[derive(Serialize)]
enum Shape {
    Unit,
    Newtype(u8),
    Tuple(i8, char),
    Struct { a: Option<bool>, b: [(); 0] },
}

#[derive(Serialize)]
#[serde(tag = "type")]
enum Tagged {
    #[serde(rename = "tag.with_dot")]
    One {
        size: i64,
    },
    Two(Inner),
}

#[derive(Serialize)]
struct Inner {
    name: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    absent: Option<u32>,
    #[serde(flatten)]
    extra: Map<String, Value>,
}

#[test]
fn every_shape_is_written_as_serde_json_writes_it() {
    check(&[
        Shape::Unit,
        Shape::Newtype(255),
        Shape::Tuple(-128, '"'),
        Shape::Struct { a: None, b: [] },
    ]);
    let extra = json!({"x": [1, -2, 3.5, null], "\n": {}})
        .as_object()
        .cloned()
        .unwrap();
    let inner = || Inner {
        name: "n",
        absent: None,
        extra: extra.clone(),
    };
    check(&(
        Tagged::One { size: i64::MIN },
        Tagged::Two(inner()),
        inner(),
    ));
    check(&(
        u64::MAX,
        i32::MIN,
        1.0_f64,
        0.1_f32,
        f64::MAX,
        f64::NAN,
        f32::INFINITY,
    ));
    check(&(
        1_u16,
        2_u32,
        3_i16,
        (),
        "",
        'é',
        serde_json::Number::from(7),
    ));
    check(&BTreeMap::from([("a\"b", vec![Some(1), None])]));
    struct Bytes;
    impl Serialize for Bytes {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.serialize_bytes(b"\x00\xff")
        }
    }
    check(&Bytes);
}

#[test]
fn a_number_without_a_fraction_shows_that_it_may_have_one() {
    for number in [0.0, 1.0, 2.0, 1e15, 1e17] {
        check(&[number, -number]);
    }
}

/// A name that is too long to be written at once.
#[derive(Serialize)]
struct Long {
    a_name_of_more_characters_than_any_field_of_the_wire_has_or_is_going_to_have: (),
    b: (),
}

#[test]
fn names_may_be_long() {
    check(&Long {
        a_name_of_more_characters_than_any_field_of_the_wire_has_or_is_going_to_have: (),
        b: (),
    });
}

#[test]
fn every_byte_at_every_place_of_a_block_is_escaped_as_it_must() {
    for special in (0..=0x7f_u8).map(char::from) {
        for place in 0..40 {
            for after in [0, 1, 20] {
                let text = format!("{}{special}{}", "x".repeat(place), "x".repeat(after));
                check(text.as_str());
            }
        }
    }
}

#[test]
fn a_key_that_is_no_string_is_refused_and_leaves_nothing() {
    let mut out = BytesMut::from("before");
    let error = write_json(&mut out, &BTreeMap::from([(1, 2)])).unwrap_err();
    assert_eq!(error.to_string(), "a key must be a string");
    assert_eq!(out, "before");
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC*|[\\x00-\\x7f]*".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 64, 8, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..8).prop_map(Value::from),
            prop::collection::vec(("\\PC*|[\\x00-\\x7f]*", inner), 0..8)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn any_value_is_written_as_serde_json_writes_it(value in any_value()) {
        check(&value);
    }
}
