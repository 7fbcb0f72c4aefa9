// SPDX-License-Identifier: Apache-2.0
//! Bodies, read within their bounds.

use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use bytes::{Bytes, BytesMut};
use futures_util::FutureExt;
use http::HeaderMap;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http_body::Body as _;
use http_body_util::BodyExt;
use tokio::time::{Instant, timeout_at};

use crate::{ApiError, ErrorCode, Limits};

/// Slowest body that is waited for, in bytes a second, once the timeout has passed.
const SLOWEST: u64 = 1024;

/// Reads a JSON body whole.
///
/// A body that says it is too large is refused before it is read; one that turns out to be is refused
/// at the bound. Its time is `limits.body_read_timeout`, and a second more for each KiB that came.
pub(crate) async fn read_json(request: Request, limits: &Limits) -> Result<Bytes, ApiError> {
    read(json_of(request, limits)?, limits).await
}

/// The JSON body of `request`, to be [`read`], if its headers allow it. Whoever waits for it need keep
/// nothing else of the request.
pub(crate) fn json_of(request: Request, limits: &Limits) -> Result<Body, ApiError> {
    check_type(request.headers())?;
    let body = request.into_body();
    if body.size_hint().lower() > limits.max_body_bytes as u64 {
        return Err(too_large(limits));
    }
    Ok(body)
}

/// Reads a body whole; see [`read_json`].
pub(crate) async fn read(mut body: Body, limits: &Limits) -> Result<Bytes, ApiError> {
    // When it was first waited for: most bodies are there already.
    let mut started = None;
    let mut first = Bytes::new();
    let mut whole = BytesMut::new();
    while let Some(frame) = match body.frame().now_or_never() {
        Some(frame) => frame,
        None => {
            let started = *started.get_or_insert_with(Instant::now);
            let received = (first.len() + whole.len()) as u64;
            let allowed = limits.body_read_timeout + Duration::from_secs(received / SLOWEST);
            timeout_at(started + allowed, body.frame())
                .await
                .map_err(|_| too_slow(limits))?
        }
    } {
        let Ok(data) = frame.map_err(|_| broken_off())?.into_data() else {
            continue;
        };
        if first.len() + whole.len() + data.len() > limits.max_body_bytes {
            return Err(too_large(limits));
        }
        // Most bodies are one frame, which is handed on without a copy.
        if first.is_empty() && whole.is_empty() {
            first = data;
            continue;
        }
        whole.extend_from_slice(&std::mem::take(&mut first));
        whole.extend_from_slice(&data);
    }
    Ok(if whole.is_empty() {
        first
    } else {
        whole.freeze()
    })
}

fn check_type(headers: &HeaderMap) -> Result<(), ApiError> {
    if let Some(encoding) = headers.get(CONTENT_ENCODING)
        && !encoding.as_bytes().eq_ignore_ascii_case(b"identity")
    {
        return Err(ApiError::new(
            ErrorCode::UnsupportedMediaType,
            "Compressed request bodies are not accepted. Send the body as it is, without \
             `Content-Encoding`.",
        ));
    }
    let Some(content_type) = headers.get(CONTENT_TYPE) else {
        return Ok(());
    };
    if is_json(content_type.as_bytes()) {
        return Ok(());
    }
    Err(ApiError::new(
        ErrorCode::UnsupportedMediaType,
        "The request body must be JSON. Send it with `Content-Type: application/json`.",
    ))
}

/// Whether a media type is JSON: `application/json` or any `+json`, parameters ignored.
fn is_json(content_type: &[u8]) -> bool {
    let essence = content_type
        .split(|b| *b == b';')
        .next()
        .unwrap_or_default()
        .trim_ascii();
    let suffix = essence.len().checked_sub(5).map(|at| &essence[at..]);
    essence.eq_ignore_ascii_case(b"application/json")
        || suffix.is_some_and(|suffix| suffix.eq_ignore_ascii_case(b"+json"))
}

fn too_large(limits: &Limits) -> ApiError {
    let message = format!(
        "The request body is larger than {} bytes, the limit.",
        limits.max_body_bytes
    );
    ApiError::new(ErrorCode::RequestTooLarge, message).closing()
}

fn too_slow(limits: &Limits) -> ApiError {
    let message = format!(
        "The request body did not arrive within {} s, plus one for each KiB of it.",
        limits.body_read_timeout.as_secs_f64()
    );
    ApiError::new(ErrorCode::RequestTimeout, message).closing()
}

fn broken_off() -> ApiError {
    ApiError::new(ErrorCode::InvalidJson, "The request body broke off.").closing()
}
