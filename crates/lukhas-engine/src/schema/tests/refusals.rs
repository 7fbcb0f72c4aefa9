// SPDX-License-Identifier: Apache-2.0
//! Schemas without an instance, and what is said about them.

use serde_json::json;

use super::*;

#[test]
fn wrong_schemas_are_named() {
    check_error(
        json!({"type": "strin"}),
        "the schema is not valid at `#/type`: \"strin\" is not valid under any of the schemas listed in the 'anyOf' keyword",
    );
    check_error(
        json!(3),
        "the schema is not valid at `#`: 3 is not of types \"boolean\", \"object\"",
    );
    check_error(
        json!({"$ref": "#/$defs/x"}),
        "the schema refers to `#/$defs/x`, which is not in it",
    );
    check_error(
        json!({"$ref": "#nowhere"}),
        "the schema refers to `#nowhere`, which is not in it",
    );
    check_error(
        json!({"properties": {"a": {"$ref": "https://x.test/s.json"}}}),
        "the schema refers to `https://x.test/s.json`: only references inside a schema can be followed",
    );
    check_error(
        json!({"$ref": "#"}),
        "the schema at `#` refers to itself without end",
    );
    check_error(
        json!({"$defs": {"a": {"allOf": [{"$ref": "#/$defs/b"}]}, "b": {"$ref": "#/$defs/a"}}, "$ref": "#/$defs/a"}),
        "the schema at `#/$defs/a` refers to itself without end",
    );
    check_error(
        json!({"type": "string", "pattern": "("}),
        "the schema is not valid at `#/pattern`: \"(\" is not a \"regex\"",
    );
}

#[test]
fn contradictions_have_no_instance() {
    const NONE: &str =
        "no instance of the schema was found: it contradicts itself or is too intricate";
    for schema in [
        json!(false),
        json!({"type": "integer", "minimum": 3, "maximum": 2}),
        json!({"type": "string", "const": 1}),
        json!({"allOf": [{"type": "string"}, {"type": "integer"}]}),
        json!({"type": "array", "minItems": 2, "maxItems": 1}),
        json!({"type": "array", "items": {"type": "boolean"}, "minItems": 3, "uniqueItems": true}),
        json!({"type": "object", "required": ["a"], "properties": {"a": false}}),
        json!({"type": "object", "properties": {"a": {"$ref": "#"}}, "required": ["a"]}),
        json!({"type": "object", "properties": {"l": {"$ref": "#"}, "r": {"$ref": "#"}}, "required": ["l", "r"]}),
        json!({"not": {}}),
        json!({"oneOf": [{}, {}]}),
    ] {
        check_error(schema, NONE);
    }
}

#[test]
fn what_is_too_large_is_refused() {
    const LONG: &str = "an instance of the schema is larger than 262144 bytes";
    check_error(json!({"type": "string", "minLength": 1_000_000_000}), LONG);
    check_error(
        json!({"type": "array", "items": {"type": "integer"}, "minItems": 1_000_000_000}),
        LONG,
    );
    check_error(json!({"type": "object", "minProperties": 1_000_000}), LONG);
    check_error(
        json!({"type": "string", "pattern": "^(a{1000}){1000}$"}),
        "the patterns of the schema are too large to compile",
    );
    let mut deep = json!({"type": "integer"});
    for _ in 0..200 {
        deep = json!({"items": deep, "type": "array", "minItems": 1});
    }
    check_error(deep, "the schema nests deeper than 128 levels");
    let wide: Vec<_> = (0..20_000).collect();
    check_error(
        json!({"enum": wide}),
        "the schema has more than 16384 values",
    );
}
