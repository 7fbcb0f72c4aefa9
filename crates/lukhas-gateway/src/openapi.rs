// SPDX-License-Identifier: Apache-2.0
//! The OpenAPI 3.1 document, made from the route table.

mod schemas;

use std::collections::BTreeSet;
use std::sync::OnceLock;

use http::StatusCode;
use lukhas_core::Scope;
use serde_json::{Map, Value, json};

use crate::error::{ErrorBody, ErrorCode};
use crate::idempotency::{LONGEST, REPLAYED};
use crate::route::{Access, Answer, Handler, Parameter, Place, RequestBody, Route, routes};
use schemas::Schemas;

const DESCRIPTION: &str = "The OpenAI API, served by Lukhas in front of any model. \
    Every failure is `{\"error\":{\"message\",\"type\",\"param\",\"code\"}}`; \
    every answer carries `x-request-id`.";

/// The document, made once.
pub fn openapi_json() -> &'static Value {
    static DOCUMENT: OnceLock<Value> = OnceLock::new();
    DOCUMENT.get_or_init(document)
}

fn document() -> Value {
    let mut schemas = Schemas::new();
    let error = schemas.answer(|generator| generator.subschema_for::<ErrorBody<'_>>());
    let mut paths = Map::new();
    for route in routes() {
        let item = paths.entry(route.path).or_insert_with(|| json!({}));
        item[route.method.as_str().to_lowercase()] = operation(route, &mut schemas, &error);
    }
    let tags: Vec<_> = tags()
        .into_iter()
        .map(|(name, description)| json!({"name": name, "description": description}))
        .collect();
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Lukhas",
            "version": env!("CARGO_PKG_VERSION"),
            "description": DESCRIPTION,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
            "contact": {"name": "The Lukhas authors"},
        },
        "servers": [{"url": "http://127.0.0.1:8080", "description": "`lukhas serve` as it starts."}],
        "security": [{"bearer": []}],
        "tags": tags,
        "paths": paths,
        "components": {
            "securitySchemes": {"bearer": {
                "type": "http",
                "scheme": "bearer",
                "description": format!("A key of this server. Scopes: {}.", scopes()),
            }},
            "headers": headers(),
            "schemas": schemas.finish(),
        },
    })
}

fn tags() -> [(&'static str, &'static str); 5] {
    [
        ("Responses", "Answers that can be fetched and continued."),
        ("Chat", "Answers to a whole conversation."),
        ("Embeddings", "Vectors for texts."),
        ("Models", "What can be asked for by name."),
        ("Operations", "Health, metrics and this document."),
    ]
}

fn scopes() -> String {
    Scope::ALL
        .map(|scope| format!("`{}`", scope.as_str()))
        .join(", ")
}

fn headers() -> Value {
    json!({
        "RequestId": {
            "description": "Identifier of the request, for logs and reports.",
            "schema": {"type": "string"},
        },
        "RetryAfter": {
            "description": "Seconds after which a retry makes sense.",
            "schema": {"type": "integer", "minimum": 1, "maximum": 120},
        },
        "RetryAfterMs": {
            "description": "The same in milliseconds, exactly.",
            "schema": {"type": "integer", "minimum": 1},
        },
        "ShouldRetry": {
            "description": "`false` where no retry that clients make by themselves can succeed.",
            "schema": {"type": "string", "enum": ["false"]},
        },
        "IdempotentReplayed": {
            "description": "`true` where the same request with the same `Idempotency-Key` was answered before.",
            "schema": {"type": "string", "enum": ["true"]},
        },
        "RateLimit": {
            "description": "Most that the tightest rate limit of the request admits at once.",
            "schema": {"type": "integer", "minimum": 1},
        },
        "RateLimitRemaining": {
            "description": "What it would admit now.",
            "schema": {"type": "integer", "minimum": 0},
        },
        "RateLimitReset": {
            "description": "Until it admits all of it again, as in `12ms` or `6m0s`.",
            "schema": {"type": "string", "examples": ["12ms", "6m0s"]},
        },
    })
}

fn operation(route: &Route, schemas: &mut Schemas, error: &Value) -> Value {
    let mut operation = json!({
        "operationId": route.operation,
        "tags": [route.tag],
        "summary": route.summary,
        "description": description(route),
        "parameters": parameters(route),
    });
    if route.access == Access::Public {
        operation["security"] = json!([]);
    }
    if let Some(body) = &route.request {
        operation["requestBody"] = request_body(body, schemas);
    }
    operation["responses"] = responses(route, schemas, error);
    operation
}

fn description(route: &Route) -> String {
    match route.access {
        Access::Public => format!("{} No key is needed.", route.summary),
        Access::Scope(scope) => {
            format!(
                "{} Needs a key with the scope `{}`.",
                route.summary,
                scope.as_str()
            )
        }
    }
}

fn parameters(route: &Route) -> Vec<Value> {
    let key = is_answered_once(route).then(idempotency_key);
    route.parameters.iter().map(parameter).chain(key).collect()
}

fn is_answered_once(route: &Route) -> bool {
    match route.handler {
        Handler::Once(_) => true,
        Handler::Keyed(_) | Handler::Public(_) => false,
    }
}

fn idempotency_key() -> Value {
    json!({
        "name": "Idempotency-Key",
        "in": "header",
        "required": false,
        "description": "A name for this request, of your choice. The same request with the same key is \
            carried out once, and answered every time.",
        "schema": {
            "type": "string",
            "minLength": 1,
            "maxLength": LONGEST,
            "pattern": "^[!-~]+$",
        },
    })
}

fn parameter(parameter: &Parameter) -> Value {
    let schema: Value = serde_json::from_str(parameter.schema).unwrap_or(Value::Null);
    json!({
        "name": parameter.name,
        "in": match parameter.place { Place::Path => "path", Place::Query => "query" },
        "required": parameter.place == Place::Path,
        "description": parameter.description,
        "schema": schema,
    })
}

fn request_body(body: &RequestBody, schemas: &mut Schemas) -> Value {
    let example: Value = serde_json::from_str(body.example).unwrap_or(Value::Null);
    json!({
        "required": true,
        "content": {"application/json": {
            "schema": schemas.request(body.schema),
            "examples": {"short": {"value": example}},
        }},
    })
}

fn responses(route: &Route, schemas: &mut Schemas, error: &Value) -> Value {
    let mut responses = Map::new();
    let mut answered = success(&route.answer, schemas);
    if route.class.is_some() {
        describe_limits(&mut answered);
    }
    if is_answered_once(route) {
        answered["headers"][REPLAYED.as_str()] = header("IdempotentReplayed");
    }
    responses.insert("200".to_owned(), answered);
    if let Answer::Checks(schema) = route.answer {
        let schema = schemas.answer(schema);
        let body = answer(
            "A check fails.",
            &json!({"application/json": {"schema": schema}}),
        );
        responses.insert("503".to_owned(), body);
    }
    let mut codes = route.errors.to_vec();
    codes.extend(always(route));
    codes.sort_by_key(|code| ErrorCode::ALL.iter().position(|other| other == code));
    codes.dedup();
    let statuses: BTreeSet<StatusCode> = codes.iter().map(|code| code.status()).collect();
    for status in statuses {
        let names: Vec<_> = codes
            .iter()
            .filter(|code| code.status() == status)
            .collect();
        responses.insert(status.as_str().to_owned(), failure(&names, error));
    }
    Value::Object(responses)
}

/// What any route can answer.
fn always(route: &Route) -> Vec<ErrorCode> {
    let mut codes = vec![ErrorCode::InternalError];
    if route.access != Access::Public {
        codes.extend([ErrorCode::InvalidApiKey, ErrorCode::InsufficientScope]);
        codes.push(ErrorCode::UnknownParameter);
    }
    if route.class.is_some() {
        codes.extend([ErrorCode::RateLimitExceeded, ErrorCode::StoreUnavailable]);
    }
    if is_answered_once(route) {
        codes.extend([ErrorCode::Conflict, ErrorCode::IdempotencyKeyReused]);
    }
    codes
}

fn success(kind: &Answer, schemas: &mut Schemas) -> Value {
    let content = match kind {
        Answer::Json(schema) | Answer::Checks(schema) => {
            json!({"application/json": {"schema": schemas.answer(*schema)}})
        }
        Answer::JsonOrEvents(whole, event) => json!({
            "application/json": {"schema": schemas.answer(*whole)},
            "text/event-stream": {"schema": event_schema(&schemas.answer(*event))},
        }),
        Answer::Text(types) => types
            .iter()
            .map(|media| ((*media).to_owned(), json!({"schema": {"type": "string"}})))
            .collect::<Map<_, _>>()
            .into(),
    };
    answer("Success.", &content)
}

/// The schema of one server-sent event, by the names of its fields.
fn event_schema(data: &Value) -> Value {
    json!({
        "type": "object",
        "description": "One event of the stream. The `data` of the last is `[DONE]`.",
        "required": ["data"],
        "properties": {
            "event": {"type": "string"},
            "data": {"anyOf": [
                {"const": "[DONE]"},
                {
                    "type": "string",
                    "contentMediaType": "application/json",
                    "contentSchema": data,
                },
            ]},
        },
    })
}

fn failure(codes: &[&ErrorCode], error: &Value) -> Value {
    let names: Vec<_> = codes
        .iter()
        .map(|code| format!("`{}`", code.as_str()))
        .collect();
    let description = format!("Failure: {}.", names.join(", "));
    let mut failure = answer(
        &description,
        &json!({"application/json": {"schema": error}}),
    );
    let limited = codes.contains(&&ErrorCode::RateLimitExceeded);
    let comes_back = [ErrorCode::Overloaded, ErrorCode::StoreUnavailable];
    if limited || comes_back.iter().any(|code| codes.contains(&code)) {
        failure["headers"]["retry-after"] = header("RetryAfter");
        failure["headers"]["retry-after-ms"] = header("RetryAfterMs");
        failure["headers"]["x-should-retry"] = header("ShouldRetry");
    }
    if codes.contains(&&ErrorCode::Conflict) {
        failure["headers"]["x-should-retry"] = header("ShouldRetry");
    }
    if limited {
        describe_limits(&mut failure);
    }
    failure
}

/// Adds the headers that say how the limits of a request stand.
fn describe_limits(answer: &mut Value) {
    for unit in ["requests", "tokens"] {
        for (what, name) in [
            ("limit", "RateLimit"),
            ("remaining", "RateLimitRemaining"),
            ("reset", "RateLimitReset"),
        ] {
            answer["headers"][format!("x-ratelimit-{what}-{unit}")] = header(name);
        }
    }
}

/// A header that is described once.
fn header(name: &str) -> Value {
    json!({"$ref": format!("#/components/headers/{name}")})
}

fn answer(description: &str, content: &Value) -> Value {
    json!({
        "description": description,
        "headers": {"x-request-id": header("RequestId")},
        "content": content,
    })
}
