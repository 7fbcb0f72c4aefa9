// SPDX-License-Identifier: Apache-2.0
use std::sync::LazyLock;

use lukhas_core::Usage;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::{WireErrorKind, parse_json};
use WireErrorKind::{InvalidJson, InvalidType, InvalidValue, Missing, Unknown};

static SCHEMA: LazyLock<jsonschema::Validator> = LazyLock::new(|| {
    let schema = schemars::schema_for!(CreateEmbedding);
    jsonschema::validator_for(schema.as_value()).expect("the schema is valid")
});

fn read(body: &Value) -> Result<CreateEmbedding, WireError> {
    CreateEmbedding::parse(body.to_string().as_bytes())
}

#[track_caller]
fn reads(input: Value, expected: &EmbeddingInput) {
    let body = json!({ "model": "m", "input": input });
    assert!(SCHEMA.is_valid(&body), "the schema refuses {body}");
    assert_eq!(&read(&body).expect("accepted").input, expected);
}

#[track_caller]
fn refuse(body: Value, kind: WireErrorKind, param: &str) -> String {
    assert!(!SCHEMA.is_valid(&body), "the schema accepts it");
    let error = read(&body).expect_err("refused");
    assert_eq!(
        (error.kind, error.param.as_deref()),
        (kind, Some(param)),
        "{error}"
    );
    error.message
}

#[track_caller]
fn refuse_input(input: Value, kind: WireErrorKind, param: &str) -> String {
    refuse(json!({ "input": input, "model": "m" }), kind, param)
}

#[test]
fn every_kind_of_input_is_read() {
    reads(json!("a\u{e9}"), &EmbeddingInput::Text("aé".to_owned()));
    reads(
        json!(["a", "b"]),
        &EmbeddingInput::Texts(vec!["a".to_owned(), "b".to_owned()]),
    );
    reads(
        json!([0, u32::MAX]),
        &EmbeddingInput::Tokens(vec![0, u32::MAX]),
    );
    reads(
        json!([[1, 2], [3]]),
        &EmbeddingInput::TokenLists(vec![vec![1, 2], vec![3]]),
    );
    reads(
        json!(vec!["x"; MAX_INPUTS]),
        &EmbeddingInput::Texts(vec!["x".to_owned(); MAX_INPUTS]),
    );
    reads(
        json!(vec![7; MAX_INPUT_TOKENS]),
        &EmbeddingInput::Tokens(vec![7; MAX_INPUT_TOKENS]),
    );
}

#[test]
fn the_rest_is_read_and_null_is_absent() {
    let full =
        br#" {"user":"u","dimensions":256,"encoding_format":"base64","input":"x","model":"m"}"#;
    let expected = CreateEmbedding {
        model: "m".to_owned(),
        input: EmbeddingInput::Text("x".to_owned()),
        encoding_format: Some(EncodingFormat::Base64),
        dimensions: Some(256),
        user: Some("u".to_owned()),
    };
    assert_eq!(CreateEmbedding::parse(full).expect("accepted"), expected);
    let nulls = json!({ "model": "m", "input": "x", "user": null, "dimensions": null, "encoding_format": null });
    assert!(SCHEMA.is_valid(&nulls));
    let nulls = read(&nulls).expect("accepted");
    assert_eq!(
        (nulls.user, nulls.dimensions, nulls.encoding_format),
        (None, None, None)
    );
}

#[test]
fn bad_input_is_refused_where_it_stands() {
    let message = refuse_input(json!(5), InvalidType, "input");
    assert_eq!(
        message,
        "Invalid type for `input`: expected a string or an array, but got an integer instead."
    );
    refuse_input(Value::Null, InvalidType, "input");
    refuse_input(json!(true), InvalidType, "input");
    refuse_input(json!({ "a": [1, { "b": 2 }] }), InvalidType, "input");
    refuse_input(json!(""), InvalidValue, "input");
    refuse_input(json!([]), InvalidValue, "input");
    refuse_input(json!(["a", ""]), InvalidValue, "input[1]");
    refuse_input(json!([[1], []]), InvalidValue, "input[1]");
    refuse_input(json!([[]]), InvalidValue, "input[0]");
    refuse_input(json!([null]), InvalidType, "input[0]");
    refuse_input(json!([1.5]), InvalidType, "input[0]");
    refuse_input(json!([{ "text": "a" }]), InvalidType, "input[0]");
    refuse_input(json!(["a", "b", 3]), InvalidType, "input[2]");
    refuse_input(json!([1, "b"]), InvalidType, "input[1]");
    let message = refuse_input(json!([[1], 2]), InvalidType, "input[1]");
    assert_eq!(
        message,
        "Invalid type for `input[1]`: expected an array, but got an integer instead."
    );
    refuse_input(json!([["a"]]), InvalidType, "input[0][0]");
    refuse_input(json!([[1, [2]]]), InvalidType, "input[0][1]");
    refuse_input(json!([[[2]]]), InvalidType, "input[0][0]");
    refuse_input(json!([-1]), InvalidValue, "input[0]");
    refuse_input(json!([[1, 4_294_967_296_u64]]), InvalidValue, "input[0][1]");
    refuse_input(json!(vec!["x"; MAX_INPUTS + 1]), InvalidValue, "input");
    refuse_input(json!(vec![[7]; MAX_INPUTS + 1]), InvalidValue, "input");
    let message = refuse_input(json!(vec![7; MAX_INPUT_TOKENS + 1]), InvalidValue, "input");
    assert_eq!(
        message,
        "Invalid value for `input`: must hold at most 300000 tokens in all."
    );
}

#[test]
fn tokens_are_bounded_over_all_inputs() {
    let body = json!({ "model": "m", "input": vec![vec![7; 150_001]; 2] });
    let error = read(&body).expect_err("refused");
    assert_eq!(
        (error.kind, error.param.as_deref()),
        (InvalidValue, Some("input"))
    );
}

#[test]
fn bad_fields_are_refused_by_name() {
    let with = |key: &str, value: Value| json!({ "model": "m", "input": "x", key: value });
    refuse(with("dimensions", json!(0)), InvalidValue, "dimensions");
    refuse(with("dimensions", json!(-3)), InvalidValue, "dimensions");
    refuse(
        with("dimensions", json!(250_000_000_000_000_u64)),
        InvalidValue,
        "dimensions",
    );
    refuse(with("dimensions", json!(1.5)), InvalidType, "dimensions");
    refuse(
        with("encoding_format", json!("hex")),
        InvalidValue,
        "encoding_format",
    );
    refuse(with("user", json!(5)), InvalidType, "user");
    refuse(with("model", json!(null)), InvalidType, "model");
    refuse(with("inputs", json!("x")), Unknown, "inputs");
    refuse(json!({ "input": "x" }), Missing, "model");
    refuse(json!({ "model": "m" }), Missing, "input");
}

#[track_caller]
fn broken(body: impl AsRef<[u8]>, message: &str) {
    let body = body.as_ref();
    let error = CreateEmbedding::parse(body).expect_err("broken");
    assert_eq!(
        (error.kind, error.param.as_deref()),
        (InvalidJson, None),
        "{error}"
    );
    assert!(
        error.message.contains(message),
        "`{error}` lacks `{message}`"
    );
    assert_eq!(
        parse_json(body).expect_err("broken"),
        error,
        "as everywhere"
    );
}

#[test]
fn broken_bodies_are_refused_as_everywhere() {
    broken("", "is empty");
    broken(" \n", "is empty");
    broken("nope", "expected ident");
    broken("[1,", "EOF while parsing");
    broken(r#"{"model":"m","input":["a","#, "EOF while parsing");
    broken(r#"{"model":"m","input":"a"} x"#, "trailing characters");
    broken(r#"{"model":"m","input":[1,]}"#, "trailing comma");
    broken(r#"{"model":"m","model":"m"}"#, "the key `model` twice");
    broken(r#"{"input":[1],"inp\u0075t":[1]}"#, "the key `input` twice");
    broken(r#"{"user":{"a":1,"a":2}}"#, "the key `a` twice");
    broken(b"{\"input\":\"\xff\"}", "unicode");
    broken(r#"{"input":[1e999]}"#, "out of range");
    broken(format!(r#"{{"user":{}"#, "[".repeat(100)), "deeper than 64");
    // What is wrong in it is not told while it is no JSON.
    broken(r#"{"model":5,"input":"#, "EOF while parsing");
}

#[test]
fn bodies_that_are_no_object_are_refused() {
    for body in ["[]", "null", "5", "\"x\"", " [1]"] {
        let error = CreateEmbedding::parse(body.as_bytes()).expect_err("no object");
        assert_eq!((error.kind, error.param), (InvalidType, None));
        assert!(
            error
                .message
                .starts_with("The request body must be an object")
        );
    }
}

#[test]
fn hostile_depth_costs_nothing() {
    let deep = format!(r#"{{"model":"m","input":[[{}"#, "[".repeat(1_000_000));
    assert_eq!(
        CreateEmbedding::parse(deep.as_bytes())
            .expect_err("broken")
            .kind,
        InvalidJson
    );
    let closed = format!(
        r#"{{"model":"m","input":[[{}{}]]}}"#,
        "[".repeat(100_000),
        "]".repeat(100_000)
    );
    let error = CreateEmbedding::parse(closed.as_bytes()).expect_err("refused");
    assert_eq!(
        (error.kind, error.param.as_deref()),
        (InvalidType, Some("input[0][0]"))
    );
}

#[test]
fn a_request_means_a_list_of_inputs() {
    #[track_caller]
    fn check(input: Value, is_bare: bool, expected: EmbedInput) {
        let body = json!({
            "model": "m", "input": input, "encoding_format": "base64", "dimensions": 3, "user": "u",
        });
        let read = read(&body).expect("a request");
        assert_eq!(read.input.is_bare(), is_bare);
        let expected = EmbedRequest {
            model: "m".to_owned(),
            input: expected,
            dimensions: Some(3),
            encoding: VectorEncoding::Base64,
            end_user: Some("u".to_owned()),
        };
        assert_eq!(EmbedRequest::from(read), expected);
    }
    let texts = |texts: &[&str]| EmbedInput::Texts(texts.iter().map(ToString::to_string).collect());
    check(json!("a"), true, texts(&["a"]));
    check(json!(["a"]), false, texts(&["a"]));
    check(json!([1, 2]), true, EmbedInput::Tokens(vec![vec![1, 2]]));
    let lists = EmbedInput::Tokens(vec![vec![1], vec![2]]);
    check(json!([[1], [2]]), false, lists);
    let plain = read(&json!({"model": "m", "input": "a"})).expect("a request");
    assert_eq!(EmbedRequest::from(plain).encoding, VectorEncoding::Floats);
}

#[test]
fn answers_are_written_as_asked_for() {
    let floats = || [[0.1_f32, -1.0], [0.0, 1e-9]].map(|vector| Vector::Floats(vector.into()));
    let write_all = |vectors: [Vector; 2], encoding| {
        let embedded = Embedded {
            vectors: vectors.into(),
            usage: Usage {
                input_tokens: 7,
                ..Usage::default()
            },
        };
        let list = EmbeddingList::new("m".to_owned(), embedded, encoding);
        serde_json::to_string(&list).expect("writes")
    };
    let write = |format: EncodingFormat| write_all(floats(), format.into());
    let packed = ["zczMPQAAgL8=", "AAAAAF9wiTA="].map(|text| Vector::Base64(text.to_owned()));
    assert_eq!(
        write_all(packed, VectorEncoding::Base64),
        write(EncodingFormat::Base64)
    );
    assert_eq!(
        write(EncodingFormat::Float),
        r#"{"object":"list","data":[{"object":"embedding","index":0,"embedding":[0.1,-1.0]},{"object":"embedding","index":1,"embedding":[0.0,1e-9]}],"model":"m","usage":{"prompt_tokens":7,"total_tokens":7}}"#
    );
    assert_eq!(
        write(EncodingFormat::Base64),
        r#"{"object":"list","data":[{"object":"embedding","index":0,"embedding":"zczMPQAAgL8="},{"object":"embedding","index":1,"embedding":"AAAAAF9wiTA="}],"model":"m","usage":{"prompt_tokens":7,"total_tokens":7}}"#
    );
}

proptest! {
    /// Both ways of writing give back the same bits.
    #[test]
    fn vectors_read_back_exactly(vector in prop::collection::vec(any::<f32>(), 0..8)) {
        let bits = |vector: &[f32]| vector.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
        let text = serde_json::to_string(&EmbeddingVector::Float(vector.clone())).expect("writes");
        // As clients read: a double, narrowed.
        let doubles: Vec<f64> = serde_json::from_str(&text).expect("numbers");
        #[expect(clippy::cast_possible_truncation, reason = "narrowing is what clients do")]
        let floats: Vec<f32> = doubles.iter().map(|&x| x as f32).collect();
        prop_assert_eq!(bits(&floats), bits(&vector));
        let bytes = STANDARD.decode(to_base64(&vector)).expect("base64");
        let floats: Vec<f32> =
            bytes.chunks(4).map(|b| f32::from_le_bytes(b.try_into().expect("four bytes"))).collect();
        prop_assert_eq!(bits(&floats), bits(&vector));
    }

    /// Without a repeated key, the reader accepts what the schema accepts.
    #[test]
    fn schema_and_reader_agree(input in input()) {
        let body = json!({ "model": "m", "input": input });
        prop_assert_eq!(SCHEMA.is_valid(&body), read(&body).is_ok());
    }
}

fn input() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        4 => (0..9_i64).prop_map(Value::from),
        1 => Just(json!(-1)),
        1 => Just(json!(4_294_967_296_u64)),
        1 => Just(json!(0.5)),
        3 => "[a-z]{0,2}".prop_map(Value::from),
        1 => Just(Value::Null),
        1 => any::<bool>().prop_map(Value::from),
        1 => Just(json!({})),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop::collection::vec(inner, 0..3).prop_map(Value::from)
    })
}
