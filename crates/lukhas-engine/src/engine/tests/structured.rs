// SPDX-License-Identifier: Apache-2.0
use lukhas_core::Sampling;
use serde_json::json;

use super::*;

fn structured(text: &str, schema: Value, strict: bool) -> RunRequest {
    let schema = Arc::new(schema);
    let format = OutputFormat::JsonSchema {
        name: "answer".into(),
        schema,
        strict,
    };
    RunRequest {
        format,
        ..ask(text)
    }
}

#[test]
fn a_schema_is_filled_from_the_request_in_its_order() {
    let schema = json!({
        "type": "object",
        "properties": {
            "steps": {"type": "array", "items": {"$ref": "#/$defs/step"}},
            "final_answer": {"type": "string"},
            "age": {"type": ["integer", "null"]},
        },
        "required": ["steps", "final_answer", "age"],
        "additionalProperties": false,
        "$defs": {"step": {
            "type": "object",
            "properties": {"output": {"type": "string"}},
            "required": ["output"],
        }},
    });
    let answer = text(structured("final answer: yes, age 7", schema, true));
    assert_eq!(
        answer,
        r#"{"steps":[{"output":"output 967"}],"final_answer":"yes","age":7}"#
    );
}

#[test]
fn what_a_tool_gave_is_drawn_from_too() {
    let schema = json!({
        "type": "object",
        "properties": {"temperature": {"type": "number"}},
        "required": ["temperature"],
    });
    let mut request = structured("How warm is it?", schema, true);
    request.items.extend([
        call("call_1", "sky"),
        output("call_1", "{\"temperature\": 21.5}"),
    ]);
    assert_eq!(text(request), "{\"temperature\":21.5}");
}

#[test]
fn a_json_object_wraps_the_answer() {
    let request = RunRequest {
        format: OutputFormat::JsonObject,
        ..ask("What is 2+2?")
    };
    assert_eq!(text(request), "{\"answer\":\"2+2 = 4\"}");
}

#[test]
fn optional_properties_are_complete_only_when_strict() {
    let schema = json!({"type": "object", "properties": {"a": {"type": "null"}}});
    assert_eq!(text(structured("", schema.clone(), true)), "{\"a\":null}");
    assert_eq!(text(structured("", schema, false)), "{}");
}

#[test]
fn the_seed_decides_only_where_there_is_freedom() {
    let schema = json!({
        "type": "object",
        "properties": {"id": {"type": "string", "format": "uuid"}},
        "required": ["id"],
    });
    let seeded = |seed| {
        let sampling = Sampling {
            seed,
            ..Sampling::default()
        };
        events(RunRequest {
            sampling,
            ..structured("", schema.clone(), true)
        })
    };
    assert_eq!(seeded(Some(1)), seeded(Some(1)));
    assert_ne!(seeded(Some(1)), seeded(Some(2)));
    assert_eq!(seeded(None), seeded(Some(0)));
}

#[test]
fn a_schema_without_an_instance_is_blamed() {
    let check = |schema, kind| {
        let found = error(structured("hi", schema, true));
        assert_eq!(
            (found.kind, found.param.as_deref()),
            (kind, Some("text.format.schema"))
        );
    };
    check(json!({"type": 7}), RunErrorKind::InvalidRequest);
    check(
        json!({"$ref": "https://example.com/x.json"}),
        RunErrorKind::InvalidRequest,
    );
    check(
        json!({"$ref": "file:///etc/passwd"}),
        RunErrorKind::InvalidRequest,
    );
    check(
        json!({"type": "string", "minLength": 1e9}),
        RunErrorKind::Unsupported,
    );
    check(json!({"enum": []}), RunErrorKind::Unsupported);
}
