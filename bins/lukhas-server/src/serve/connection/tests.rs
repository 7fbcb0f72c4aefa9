// SPDX-License-Identifier: Apache-2.0
//! Connections over a pipe in memory, with the clock stopped: it jumps to the next timer whenever
//! nothing can happen without it.

mod http1;
mod http2;
mod refusals;

use std::net::{IpAddr, Ipv4Addr};
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use hyper::StatusCode;
use hyper::body::{Frame, SizeHint};
use hyper::header::{CONNECTION, HeaderValue};
use hyper::service::service_fn;
use tokio::io::{DuplexStream, duplex};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use super::*;

const LIMITS: ConnectionLimits = ConnectionLimits {
    patience: Patience {
        header: Duration::from_secs(10),
        idle: Duration::from_secs(75),
    },
    write: Duration::from_secs(60),
    max_header_bytes: 8192,
};

const PEER: Peer = Peer(IpAddr::V4(Ipv4Addr::new(203, 0, 113, 7)));

/// Bytes that fit between client and server without being read.
const PIPE: usize = 16 * 1024;

/// A connection, seen from both ends.
struct Case {
    /// The client's end.
    client: DuplexStream,
    /// The server's task.
    server: JoinHandle<Result<(), BoxError>>,
    stage: watch::Sender<Stage>,
    /// Whether the answer to the last request has been dropped.
    dropped: Arc<AtomicBool>,
}

/// `/` answers `hello`, `/never` begins an answer that does not go on, `/endless` one that does not
/// end, `/second` one that takes a second, `/echo` one that takes as long to say what hyper says to
/// what is no request, `/bare` a 404 without a body, `/large` more than hyper holds at a time.
struct Answer {
    kind: Kind,
    dropped: Arc<AtomicBool>,
}

enum Kind {
    Whole(Option<&'static str>),
    Never,
    Endless,
    Second(Pin<Box<Sleep>>, &'static str, Length),
}

#[derive(Clone, Copy)]
enum Length {
    Known,
    Unknown,
}

/// What hyper says to what is no request.
const REFUSAL: &str = "HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n";

impl Case {
    fn new() -> Self {
        Self::in_stage(Stage::Open)
    }

    fn in_stage(stage: Stage) -> Self {
        let (client, io) = duplex(PIPE);
        let stage = watch::Sender::new(stage);
        let dropped = Arc::<AtomicBool>::default();
        let flag = Arc::clone(&dropped);
        let service = service_fn(move |request: Request<Incoming>| {
            assert_eq!(request.extensions().get(), Some(&PEER));
            let kind = match request.uri().path() {
                "/never" => Kind::Never,
                "/endless" => Kind::Endless,
                "/second" => Kind::second("late", Length::Unknown),
                "/echo" => Kind::second(REFUSAL, Length::Known),
                "/bare" => Kind::Whole(None),
                "/large" => Kind::Whole(Some("x".repeat(9000).leak())),
                _ => Kind::Whole(Some("hello")),
            };
            flag.store(false, Ordering::SeqCst);
            let dropped = Arc::clone(&flag);
            let mut response = Response::new(Answer { kind, dropped });
            if request.uri().path() == "/bare" {
                *response.status_mut() = StatusCode::NOT_FOUND;
            }
            std::future::ready(Ok(response))
        });
        let refusals = Refusals::new(|status| {
            let mut answer = Response::new(Bytes::from(refusals::body()));
            *answer.status_mut() = status;
            let close = HeaderValue::from_static("close");
            answer.headers_mut().insert(CONNECTION, close);
            answer
        });
        let answers = Answers { service, refusals };
        let task = serve(io, PEER, answers, LIMITS, stage.subscribe());
        Self {
            client,
            server: Handle::current().spawn(task),
            stage,
            dropped,
        }
    }

    fn answer_is_dropped(&self) -> bool {
        self.dropped.load(Ordering::SeqCst)
    }
}

impl Kind {
    fn second(text: &'static str, length: Length) -> Self {
        let timer = tokio::time::sleep(Duration::from_secs(1));
        Self::Second(Box::pin(timer), text, length)
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        self.dropped.store(true, Ordering::SeqCst);
    }
}

impl Body for Answer {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let frame = match &mut self.kind {
            Kind::Whole(text) => text.take().map(|text| Bytes::from_static(text.as_bytes())),
            Kind::Never => return Poll::Pending,
            Kind::Endless => Some(Bytes::from_static(&[b'x'; 1024])),
            Kind::Second(timer, text, _) => {
                std::task::ready!(timer.as_mut().poll(cx));
                let text = *text;
                self.kind = Kind::Whole(None);
                Some(Bytes::from_static(text.as_bytes()))
            }
        };
        Poll::Ready(frame.map(|bytes| Ok(Frame::data(bytes))))
    }

    fn size_hint(&self) -> SizeHint {
        match &self.kind {
            Kind::Whole(text) => SizeHint::with_exact(text.map_or(0, str::len) as u64),
            Kind::Second(_, text, Length::Known) => SizeHint::with_exact(text.len() as u64),
            Kind::Never | Kind::Endless | Kind::Second(..) => SizeHint::new(),
        }
    }
}
