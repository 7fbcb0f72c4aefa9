// SPDX-License-Identifier: Apache-2.0
//! Requests of a connection: what its [`Activity`] hears of them, and answers nobody reads.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::header::{CONNECTION, HeaderValue};
use hyper::service::Service;
use hyper::{Request, Response, Version};
use lukhas_gateway::Peer;

use super::activity::{Activity, RequestGuard};
use super::stream::Waiting;

/// A service whose requests keep their connection busy until their answer has ended.
#[derive(Clone, Debug)]
pub(crate) struct WatchedService<S> {
    inner: S,
    peer: Peer,
    activity: Arc<Activity>,
}

/// An answer on its way, which keeps its connection busy. On the heap, where hyper need not move it.
#[derive(Debug)]
pub(crate) struct WatchedFuture<F> {
    inner: Pin<Box<F>>,
    /// Until there is an answer.
    guard: Option<RequestGuard>,
    http2: bool,
}

/// An answer that keeps its connection busy.
#[derive(Debug)]
pub(crate) struct WatchedBody<B> {
    inner: B,
    _guard: Option<RequestGuard>,
}

impl<S> WatchedService<S> {
    /// `inner`, for the connection of `activity`, which comes from `peer`.
    pub(crate) fn new(inner: S, peer: Peer, activity: Arc<Activity>) -> Self {
        Self {
            inner,
            peer,
            activity,
        }
    }
}

impl<S, B> Service<Request<Incoming>> for WatchedService<S>
where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible>,
    S::Future: Send + 'static,
    B: Body + Unpin,
{
    type Response = Response<WatchedBody<B>>;
    type Error = Infallible;
    type Future = WatchedFuture<S::Future>;

    fn call(&self, mut request: Request<Incoming>) -> Self::Future {
        request.extensions_mut().insert(self.peer);
        let http2 = request.version() == Version::HTTP_2;
        WatchedFuture {
            guard: Some(self.activity.request(http2)),
            inner: Box::pin(self.inner.call(request)),
            http2,
        }
    }
}

impl<F, B> Future for WatchedFuture<F>
where
    F: Future<Output = Result<Response<B>, Infallible>>,
{
    type Output = Result<Response<WatchedBody<B>>, Infallible>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut response = ready!(self.inner.as_mut().poll(cx))?;
        let guard = self.guard.take();
        // HTTP/2 has GOAWAY for it. hyper sets this header too, but only on answers that begin after
        // it was told.
        let drains = |guard: &RequestGuard| guard.activity().drains();
        if !self.http2 && guard.as_ref().is_some_and(drains) {
            let close = HeaderValue::from_static("close");
            response.headers_mut().insert(CONNECTION, close);
        }
        Poll::Ready(Ok(response.map(|inner| WatchedBody {
            inner,
            _guard: guard,
        })))
    }
}

impl<B: Body + Unpin> Body for WatchedBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        Waiting::for_upstream();
        let frame = ready!(Pin::new(&mut self.inner).poll_frame(cx));
        Waiting::for_client();
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
