// SPDX-License-Identifier: Apache-2.0
//! Requests that carry the same `Idempotency-Key` are answered once.
//!
//! The first of them is carried out by a task of its own, which writes the answer down piece by piece:
//! its head, then its body. Every one of them, the first included, reads what is written, so that none
//! depends on another.

mod head;
mod key;

use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use bytes::Bytes;
use futures_util::{FutureExt, StreamExt};
use http::header::{HeaderName, HeaderValue};
use http_body_util::BodyExt;
use lukhas_core::{AnswerPieces, BoxFuture, Claim, Claimed, Id, IdempotencyStore, StoreError};
use lukhas_observability::{ClaimOutcome, IdempotencyMetrics, Metrics, Redaction};
use tokio::task::JoinSet;

use self::head::{Head, Length};
use crate::body::read_json;
use crate::limits::{Standings, Ticket, with_standings};
use crate::route::{Call, KeyedHandler};
use crate::run::Failures;
use crate::{ApiError, ErrorCode};

pub(crate) use self::key::{IDEMPOTENCY_KEY, LONGEST};

/// Says that an answer was given before.
pub(crate) const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// How requests with an `Idempotency-Key` are answered once.
#[derive(Clone)]
pub struct Idempotency {
    /// Keeps the answers.
    pub store: Arc<dyn IdempotencyStore>,
    /// How long a run goes on that nobody waits for.
    pub linger: Duration,
}

/// The same, at work.
pub(crate) struct Once {
    store: Arc<dyn IdempotencyStore>,
    linger: Duration,
    metrics: IdempotencyMetrics,
    /// Answers under way. There are no more than claims of the store, and the runs among them count as
    /// in flight, which a stop waits for.
    making: Mutex<JoinSet<()>>,
}

/// What becomes of an answer that is whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// The same request gets it again.
    Kept,
    /// It was for those who waited; the same request is carried out anew.
    Forgotten,
}

/// An answer that is made for whoever waits for it.
struct Making {
    request_id: Id,
    redaction: Redaction,
    /// How the limits of its first request stand in the end.
    standings: Arc<OnceLock<Standings>>,
}

/// What `handler` answers: for a request with a key, once.
pub(crate) fn once(
    call: Call,
    handler: KeyedHandler,
) -> BoxFuture<'static, Result<Response, ApiError>> {
    match &call.shared.once {
        Some(once) if call.request.headers().contains_key(IDEMPOTENCY_KEY) => {
            let once = Arc::clone(once);
            Box::pin(async move { once.answer(call, handler).await })
        }
        Some(_) | None => handler(call),
    }
}

impl Once {
    pub(crate) fn new(idempotency: Idempotency, metrics: &Metrics) -> Self {
        Self {
            store: idempotency.store,
            linger: idempotency.linger,
            metrics: metrics.idempotency(),
            making: Mutex::default(),
        }
    }

    async fn answer(&self, call: Call, handler: KeyedHandler) -> Result<Response, ApiError> {
        let key = key::read(call.request.headers())?;
        let (head, body) = call.request.into_parts();
        let request = Request::from_parts(head.clone(), body);
        let body = read_json(request, &call.shared.limits).await?;
        let fingerprint = key::fingerprint(&head.method, head.uri.path(), &body);
        let (tenant, key_id) = (&call.principal.tenant, &call.principal.key_id);
        let claimed = self.store.claim(tenant, key_id, &key, fingerprint).await?;
        self.metrics.claimed(outcome(&claimed));
        match claimed {
            Claimed::New(claim, pieces) => {
                let call = Call {
                    request: Request::from_parts(head, Body::from(body)),
                    ..call
                };
                let request_id = call.request_id;
                let standings = Arc::<OnceLock<Standings>>::default();
                let redaction = call.shared.redactions.upstream.clone();
                let making = Making {
                    request_id,
                    redaction,
                    standings: Arc::clone(&standings),
                };
                self.make(claim, making, handler(call));
                let response = read(pieces).await?;
                Ok(with_standings(response, standings.get().copied()))
            }
            Claimed::Running(pieces) => read(holding(call.ticket, pieces)).await,
            Claimed::Done(pieces) => {
                let mut response = read(holding(call.ticket, pieces)).await?;
                let yes = HeaderValue::from_static("true");
                response.headers_mut().insert(REPLAYED, yes);
                Ok(response)
            }
            Claimed::Reused => Err(ApiError::new(ErrorCode::IdempotencyKeyReused, REUSED)),
            Claimed::TooLarge => Err(ApiError::new(ErrorCode::Conflict, TOO_LARGE)),
            Claimed::Full => Err(ApiError::new(ErrorCode::Overloaded, FULL)),
            Claimed::Unreachable => Err(ApiError::new(ErrorCode::StoreUnavailable, UNREACHABLE)),
        }
    }

    /// Makes an answer, for as long as somebody waits for it or may come back.
    fn make(
        &self,
        claim: Box<dyn Claim>,
        about: Making,
        answer: BoxFuture<'static, Result<Response, ApiError>>,
    ) {
        let request_id = about.request_id;
        let linger = self.linger;
        let mut making = self.making.lock().unwrap_or_else(PoisonError::into_inner);
        while making.try_join_next().is_some() {}
        making.spawn(async move {
            let written = tokio::select! {
                biased;
                written = write(&*claim, &about, answer) => written,
                () = claim.deserted(linger) => {
                    tracing::debug!(%request_id, "nobody came back for an answer");
                    return;
                }
            };
            let ended = match written {
                Ok(Fate::Kept) => claim.finish().await,
                Ok(Fate::Forgotten) => claim.forget().await,
                Err(error) => Err(error),
            };
            if let Err(error) = ended {
                tracing::error!(%request_id, %error, "an answer could not be kept");
            }
        });
    }
}

const REUSED: &str = "This `Idempotency-Key` was used for another request: its method, path or body \
                      differs. Use a new key for a new request.";
const TOO_LARGE: &str = "The request of this `Idempotency-Key` was carried out, but its answer is \
                         larger than what is kept, so it cannot be given again. Use a new key to \
                         carry it out anew.";
const FULL: &str = "The server has as many requests with an `Idempotency-Key` under way as it keeps \
                    answers. Retry shortly.";

const ABANDONED: &str = "The same request was being answered, and whoever did it is gone. Ask again: \
                         it is carried out anew.";
const UNREACHABLE: &str = "Whether the request of this `Idempotency-Key` was carried out cannot be known now: \
                           what the servers keep answers in cannot be reached. Retry shortly.";

fn outcome(claimed: &Claimed) -> ClaimOutcome {
    match claimed {
        Claimed::New(..) => ClaimOutcome::New,
        Claimed::Running(_) => ClaimOutcome::Attached,
        Claimed::Done(_) => ClaimOutcome::Replayed,
        Claimed::Reused => ClaimOutcome::Reused,
        Claimed::TooLarge => ClaimOutcome::TooLarge,
        Claimed::Full => ClaimOutcome::Full,
        Claimed::Unreachable => ClaimOutcome::Unreachable,
    }
}

/// Writes an answer down to its end.
async fn write(
    claim: &dyn Claim,
    about: &Making,
    answer: BoxFuture<'static, Result<Response, ApiError>>,
) -> Result<Fate, StoreError> {
    let answered = AssertUnwindSafe(answer).catch_unwind().await;
    let answered = answered.unwrap_or_else(|_| Err(ApiError::panicked()));
    let (mut response, fate) = match answered {
        Ok(response) => (response, Fate::Kept),
        Err(error) => {
            let fate = if error.is_an_answer() {
                Fate::Kept
            } else {
                Fate::Forgotten
            };
            (error.answer(&about.redaction, about.request_id), fate)
        }
    };
    // They are those of the first request; the others have their own.
    if let Some(late) = response.extensions_mut().remove() {
        about.standings.get_or_init(|| late);
    }
    let failures = response.extensions_mut().remove::<Failures>();
    claim.append(Head::of(&response).to_bytes()?).await?;
    let mut body = response.into_body();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| StoreError(error.to_string()))?;
        if let Ok(data) = frame.into_data() {
            claim.append(data).await?;
        }
    }
    // Whoever asked first may have left by now.
    let failures = failures.as_ref();
    if let Some(error) = failures.and_then(|failures| failures.log(about.request_id)) {
        let request_id = about.request_id;
        tracing::warn!(%request_id, error, "stream failed");
    }
    Ok(fate)
}

/// Reads an answer: whole, if it was written whole, or as it comes.
async fn read(mut pieces: AnswerPieces) -> Result<Response, ApiError> {
    let Some(head) = pieces.next().await else {
        // Whoever was to make it ended before it began, a replica that was killed for one.
        return Err(ApiError::new(ErrorCode::StoreUnavailable, ABANDONED));
    };
    let head = Head::from_bytes(&head?)?;
    let body = match head.length {
        Length::Known => {
            let mut whole = Vec::new();
            while let Some(piece) = pieces.next().await {
                whole.push(piece?);
            }
            Body::from(joined(whole))
        }
        Length::Unknown => Body::from_stream(pieces),
    };
    Ok(head.with_body(body)?)
}

fn joined(mut pieces: Vec<Bytes>) -> Bytes {
    match (pieces.pop(), pieces.is_empty()) {
        (None, _) => Bytes::new(),
        (Some(only), true) => only,
        (Some(last), false) => {
            pieces.push(last);
            pieces.concat().into()
        }
    }
}

/// The same pieces. The request is one of those at a time until they have been read.
fn holding(ticket: Ticket, pieces: AnswerPieces) -> AnswerPieces {
    Box::pin(pieces.inspect(move |_| {
        let _held = &ticket;
    }))
}

impl fmt::Debug for Idempotency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Idempotency")
            .field("linger", &self.linger)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_waited_for_an_answer_that_nobody_makes_is_told_to_ask_again() {
        let nothing: AnswerPieces = Box::pin(futures_util::stream::empty());
        let error = read(nothing).await.err().unwrap();
        assert_eq!(error.code(), ErrorCode::StoreUnavailable);
    }
}
