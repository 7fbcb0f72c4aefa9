// SPDX-License-Identifier: Apache-2.0
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use lukhas_core::Vector;
use proptest::prelude::*;

use super::*;
use crate::error::Unreadable;

fn request(texts: &[&str], encoding: VectorEncoding) -> EmbedRequest {
    EmbedRequest {
        model: "public".to_owned(),
        input: EmbedInput::Texts(texts.iter().map(ToString::to_string).collect()),
        dimensions: None,
        encoding,
        end_user: None,
    }
}

fn base64(numbers: &[f32]) -> String {
    let bytes: Vec<u8> = numbers.iter().flat_map(|x| x.to_le_bytes()).collect();
    STANDARD.encode(bytes)
}

#[test]
fn a_request_is_passed_on_in_the_words_of_the_api() {
    #[track_caller]
    fn check(request: &EmbedRequest, expected: &str) {
        let body = body("own", request).unwrap();
        assert_eq!(String::from_utf8(body).unwrap(), expected);
    }
    let plain = request(&["a"], VectorEncoding::Floats);
    let expected = r#"{"model":"own","input":["a"],"encoding_format":"float"}"#;
    check(&plain, expected);
    let full = EmbedRequest {
        input: EmbedInput::Tokens(vec![vec![1, 2], vec![3]]),
        dimensions: Some(256),
        encoding: VectorEncoding::Base64,
        end_user: Some("u".to_owned()),
        ..plain
    };
    let expected = r#"{"model":"own","input":[[1,2],[3]],"encoding_format":"base64","dimensions":256,"user":"u"}"#;
    check(&full, expected);
}

#[test]
fn vectors_come_in_the_order_of_their_inputs_as_they_are_wanted() {
    #[track_caller]
    fn check(body: &str, wanted: VectorEncoding, expected: [Vector; 2], tokens: Option<u64>) {
        let answer = read(body.as_bytes(), &request(&["a", "b"], wanted)).unwrap();
        let expected = Answer {
            vectors: expected.into(),
            input_tokens: tokens,
        };
        assert_eq!(answer, expected);
    }
    let floats = || [[0.1, -2.0], [1e-7, 3.0]].map(|numbers| Vector::Floats(numbers.into()));
    let shuffled = r#"{"data": [{"index": 1, "embedding": [1e-7, 3]}, {"index": 0, "embedding": [0.1, -2]}],
        "usage": {"prompt_tokens": 5, "total_tokens": 5}, "model": "m", "object": "list"}"#;
    check(shuffled, VectorEncoding::Floats, floats(), Some(5));
    let texts = [base64(&[0.1, -2.0]), base64(&[1e-7, 3.0])];
    let [a, b] = &texts;
    let packed = format!(r#"{{"data": [{{"embedding": "{a}"}}, {{"embedding": "{b}"}}]}}"#);
    let same = texts.map(Vector::Base64);
    check(&packed, VectorEncoding::Base64, same, None);
    check(&packed, VectorEncoding::Floats, floats(), None);
    // Numbers where base64 was wanted are packed when they are written.
    let numbers = r#"{"data": [{"embedding": [0.1, -2]}, {"embedding": [1e-7, 3]}]}"#;
    check(numbers, VectorEncoding::Base64, floats(), None);
}

/// Fails unless two inputs that are answered with `data` are refused, in `expected`'s words.
#[track_caller]
fn refused(data: &str, expected: &str) {
    for encoding in [VectorEncoding::Floats, VectorEncoding::Base64] {
        let body = format!(r#"{{"data": {data}}}"#);
        let unreadable = read(body.as_bytes(), &request(&["a", "b"], encoding)).unwrap_err();
        assert_eq!(unreadable, Unreadable::new(expected), "{data}");
    }
}

/// The same for one vector, twice.
#[track_caller]
fn refused_vector(vector: &str, expected: &str) {
    let entry = format!(r#"{{"embedding": {vector}}}"#);
    refused(&format!("[{entry}, {entry}]"), expected);
}

#[test]
fn vectors_must_be_those_of_the_inputs() {
    refused("[]", "it holds 0 vectors for 2 inputs");
    let one = r#"{"embedding": [1]}"#;
    let three = format!("[{one}, {one}, {one}]");
    refused(&three, "it holds 3 vectors for 2 inputs");
    for numbers in [[0, 0], [1, 1], [1, 2]] {
        let entries = numbers.map(|index| format!(r#"{{"index": {index}, "embedding": [1]}}"#));
        let data = format!("[{}]", entries.join(", "));
        refused(&data, "its vectors are numbered wrongly");
    }
}

#[test]
fn vectors_must_be_of_one_length() {
    refused(
        r#"[{"embedding": [1, 2]}, {"embedding": [1]}]"#,
        "it holds a vector of 1 numbers where 2 belong",
    );
    refused_vector("[]", "it holds an empty vector");
    refused_vector(r#""""#, "it holds an empty vector");
    let mut request = request(&["a"], VectorEncoding::Floats);
    request.dimensions = Some(3);
    let body = |vector: &str| format!(r#"{{"data": [{{"embedding": {vector}}}]}}"#);
    assert!(read(body("[1, 2, 3]").as_bytes(), &request).is_ok());
    for wrong in ["[1, 2]".to_owned(), format!("\"{}\"", base64(&[1.0; 4]))] {
        assert!(read(body(&wrong).as_bytes(), &request).is_err(), "{wrong}");
    }
}

#[test]
fn vectors_must_be_of_finite_numbers() {
    let finite = "a vector holds something that is no finite number";
    for strange in [f32::NAN, f32::NEG_INFINITY] {
        let mut long = vec![1.0; 5000];
        long[4321] = strange;
        refused_vector(&format!("\"{}\"", base64(&long)), finite);
    }
    for (text, expected) in [
        ("AAAA", "a vector ends inside a number"),
        ("AAAAAA", "a vector is not base64"),
        ("AA\\u00e9A", "a vector is not base64"),
    ] {
        refused_vector(&format!("\"{text}\""), expected);
    }
}

#[test]
fn what_is_no_list_of_vectors_is_told_from_what_is_no_json() {
    refused("null", "it is no list of embeddings");
    refused("7", "it is no list of embeddings");
    for vector in ["null", "[null]", "[\"1\"]", "{}", "[1], \"index\": -1"] {
        refused_vector(vector, "it is no list of embeddings");
    }
    let garbage = "it is not JSON, or holds a number that is out of range";
    refused("[NaN", garbage);
    refused_vector("[NaN]", garbage);
    refused_vector("[1, 1e400]", garbage);
    refused(&"[".repeat(10_000), "it is no list of embeddings");
}

proptest! {
    /// What is read of either form is what was written, bit by bit.
    #[test]
    fn no_bit_is_lost(numbers in proptest::collection::vec(-1e30_f32..1e30, 1..3000)) {
        let text = base64(&numbers);
        let written = serde_json::to_string(&numbers).unwrap();
        for embedding in [format!("\"{text}\""), written] {
            let body = format!(r#"{{"data": [{{"embedding": {embedding}}}]}}"#);
            let answer = read(body.as_bytes(), &request(&["a"], VectorEncoding::Floats)).unwrap();
            prop_assert_eq!(&answer.vectors, &[Vector::Floats(numbers.clone())]);
        }
    }
}
