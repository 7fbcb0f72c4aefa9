// SPDX-License-Identifier: Apache-2.0
//! Answers of models held to a schema.

use std::sync::Arc;

use lukhas_core::{BoxFuture, ValidationError, Validator};
use serde_json::Value;

use crate::engine::Planners;
use crate::schema::{SchemaError, broken_rule};

/// Validates JSON against JSON Schemas, by the same rules and within the same bounds as what the
/// [`Engine`](crate::Engine) itself makes.
///
/// Formats bind where the schema's draft says so. References lead nowhere outside of a schema. The
/// work is done on threads that may block, as many at a time as there are processors.
#[derive(Debug, Default)]
pub struct SchemaValidator(Planners);

impl Validator for SchemaValidator {
    fn validate(
        &self,
        schema: Arc<Value>,
        json: String,
    ) -> BoxFuture<'static, Result<(), ValidationError>> {
        let work = self.0.plan(move || validate(&schema, &json));
        Box::pin(async { work.await.map_err(ValidationError::Schema)? })
    }
}

fn validate(schema: &Value, json: &str) -> Result<(), ValidationError> {
    let broken = match serde_json::from_str(json) {
        Ok(value) => broken_rule(schema, &value).map_err(unknown)?,
        // What no parser takes is not the instance of anything.
        Err(_) => Some(String::new()),
    };
    match broken {
        None => Ok(()),
        Some(rule) => Err(ValidationError::Instance {
            rule: match rule.is_empty() {
                true => "/".to_owned(),
                false => rule,
            },
        }),
    }
}

fn unknown(error: SchemaError) -> ValidationError {
    ValidationError::Schema(error.into())
}

#[cfg(test)]
mod tests {
    use lukhas_core::RunErrorKind;
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(schema: Value, json: &str, expected: Result<(), &str>) {
        let validated = validate(&schema, json);
        let expected = expected.map_err(|rule| ValidationError::Instance { rule: rule.into() });
        assert_eq!(validated, expected, "{json} under {schema}");
    }

    #[test]
    fn the_rule_that_is_broken_is_named_and_nothing_of_the_text() {
        let person = || {
            json!({
                "type": "object", "required": ["name"], "additionalProperties": false,
                "properties": {"name": {"type": "string"}, "next": {"$ref": "#"}},
            })
        };
        check(person(), r#"{"name":"Ada"}"#, Ok(()));
        check(person(), r#"{"name":"Ada","next":{"name":"Bob"}}"#, Ok(()));
        check(person(), r#"{"next":{"name":"Bob"}}"#, Err("/required"));
        check(person(), r#"{"name":7}"#, Err("/properties/name/type"));
        check(
            person(),
            r#"{"name":"Ada","secret":1}"#,
            Err("/additionalProperties"),
        );
        check(json!(false), "1", Err("/"));
        check(json!({}), "1e999", Err("/"));
    }

    #[track_caller]
    fn check_unknown(schema: Value, json: &str, kind: RunErrorKind) {
        match validate(&schema, json) {
            Err(ValidationError::Schema(error)) => assert_eq!(error.kind, kind, "{schema}"),
            validated => panic!("{validated:?} of {schema}"),
        }
    }

    #[test]
    fn a_schema_that_cannot_be_held_to_is_an_error_of_the_request() {
        check_unknown(json!({"type": "x"}), "1", RunErrorKind::InvalidRequest);
        check_unknown(json!({"$ref": "#"}), "1", RunErrorKind::InvalidRequest);
        let remote = json!({"$ref": "https://x.test/s.json"});
        check_unknown(remote, "1", RunErrorKind::InvalidRequest);
        // 2 to the power of 30 visits.
        let mut doubling: Value = (0..30)
            .map(|n| {
                let next = json!({"$ref": format!("#/$defs/d{}", n + 1)});
                (format!("d{n}"), json!({"allOf": [next, next]}))
            })
            .collect();
        doubling["d30"] = json!({});
        let doubling = json!({"$defs": doubling, "properties": {"a": {"$ref": "#/$defs/d0"}}});
        check_unknown(doubling, r#"{"a":1}"#, RunErrorKind::Unsupported);
        let texts = serde_json::to_string(&vec!["aaaaaaaaaaaaaaaaaaaaaaaa"; 5_000]).unwrap();
        let fancy = json!({"items": {"pattern": "^(?=(a+)+$)b"}});
        check_unknown(fancy, &texts, RunErrorKind::Unsupported);
    }
}
