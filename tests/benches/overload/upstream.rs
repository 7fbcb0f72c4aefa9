// SPDX-License-Identifier: Apache-2.0
//! An upstream that bears so many calls at a time, or one that streams as fast as it can.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{Request, Response, StatusCode};
use tokio::time::sleep;

use crate::serve::serve;

/// Calls that it bears at a time.
pub(crate) const CAPACITY: u32 = 40;
/// How long each takes then.
pub(crate) const TAKES: Duration = Duration::from_millis(100);

const ANSWER: &str = r#"{"id":"x","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"one"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}}"#;

/// Pieces of a stream, and how many of them are one write: so a stream costs whoever passes it on much
/// more than those who write and read it.
pub(crate) const PIECES: usize = 1_000;
const TOGETHER: usize = 10;

const PIECE: &str = concat!(
    r#"data: {"id":"x","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"content":" word"},"finish_reason":null}]}"#,
    "\n\n"
);
const LAST: &str = concat!(
    r#"data: {"id":"x","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#,
    "\n\ndata: [DONE]\n\n"
);

/// How it answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// At once.
    Answers,
    /// Beyond its capacity with 503.
    Refuses,
    /// All of them, each as much slower as there are more.
    SlowsDown,
    /// With streams.
    Streams,
}

/// A call under way.
struct Call<'u>(&'u AtomicU32);

/// Answers until it is killed.
pub(crate) async fn run(kind: Kind) {
    let busy = Arc::new(AtomicU32::new(0));
    serve("any", move |request| {
        let busy = Arc::clone(&busy);
        async move { Ok::<_, Infallible>(answer(request, &busy, kind).await) }
    })
    .await;
}

async fn answer(
    request: Request<Incoming>,
    busy: &AtomicU32,
    kind: Kind,
) -> Response<UnsyncBoxBody<Bytes, Infallible>> {
    let _ = request.into_body().collect().await;
    let running = busy.fetch_add(1, SeqCst) + 1;
    // A client that leaves takes its call along.
    let _call = Call(busy);
    match kind {
        Kind::Refuses if running > CAPACITY => {
            let mut response = Response::new(Full::default().boxed_unsync());
            *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
            return response;
        }
        Kind::Answers => {}
        Kind::Refuses => sleep(TAKES).await,
        // Each step takes as long as those who share it make it take.
        Kind::SlowsDown => {
            for _ in 0..10 {
                let sharers = busy.load(SeqCst).max(CAPACITY);
                sleep(TAKES / 10 * sharers / CAPACITY).await;
            }
        }
        Kind::Streams => return streamed(),
    }
    let whole = Full::new(Bytes::from_static(ANSWER.as_bytes()));
    typed("application/json", whole.boxed_unsync())
}

fn streamed() -> Response<UnsyncBoxBody<Bytes, Infallible>> {
    let body = stream::unfold(0, |written| async move {
        // hyper sends what it holds when there is nothing more for now.
        tokio::task::yield_now().await;
        let write = match written {
            PIECES => LAST.to_owned(),
            0..PIECES => PIECE.repeat(TOGETHER),
            _ => return None,
        };
        Some((Ok(Frame::data(write.into())), written + TOGETHER))
    });
    typed("text/event-stream", StreamBody::new(body).boxed_unsync())
}

fn typed(
    media: &'static str,
    body: UnsyncBoxBody<Bytes, Infallible>,
) -> Response<UnsyncBoxBody<Bytes, Infallible>> {
    let mut response = Response::new(body);
    let media = HeaderValue::from_static(media);
    response.headers_mut().insert(CONTENT_TYPE, media);
    response
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, SeqCst);
    }
}

impl Kind {
    /// All there are.
    pub(crate) const ALL: [Self; 4] =
        [Self::Answers, Self::Refuses, Self::SlowsDown, Self::Streams];

    /// What a process is told to be one.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Answers => "answers",
            Self::Refuses => "refuses",
            Self::SlowsDown => "slows",
            Self::Streams => "streams",
        }
    }
}
