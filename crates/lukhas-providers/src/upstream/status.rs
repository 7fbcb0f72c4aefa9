// SPDX-License-Identifier: Apache-2.0
//! What an upstream says before it answers, and what it means for whoever asked.

use std::error::Error;
use std::io;
use std::time::{Duration, SystemTime};

use http::header::{CONTENT_ENCODING, CONTENT_TYPE, DATE, HeaderName, RETRY_AFTER};
use http::{HeaderMap, Response, StatusCode};
use hyper::body::Incoming;
use lukhas_core::{RunError, RunErrorKind};
use lukhas_reliability::{Deadline, FailureKind};

use super::body;
use super::patience::Patience;
use crate::client::Unsent;
use crate::error::{Failed, Unreadable};

/// Most bytes of an error's body that are read.
const ERROR_BYTES: usize = 64 << 10;

/// Longest text of an upstream that is repeated to a client, in characters.
const SHOWN: usize = 300;

/// A wait as long as this, in seconds, is not meant.
const LONGEST_WAIT: f64 = 1e9;

/// There is no answer.
pub(super) fn unsent(unsent: &Unsent, connect: Duration) -> Failed {
    tracing::debug!(error = %unsent, "an upstream could not be asked");
    let slow = || Failed {
        kind: FailureKind::Refused,
        ..Failed::timeout("took no connection", connect)
    };
    let error = match unsent {
        Unsent::Slow => return slow(),
        Unsent::Refused(error) => error,
        Unsent::Broken(_) => {
            let message = "The upstream closed the connection before it answered.";
            let error = RunError::new(RunErrorKind::UpstreamTruncated, message);
            return Failed::new(FailureKind::ResetBeforeHead, error);
        }
    };
    let mut cause: Option<&(dyn Error + 'static)> = Some(&**error);
    while let Some(inner) = cause {
        if let Some(io) = inner.downcast_ref::<io::Error>() {
            if io.kind() == io::ErrorKind::TimedOut {
                return slow();
            }
            // What an `io::Error` was made of is not its source, but its source's beginning.
            if let Some(custom) = io.get_ref() {
                cause = Some(custom);
                continue;
            }
        }
        if inner.is::<rustls::Error>() {
            let message = "The upstream's certificate is not one that this server trusts.";
            return Failed::upstream(FailureKind::Refused, message);
        }
        cause = inner.source();
    }
    Failed::upstream(FailureKind::Refused, "The upstream takes no connections.")
}

/// The answer must be as it is: nothing else was asked for.
pub(super) fn check_encoding(headers: &HeaderMap) -> Result<(), Failed> {
    match headers.get(CONTENT_ENCODING) {
        Some(encoding) if !encoding.as_bytes().eq_ignore_ascii_case(b"identity") => {
            let what = "it is compressed, which was not asked for";
            Err(Unreadable::new(what).into())
        }
        Some(_) | None => Ok(()),
    }
}

/// The answer must be a stream of events.
pub(super) fn check_events(headers: &HeaderMap) -> Result<(), Failed> {
    let media = headers.get(CONTENT_TYPE).map_or(&b""[..], |v| v.as_bytes());
    let essence = media.split(|b| *b == b';').next().unwrap_or_default();
    if essence
        .trim_ascii()
        .eq_ignore_ascii_case(b"text/event-stream")
    {
        return Ok(());
    }
    let what = "it is not the stream of events that was asked for";
    Err(Unreadable::new(what).into())
}

/// A status that is no success.
pub(super) async fn failure(response: Response<Incoming>, limit: Duration) -> Failed {
    let (head, body) = response.into_parts();
    let retry_after = retry_after(&head.headers, SystemTime::now());
    let deadline = Deadline::after(limit);
    let body = body::read(body, ERROR_BYTES, deadline, &mut Patience::default()).await;
    let error = body.ok().and_then(|body| detail(&body));
    let (kind, error) = meaning(head.status, error.unwrap_or_default());
    Failed::new(kind, error.with_retry_after(retry_after))
}

/// What an error's body says of itself.
#[derive(Debug, Default)]
struct Detail {
    code: Option<String>,
    message: Option<String>,
    param: Option<String>,
}

fn detail(body: &[u8]) -> Option<Detail> {
    let body = lukhas_openai::parse_json(body).ok()?;
    let error = body.get("error").unwrap_or(&body);
    let get = |key: &str| error[key].as_str();
    Some(Detail {
        code: get("code").or_else(|| get("type")).and_then(word),
        message: get("message").or_else(|| error.as_str()).map(shorten),
        param: get("param").and_then(word),
    })
}

fn meaning(status: StatusCode, detail: Detail) -> (FailureKind, RunError) {
    let Detail {
        code,
        message,
        param,
    } = detail;
    let coded = |what: &str| match &code {
        Some(code) => format!("{what} ({}, `{code}`).", status.as_u16()),
        None => format!("{what} ({}).", status.as_u16()),
    };
    let upstream = |kind, what: &str| (kind, RunError::new(RunErrorKind::Upstream, coded(what)));
    match status.as_u16() {
        // The upstream's own words help here: the request is the client's, and so is the mistake.
        400 | 413 | 422 => {
            let kind = match code.as_deref() {
                // OpenAI's word, and llama.cpp's.
                Some("context_length_exceeded" | "exceed_context_size_error") => {
                    RunErrorKind::ContextLength
                }
                Some(_) | None => RunErrorKind::InvalidRequest,
            };
            let message = message.unwrap_or_else(|| match status {
                StatusCode::PAYLOAD_TOO_LARGE => {
                    coded("The upstream takes no request as large as this one")
                }
                _ => coded("The upstream refused the request"),
            });
            let mut error = RunError::new(kind, message);
            error.param = param;
            (FailureKind::Rejected, error)
        }
        404 => {
            let what = coded(match code.as_deref() {
                // OpenAI's word, and Anthropic's.
                Some("model_not_found" | "not_found_error") => {
                    "The upstream does not have this model"
                }
                // A wrong `base_url` gives the same status.
                Some(_) | None => {
                    "The upstream does not have this model, or its API is at another URL"
                }
            });
            let error = RunError::new(RunErrorKind::ModelNotFound, what);
            (FailureKind::Rejected, error.with_param("model"))
        }
        401 | 403 => upstream(
            FailureKind::Rejected,
            "The upstream refused this server's key",
        ),
        429 if code.as_deref() == Some("insufficient_quota") => upstream(
            FailureKind::Rejected,
            "The upstream's quota for this server is used up",
        ),
        429 => {
            let what = coded("The upstream takes no more requests for now");
            let error = RunError::new(RunErrorKind::RateLimited, what);
            (FailureKind::RateLimited, error)
        }
        503 | 529 => {
            let what = coded("The upstream has no room for the request now");
            let error = RunError::new(RunErrorKind::Overloaded, what);
            (FailureKind::Overloaded, error)
        }
        300..=399 => upstream(
            FailureKind::Rejected,
            "The upstream answered with a redirect, which is not followed",
        ),
        408 | 504 => {
            let what = coded("The upstream took too long");
            let error = RunError::new(RunErrorKind::UpstreamTimeout, what);
            (FailureKind::ServerError, error)
        }
        400..=499 => upstream(FailureKind::Rejected, "The upstream refused the request"),
        _ => upstream(FailureKind::ServerError, "The upstream failed"),
    }
}

/// `Retry-After` in seconds or as a date (RFC 9110, section 10.2.3), or the finer `retry-after-ms`.
/// A date is seen from the answer's own `Date`, or else from `now`; one that is past is now.
fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = |name: HeaderName| headers.get(name)?.to_str().ok().map(str::trim);
    let number = |text: &str| -> Option<f64> {
        let value = text.parse().ok();
        value.filter(|value: &f64| (0.0..LONGEST_WAIT).contains(value))
    };
    let milliseconds = text(HeaderName::from_static("retry-after-ms")).and_then(number);
    if let Some(milliseconds) = milliseconds {
        return Some(Duration::from_secs_f64(milliseconds / 1e3));
    }
    let retry_after = text(RETRY_AFTER)?;
    if let Some(seconds) = number(retry_after) {
        return Some(Duration::from_secs_f64(seconds));
    }
    let date = |text: &str| httpdate::parse_http_date(text).ok();
    let until = date(retry_after)?;
    let now = text(DATE).and_then(date).unwrap_or(now);
    let wait = until.duration_since(now).unwrap_or_default();
    (wait.as_secs_f64() < LONGEST_WAIT).then_some(wait)
}

/// `text` when it is a short name such as `rate_limit_exceeded`, and so no secret and no sentence.
pub(crate) fn word(text: &str) -> Option<String> {
    let is_word = !text.is_empty()
        && text.len() <= 40
        && text
            .bytes()
            .all(|b| b.is_ascii_lowercase() || matches!(b, b'_' | b'.'));
    is_word.then(|| text.to_owned())
}

fn shorten(text: &str) -> String {
    let shown = text.chars().filter(|c| !c.is_control()).take(SHOWN);
    shown.collect()
}

#[cfg(test)]
mod tests;
