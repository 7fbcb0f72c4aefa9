// SPDX-License-Identifier: Apache-2.0
use std::sync::LazyLock;

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::{ChatCall, WireErrorKind};
use WireErrorKind::{InvalidType, InvalidValue, Missing, Unknown, Unsupported};

static SCHEMA: LazyLock<jsonschema::Validator> = LazyLock::new(|| {
    let schema = schemars::schema_for!(CreateChatCompletion);
    jsonschema::validator_for(schema.as_value()).expect("the schema is valid")
});

/// A body that asks for little, with the keys of `extra` added.
fn body(extra: Value) -> Value {
    let mut body = json!({ "model": "m", "messages": [{ "role": "user", "content": "hi" }] });
    let (Value::Object(body_map), Value::Object(extra)) = (&mut body, extra) else {
        panic!("both are objects");
    };
    body_map.extend(extra);
    body
}

fn read(body: Value) -> Result<ChatCall, WireError> {
    CreateChatCompletion::parse(body.to_string().as_bytes()).and_then(ChatCall::try_from)
}

#[track_caller]
fn accept(extra: Value) {
    let body = body(extra);
    assert!(SCHEMA.is_valid(&body), "the schema refuses {body}");
    read(body).expect("accepted");
}

/// The body is refused, by the schema too.
#[track_caller]
fn refuse(extra: Value, kind: WireErrorKind, param: &str) -> String {
    let body = body(extra);
    assert!(!SCHEMA.is_valid(&body), "the schema accepts {body}");
    refuse_agreement(body, kind, param)
}

/// The body is refused for what a schema cannot say.
#[track_caller]
fn refuse_agreement(body: Value, kind: WireErrorKind, param: &str) -> String {
    let error = read(body).expect_err("refused");
    assert_eq!(
        (error.kind, error.param.as_deref()),
        (kind, Some(param)),
        "{error}"
    );
    assert!(error.message.contains(&format!("`{param}`")), "{error}");
    error.message
}

#[test]
fn every_parameter_is_accepted_within_its_bounds_and_as_null() {
    let full = json!({
        "n": 8, "stream": true, "stream_options": { "include_usage": true, "include_obfuscation": false },
        "tools": [{ "type": "function", "function": { "name": "f" } }], "tool_choice": "auto",
        "parallel_tool_calls": false, "response_format": { "type": "text" },
        "max_completion_tokens": 1, "max_tokens": 1, "stop": ["a", "b", "c", "d"],
        "temperature": 2, "top_p": 0, "presence_penalty": -2, "frequency_penalty": 2.0,
        "seed": i64::MIN, "reasoning_effort": "xhigh", "verbosity": "low", "modalities": ["text"],
        "logprobs": false, "top_logprobs": 0, "logit_bias": {}, "store": false,
        "metadata": { "k": "v" }, "user": "u", "safety_identifier": "s", "prompt_cache_key": "p",
        "prompt_cache_retention": "24h", "service_tier": "flex",
    });
    accept(full.clone());
    for key in full.as_object().expect("an object").keys() {
        accept(json!({ key: null }));
    }
    for (key, _) in ABSENT {
        read(body(json!({ *key: null }))).expect("null asks for nothing");
    }
    let keys: Vec<_> = full
        .as_object()
        .expect("an object")
        .keys()
        .cloned()
        .collect();
    let schema = schemars::schema_for!(CreateChatCompletion);
    let declared = schema.as_value()["properties"]
        .as_object()
        .expect("an object");
    let untried: Vec<_> = declared.keys().filter(|key| !keys.contains(key)).collect();
    assert_eq!(untried, ["model", "messages"]);
}

#[test]
fn what_is_out_of_bounds_is_refused_by_name() {
    let message = refuse(json!({ "temperature": 2.1 }), InvalidValue, "temperature");
    assert_eq!(
        message,
        "Invalid value for `temperature`: must be between 0 and 2, but got 2.1."
    );
    refuse(json!({ "temperature": -0.1 }), InvalidValue, "temperature");
    refuse(json!({ "top_p": 1.1 }), InvalidValue, "top_p");
    refuse(
        json!({ "presence_penalty": 2.5 }),
        InvalidValue,
        "presence_penalty",
    );
    refuse(
        json!({ "frequency_penalty": -3 }),
        InvalidValue,
        "frequency_penalty",
    );
    refuse(json!({ "n": 0 }), InvalidValue, "n");
    refuse(json!({ "n": 9 }), InvalidValue, "n");
    refuse(json!({ "n": -1 }), InvalidValue, "n");
    refuse(json!({ "max_tokens": 0 }), InvalidValue, "max_tokens");
    refuse(
        json!({ "max_tokens": 1_u64 << 32 }),
        InvalidValue,
        "max_tokens",
    );
    refuse(
        json!({ "max_completion_tokens": 0 }),
        InvalidValue,
        "max_completion_tokens",
    );
    refuse(json!({ "stop": "" }), InvalidValue, "stop");
    refuse(json!({ "stop": [] }), InvalidValue, "stop");
    refuse(json!({ "stop": ["a", ""] }), InvalidValue, "stop[1]");
    refuse(
        json!({ "stop": ["a", "b", "c", "d", "e"] }),
        InvalidValue,
        "stop",
    );
    refuse(json!({ "seed": u64::MAX }), InvalidValue, "seed");
    refuse(
        json!({ "safety_identifier": "s".repeat(65) }),
        InvalidValue,
        "safety_identifier",
    );
    refuse(
        json!({ "metadata": { "k": "v".repeat(513) } }),
        InvalidValue,
        "metadata.k",
    );
    let many: Map<_, _> = (0..17).map(|i| (i.to_string(), json!("v"))).collect();
    refuse(json!({ "metadata": many }), InvalidValue, "metadata");
    refuse(
        json!({ "service_tier": "slow" }),
        InvalidValue,
        "service_tier",
    );
    refuse(json!({ "verbosity": "none" }), InvalidValue, "verbosity");
    refuse(
        json!({ "reasoning_effort": "huge" }),
        InvalidValue,
        "reasoning_effort",
    );
    refuse(
        json!({ "modalities": ["video"] }),
        InvalidValue,
        "modalities[0]",
    );
}

#[test]
fn lengths_are_counted_in_characters() {
    accept(json!({ "safety_identifier": "é".repeat(64) }));
    accept(json!({ "metadata": { "é".repeat(64): "é".repeat(512) } }));
    let long_key = json!({ "metadata": { "é".repeat(65): "v" } });
    assert!(!SCHEMA.is_valid(&body(long_key.clone())));
    assert_eq!(
        read(body(long_key)).expect_err("refused").kind,
        InvalidValue
    );
}

#[test]
fn what_is_not_offered_is_refused_by_name() {
    refuse(json!({ "logprobs": true }), Unsupported, "logprobs");
    refuse(json!({ "top_logprobs": 1 }), Unsupported, "top_logprobs");
    refuse(
        json!({ "logit_bias": { "50256": -100 } }),
        Unsupported,
        "logit_bias",
    );
    refuse(
        json!({ "modalities": ["text", "audio"] }),
        Unsupported,
        "modalities",
    );
    let message = refuse(json!({ "store": true }), Unsupported, "store");
    assert_eq!(
        message,
        "Unsupported parameter: `store`. Chat completions are not stored: \
         use `POST /v1/responses`, or set `store` to `false`."
    );
    let given = json!({
        "audio": { "voice": "alloy", "format": "wav" },
        "function_call": "auto",
        "functions": [{ "name": "f" }],
        "moderation": { "model": "m" },
        "prediction": { "type": "content", "content": "x" },
        "prompt_cache_options": { "mode": "explicit" },
        "web_search_options": {},
    });
    assert_eq!(given.as_object().expect("an object").len(), ABSENT.len());
    for (key, value) in given.as_object().expect("an object") {
        refuse(json!({ key: value }), Unsupported, key);
    }
    let custom = json!({ "tools": [{ "type": "custom", "custom": { "name": "f" } }] });
    refuse(custom, Unsupported, "tools[0].type");
    let custom = json!({ "tool_choice": { "type": "custom", "custom": { "name": "f" } } });
    refuse(custom, Unsupported, "tool_choice.type");
    let grammar = json!({ "response_format": { "type": "grammar", "grammar": "x" } });
    refuse(grammar, Unsupported, "response_format.type");
}

#[test]
fn wrong_types_absent_and_unknown_fields_are_refused_where_they_stand() {
    refuse(json!({ "model": null }), InvalidType, "model");
    refuse(json!({ "messages": "hi" }), InvalidType, "messages");
    refuse(json!({ "messages": [5] }), InvalidType, "messages[0]");
    refuse(json!({ "temperature": "hot" }), InvalidType, "temperature");
    refuse(json!({ "n": 1.5 }), InvalidType, "n");
    refuse(json!({ "stream": "yes" }), InvalidType, "stream");
    refuse(json!({ "logprobs": 1 }), InvalidType, "logprobs");
    refuse(json!({ "stop": 5 }), InvalidType, "stop");
    refuse(json!({ "stop": [5] }), InvalidType, "stop[0]");
    refuse(json!({ "metadata": { "k": 5 } }), InvalidType, "metadata.k");
    refuse(json!({ "max_token": 5 }), Unknown, "max_token");
    refuse(
        json!({ "stream": true, "stream_options": { "x": 1 } }),
        Unknown,
        "stream_options.x",
    );
    refuse(
        json!({ "response_format": {} }),
        Missing,
        "response_format.type",
    );
    let format = json!({ "response_format": { "type": "json_schema" } });
    refuse(format, Missing, "response_format.json_schema");
    let format =
        json!({ "response_format": { "type": "json_schema", "json_schema": { "name": "n" } } });
    refuse(format, Missing, "response_format.json_schema.schema");
    let format = json!({ "response_format": { "type": "xml" } });
    refuse(format, InvalidValue, "response_format.type");
    let named = json!({ "name": "two words", "schema": {} });
    let format = json!({ "response_format": { "type": "json_schema", "json_schema": named } });
    refuse(format, InvalidValue, "response_format.json_schema.name");
    refuse_agreement(json!({ "model": "m" }), Missing, "messages");
    refuse_agreement(json!({ "messages": [] }), Missing, "model");
    let whole = read(json!([])).expect_err("not an object");
    assert_eq!((whole.kind, whole.param), (InvalidType, None));
}

#[test]
fn contradictions_are_refused() {
    let both = json!({ "max_tokens": 5, "max_completion_tokens": 6 });
    refuse_agreement(body(both), InvalidValue, "max_tokens");
    let unstreamed = json!({ "stream_options": { "include_usage": true } });
    let message = refuse_agreement(body(unstreamed), InvalidValue, "stream_options");
    assert_eq!(
        message,
        "Invalid value for `stream_options`: is only allowed when `stream` is true."
    );
}

proptest! {
    /// A number is accepted exactly when the schema accepts it.
    #[test]
    fn schema_and_reader_agree_on_numbers(
        key in prop::sample::select(vec![
            "n", "max_tokens", "max_completion_tokens", "temperature", "top_p",
            "presence_penalty", "frequency_penalty", "seed", "top_logprobs",
        ]),
        number in prop_oneof![
            (-4_i64..12).prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            (-3.0..3.0_f64).prop_map(|x| Value::from((x * 4.0).round() / 4.0 + 0.125)),
        ],
    ) {
        let body = body(json!({ key: number }));
        prop_assert_eq!(SCHEMA.is_valid(&body), read(body).is_ok());
    }
}
