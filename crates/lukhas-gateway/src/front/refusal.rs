// SPDX-License-Identifier: Apache-2.0
//! Bytes that never become a request, and so reach no route.

use axum::body::Bytes;
use http::{Response, StatusCode};
use lukhas_core::Id;

use super::completion::Completion;
use super::{UNMATCHED, mark};
use crate::gateway::Shared;
use crate::telling::Telling;
use crate::{ApiError, ErrorCode};

/// The answer to what the HTTP layer refuses with `status`.
pub(crate) fn refuse(shared: &Shared, status: StatusCode) -> Response<Bytes> {
    let request_id = Id::new("req_", &*shared.entropy);
    let metrics = shared.metrics.route(UNMATCHED, "ANY");
    let mut completion = Completion::begin(&metrics, UNMATCHED, request_id, Telling::default());
    let mut response = error(status).closing().whole();
    let took = completion.answered(response.status());
    mark(response.headers_mut(), request_id, took);
    completion.end(took);
    response
}

fn error(status: StatusCode) -> ApiError {
    match status {
        StatusCode::URI_TOO_LONG => ApiError::new(
            ErrorCode::UriTooLong,
            "The URL is too long. Send parameters in the body.",
        ),
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => ApiError::new(
            ErrorCode::RequestHeaderFieldsTooLarge,
            "The request's headers are too large or too many. Send less of them.",
        ),
        _ => ApiError::new(
            ErrorCode::MalformedRequest,
            "The request is malformed: its first line, a header or its length is not valid HTTP.",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(refused: u16, status: u16, code: &str) {
        let error = error(StatusCode::from_u16(refused).unwrap());
        let seen = (error.code().status().as_u16(), error.code().as_str());
        assert_eq!(seen, (status, code));
    }

    #[test]
    fn what_is_not_known_is_malformed() {
        check(400, 400, "malformed_request");
        check(414, 414, "uri_too_long");
        check(431, 431, "request_header_fields_too_large");
        check(505, 400, "malformed_request");
    }
}
