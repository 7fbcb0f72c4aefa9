// SPDX-License-Identifier: Apache-2.0
//! One connection from its first byte to its last.

use std::convert::Infallible;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use hyper::body::{Body, Incoming};
use hyper::service::Service;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use lukhas_gateway::Peer;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use tokio::time::{Instant, Sleep, sleep_until};

use super::activity::{Activity, Patience, Phase};
use super::io::WatchedIo;
use super::refusal::Refusals;
use super::request::WatchedService;
use super::stream::Streams;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Bytes of an answer that may wait in this process, for each HTTP/2 stream.
const STREAM_BUFFER: usize = 32 * 1024;

/// Most requests at a time on one HTTP/2 connection.
const MAX_STREAMS: u32 = 128;

/// How often an HTTP/2 client is asked whether it is still there, and how long it may take.
const PING: (Duration, Duration) = (Duration::from_secs(20), Duration::from_secs(20));

/// What a connection may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ConnectionLimits {
    /// How long it may be in a phase.
    pub(crate) patience: Patience,
    /// How long its client may read nothing of an answer.
    pub(crate) write: Duration,
    /// Most bytes of a request's head, at least 8,192.
    pub(crate) max_header_bytes: usize,
}

/// What answers on a connection.
#[derive(Clone, Debug)]
pub(crate) struct Answers<S> {
    /// Answers requests.
    pub(crate) service: S,
    /// Answers what is no request.
    pub(crate) refusals: Refusals,
}

/// How far the server is on its way to stopping.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stage {
    /// Connections live on after a request.
    Open,
    /// Connections close when they are at rest; new ones serve one request.
    Draining,
    /// New connections close at once, too.
    Closing,
}

/// Serves one connection, which comes from `peer`: each of its requests says so.
///
/// Dropping the future closes the connection and cancels its requests.
pub(crate) async fn serve<T, S, B>(
    io: T,
    peer: Peer,
    answers: Answers<S>,
    limits: ConnectionLimits,
    mut stage: watch::Receiver<Stage>,
) -> Result<(), BoxError>
where
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible>,
    S: Send + 'static,
    S::Future: Send + 'static,
    B: Body + Unpin + Send + 'static,
    B::Data: Send,
    B::Error: Into<BoxError>,
{
    let activity = Activity::new();
    let streams = Streams::new(limits.write);
    let _guard = streams.guard();
    let opened_in = *stage.borrow_and_update();
    let builder = builder(&limits, streams, opened_in);
    let Answers { service, refusals } = answers;
    let io = WatchedIo::new(io, Arc::clone(&activity), limits.write, refusals);
    let service = WatchedService::new(service, peer, Arc::clone(&activity));
    let connection = pin!(builder.serve_connection(TokioIo::new(io), service));
    let mut timed = Timed {
        connection,
        graceful: auto::Connection::graceful_shutdown,
        activity,
        limits,
        timer: pin!(sleep_until(Instant::now() + limits.patience.header)),
        gives_up_heads: false,
        closing_since: None,
    };
    timed.enter(opened_in, opened_in);
    loop {
        tokio::select! {
            biased;
            ended = &mut timed => return ended,
            changed = stage.changed() => {
                // The server outlives its connections, so there is no last stage to miss.
                if changed.is_err() {
                    return timed.await;
                }
                timed.enter(*stage.borrow_and_update(), opened_in);
            }
        }
    }
}

/// hyper's settings.
///
/// Its own header timeout stays off: for HTTP/1 it also runs between requests, where the idle
/// timeout should, and it does not cover the bytes that tell HTTP/1 from HTTP/2 apart. [`Timed`]
/// knows all of that.
///
/// A head that is too large, or is no HTTP, never becomes a request: hyper answers 431, 414 or 400
/// by itself, with an empty body, and offers no way to give it another; [`WatchedIo`] writes
/// [`Refusals`] instead. HTTP/2 has frames for most of it (GOAWAY, RST_STREAM), and its bare 431
/// stays: it comes between the frames of other answers.
///
/// For HTTP/1 the bound on heads is the bound on hyper's buffer, which also holds what of an answer
/// waits to be written.
fn builder(limits: &ConnectionLimits, streams: Streams, stage: Stage) -> auto::Builder<Streams> {
    let mut builder = auto::Builder::new(streams);
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(None)
        .keep_alive(stage == Stage::Open)
        .max_buf_size(limits.max_header_bytes);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(PING.0)
        .keep_alive_timeout(PING.1)
        .max_concurrent_streams(MAX_STREAMS)
        .max_send_buf_size(STREAM_BUFFER)
        .max_header_list_size(u32::try_from(limits.max_header_bytes).unwrap_or(u32::MAX));
    builder
}

/// What is to be done with a connection.
enum Next {
    /// Nothing, until then.
    Wait(Option<Instant>),
    /// It ends after the requests that are under way.
    Close,
    /// It ends now.
    Drop,
}

/// A connection that ends when its patience does.
struct Timed<'a, C> {
    connection: Pin<&'a mut C>,
    /// Ends it after the requests that are under way.
    graceful: fn(Pin<&mut C>),
    activity: Arc<Activity>,
    limits: ConnectionLimits,
    /// Fires at the deadline or before it; polls look again.
    timer: Pin<&'a mut Sleep>,
    /// Nobody waits for requests whose head is on its way.
    gives_up_heads: bool,
    /// Since when it closes.
    closing_since: Option<Instant>,
}

impl<C> Timed<'_, C> {
    /// The server has come to `stage`; the connection was opened in another, or the same.
    fn enter(&mut self, stage: Stage, opened_in: Stage) {
        if stage > opened_in || stage == Stage::Closing {
            self.activity.drain();
        }
        self.gives_up_heads = stage == Stage::Closing;
    }

    fn next(&self, phase: Phase) -> Next {
        let deadline = self.deadline(phase);
        // Until the timer has fired, it is not; most polls need not know the time.
        let late =
            self.timer.is_elapsed() && deadline.is_some_and(|deadline| deadline <= Instant::now());
        match (phase, self.closing_since) {
            // To close it gracefully would be to drop the head, too.
            (Phase::Head(_), None) if late || self.gives_up_heads => Next::Drop,
            (Phase::New(_) | Phase::Idle(_) | Phase::Busy(_), None)
                if late || self.activity.drains() =>
            {
                Next::Close
            }
            (_, Some(_)) if late => Next::Drop,
            (_, None | Some(_)) => Next::Wait(deadline),
        }
    }

    /// When the connection has been in `phase` for too long.
    fn deadline(&self, phase: Phase) -> Option<Instant> {
        match (self.closing_since, phase) {
            // What is left is to write the rest and to be told that it has arrived.
            (Some(closing), Phase::New(since) | Phase::Head(since) | Phase::Idle(since)) => {
                Some(closing.max(since) + self.limits.write)
            }
            (Some(_), Phase::Busy(_)) | (None, _) => phase.deadline(self.limits.patience),
        }
    }

    fn close(&mut self, phase: Phase) {
        self.closing_since = Some(Instant::now());
        if matches!(phase, Phase::New(_) | Phase::Idle(_)) {
            self.activity.close_at_rest();
        }
        (self.graceful)(self.connection.as_mut());
    }

    /// Waits until `deadline`, or until `cx` is woken by something else.
    fn poll_timer(&mut self, cx: &mut Context<'_>, deadline: Instant) -> Poll<()> {
        // Deadlines mostly move back, so the timer is left alone until it fires.
        if self.timer.deadline() > deadline || self.timer.is_elapsed() {
            self.timer.as_mut().reset(deadline);
        }
        self.timer.as_mut().poll(cx)
    }
}

impl<C: Future<Output = Result<(), BoxError>>> Future for Timed<'_, C> {
    type Output = Result<(), BoxError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        loop {
            if let Poll::Ready(ended) = this.connection.as_mut().poll(cx) {
                return Poll::Ready(ended);
            }
            let phase = this.activity.poll_phase(cx);
            match this.next(phase) {
                Next::Drop => return Poll::Ready(Ok(())),
                Next::Close => this.close(phase),
                Next::Wait(None) => return Poll::Pending,
                Next::Wait(Some(deadline)) => ready!(this.poll_timer(cx, deadline)),
            }
        }
    }
}

#[cfg(test)]
mod tests;
