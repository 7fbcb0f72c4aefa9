// SPDX-License-Identifier: Apache-2.0
mod hostile;
mod laws;
mod refusals;

use serde_json::json;

use super::*;

const PLAIN: Wishes<'static> = Wishes {
    text: "",
    seed: 0,
    complete: false,
    object: false,
};

#[track_caller]
fn drawn(schema: &Value, text: &str) -> Value {
    let wishes = Wishes {
        text,
        complete: true,
        ..PLAIN
    };
    instance(schema, wishes).unwrap_or_else(|error| panic!("{error}: {schema}"))
}

/// The instance of `schema` for `text` is `expected`.
#[track_caller]
fn check_drawn(schema: Value, text: &str, expected: Value) {
    assert_eq!(drawn(&schema, text), expected, "{schema}");
}

/// There are instances for any seed, with and without optional properties, and they are valid.
#[track_caller]
fn check_valid(schema: Value) {
    let validator = jsonschema::options()
        .should_validate_formats(true)
        .build(&schema)
        .unwrap();
    for seed in 0..5 {
        for complete in [false, true] {
            let wishes = Wishes {
                seed,
                complete,
                ..PLAIN
            };
            match instance(&schema, wishes) {
                Ok(value) => assert!(validator.is_valid(&value), "{value} for {schema}"),
                Err(error) => panic!("{error}: {schema}"),
            }
        }
    }
}

#[track_caller]
fn check_error(schema: Value, expected: &str) {
    let error = instance(&schema, PLAIN).unwrap_err();
    assert_eq!(error.to_string(), expected, "{schema}");
}

fn object(properties: Value) -> Value {
    let required: Vec<_> = properties.as_object().unwrap().keys().cloned().collect();
    json!({
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
}

#[test]
fn values_are_drawn_from_the_text() {
    check_drawn(
        object(json!({"name": {"type": "string"}, "age": {"type": "integer"}})),
        "Jason is 25 years old",
        json!({"name": "Jason", "age": 25}),
    );
    check_drawn(
        object(json!({
            "location": {"type": "string"},
            "unit": {"type": "string", "enum": ["celsius", "fahrenheit"]},
        })),
        "What is the weather in Paris, in Fahrenheit?",
        json!({"location": "Paris", "unit": "fahrenheit"}),
    );
    check_drawn(
        object(json!({
            "tags": {"type": "array", "items": {"type": "string"}},
            "email": {"type": "string", "format": "email"},
            "urgent": {"type": "boolean"},
            "price": {"type": "number", "minimum": 10},
        })),
        "tags: red, green and blue; not urgent, 3 of them at 12.50, mail a@b.co",
        json!({"tags": ["red", "green", "blue"], "email": "a@b.co", "urgent": false, "price": 12.5}),
    );
    check_drawn(
        object(json!({"numbers": {"type": "array", "items": {"type": "number"}}})),
        "Sum 1, 2 and 3.5",
        json!({"numbers": [1, 2, 3.5]}),
    );
    check_drawn(
        json!({"type": "array", "items": {"enum": ["red", "green", "blue"]}}),
        "blue and red",
        json!(["blue", "red"]),
    );
}

#[test]
fn branches_are_chosen_by_the_text() {
    let shape =
        |kind: &str, size: &str| object(json!({"kind": {"const": kind}, size: {"type": "number"}}));
    let schema = json!({"oneOf": [shape("circle", "radius"), shape("square", "side")]});
    check_drawn(
        schema.clone(),
        "a square of side 4",
        json!({"kind": "square", "side": 4}),
    );
    check_drawn(
        schema,
        "a circle, radius 2",
        json!({"kind": "circle", "radius": 2}),
    );
}

#[test]
fn every_keyword_is_followed() {
    for schema in [
        json!(true),
        json!({}),
        json!({"type": "null"}),
        json!({"type": ["string", "null"]}),
        json!({"const": {"a": [1, null]}}),
        json!({"enum": [1, "a", null]}),
        json!({"type": "string", "enum": [1, "a", null]}),
        json!({"type": "string", "minLength": 50, "maxLength": 50}),
        json!({"type": "string", "maxLength": 0}),
        json!({"type": "string", "pattern": "^[A-Z]{3}-\\d{4}$"}),
        json!({"type": "string", "pattern": "^\\+?[1-9]\\d{1,14}$", "minLength": 12}),
        json!({"type": "string", "pattern": "[a-f]+", "minLength": 20, "maxLength": 20}),
        json!({"type": "string", "pattern": "^(?=.*\\d)(?=.*[a-z])(?=.*[A-Z]).{8,}$"}),
        json!({"type": "string", "pattern": "^(foo|bar)_[\\w-]+\\.(png|jpe?g)$"}),
        json!({"type": "string", "pattern": "^\\p{Lu}\\p{Ll}+$"}),
        json!({"allOf": [{"type": "string", "pattern": "^a"}, {"pattern": "z$"}, {"minLength": 3}]}),
        json!({"type": "integer", "minimum": 3, "maximum": 3}),
        json!({"type": "integer", "exclusiveMinimum": 3, "exclusiveMaximum": 5}),
        json!({"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 0.001}),
        json!({"type": "number", "multipleOf": 0.01, "minimum": 1.005}),
        json!({"allOf": [{"multipleOf": 4}, {"multipleOf": 6}], "type": "integer", "minimum": 100}),
        json!({"type": "integer", "maximum": -1e18}),
        json!({"type": "number", "minimum": 1e300}),
        json!({"type": "integer", "minimum": 18_446_744_073_709_551_615_u64}),
        json!({"type": "array", "items": {"type": "integer"}, "minItems": 3}),
        json!({"type": "array", "items": {"type": "boolean"}, "minItems": 2, "uniqueItems": true}),
        json!({"type": "array", "items": {"enum": [1, 2, 3, 4, 5]}, "minItems": 5, "uniqueItems": true}),
        json!({"type": "array", "items": {"type": "integer", "minimum": 1, "maximum": 9}, "minItems": 9, "uniqueItems": true}),
        json!({"type": "array", "prefixItems": [{"type": "string"}, {"type": "integer"}], "items": false}),
        json!({"type": "array", "prefixItems": [{"const": 1}], "minItems": 3, "items": {"const": 2}}),
        json!({"type": "array", "contains": {"const": 7}, "minContains": 2, "maxContains": 3, "items": {"type": "integer"}, "minItems": 5}),
        json!({"type": "object", "minProperties": 3}),
        json!({"type": "object", "required": ["a", "b"], "maxProperties": 2}),
        json!({"type": "object", "patternProperties": {"^x_": {"type": "integer"}}, "additionalProperties": false, "minProperties": 2}),
        json!({"type": "object", "propertyNames": {"pattern": "^[a-z]{3}$"}, "minProperties": 2}),
        json!({"properties": {"a": true}, "required": ["a"], "dependentRequired": {"a": ["b"], "b": ["c"]}}),
        json!({"properties": {"a": {"type": "string"}}, "dependentSchemas": {"a": {"required": ["b"]}}, "required": ["a"]}),
        json!({"allOf": [{"properties": {"a": {"type": "integer"}}, "required": ["a"]}, {"properties": {"b": {"type": "string"}}}], "unevaluatedProperties": false}),
        json!({"anyOf": [false, {"type": "string"}]}),
        json!({"oneOf": [{"type": "integer"}, {"type": "number", "minimum": 2}]}),
        json!({"type": "object", "oneOf": [
            {"properties": {"kind": {"const": "a"}}},
            {"properties": {"kind": {"const": "b"}}},
        ]}),
        json!({"oneOf": [{"required": ["a"]}, {"required": ["b"]}], "type": "object"}),
        json!({"type": "object", "properties": {"a": {"type": "integer"}}, "not": {"required": ["a"]}}),
        json!({"not": {"type": "string"}}),
        json!({"type": "integer", "not": {"enum": [0, 1, 2]}, "minimum": 0, "maximum": 3}),
        json!({"if": {"properties": {"a": {"const": 1}}, "required": ["a"]}, "then": {"required": ["b"]}, "else": {"required": ["c"]}, "type": "object"}),
        json!({"if": {"type": "string"}, "then": false, "else": {"type": "integer"}}),
    ] {
        check_valid(schema);
    }
}

#[test]
fn every_format_is_followed() {
    for format in [
        "date",
        "time",
        "date-time",
        "duration",
        "email",
        "idn-email",
        "hostname",
        "idn-hostname",
        "ipv4",
        "ipv6",
        "uri",
        "uri-reference",
        "iri",
        "iri-reference",
        "uri-template",
        "uuid",
        "json-pointer",
        "relative-json-pointer",
        "regex",
        "int32",
        "unknown",
    ] {
        check_valid(json!({"type": "string", "format": format}));
    }
    check_valid(json!({"type": "string", "format": "email", "minLength": 40}));
    check_valid(json!({"type": "string", "format": "hostname", "minLength": 90}));
    check_valid(json!({"type": "string", "format": "uri", "minLength": 100, "pattern": "^https"}));
}

#[test]
fn a_format_that_nothing_can_have_does_not_bind() {
    let schema = json!({"type": "string", "format": "date", "pattern": "^never$"});
    assert_eq!(instance(&schema, PLAIN), Ok(json!("never")));
}

#[test]
fn references_are_followed() {
    for schema in [
        json!({"$defs": {"a": {"type": "integer"}}, "$ref": "#/$defs/a"}),
        json!({"definitions": {"a b%": {"type": "integer"}}, "$ref": "#/definitions/a%20b%25"}),
        json!({"$defs": {"a": {"$anchor": "here", "type": "integer"}}, "$ref": "#here"}),
        json!({"components": {"a/b": {"type": "array", "items": {"$ref": "#/components/c"}}, "c": {"const": 1}}, "$ref": "#/components/a~1b"}),
        json!({"$id": "https://x.test/root.json", "$defs": {"a": {"$id": "a.json", "type": "object", "properties": {"b": {"$ref": "#/$defs/b"}}, "required": ["b"], "$defs": {"b": {"const": 5}}}}, "$ref": "a.json"}),
        json!({"$id": "https://x.test/root.json", "$defs": {"a": {"const": 3}}, "$ref": "https://x.test/root.json#/$defs/a"}),
        json!({"$schema": "http://json-schema.org/draft-07/schema#", "definitions": {"a": {"$id": "#x", "type": "string"}}, "$ref": "#x"}),
        json!({"$schema": "http://json-schema.org/draft-04/schema#", "type": "integer", "minimum": 4, "exclusiveMinimum": true, "maximum": 5}),
        json!({"$schema": "http://json-schema.org/draft-07/schema#", "items": [{"const": 1}], "additionalItems": {"const": 2}, "minItems": 2, "type": "array"}),
        json!({"$dynamicRef": "#node", "$defs": {"n": {"$dynamicAnchor": "node", "type": "boolean"}}}),
    ] {
        check_valid(schema);
    }
}

#[test]
fn recursion_ends() {
    let node = json!({
        "type": "object",
        "properties": {
            "value": {"type": "integer"},
            "next": {"anyOf": [{"$ref": "#/$defs/node"}, {"type": "null"}]},
        },
        "required": ["value", "next"],
        "additionalProperties": false,
    });
    check_drawn(
        json!({"$defs": {"node": node}, "$ref": "#/$defs/node"}),
        "value 5",
        json!({"value": 5, "next": null}),
    );
    let tree = json!({
        "type": "object",
        "properties": {"name": {"type": "string"}, "children": {"type": "array", "items": {"$ref": "#"}}},
        "required": ["name", "children"],
    });
    check_drawn(tree, "name: Root", json!({"name": "Root", "children": []}));
    check_valid(
        json!({"type": ["object", "null"], "properties": {"next": {"$ref": "#"}}, "required": ["next"]}),
    );
    check_valid(json!({"type": "array", "items": {"anyOf": [{"$ref": "#"}]}}));
    check_valid(json!({"$defs": {
        "expr": {"oneOf": [{"$ref": "#/$defs/sum"}, {"type": "number"}]},
        "sum": {"type": "object", "properties": {"left": {"$ref": "#/$defs/expr"}, "right": {"$ref": "#/$defs/expr"}}, "required": ["left", "right"]},
    }, "$ref": "#/$defs/expr"}));
}

#[test]
fn optional_properties_come_when_asked_for() {
    let schema = json!({"type": "object", "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}}, "required": ["b"]});
    let names = |text, complete| {
        let wishes = Wishes {
            text,
            complete,
            ..PLAIN
        };
        let value = instance(&schema, wishes).unwrap();
        value
            .as_object()
            .unwrap()
            .keys()
            .cloned()
            .collect::<Vec<_>>()
    };
    assert_eq!(names("", false), ["b"]);
    assert_eq!(names("a is 3", false), ["a", "b"]);
    assert_eq!(names("", true), ["a", "b"]);
}

#[test]
fn the_seed_changes_what_is_made_up_and_nothing_else() {
    let schema =
        object(json!({"city": {"type": "string"}, "code": {"type": "string", "format": "uuid"}}));
    let make = |seed| {
        instance(
            &schema,
            Wishes {
                text: "in Oslo",
                seed,
                ..PLAIN
            },
        )
        .unwrap()
    };
    assert_eq!(make(1), make(1));
    assert_ne!(make(1)["code"], make(2)["code"]);
    assert_eq!(make(1)["city"], "Oslo");
    assert_eq!(make(2)["city"], "Oslo");
}

#[test]
fn a_name_can_imply_a_format() {
    let made = drawn(&object(json!({"contact_email": {"type": "string"}})), "");
    assert_eq!(made, json!({"contact_email": "user967@example.com"}));
    check_valid(object(json!({"email": {"type": "string", "maxLength": 4}})));
}

#[test]
fn defaults_and_examples_stand_in() {
    check_drawn(
        object(json!({
            "unit": {"enum": ["a", "b", "c"], "default": "b"},
            "city": {"type": "string", "examples": ["Lima"]},
            "days": {"type": "integer", "default": 7},
        })),
        "",
        json!({"unit": "b", "city": "Lima", "days": 7}),
    );
}
