// SPDX-License-Identifier: Apache-2.0
//! The bytes of a connection: watched, never stalled, closed without cutting off the last answer.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

use super::activity::Activity;
use super::ahead::ReadAhead;
use super::refusal::{Refusal, Refusals, may_refuse};

/// How long a connection that we close waits for the client to close its side.
///
/// Closing while the client still sends (headers or a body that were refused) makes the kernel
/// reset the connection, and a reset can take the answer away before the client has read it.
const LINGER: Duration = Duration::from_secs(1);

/// Bytes that are thrown away at a time while lingering.
const DISCARD: usize = 4096;

/// A stream that tells an [`Activity`] what comes, and fails when the client reads nothing of what
/// is written for `patience`. What hyper writes when no request is under way, it replaces: that is
/// its bare answer to what is no request.
#[derive(Debug)]
pub(crate) struct WatchedIo<T> {
    inner: T,
    ahead: ReadAhead,
    activity: Arc<Activity>,
    patience: Duration,
    refusals: Refusals,
    /// What is written instead of what hyper writes.
    refusal: Option<Box<Refusal>>,
    /// Something was written since the connection was last at rest.
    wrote: bool,
    /// Since when a write waits.
    stall: Option<Pin<Box<Sleep>>>,
    closing: Closing,
}

#[derive(Debug)]
enum Closing {
    No,
    Lingering(Pin<Box<Sleep>>),
    Done,
}

impl<T> WatchedIo<T> {
    /// `inner`, watched.
    pub(crate) fn new(
        inner: T,
        activity: Arc<Activity>,
        patience: Duration,
        refusals: Refusals,
    ) -> Self {
        Self {
            inner,
            ahead: ReadAhead::default(),
            activity,
            patience,
            refusals,
            refusal: None,
            wrote: false,
            stall: None,
            closing: Closing::No,
        }
    }

    /// Gives a write that waits its time.
    fn timed(
        &mut self,
        cx: &mut Context<'_>,
        written: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        if let Poll::Ready(result) = written {
            self.stall = None;
            if let Ok(bytes) = result {
                self.wrote = true;
                self.activity.wrote(bytes);
            }
            return Poll::Ready(result);
        }
        let patience = self.patience;
        let stall = self.stall.get_or_insert_with(|| Box::pin(sleep(patience)));
        ready!(stall.as_mut().poll(cx));
        let message = "the client reads nothing of its answer";
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, message)))
    }
}

impl<T: AsyncWrite + Unpin> WatchedIo<T> {
    /// Whether `buf`, the next to be written, is hyper's answer to what is no request; from then on
    /// ours is on its way.
    fn refuses(&mut self, buf: &[u8]) -> bool {
        if self.refusal.is_none() && may_refuse(buf) && !self.activity.owes_answer() {
            self.refusal = self.refusals.instead_of(buf).map(Box::new);
        }
        self.refusal.is_some()
    }

    /// Writes the whole of our refusal, then says that hyper's `length` bytes are written.
    fn poll_refuse(&mut self, cx: &mut Context<'_>, length: usize) -> Poll<io::Result<usize>> {
        while let Some(refusal) = &mut self.refusal {
            let rest = refusal.rest();
            if rest.is_empty() {
                self.refusal = None;
                break;
            }
            let written = Pin::new(&mut self.inner).poll_write(cx, rest);
            let bytes = ready!(self.timed(cx, written))?;
            if bytes == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            if let Some(refusal) = &mut self.refusal {
                refusal.advance(bytes);
            }
        }
        Poll::Ready(Ok(length))
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for WatchedIo<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let this = &mut *self;
        ready!(this.ahead.poll_read(&mut this.inner, cx, buf))?;
        self.activity.read(buf.filled().len() - before);
        Poll::Ready(Ok(()))
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> AsyncWrite for WatchedIo<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.refuses(buf) {
            return self.poll_refuse(cx, buf.len());
        }
        let written = Pin::new(&mut self.inner).poll_write(cx, buf);
        self.timed(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if let [buf] = bufs
            && self.refuses(buf)
        {
            return self.poll_refuse(cx, buf.len());
        }
        let written = Pin::new(&mut self.inner).poll_write_vectored(cx, bufs);
        self.timed(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // hyper flushes whenever it has nothing else to do.
        let this = &mut *self;
        this.ahead.watch(&mut this.inner, cx)?;
        ready!(Pin::new(&mut self.inner).poll_flush(cx))?;
        if self.wrote {
            self.wrote = !self.activity.flushed();
        }
        Poll::Ready(Ok(()))
    }

    /// Closes our side, then waits up to a second for the client to close its own.
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        loop {
            match &mut this.closing {
                Closing::No => {
                    ready!(Pin::new(&mut this.inner).poll_shutdown(cx))?;
                    this.closing = if this.activity.lingers() {
                        Closing::Lingering(Box::pin(sleep(LINGER)))
                    } else {
                        Closing::Done
                    };
                }
                Closing::Lingering(timer) => {
                    if timer.as_mut().poll(cx).is_pending() {
                        ready!(poll_end(&mut this.inner, cx));
                    }
                    this.closing = Closing::Done;
                }
                Closing::Done => return Poll::Ready(Ok(())),
            }
        }
    }
}

/// Reads to the end and throws away what it reads.
fn poll_end<T: AsyncRead + Unpin>(inner: &mut T, cx: &mut Context<'_>) -> Poll<()> {
    let mut bytes = [0; DISCARD];
    loop {
        let mut buf = ReadBuf::new(&mut bytes);
        match ready!(Pin::new(&mut *inner).poll_read(cx, &mut buf)) {
            Ok(()) if !buf.filled().is_empty() => {}
            Ok(()) | Err(_) => return Poll::Ready(()),
        }
    }
}
