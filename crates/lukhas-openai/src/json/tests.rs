// SPDX-License-Identifier: Apache-2.0
use super::*;

#[track_caller]
fn refuse(body: impl AsRef<[u8]>, message: &str) {
    let error = parse_json(body.as_ref()).expect_err("the body is bad");
    assert_eq!(error.kind, crate::WireErrorKind::InvalidJson);
    assert!(
        error.message.contains(message),
        "`{}` lacks `{message}`",
        error.message
    );
}

#[test]
fn hostile_bodies_are_refused_by_name() {
    refuse("", "is empty");
    refuse(" \n\t", "is empty");
    refuse("{", "EOF while parsing");
    refuse("{} {}", "trailing characters");
    refuse(b"{\"a\":\"\xff\"}", "unicode");
    refuse(r#"{"a":"\ud800"}"#, "hex escape");
    refuse(r#"{"a":1e999}"#, "out of range");
    refuse(r#"{"a":NaN}"#, "not valid JSON");
    refuse(r#"{"a":1,"a":2}"#, "the key `a` twice");
    refuse(r#"{"b":[{"a":1,"\u0061":2}]}"#, "the key `a` twice");
    refuse("[".repeat(65) + &"]".repeat(65), "deeper than 64");
    refuse("[".repeat(4_000_000), "deeper than 64");
    refuse(r#"{"a":"#.repeat(100_000), "deeper than 64");
    refuse(
        format!("[{}1]", "1,".repeat(MAX_NODES)),
        "more than 100000 values",
    );
}

#[test]
fn a_repeated_key_is_found_among_few_and_among_many() {
    for keys in [1, Keys::FEW - 1, Keys::FEW, Keys::FEW + 1, 1000] {
        let members: Vec<_> = (0..keys)
            .map(|key| format!(r#""k\u0031{key}":0"#))
            .collect();
        let members = members.join(",");
        let object = parse_json(format!("{{{members}}}").as_bytes()).expect("no key twice");
        assert_eq!(object.as_object().expect("an object").len(), keys);
        for repeated in [0, keys / 2, keys - 1] {
            let body = format!(r#"{{{members},"k1{repeated}":0}}"#);
            refuse(body, &format!("the key `k1{repeated}` twice"));
        }
    }
}

#[test]
fn what_is_within_the_bounds_is_read_as_it_is() {
    let deep = "[".repeat(64) + &"]".repeat(64);
    assert!(parse_json(deep.as_bytes()).is_ok());
    let wide = format!("[{}1]", "1,".repeat(MAX_NODES - 2));
    assert!(parse_json(wide.as_bytes()).is_ok());
    for text in [
        r#"{"b":1,"a":[null,true,-1,1.5,"\u00e9"],"\n\u00e9é":{"":{}}}"#,
        "18446744073709551615",
        "\"x\"",
    ] {
        let strict = parse_json(text.as_bytes()).expect("valid");
        assert_eq!(strict, serde_json::from_str::<Value>(text).expect("valid"));
    }
}
