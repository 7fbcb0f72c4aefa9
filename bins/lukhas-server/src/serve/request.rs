// SPDX-License-Identifier: Apache-2.0
//! Requests of a connection: what its [`Activity`] hears of them, and answers nobody reads.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::header::{CONNECTION, HeaderValue};
use hyper::{Request, Response, Version};
use tower::{Service, ServiceExt};

use super::activity::{Activity, RequestGuard};
use super::stream::Waiting;

/// A service whose requests keep their connection busy until their answer has ended.
#[derive(Clone, Debug)]
pub(crate) struct WatchedService<S> {
    inner: S,
    activity: Arc<Activity>,
}

/// An answer that keeps its connection busy.
#[derive(Debug)]
pub(crate) struct WatchedBody<B> {
    inner: B,
    _guard: RequestGuard,
}

impl<S> WatchedService<S> {
    /// `inner`, for the connection of `activity`.
    pub(crate) fn new(inner: S, activity: Arc<Activity>) -> Self {
        Self { inner, activity }
    }
}

impl<S, B> hyper::service::Service<Request<Incoming>> for WatchedService<S>
where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible>,
    S: Clone + Send + 'static,
    S::Future: Send,
    B: Body + Unpin,
{
    type Response = Response<WatchedBody<B>>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let http2 = request.version() == Version::HTTP_2;
        let guard = self.activity.request(http2);
        let inner = self.inner.clone();
        Box::pin(async move {
            let mut response = inner.oneshot(request).await?;
            // HTTP/2 has GOAWAY for it. hyper sets this header too, but only on answers that begin
            // after it was told.
            if !http2 && guard.activity().drains() {
                let close = HeaderValue::from_static("close");
                response.headers_mut().insert(CONNECTION, close);
            }
            Ok(response.map(|inner| WatchedBody {
                inner,
                _guard: guard,
            }))
        })
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
