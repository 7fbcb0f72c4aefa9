// SPDX-License-Identifier: Apache-2.0
//! Schemas that are made to take long, to take much, or to overflow the stack.

use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;

use super::*;

/// Half of the stack that tokio gives its workers.
const STACK: usize = 1 << 20;

/// `schema` has an instance, or an error, soon.
#[track_caller]
fn check(schema: Value) {
    let run = move || {
        let start = Instant::now();
        for complete in [false, true] {
            let wishes = Wishes {
                text: "a 1 b 2 \"c\"",
                seed: 0,
                complete,
                object: true,
            };
            let _ = instance(&schema, wishes);
        }
        start.elapsed()
    };
    let took = std::thread::Builder::new()
        .stack_size(STACK)
        .spawn(run)
        .unwrap()
        .join()
        .unwrap();
    assert!(took < Duration::from_secs(20), "{took:?}");
}

/// `$defs` called 0, 1, ... each made by `make` from a reference to the next.
fn chain(len: usize, last: Value, make: impl Fn(Value) -> Value) -> Value {
    let mut defs = serde_json::Map::new();
    for at in 0..len {
        let next = json!({"$ref": format!("#/$defs/{}", at + 1)});
        defs.insert(at.to_string(), make(next));
    }
    defs.insert(len.to_string(), last);
    json!({"$defs": defs, "$ref": "#/$defs/0"})
}

/// `make` applied `times` over.
fn nested(times: usize, make: impl Fn(Value) -> Value) -> Value {
    (0..times).fold(json!({"type": "integer"}), |inner, _| make(inner))
}

#[test]
fn deep_schemas_fit_the_stack() {
    for times in [20, 30, 40, 60, 120] {
        check(nested(
            times,
            |inner| json!({"items": inner, "minItems": 1, "type": "array"}),
        ));
        check(nested(
            times,
            |inner| json!({"properties": {"a": inner}, "required": ["a"]}),
        ));
        check(nested(times, |inner| json!({"allOf": [inner]})));
        check(nested(times, |inner| json!({"anyOf": [false, inner]})));
        check(nested(
            times.min(20),
            |inner| json!({"not": {"not": inner}}),
        ));
        check(nested(times, |inner| json!({"if": inner, "then": {}})));
        check(nested(
            times,
            |inner| json!({"contains": inner, "unevaluatedItems": false}),
        ));
    }
}

#[test]
fn long_chains_of_references_fit_the_stack() {
    let last = || json!({"type": "integer"});
    for len in [30, 1000, 4000] {
        check(chain(len, last(), |next| next));
        check(chain(
            len,
            last(),
            |next| json!({"properties": {"a": next}, "required": ["a"]}),
        ));
        check(chain(
            len,
            last(),
            |next| json!({"items": next, "minItems": 1, "type": "array"}),
        ));
        check(chain(
            len,
            json!({"$ref": "#"}),
            |next| json!({"items": next, "type": "array"}),
        ));
    }
}

#[test]
fn depth_in_two_directions_fits_the_stack() {
    // Each level of the value goes through many schemas.
    for (levels, here) in [(39, 30), (20, 30), (10, 20), (5, 30)] {
        let at = std::cell::Cell::new(0_usize);
        let level = |next: Value| {
            at.set(at.get() + 1);
            if at.get().is_multiple_of(here) {
                json!({"properties": {"a": next}, "required": ["a"], "type": "object"})
            } else {
                json!({"allOf": [next]})
            }
        };
        check(chain(levels * here, json!({"type": "integer"}), level));
    }
    // Each level of the value leaves many choices.
    for count in [10, 50, 400] {
        let choices: Vec<_> = (0..count)
            .map(|at| json!({"anyOf": [{"minProperties": at % 2}]}))
            .collect();
        let level = |next: Value| json!({"$ref": "#/$defs/choices", "properties": {"a": next}, "required": ["a"], "type": "object"});
        let mut schema = chain(38, json!({"type": "integer"}), level);
        schema["$defs"]["choices"] = json!({"allOf": choices});
        check(schema);
    }
}

#[test]
fn doubling_does_not_multiply() {
    let last = || json!({"type": "integer"});
    for len in [10, 39] {
        check(chain(len, last(), |next| json!({"allOf": [next, next]})));
        check(chain(
            len,
            last(),
            |next| json!({"anyOf": [next, next], "oneOf": [next, next]}),
        ));
        check(chain(
            len,
            json!(false),
            |next| json!({"anyOf": [next, next]}),
        ));
        check(chain(
            len,
            last(),
            |next| json!({"if": next, "then": next, "else": next}),
        ));
        check(chain(
            len,
            last(),
            |next| json!({"type": "object", "required": ["a"], "properties": {"a": {"allOf": [next, next]}}}),
        ));
        check(chain(
            len,
            last(),
            |next| json!({"type": "object", "required": ["a", "b"], "properties": {"a": next, "b": next}}),
        ));
        check(chain(
            len,
            last(),
            |next| json!({"items": next, "minItems": 2, "uniqueItems": true, "type": "array"}),
        ));
        check(chain(
            len,
            last(),
            |next| json!({"contains": next, "minContains": 2, "type": "array"}),
        ));
    }
    let two = |next| json!({"type": "object", "required": ["x"], "properties": {"x": {"allOf": [next, next]}, "back": {"$ref": "#"}}});
    check(chain(39, last(), two));
}

#[test]
fn wide_schemas_are_bounded() {
    let many =
        |count: usize, make: &dyn Fn(usize) -> Value| (0..count).map(make).collect::<Vec<_>>();
    let named = |count: usize, make: &dyn Fn(usize) -> Value| {
        (0..count)
            .map(|at| (format!("p{at}"), make(at)))
            .collect::<serde_json::Map<_, _>>()
    };
    check(json!({"enum": many(16_000, &|at| json!(at)), "not": {"type": "integer"}}));
    check(json!({"anyOf": many(4000, &|at| json!({"const": at})), "type": "string"}));
    check(json!({"oneOf": many(4000, &|_| json!({"type": "string"}))}));
    check(json!({"allOf": many(4000, &|at| json!({"required": [at.to_string()]}))}));
    check(
        json!({"allOf": many(1000, &|at| json!({"if": {"required": [at.to_string()]}, "then": {"maxProperties": 0}}))}),
    );
    check(json!({"allOf": many(500, &|at| json!({"anyOf": [{"const": at}, {"const": -1}]}))}));
    check(json!({"properties": named(5000, &|_| json!({"type": "string"})), "type": "object"}));
    check(
        json!({"properties": named(2000, &|_| json!({"type": "string", "format": "date"})), "unevaluatedProperties": false}),
    );
    check(
        json!({"properties": named(1000, &|_| json!({"type": "string"})), "patternProperties": named(1000, &|_| json!({"minLength": 2}))}),
    );
    check(
        json!({"dependentSchemas": named(1000, &|at| json!({"required": [format!("p{}", at + 1)]})), "required": ["p0"]}),
    );
    check(
        json!({"dependentRequired": named(2000, &|at| json!([format!("p{}", at + 1)])), "required": ["p0"]}),
    );
    check(
        json!({"type": "array", "uniqueItems": true, "minItems": 5000, "items": {"type": "integer"}}),
    );
    check(json!({"type": "array", "minItems": 30_000, "items": {"oneOf": [{"type": "integer"}]}}));
    check(
        json!({"type": "object", "minProperties": 5000, "propertyNames": {"pattern": "^[a-z]+$"}}),
    );
    check(
        json!({"type": "array", "prefixItems": many(4000, &|at| json!({"const": at})), "minItems": 4000, "contains": {"const": -1}, "minContains": 1}),
    );
}

#[test]
fn patterns_are_bounded() {
    for pattern in [
        "^(a+)+$",
        "^(a|a)*b$",
        "^(?=(a+)+$)a*b$",
        "(a?){50}a{50}",
        "^(([a-z])+.)+[A-Z]([a-z])+$",
        "(?=a){100}(?!b)",
        "^(?:(?=a)a){1000}$",
        "\\p{L}{100}",
        "(\\p{L}{50}){50}",
        "((a{10}){10}){10}",
        "^(a)\\1{30}$",
        "(((((((((((((((((((((((((((((((((((((((((a)))))))))))))))))))))))))))))))))))))))))",
    ] {
        check(json!({"type": "string", "pattern": pattern, "minLength": 2000}));
    }
    let many: Vec<_> = (0..16)
        .map(|at| json!({"pattern": format!("(?={at})(\\w{{100}}){{20}}")}))
        .collect();
    check(json!({"allOf": many}));
    let many: Vec<_> = (0..1000)
        .map(|at| json!({"pattern": format!("^[a-z]{{0,30}}{at}")}))
        .collect();
    check(json!({"anyOf": many, "maxLength": 1}));
}

#[test]
fn long_texts_for_large_schemas_are_searched_only_so_far() {
    let names: Vec<_> = (0..3000).map(|at| format!("city{at}")).collect();
    let properties: serde_json::Map<_, _> = names
        .iter()
        .map(|name| (name.clone(), json!({"type": "string"})))
        .collect();
    let schema = json!({"type": "object", "properties": properties});
    for text in [
        "In Paris 7 \"x\" ".repeat(5000),
        "\"".repeat(60_000),
        "a_".repeat(30_000),
        "((".repeat(30_000),
    ] {
        let start = Instant::now();
        let wishes = Wishes {
            text: &text,
            seed: 0,
            complete: true,
            object: true,
        };
        instance(&schema, wishes).unwrap();
        assert!(
            start.elapsed() < Duration::from_secs(20),
            "{:?}",
            start.elapsed()
        );
    }
}
