// SPDX-License-Identifier: Apache-2.0
//! The one place where failures become status codes and OpenAI error codes.

use std::borrow::Cow;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::response::{IntoResponse, Response};
use http::header::{ALLOW, CONNECTION, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::header::{HeaderName, HeaderValue};
use http::{HeaderMap, StatusCode};
use lukhas_core::{Id, RunError, RunErrorKind, StoreError};
use lukhas_observability::Redaction;
use lukhas_openai::{ResponseError, WireError, WireErrorKind};
use schemars::JsonSchema;
use serde::Serialize;

use crate::limits::{Standings, with_standings};

/// When to retry after a 429 or 503 of which nobody knows better.
const DEFAULT_RETRY_AFTER: Duration = Duration::from_secs(1);

/// The longest time that `Retry-After` names. Beyond it the official clients take another time of
/// their own, so they are told not to retry, and `retry-after-ms` has the true time.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(120);

const RETRY_AFTER_MS: HeaderName = HeaderName::from_static("retry-after-ms");
const SHOULD_RETRY: HeaderName = HeaderName::from_static("x-should-retry");

/// A failure as clients see it: `{"error":{"message","type","param","code"}}` with a status.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ApiError {
    code: ErrorCode,
    message: Cow<'static, str>,
    param: Option<String>,
    allow: Option<Box<HeaderValue>>,
    /// After how long a retry may succeed, where somebody knows.
    retry_after: Option<Duration>,
    /// Of a request that is over a limit or a budget: how the limits stand.
    over: Option<Box<Over>>,
    closes: bool,
    /// Whether it is of a request that there was no room for.
    is_shed: bool,
    /// What the log says of a defect of ours, and nobody else.
    cause: Option<Box<str>>,
    /// Whether a run had begun to answer.
    began: bool,
}

/// Marks the answer to a request that there was no room for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ForWantOfRoom;

/// A request is over a limit, or a budget.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Over {
    standings: Standings,
    /// Whether the same request will ever be admitted.
    never: bool,
}

/// What clients branch on: the value of `code`, its status and its `type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorCode {
    /// 400: the bytes are not HTTP.
    MalformedRequest,
    /// 400: the body is not JSON, or JSON beyond the bounds.
    InvalidJson,
    /// 400: a field has a value of another type.
    InvalidType,
    /// 400: a field has a value out of its range or set.
    InvalidValue,
    /// 400: a required field is absent.
    MissingRequiredParameter,
    /// 400: a field that does not exist.
    UnknownParameter,
    /// 400: a field or value that this server or model does not offer.
    UnsupportedParameter,
    /// 400: the conversation is longer than the model's context window.
    ContextLengthExceeded,
    /// 400: no stored response to continue.
    PreviousResponseNotFound,
    /// 401: no key, or nobody's key.
    InvalidApiKey,
    /// 403: the key may not do this.
    InsufficientScope,
    /// 404: no model of that name, or none that the key may use.
    ModelNotFound,
    /// 404: no such object or URL.
    NotFound,
    /// 405: the URL exists, but not with that method.
    MethodNotAllowed,
    /// 408: the body came too slowly.
    RequestTimeout,
    /// 409: the answer to the request of that idempotency key is not there to be given again.
    Conflict,
    /// 409: the idempotency key was used for another request.
    IdempotencyKeyReused,
    /// 413: the body is too large.
    RequestTooLarge,
    /// 414: the URL is too long.
    UriTooLong,
    /// 415: the body is not JSON by its headers.
    UnsupportedMediaType,
    /// 431: the headers are too large or too many.
    RequestHeaderFieldsTooLarge,
    /// 429: too many requests for now.
    RateLimitExceeded,
    /// 429: a budget is used up until its window ends.
    InsufficientQuota,
    /// 500: a defect of this server.
    InternalError,
    /// 502: the upstream answered with an error or with something unreadable.
    UpstreamError,
    /// 502: the upstream stopped before the end of its answer.
    UpstreamTruncated,
    /// 503: no room for the request now, or the server is stopping.
    Overloaded,
    /// 503: what replicas share cannot be reached, and the request needs it.
    StoreUnavailable,
    /// 504: the upstream took too long.
    UpstreamTimeout,
}

/// The body of every failure.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Error")]
pub(crate) struct ErrorBody<'e> {
    /// The failure.
    error: ErrorDetail<'e>,
}

/// The failure.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct ErrorDetail<'e> {
    /// One sentence for people.
    message: &'e str,
    /// The family of the failure.
    r#type: &'static str,
    /// Dotted path of the field at fault.
    param: Option<&'e str>,
    /// What programs branch on.
    code: &'static str,
}

impl ErrorCode {
    /// Every code there is, in the order of their statuses.
    pub const ALL: [Self; 29] = [
        Self::MalformedRequest,
        Self::InvalidJson,
        Self::InvalidType,
        Self::InvalidValue,
        Self::MissingRequiredParameter,
        Self::UnknownParameter,
        Self::UnsupportedParameter,
        Self::ContextLengthExceeded,
        Self::PreviousResponseNotFound,
        Self::InvalidApiKey,
        Self::InsufficientScope,
        Self::ModelNotFound,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::RequestTimeout,
        Self::Conflict,
        Self::IdempotencyKeyReused,
        Self::RequestTooLarge,
        Self::UriTooLong,
        Self::UnsupportedMediaType,
        Self::RequestHeaderFieldsTooLarge,
        Self::RateLimitExceeded,
        Self::InsufficientQuota,
        Self::InternalError,
        Self::UpstreamError,
        Self::UpstreamTruncated,
        Self::Overloaded,
        Self::StoreUnavailable,
        Self::UpstreamTimeout,
    ];

    /// Its name on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::MalformedRequest => "malformed_request",
            Self::InvalidJson => "invalid_json",
            Self::InvalidType => "invalid_type",
            Self::InvalidValue => "invalid_value",
            Self::MissingRequiredParameter => "missing_required_parameter",
            Self::UnknownParameter => "unknown_parameter",
            Self::UnsupportedParameter => "unsupported_parameter",
            Self::ContextLengthExceeded => "context_length_exceeded",
            Self::PreviousResponseNotFound => "previous_response_not_found",
            Self::InvalidApiKey => "invalid_api_key",
            Self::InsufficientScope => "insufficient_scope",
            Self::ModelNotFound => "model_not_found",
            Self::NotFound => "not_found",
            Self::MethodNotAllowed => "method_not_allowed",
            Self::RequestTimeout => "request_timeout",
            Self::Conflict => "conflict",
            Self::IdempotencyKeyReused => "idempotency_key_reused",
            Self::RequestTooLarge => "request_too_large",
            Self::UriTooLong => "uri_too_long",
            Self::UnsupportedMediaType => "unsupported_media_type",
            Self::RequestHeaderFieldsTooLarge => "request_header_fields_too_large",
            Self::RateLimitExceeded => "rate_limit_exceeded",
            Self::InsufficientQuota => "insufficient_quota",
            Self::InternalError => "internal_error",
            Self::UpstreamError => "upstream_error",
            Self::UpstreamTruncated => "upstream_truncated",
            Self::Overloaded => "overloaded",
            Self::StoreUnavailable => "store_unavailable",
            Self::UpstreamTimeout => "upstream_timeout",
        }
    }

    /// Its HTTP status.
    #[must_use]
    pub fn status(self) -> StatusCode {
        match self {
            Self::MalformedRequest
            | Self::InvalidJson
            | Self::InvalidType
            | Self::InvalidValue
            | Self::MissingRequiredParameter
            | Self::UnknownParameter
            | Self::UnsupportedParameter
            | Self::ContextLengthExceeded
            | Self::PreviousResponseNotFound => StatusCode::BAD_REQUEST,
            Self::InvalidApiKey => StatusCode::UNAUTHORIZED,
            Self::InsufficientScope => StatusCode::FORBIDDEN,
            Self::ModelNotFound | Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::RequestTimeout => StatusCode::REQUEST_TIMEOUT,
            Self::Conflict | Self::IdempotencyKeyReused => StatusCode::CONFLICT,
            Self::RequestTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UriTooLong => StatusCode::URI_TOO_LONG,
            Self::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::RequestHeaderFieldsTooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::RateLimitExceeded | Self::InsufficientQuota => StatusCode::TOO_MANY_REQUESTS,
            Self::InternalError => StatusCode::INTERNAL_SERVER_ERROR,
            Self::UpstreamError | Self::UpstreamTruncated => StatusCode::BAD_GATEWAY,
            Self::Overloaded | Self::StoreUnavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::UpstreamTimeout => StatusCode::GATEWAY_TIMEOUT,
        }
    }

    /// Its family, the value of `type`.
    #[must_use]
    pub fn family(self) -> &'static str {
        match self {
            Self::InsufficientScope => "permission_error",
            Self::RateLimitExceeded => "rate_limit_exceeded",
            Self::InsufficientQuota => "insufficient_quota",
            _ if self.status().is_server_error() => "server_error",
            _ => "invalid_request_error",
        }
    }
}

impl ApiError {
    /// An error that names no field.
    #[must_use]
    pub fn new(code: ErrorCode, message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            code,
            message: message.into(),
            param: None,
            allow: None,
            retry_after: None,
            over: None,
            closes: false,
            is_shed: false,
            cause: None,
            began: false,
        }
    }

    /// The same error, blaming the field `param`.
    #[must_use]
    pub fn with_param(mut self, param: impl Into<String>) -> Self {
        self.param = Some(param.into());
        self
    }

    /// Its code.
    #[must_use]
    pub fn code(&self) -> ErrorCode {
        self.code
    }

    /// The field it blames.
    #[must_use]
    pub fn param(&self) -> Option<&str> {
        self.param.as_deref()
    }

    /// The same error with the field renamed, for dialects that name it otherwise.
    pub(crate) fn map_param(mut self, rename: impl FnOnce(&str) -> String) -> Self {
        self.param = self.param.as_deref().map(rename);
        self
    }

    /// The method is not one of `allow` (`GET, POST`).
    pub(crate) fn method_not_allowed(allow: &HeaderValue) -> Self {
        let methods = allow.to_str().unwrap_or_default();
        let message = format!("This URL does not take that method. It takes: {methods}.");
        Self {
            allow: Some(Box::new(allow.clone())),
            ..Self::new(ErrorCode::MethodNotAllowed, message)
        }
    }

    /// Too many attempts to authenticate failed; one more is judged `retry_after`.
    pub(crate) fn too_many_failures(retry_after: Duration) -> Self {
        let message = "Too many attempts with wrong API keys came from your address. Retry later, \
                       with the right key.";
        Self {
            retry_after: Some(retry_after),
            ..Self::new(ErrorCode::RateLimitExceeded, message)
        }
    }

    /// The server is stopping; the connection is of no further use.
    pub(crate) fn stopping() -> Self {
        let message = "The server is shutting down. Retry: another instance will answer.";
        Self {
            closes: true,
            ..Self::new(ErrorCode::Overloaded, message)
        }
    }

    /// There is no room for the request; there may be after `retry_after`.
    pub(crate) fn shed(retry_after: Duration) -> Self {
        let message = "The server has as much to do as it can. Retry after the time that \
                       `Retry-After` says.";
        Self {
            retry_after: Some(retry_after),
            is_shed: true,
            ..Self::new(ErrorCode::Overloaded, message)
        }
    }

    /// The same error, of a request that is over a limit: when a retry is admitted, `None` for never,
    /// and how the limits stand.
    pub(crate) fn with_limits(
        mut self,
        retry_after: Option<Duration>,
        standings: Standings,
    ) -> Self {
        let never = retry_after.is_none();
        self.retry_after = retry_after;
        self.over = Some(Box::new(Over { standings, never }));
        self
    }

    /// The same error, with how the limits stand that admitted its request.
    pub(crate) fn with_standings(mut self, standings: Standings) -> Self {
        let never = false;
        self.over = Some(Box::new(Over { standings, never }));
        self
    }

    /// The same error; the connection is closed after it, for what is left unread on it.
    pub(crate) fn closing(mut self) -> Self {
        self.closes = true;
        self
    }

    /// The same error, of a run that had begun to answer.
    pub(crate) fn after_beginning(mut self) -> Self {
        self.began = true;
        self
    }

    /// Whether it is the answer to a request that was carried out, so that the same request gets it
    /// again. What asks to be retried is not.
    pub(crate) fn is_an_answer(&self) -> bool {
        self.began && !self.asks_for_a_retry()
    }

    fn asks_for_a_retry(&self) -> bool {
        matches!(
            self.code.status(),
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE
        )
    }

    /// A defect of ours; `cause` goes to the log alone ([`Self::log`]).
    pub(crate) fn internal(cause: &dyn std::fmt::Display) -> Self {
        let message = "The server had an error while processing your request. It is not your \
                       fault; quote the `x-request-id` header when you report it.";
        Self {
            cause: Some(cause.to_string().into()),
            ..Self::new(ErrorCode::InternalError, message)
        }
    }

    /// A panic while the request was handled.
    pub(crate) fn panicked() -> Self {
        Self::internal(&"a panic while handling the request")
    }

    /// The answer to the request, and what the log says of it.
    pub(crate) fn answer(self, redaction: &Redaction, request_id: Id) -> Response {
        self.log(request_id);
        self.redacted(redaction).into_response()
    }

    /// The same error without the personal data and secrets that a client, or an upstream, had in what
    /// its message quotes. One that quotes nothing is a text of the program.
    fn redacted(mut self, redaction: &Redaction) -> Self {
        if let Cow::Owned(message) = &self.message
            && let Cow::Owned(redacted) = redaction.text(message)
        {
            self.message = redacted.into();
        }
        if let Some(param) = &mut self.param
            && let Cow::Owned(redacted) = redaction.text(param)
        {
            *param = redacted;
        }
        self
    }

    /// Says in the log what went wrong in the request, if that is a defect of ours.
    pub(crate) fn log(&self, request_id: Id) {
        if let Some(cause) = &self.cause {
            tracing::error!(%request_id, %cause, "internal error");
        }
    }

    /// The body.
    fn body(&self) -> ErrorBody<'_> {
        ErrorBody {
            error: self.detail(),
        }
    }

    /// What stands in the body under `error`.
    pub(crate) fn detail(&self) -> ErrorDetail<'_> {
        ErrorDetail {
            message: &self.message,
            r#type: self.code.family(),
            param: self.param.as_deref(),
            code: self.code.as_str(),
        }
    }

    /// The answer, with its body in one piece.
    pub(crate) fn whole(&self) -> Response<Bytes> {
        let body = serde_json::to_vec(&self.body()).unwrap_or_default();
        let mut response = Response::new(Bytes::from(body));
        *response.status_mut() = self.code.status();
        *response.headers_mut() = self.headers();
        response
    }

    fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, crate::answer::JSON);
        if self.code == ErrorCode::InvalidApiKey {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if self.asks_for_a_retry() {
            self.say_when_to_retry(&mut headers);
        }
        if self.code.status() == StatusCode::CONFLICT {
            // The official clients would try again, with the same key.
            headers.insert(SHOULD_RETRY, HeaderValue::from_static("false"));
        }
        if let Some(allow) = &self.allow {
            headers.insert(ALLOW, HeaderValue::clone(allow));
        }
        if self.closes {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        headers
    }

    /// Rounded up: nobody is told to come back too early.
    fn say_when_to_retry(&self, headers: &mut HeaderMap) {
        let never = self.code == ErrorCode::InsufficientQuota
            || self.over.as_ref().is_some_and(|over| over.never);
        let wait = self.retry_after.unwrap_or(DEFAULT_RETRY_AFTER);
        if never || wait > LONGEST_RETRY_AFTER {
            // The official clients would come back before it makes sense, and fail again.
            headers.insert(SHOULD_RETRY, HeaderValue::from_static("false"));
        }
        if never {
            return;
        }
        let milliseconds = wait.as_nanos().div_ceil(1_000_000).max(1);
        let milliseconds = u64::try_from(milliseconds).unwrap_or(u64::MAX);
        let seconds = milliseconds
            .div_ceil(1_000)
            .min(LONGEST_RETRY_AFTER.as_secs());
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        headers.insert(RETRY_AFTER_MS, HeaderValue::from(milliseconds));
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = self.whole().map(Body::from);
        if self.is_shed {
            response.extensions_mut().insert(ForWantOfRoom);
        }
        with_standings(response, self.over.map(|over| over.standings))
    }
}

impl From<WireError> for ApiError {
    fn from(error: WireError) -> Self {
        let code = match error.kind {
            WireErrorKind::InvalidJson => ErrorCode::InvalidJson,
            WireErrorKind::InvalidType => ErrorCode::InvalidType,
            WireErrorKind::InvalidValue => ErrorCode::InvalidValue,
            WireErrorKind::Missing => ErrorCode::MissingRequiredParameter,
            WireErrorKind::Unknown => ErrorCode::UnknownParameter,
            WireErrorKind::Unsupported => ErrorCode::UnsupportedParameter,
        };
        Self {
            param: error.param,
            ..Self::new(code, error.message)
        }
    }
}

impl From<RunError> for ApiError {
    fn from(error: RunError) -> Self {
        let code = match error.kind {
            RunErrorKind::InvalidRequest => ErrorCode::InvalidValue,
            RunErrorKind::Unsupported => ErrorCode::UnsupportedParameter,
            RunErrorKind::ModelNotFound => ErrorCode::ModelNotFound,
            RunErrorKind::PreviousResponseNotFound => ErrorCode::PreviousResponseNotFound,
            RunErrorKind::ContextLength => ErrorCode::ContextLengthExceeded,
            RunErrorKind::Overloaded => ErrorCode::Overloaded,
            RunErrorKind::RateLimited => ErrorCode::RateLimitExceeded,
            RunErrorKind::Upstream => ErrorCode::UpstreamError,
            RunErrorKind::UpstreamTruncated => ErrorCode::UpstreamTruncated,
            RunErrorKind::UpstreamTimeout => ErrorCode::UpstreamTimeout,
            RunErrorKind::ShuttingDown => return Self::stopping(),
            RunErrorKind::Internal => return Self::internal(&error),
        };
        Self {
            param: error.param,
            retry_after: error.retry_after,
            ..Self::new(code, error.message)
        }
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        Self::internal(&error)
    }
}

/// What `response.error` says of a run that failed after it began.
///
/// The official set of codes is closed, so the precise one ends the message.
pub(crate) fn response_error(error: &RunError) -> ResponseError {
    let error = ApiError::from(error.clone());
    let code = match error.code.status() {
        StatusCode::BAD_REQUEST => "invalid_prompt",
        StatusCode::TOO_MANY_REQUESTS => "rate_limit_exceeded",
        _ => "server_error",
    };
    ResponseError {
        code,
        message: format!("{} ({})", error.message, error.code.as_str()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(kind: RunErrorKind, code: &str, message: &str) {
        let error = response_error(&RunError::new(kind, "So it is."));
        assert_eq!((error.code, &*error.message), (code, message));
    }

    #[test]
    fn a_response_fails_with_a_code_of_the_official_set_and_ends_with_ours() {
        use RunErrorKind as Kind;
        let upstream = "So it is. (upstream_error)";
        check(Kind::Upstream, "server_error", upstream);
        let limited = "So it is. (rate_limit_exceeded)";
        check(Kind::RateLimited, "rate_limit_exceeded", limited);
        let invalid = "So it is. (invalid_value)";
        check(Kind::InvalidRequest, "invalid_prompt", invalid);
        let long = "So it is. (context_length_exceeded)";
        check(Kind::ContextLength, "invalid_prompt", long);
    }
}
