// SPDX-License-Identifier: Apache-2.0
use http::HeaderValue;
use serde_json::json;

use super::*;

/// What a client is told of a status with that body, on one line.
#[track_caller]
fn check(status: u16, body: &str, expected: (FailureKind, RunErrorKind, &str)) {
    let detail = detail(body.as_bytes()).unwrap_or_default();
    let (kind, error) = meaning(StatusCode::from_u16(status).unwrap(), detail);
    assert_eq!((kind, error.kind, error.message.as_str()), expected);
}

/// The body of an error of Anthropic's.
fn anthropic(kind: &str, message: &str) -> String {
    json!({
        "type": "error",
        "error": {"type": kind, "message": message},
        "request_id": "req_1",
    })
    .to_string()
}

/// The body of an error of OpenAI's.
fn openai(kind: &str, code: Option<&str>, message: &str) -> String {
    json!({"error": {"type": kind, "code": code, "param": null, "message": message}}).to_string()
}

#[test]
fn a_404_that_names_no_model_may_come_of_a_wrong_url() {
    let (kind, error) = (FailureKind::Rejected, RunErrorKind::ModelNotFound);
    let model = "The upstream does not have this model (404, `model_not_found`).";
    let known = openai("invalid_request_error", Some("model_not_found"), "no such");
    check(404, &known, (kind, error, model));
    let either = "The upstream does not have this model, or its API is at another URL (404).";
    for body in [r#"{"detail": "Not Found"}"#, "404 page not found", ""] {
        check(404, body, (kind, error, either));
    }
}

#[test]
fn errors_of_anthropic_say_what_they_mean() {
    use FailureKind::{Overloaded, RateLimited, Rejected, ServerError};
    check(
        529,
        &anthropic("overloaded_error", "Overloaded"),
        (
            Overloaded,
            RunErrorKind::Overloaded,
            "The upstream has no room for the request now (529, `overloaded_error`).",
        ),
    );
    check(
        413,
        &anthropic("request_too_large", "Request exceeds the maximum size"),
        (
            Rejected,
            RunErrorKind::InvalidRequest,
            "Request exceeds the maximum size",
        ),
    );
    check(
        400,
        &anthropic("invalid_request_error", "max_tokens: must be at least 1"),
        (
            Rejected,
            RunErrorKind::InvalidRequest,
            "max_tokens: must be at least 1",
        ),
    );
    check(
        401,
        &anthropic("authentication_error", "invalid x-api-key sk-ant-1"),
        (
            Rejected,
            RunErrorKind::Upstream,
            "The upstream refused this server's key (401, `authentication_error`).",
        ),
    );
    check(
        402,
        &anthropic("billing_error", "pay"),
        (
            Rejected,
            RunErrorKind::Upstream,
            "The upstream refused the request (402, `billing_error`).",
        ),
    );
    check(
        404,
        &anthropic("not_found_error", "model: nope"),
        (
            Rejected,
            RunErrorKind::ModelNotFound,
            "The upstream does not have this model (404, `not_found_error`).",
        ),
    );
    check(
        429,
        &anthropic("rate_limit_error", "of your organization"),
        (
            RateLimited,
            RunErrorKind::RateLimited,
            "The upstream takes no more requests for now (429, `rate_limit_error`).",
        ),
    );
    check(
        500,
        &anthropic("api_error", "oops"),
        (
            ServerError,
            RunErrorKind::Upstream,
            "The upstream failed (500, `api_error`).",
        ),
    );
    check(
        504,
        &anthropic("timeout_error", "slow"),
        (
            ServerError,
            RunErrorKind::UpstreamTimeout,
            "The upstream took too long (504, `timeout_error`).",
        ),
    );
}

#[test]
fn errors_of_openai_say_what_they_mean() {
    use FailureKind::{RateLimited, Rejected};
    check(
        400,
        &openai(
            "invalid_request_error",
            Some("context_length_exceeded"),
            "Too long.",
        ),
        (Rejected, RunErrorKind::ContextLength, "Too long."),
    );
    check(
        429,
        &openai("insufficient_quota", Some("insufficient_quota"), "pay"),
        (
            Rejected,
            RunErrorKind::Upstream,
            "The upstream's quota for this server is used up (429, `insufficient_quota`).",
        ),
    );
    check(
        429,
        &openai("tokens", None, "slow down"),
        (
            RateLimited,
            RunErrorKind::RateLimited,
            "The upstream takes no more requests for now (429, `tokens`).",
        ),
    );
}

#[test]
fn errors_of_llama_cpp_say_what_they_mean() {
    let error = |status: u16, kind: &str, message: &str| {
        json!({"error": {"code": status, "message": message, "type": kind}}).to_string()
    };
    let message = "request (70006 tokens) exceeds the available context size (65536 tokens)";
    check(
        400,
        &error(400, "exceed_context_size_error", message),
        (FailureKind::Rejected, RunErrorKind::ContextLength, message),
    );
    check(
        401,
        &error(401, "authentication_error", "Invalid API Key"),
        (
            FailureKind::Rejected,
            RunErrorKind::Upstream,
            "The upstream refused this server's key (401, `authentication_error`).",
        ),
    );
}

#[test]
fn errors_that_are_no_json_are_their_status() {
    check(
        413,
        "<html>Request Entity Too Large</html>",
        (
            FailureKind::Rejected,
            RunErrorKind::InvalidRequest,
            "The upstream takes no request as large as this one (413).",
        ),
    );
    check(
        400,
        "",
        (
            FailureKind::Rejected,
            RunErrorKind::InvalidRequest,
            "The upstream refused the request (400).",
        ),
    );
    check(
        502,
        "Bad Gateway",
        (
            FailureKind::ServerError,
            RunErrorKind::Upstream,
            "The upstream failed (502).",
        ),
    );
}

/// What the clock of whoever asks shows, but for a quarter of a second.
const NOW: &str = "Sun, 06 Nov 1994 08:49:37 GMT";

#[track_caller]
fn check_retry(headers: &[(&'static str, &'static str)], seconds: Option<f64>) {
    let headers: HeaderMap = headers
        .iter()
        .map(|(name, value)| {
            (
                HeaderName::from_static(name),
                HeaderValue::from_static(value),
            )
        })
        .collect();
    let now = httpdate::parse_http_date(NOW).unwrap() + Duration::from_millis(250);
    let expected = seconds.map(Duration::from_secs_f64);
    assert_eq!(retry_after(&headers, now), expected);
}

#[test]
fn the_time_of_a_retry_is_seconds_or_a_date() {
    check_retry(&[], None);
    check_retry(&[("retry-after", "7")], Some(7.0));
    check_retry(&[("retry-after", " 0.5 ")], Some(0.5));
    check_retry(
        &[("retry-after", "7"), ("retry-after-ms", "1500")],
        Some(1.5),
    );
    check_retry(
        &[("retry-after-ms", "soon"), ("retry-after", "7")],
        Some(7.0),
    );
    check_retry(&[("retry-after", "-1")], None);
    check_retry(&[("retry-after", "inf")], None);
    check_retry(&[("retry-after", "tomorrow")], None);
    check_retry(&[("retry-after", "1e12")], None);
    check_retry(&[("retry-after", "Fri, 31 Dec 9999 23:59:59 GMT")], None);
    let date = ("retry-after", "Sun, 06 Nov 1994 08:50:37 GMT");
    check_retry(&[date], Some(59.75));
    // The three forms of RFC 9110, section 5.6.7.
    check_retry(
        &[("retry-after", "Sunday, 06-Nov-94 08:50:37 GMT")],
        Some(59.75),
    );
    check_retry(&[("retry-after", "Sun Nov  6 08:50:37 1994")], Some(59.75));
    // Clocks differ: the upstream's own counts.
    check_retry(
        &[date, ("date", "Sun, 06 Nov 1994 08:50:07 GMT")],
        Some(30.0),
    );
    check_retry(&[date, ("date", "yesterday")], Some(59.75));
    check_retry(
        &[("retry-after", "Sun, 06 Nov 1994 08:00:00 GMT")],
        Some(0.0),
    );
}
