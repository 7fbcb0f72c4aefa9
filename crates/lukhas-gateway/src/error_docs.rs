// SPDX-License-Identifier: Apache-2.0
//! `docs/API_ERRORS.md`, made from the codes themselves.

use std::fmt::Write as _;

use crate::ErrorCode;

/// The catalogue of errors as Markdown.
#[must_use]
pub fn error_catalogue_markdown() -> String {
    let mut text = String::from(INTRODUCTION);
    for code in ErrorCode::ALL {
        let (status, name, family) = (code.status().as_u16(), code.as_str(), code.family());
        let (meaning, remedy) = explain(code);
        // Writing to a String does not fail.
        let _ = writeln!(
            text,
            "| {status} | `{family}` | `{name}` | {meaning} | {remedy} |"
        );
    }
    text.push_str(ENDING);
    text
}

const INTRODUCTION: &str = "# Errors

<!-- Made from the code by `cargo xtask regen`. -->

Every failure of every route has this body, and every answer, failed or not, carries `x-request-id`:

```json
{\"error\": {\"message\": \"…\", \"type\": \"…\", \"param\": \"messages[0].role\", \"code\": \"…\"}}
```

`code` is what programs branch on. `param` is the dotted path of the field at fault, or null.
`message` is for people; it may change.

| status | `type` | `code` | when | what to do |
|---|---|---|---|---|
";

const ENDING: &str = "
A 429 and a 503 carry `Retry-After` in whole seconds, at least 1 and at most 120, and
`retry-after-ms`, which is exact. Where the wait is longer, or no retry can succeed,
`x-should-retry: false` keeps the official clients from trying; a request that a rate limit can never
admit, or a budget that is used up, has no time to retry at all. [LIMITS.md](ops/LIMITS.md) and
[BUDGETS.md](ops/BUDGETS.md) are about this server's own.
A 409 carries `x-should-retry: false`: the same key will not do
([IDEMPOTENCY.md](ops/IDEMPOTENCY.md)).

A failure after the first byte of a stream cannot change the status. A streamed response then ends
with `response.failed`, whose `error.code` is of the official closed set (`server_error`,
`rate_limit_exceeded`, `invalid_prompt`) and whose `error.message` ends with the code of this page. A
streamed chat completion ends with one `data: {\"error\": …}` of the form above. Both are followed by
`data: [DONE]`. An answer that merely stops was cut on its way.

`malformed_request`, `uri_too_long` and `request_header_fields_too_large` come from the HTTP layer,
before there is a request to route. HTTP/1.1 clients get the body above and the connection closes.
HTTP/2 has frames of its own for it: bytes that are not HTTP/2 end the connection with GOAWAY, a
malformed request resets its stream, and headers beyond the limit are answered 431 without a body.
";

/// When a code is sent, and what to do about it.
fn explain(code: ErrorCode) -> (&'static str, &'static str) {
    match code {
        ErrorCode::MalformedRequest => (
            "The bytes are not HTTP: a request line, a header or a length that cannot be read.",
            "Use an HTTP client; the connection is closed.",
        ),
        ErrorCode::InvalidJson => (
            "The body is empty, broken off, not JSON, not UTF-8, names a key twice, nests deeper \
             than 64 levels or holds more than 100,000 values.",
            "Send one JSON object. The message has the line and column.",
        ),
        ErrorCode::InvalidType => (
            "A field has a value of another type than it takes.",
            "Change the type of the field in `param`.",
        ),
        ErrorCode::InvalidValue => (
            "A field has a value out of its range or set, or one that contradicts another field.",
            "Change the field in `param`; the message has the bounds.",
        ),
        ErrorCode::MissingRequiredParameter => {
            ("A required field is absent.", "Send the field in `param`.")
        }
        ErrorCode::UnknownParameter => (
            "A field or query parameter does not exist.",
            "Check the spelling of `param`, or leave it out.",
        ),
        ErrorCode::UnsupportedParameter => (
            "The API has this field or value, but this server or model does not offer it.",
            "Leave `param` out; the message names what to use instead.",
        ),
        ErrorCode::ContextLengthExceeded => (
            "The conversation is longer than the model's context window.",
            "Send less, or set `truncation` to `auto`.",
        ),
        ErrorCode::PreviousResponseNotFound => (
            "`previous_response_id` names no stored response of this tenant.",
            "Continue a response made with `store: true` that has not been deleted.",
        ),
        ErrorCode::InvalidApiKey => (
            "The `Authorization: Bearer` header is absent, or its key is nobody's.",
            "Send a key of this server.",
        ),
        ErrorCode::InsufficientScope => (
            "The key may not do this.",
            "Use a key with the scope in the message.",
        ),
        ErrorCode::ModelNotFound => (
            "No model of that name, or none that the key may use.",
            "`GET /v1/models` lists the models that the key may use.",
        ),
        ErrorCode::NotFound => (
            "No such URL, or no such object of this tenant.",
            "Check the URL and the identifier.",
        ),
        ErrorCode::MethodNotAllowed => (
            "The URL exists, but not with that method.",
            "Use a method of the `Allow` header.",
        ),
        ErrorCode::RequestTimeout => (
            "The body came too slowly.",
            "Retry; the connection is closed.",
        ),
        ErrorCode::Conflict => (
            "The request of this `Idempotency-Key` was carried out, but its answer was too large to be \
             kept.",
            "Use a new key to carry it out anew.",
        ),
        ErrorCode::IdempotencyKeyReused => (
            "The `Idempotency-Key` was used for another request.",
            "Use a new key for a new request.",
        ),
        ErrorCode::RequestTooLarge => (
            "The body is larger than the limit.",
            "Send less; the message has the limit.",
        ),
        ErrorCode::UriTooLong => (
            "The URL is longer than 65,534 bytes.",
            "Send parameters in the body; the connection is closed.",
        ),
        ErrorCode::UnsupportedMediaType => (
            "The body is not JSON by its `Content-Type`, or is compressed.",
            "Send `Content-Type: application/json`, uncompressed.",
        ),
        ErrorCode::RequestHeaderFieldsTooLarge => (
            "The request line and headers are larger than the limit, or there are more than 100 \
             headers.",
            "Send less of them; the connection is closed.",
        ),
        ErrorCode::RateLimitExceeded => (
            "A rate limit of this server is reached, which the message names; too many requests of this \
             address bore wrong keys; or the upstream of the model takes no more requests for now.",
            "Retry after the time in `Retry-After`; the official clients do so by themselves.",
        ),
        ErrorCode::InsufficientQuota => (
            "A budget of this server has too little left for what the request may use; the message \
             names it.",
            "Ask for fewer tokens, or wait until the budget renews, as the message says.",
        ),
        ErrorCode::InternalError => (
            "A defect of this server.",
            "Report it with the `x-request-id`; the log has the cause.",
        ),
        ErrorCode::UpstreamError => (
            "The upstream model answered with an error, with something unreadable, or with what a strict schema or the tools of the request do not allow.",
            "Retry, or ask the operator.",
        ),
        ErrorCode::UpstreamTruncated => (
            "The upstream model stopped before the end of its answer.",
            "Retry.",
        ),
        ErrorCode::Overloaded => (
            "The server, or the model, has as many requests as it bears, or as many with an \
             `Idempotency-Key` as it keeps; the upstream model says that it is overloaded; the \
             server is shutting down, or cannot record what requests use while a budget covers them.",
            "Retry after `Retry-After`.",
        ),
        ErrorCode::StoreUnavailable => (
            "The servers share limits, budgets or answers in a store that cannot be reached, and the \
             request needs it; or the server that made the answer to its `Idempotency-Key` is gone.",
            "Retry after `Retry-After`.",
        ),
        ErrorCode::UpstreamTimeout => ("The upstream model took too long.", "Retry."),
    }
}
