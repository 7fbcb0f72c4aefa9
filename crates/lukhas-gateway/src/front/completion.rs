// SPDX-License-Identifier: Apache-2.0
//! The end of a request, which for a stream comes long after its status.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime};

use axum::body::{Body, Bytes};
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use http_body::{Body as HttpBody, Frame, SizeHint};
use lukhas_core::Id;
use lukhas_observability::{InFlight, Judged, RouteMetrics, SloMetrics};
use tokio::time::Instant;

use crate::error::ForWantOfRoom;
use crate::run::Failures;
use crate::telling::Telling;

/// Counts one request and says in the log how it ended, when it is dropped.
pub(super) struct Completion {
    metrics: RouteMetrics,
    route: &'static str,
    request_id: Id,
    started: Instant,
    status: u16,
    whole: bool,
    /// Whether it was refused because there was no room.
    is_shed: bool,
    /// What went wrong behind a status that says nothing of it.
    failures: Option<Failures>,
    telling: Telling,
    slo: Option<SloMetrics>,
    /// From its start to the first byte of its answer.
    first_byte: Option<Duration>,
    /// From its start to its end, where that is known already.
    took: Option<Duration>,
    _in_flight: InFlight,
}

impl Completion {
    pub(super) fn begin(
        metrics: &RouteMetrics,
        route: &'static str,
        request_id: Id,
        telling: Telling,
    ) -> Self {
        Self {
            metrics: metrics.clone(),
            route,
            request_id,
            started: Instant::now(),
            // What a log line says of a request whose client left before there was a status.
            status: 499,
            whole: false,
            is_shed: false,
            failures: None,
            telling,
            slo: None,
            first_byte: None,
            took: None,
            _in_flight: metrics.begin(),
        }
    }

    /// The same, judged by `slo`.
    pub(super) fn judged_by(mut self, slo: Option<SloMetrics>) -> Self {
        self.slo = slo;
        self
    }

    /// The answer begins, with `status`. Gives the time that took.
    pub(super) fn answered(&mut self, status: StatusCode) -> Duration {
        self.status = status.as_u16();
        let took = self.started.elapsed();
        self.first_byte = Some(took);
        self.metrics.time_to_first_byte(took.as_secs_f64());
        took
    }

    /// Tells the client where in a trace its request is.
    pub(super) fn mark(&self, headers: &mut HeaderMap) {
        self.telling.mark(headers);
    }

    /// Ends with an answer that was there whole after `took`.
    pub(super) fn end(mut self, took: Duration) {
        self.whole = true;
        self.took = Some(took);
    }

    /// Ends with the body of `response`, which began after `took`: then, if it is there already.
    pub(super) fn attach(mut self, mut response: Response, took: Duration) -> Response {
        self.failures = response.extensions_mut().remove();
        let shed: Option<ForWantOfRoom> = response.extensions_mut().remove();
        self.is_shed = shed.is_some();
        if response.body().size_hint().exact().is_some() {
            self.end(took);
            return response;
        }
        response.map(|body| {
            Body::new(Tracked {
                body,
                completion: self,
            })
        })
    }
}

impl Drop for Completion {
    fn drop(&mut self) {
        let took = self.took.unwrap_or_else(|| self.started.elapsed());
        let trace = self.telling.context();
        self.metrics.observe(self.status, took.as_secs_f64(), trace);
        let (request_id, route, status) = (self.request_id, self.route, self.status);
        // To the microsecond: further digits would be noise to whoever reads the log.
        let ms = took.as_micros() as f64 / 1e3;
        let failures = self.failures.as_ref();
        let failed = failures.and_then(|failures| failures.log(request_id));
        self.telling.ended(status, failed);
        if let Some(slo) = &self.slo {
            let judged = Judged {
                status,
                first_byte: self.first_byte.unwrap_or(took),
                has_failed: failed.is_some(),
            };
            slo.judge(judged, SystemTime::now());
        }
        if let Some(error) = failed {
            tracing::warn!(%request_id, route, status, ms, error, "stream failed");
            return;
        }
        match (status, self.whole) {
            // Those are many, and cost least when nobody writes of each; the log has told of the first.
            _ if self.is_shed => tracing::debug!(%request_id, route, status, ms, "request refused"),
            (500.., _) => tracing::warn!(%request_id, route, status, ms, "request failed"),
            (_, true) => tracing::debug!(%request_id, route, status, ms, "request served"),
            (_, false) => tracing::debug!(%request_id, route, status, ms, "client left"),
        }
    }
}

/// A body that ends its request when it ends, or when its client leaves.
struct Tracked {
    body: Body,
    completion: Completion,
}

impl HttpBody for Tracked {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(cx);
        if matches!(frame, Poll::Ready(None)) {
            self.completion.whole = true;
        }
        frame
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use lukhas_core::Entropy;
    use lukhas_observability::{BuildInfo, Metrics, Redaction};

    use super::*;
    use crate::{ApiError, ErrorCode};

    struct Zero;

    impl Entropy for Zero {
        fn bits(&self) -> u128 {
            0
        }
    }

    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Log {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// The lines that `act` writes to the log about a request.
    fn logged(act: impl FnOnce(Id)) -> Vec<String> {
        let log = Log::default();
        let writer = log.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(tracing::Level::DEBUG)
            .with_writer(move || writer.clone())
            .with_ansi(false)
            .without_time()
            .with_target(false)
            .finish();
        let request_id = Id::new("req_", &Zero);
        tracing::subscriber::with_default(subscriber, || act(request_id));
        let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
        let lines: Vec<_> = log.lines().map(|line| line.trim().to_owned()).collect();
        let named = format!("request_id={request_id}");
        assert!(lines.iter().all(|line| line.contains(&named)), "{lines:?}");
        lines
    }

    fn metrics() -> Metrics {
        Metrics::new(BuildInfo {
            version: "test",
            revision: None,
        })
    }

    /// A stream whose failures, which come after its status, are `failures`.
    fn stream(request_id: Id, failures: Vec<ApiError>) {
        let metrics = metrics();
        let completion = Completion::begin(
            &metrics.route("/r", "POST"),
            "/r",
            request_id,
            Telling::default(),
        );
        let stream = futures_util::stream::empty::<Result<Bytes, axum::Error>>();
        let mut response = Response::new(Body::from_stream(stream));
        let noted = Failures::default();
        response.extensions_mut().insert(noted.clone());
        let response = completion.attach(response, Duration::ZERO);
        failures.into_iter().for_each(|error| noted.note(error));
        drop(response);
    }

    #[test]
    fn a_stream_that_fails_is_a_warning_with_the_code_of_its_error() {
        let gone = || ApiError::internal(&"the store is gone");
        let truncated = || ApiError::new(ErrorCode::UpstreamTruncated, "It broke off.");
        let lines = logged(|id| stream(id, vec![truncated()]));
        let [line] = lines.as_slice() else {
            panic!("{lines:?}");
        };
        assert!(line.starts_with("WARN stream failed"), "{line}");
        assert!(line.contains("error=\"upstream_truncated\""), "{line}");
        let lines = logged(|id| stream(id, vec![truncated(), gone()]));
        let [cause, line] = lines.as_slice() else {
            panic!("{lines:?}");
        };
        assert!(cause.starts_with("ERROR internal error"), "{cause}");
        assert!(cause.contains("the store is gone"), "{cause}");
        assert!(line.contains("error=\"upstream_truncated\""), "{line}");
        let lines = logged(|id| stream(id, Vec::new()));
        assert!(lines[0].starts_with("DEBUG client left"), "{lines:?}");
    }

    #[test]
    fn a_request_without_room_is_no_warning_and_any_other_503_is() {
        let check = |error: ApiError, expected: &str| {
            let metrics = metrics();
            let lines = logged(|id| {
                let mut completion =
                    Completion::begin(&metrics.route("/r", "POST"), "/r", id, Telling::default());
                let response = error.answer(&Redaction::default(), id);
                let took = completion.answered(response.status());
                drop(completion.attach(response, took));
            });
            assert!(lines[0].starts_with(expected), "{lines:?}");
        };
        check(ApiError::shed(Duration::ZERO), "DEBUG request refused");
        let other = ApiError::new(ErrorCode::Overloaded, "The model has too much to do.");
        check(other, "WARN request failed");
    }

    #[test]
    fn a_defect_is_logged_with_the_request_it_was_in() {
        let lines = logged(|id| {
            drop(ApiError::internal(&"the store is gone").answer(&Redaction::default(), id))
        });
        assert!(lines[0].starts_with("ERROR internal error"), "{lines:?}");
        assert!(lines[0].contains("the store is gone"), "{lines:?}");
    }
}
