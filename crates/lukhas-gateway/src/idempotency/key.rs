// SPDX-License-Identifier: Apache-2.0
//! The key of a request, and what the request is.

use http::header::HeaderName;
use http::{HeaderMap, Method};
use lukhas_core::Fingerprint;
use sha2::{Digest, Sha256};

use crate::{ApiError, ErrorCode};

pub(crate) const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// Most characters of a key.
pub(crate) const LONGEST: usize = 255;

/// The key, which is there once and is visible ASCII. Tools that add one of their own to one that is
/// there mean two different things, so nobody is guessed to be right.
pub(super) fn read(headers: &HeaderMap) -> Result<String, ApiError> {
    let mut values = headers.get_all(IDEMPOTENCY_KEY).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return Err(invalid("is given more than once; send one"));
    };
    let value = value.as_bytes();
    if value.is_empty() || value.len() > LONGEST {
        return Err(invalid("must have 1 to 255 characters"));
    }
    if !value.iter().all(u8::is_ascii_graphic) {
        return Err(invalid(
            "may hold visible ASCII characters alone; a UUID is a good key",
        ));
    }
    Ok(String::from_utf8_lossy(value).into_owned())
}

fn invalid(rule: &str) -> ApiError {
    let message = format!("Invalid header `Idempotency-Key`: it {rule}.");
    ApiError::new(ErrorCode::InvalidValue, message).with_param("Idempotency-Key")
}

/// The SHA-256 of method, path and body. Neither method nor path holds a line break.
pub(super) fn fingerprint(method: &Method, path: &str, body: &[u8]) -> Fingerprint {
    let mut hash = Sha256::new();
    for part in [
        method.as_str().as_bytes(),
        b"\n",
        path.as_bytes(),
        b"\n",
        body,
    ] {
        hash.update(part);
    }
    Fingerprint(hash.finalize().into())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[track_caller]
    fn check(values: &[&[u8]], expected: Result<&str, &str>) {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(IDEMPOTENCY_KEY, HeaderValue::from_bytes(value).unwrap());
        }
        let seen = read(&headers).map_err(|error| {
            let named = (error.code(), error.param());
            assert_eq!(named, (ErrorCode::InvalidValue, Some("Idempotency-Key")));
            error.to_string()
        });
        let expected = expected.map(str::to_owned);
        let expected =
            expected.map_err(|rule| format!("Invalid header `Idempotency-Key`: it {rule}."));
        assert_eq!(seen, expected);
    }

    #[test]
    fn a_key_is_one_text_of_visible_ascii() {
        let longest = [b'~'; LONGEST];
        check(&[b"!"], Ok("!"));
        check(&[&longest], Ok(&"~".repeat(LONGEST)));
        let length = Err("must have 1 to 255 characters");
        check(&[b""], length);
        check(&[&[b'x'; LONGEST + 1]], length);
        let visible = Err("may hold visible ASCII characters alone; a UUID is a good key");
        for other in [&b"a b"[..], b"a\tb", "é".as_bytes(), b"\xff"] {
            check(&[other], visible);
        }
        let once = Err("is given more than once; send one");
        check(&[b"a", b"b"], once);
        check(&[b"a", b"a"], once);
    }

    #[test]
    fn every_part_of_a_request_counts() {
        let one = fingerprint(&Method::POST, "/v1/responses", b"{}");
        let others = [
            fingerprint(&Method::POST, "/v1/responses", b"{ }"),
            fingerprint(&Method::POST, "/v1/embeddings", b"{}"),
            fingerprint(&Method::PUT, "/v1/responses", b"{}"),
            fingerprint(&Method::POST, "/v1/response", b"s{}"),
        ];
        assert!(!others.contains(&one));
        assert_eq!(one, fingerprint(&Method::POST, "/v1/responses", b"{}"));
    }
}
