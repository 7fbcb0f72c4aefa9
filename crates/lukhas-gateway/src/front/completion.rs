// SPDX-License-Identifier: Apache-2.0
//! The end of a request, which for a stream comes long after its status.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::response::Response;
use http::StatusCode;
use http_body::{Body as HttpBody, Frame, SizeHint};
use lukhas_core::Id;
use lukhas_observability::{InFlight, RouteMetrics};
use tokio::time::Instant;

/// Counts one request and says in the log how it ended, when it is dropped.
pub(super) struct Completion {
    metrics: RouteMetrics,
    route: &'static str,
    request_id: Id,
    started: Instant,
    status: u16,
    whole: bool,
    /// From its start to its end, where that is known already.
    took: Option<Duration>,
    _in_flight: InFlight,
}

impl Completion {
    pub(super) fn begin(metrics: &RouteMetrics, route: &'static str, request_id: Id) -> Self {
        Self {
            metrics: metrics.clone(),
            route,
            request_id,
            started: Instant::now(),
            // What a log line says of a request whose client left before there was a status.
            status: 499,
            whole: false,
            took: None,
            _in_flight: metrics.begin(),
        }
    }

    /// The answer begins, with `status`. Gives the time that took.
    pub(super) fn answered(&mut self, status: StatusCode) -> Duration {
        self.status = status.as_u16();
        let took = self.started.elapsed();
        self.metrics.time_to_first_byte(took.as_secs_f64());
        took
    }

    /// Ends with an answer that was there whole after `took`.
    pub(super) fn end(mut self, took: Duration) {
        self.whole = true;
        self.took = Some(took);
    }

    /// Ends with the body of `response`, which began after `took`: then, if it is there already.
    pub(super) fn attach(self, response: Response, took: Duration) -> Response {
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
        self.metrics.observe(self.status, took.as_secs_f64());
        let (request_id, route, status) = (self.request_id, self.route, self.status);
        let ms = took.as_secs_f64() * 1e3;
        match (status, self.whole) {
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
