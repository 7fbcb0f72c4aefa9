// SPDX-License-Identifier: Apache-2.0
//! What is returned for any schema is an instance of it.

use proptest::prelude::*;
use serde_json::json;

use super::*;

/// Schemas made at random, most of them with instances.
fn any_schema() -> impl Strategy<Value = Value> {
    let number = -20_i64..20;
    let leaf = prop_oneof![
        Just(json!(true)),
        Just(json!({"type": "null"})),
        Just(json!({"type": ["boolean", "null"]})),
        (number.clone(), 0_i64..20).prop_map(|(low, more)| json!({"type": "integer", "minimum": low, "maximum": low + more})),
        (number, 1_i64..5).prop_map(|(low, step)| json!({"type": "number", "exclusiveMinimum": low, "multipleOf": step as f64 / 4.0})),
        (0_usize..20, 0_usize..20).prop_map(|(min, more)| json!({"type": "string", "minLength": min, "maxLength": min + more})),
        prop::sample::select(vec!["^[a-c]{2,4}$", "\\d+-\\d+", "^x", "(foo|bar)$"]).prop_map(|pattern| json!({"type": "string", "pattern": pattern})),
        prop::sample::select(vec!["date", "email", "uuid", "ipv4", "uri"]).prop_map(|format| json!({"type": "string", "format": format})),
        prop::collection::vec(0..5, 1..4).prop_map(|list| json!({"enum": list})),
        Just(json!({"$ref": "#"})),
        Just(json!({"$ref": "#/$defs/a"})),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        let properties = prop::collection::btree_map("[a-d]", inner.clone(), 0..4);
        let some = prop::collection::vec(inner.clone(), 1..3);
        prop_oneof![
            (properties, any::<bool>(), 0_usize..3).prop_map(|(properties, closed, least)| {
                let required: Vec<_> = properties.keys().take(2).cloned().collect();
                json!({"type": "object", "properties": properties, "required": required, "additionalProperties": !closed, "minProperties": least})
            }),
            (inner.clone(), 0_usize..4, any::<bool>()).prop_map(|(items, least, unique)| {
                json!({"type": "array", "items": items, "minItems": least, "uniqueItems": unique})
            }),
            (some.clone(), inner.clone()).prop_map(|(prefix, rest)| json!({"type": "array", "prefixItems": prefix, "items": rest})),
            some.clone().prop_map(|branches| json!({"anyOf": branches})),
            some.clone().prop_map(|branches| json!({"oneOf": branches})),
            some.prop_map(|branches| json!({"allOf": branches})),
            inner.clone().prop_map(|not| json!({"not": not})),
            (inner.clone(), inner.clone(), inner).prop_map(|(a, b, c)| json!({"if": a, "then": b, "else": c})),
        ]
    })
}

/// JSON that has the words of schemas in it, in any order.
fn any_json() -> impl Strategy<Value = Value> {
    const KEYWORDS: &[&str] = &[
        "type",
        "properties",
        "items",
        "required",
        "enum",
        "const",
        "$ref",
        "$defs",
        "allOf",
        "anyOf",
        "oneOf",
        "not",
        "if",
        "then",
        "else",
        "minimum",
        "maxLength",
        "minItems",
        "pattern",
        "format",
        "contains",
        "prefixItems",
        "patternProperties",
        "dependentSchemas",
        "$id",
        "$anchor",
        "x",
    ];
    let leaf = prop_oneof![
        any::<bool>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        "\\PC{0,6}".prop_map(Value::from),
        prop::sample::select(vec![
            "string",
            "object",
            "array",
            "#",
            "#/$defs/x",
            "#x",
            "x.json",
            "(a+)+$",
            "date"
        ])
        .prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 40, 5, |inner| {
        let key = prop::sample::select(KEYWORDS).prop_map(str::to_owned);
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::hash_map(key, inner, 0..5)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn what_is_returned_is_valid(inner in any_schema(), text in "([a-d] )?[0-9]{0,3} \\PC{0,10}", seed: u64, complete: bool) {
        let schema = json!({"$defs": {"a": {"type": "array", "items": {"$ref": "#"}}}, "allOf": [inner]});
        let wishes = Wishes { text: &text, seed, complete, object: true };
        if let Ok(value) = instance(&schema, wishes) {
            let validator = jsonschema::validator_for(&schema).unwrap();
            prop_assert!(validator.is_valid(&value), "{} for {}", value, schema);
            prop_assert_eq!(instance(&schema, wishes), Ok(value));
        }
    }

    #[test]
    fn nothing_makes_it_panic(schema in any_json(), seed: u64) {
        let wishes = Wishes { seed, ..PLAIN };
        if let Ok(value) = instance(&schema, wishes) {
            let validator = jsonschema::validator_for(&schema).unwrap();
            prop_assert!(validator.is_valid(&value), "{} for {}", value, schema);
        }
    }
}
