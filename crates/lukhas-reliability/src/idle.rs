// SPDX-License-Identifier: Apache-2.0
//! A stream that may not fall silent.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_core::Stream;
use tokio::time::{self, Instant, Sleep};

use crate::Timeouts;
use crate::deadline::later;

/// A stream that may not fall silent: when nothing comes in time, its last item says so.
///
/// Only waiting counts. While the reader does something else no time passes, so a slow reader is
/// not taken for a silent upstream. Dropping it drops the stream inside, and it does so itself
/// after a timeout: the connection behind it is closed at once.
///
/// ```
/// use futures_util::{StreamExt, stream};
/// use lukhas_reliability::{IdleStream, StreamTimeout, Timeouts};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// # tokio::time::pause();
/// let hangs = stream::iter(["Good", "day"]).chain(stream::pending());
/// let items: Vec<_> = IdleStream::new(hangs, &Timeouts::default()).collect().await;
/// assert_eq!(items, [Ok("Good"), Ok("day"), Err(StreamTimeout::Idle)]);
/// # }
/// ```
pub struct IdleStream<S> {
    /// Gone once it has ended.
    inner: Option<S>,
    /// Made when there is something to wait for, and used for all that follow.
    timer: Option<Pin<Box<Sleep>>>,
    /// Whether the timer runs for the item that is awaited now.
    waiting: bool,
    /// What the item that is awaited now may take.
    limit: Duration,
    /// What all that follow may take.
    idle: Duration,
    timeout: StreamTimeout,
}

/// A stream fell silent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum StreamTimeout {
    /// Before its first item.
    #[error("the answer did not begin in time")]
    FirstByte,
    /// After an item.
    #[error("the answer fell silent")]
    Idle,
}

impl<S> IdleStream<S> {
    /// `stream`, whose first item may take [`Timeouts::first_byte`] and each other
    /// [`Timeouts::idle`].
    pub fn new(stream: S, timeouts: &Timeouts) -> Self {
        Self {
            inner: Some(stream),
            timer: None,
            waiting: false,
            limit: timeouts.first_byte(),
            idle: timeouts.idle(),
            timeout: StreamTimeout::FirstByte,
        }
    }

    /// Waits for the end of what the awaited item may take.
    fn poll_timer(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let timer = self
            .timer
            .get_or_insert_with(|| Box::pin(time::sleep(self.limit)));
        if !self.waiting {
            timer.as_mut().reset(later(Instant::now(), self.limit));
            self.waiting = true;
        }
        timer.as_mut().poll(cx)
    }
}

impl<S: Stream + Unpin> Stream for IdleStream<S> {
    type Item = Result<S::Item, StreamTimeout>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        let Some(inner) = &mut this.inner else {
            return Poll::Ready(None);
        };
        match Pin::new(inner).poll_next(cx) {
            Poll::Ready(Some(item)) => {
                this.waiting = false;
                this.limit = this.idle;
                this.timeout = StreamTimeout::Idle;
                Poll::Ready(Some(Ok(item)))
            }
            Poll::Ready(None) => {
                this.inner = None;
                Poll::Ready(None)
            }
            Poll::Pending => {
                ready!(this.poll_timer(cx));
                this.inner = None;
                Poll::Ready(Some(Err(this.timeout)))
            }
        }
    }
}

impl<S> fmt::Debug for IdleStream<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IdleStream")
            .field("ended", &self.inner.is_none())
            .field("waiting", &self.waiting)
            .field("limit", &self.limit)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use futures_util::{StreamExt, stream};

    use super::*;
    use crate::TimeoutsConfig;

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    /// An item after each of these pauses, then silence after the last.
    fn paused(pauses: &[u64]) -> impl Stream<Item = u64> + Unpin {
        let items = stream::iter(pauses.to_vec()).then(|pause| async move {
            time::sleep(seconds(pause)).await;
            pause
        });
        Box::pin(items)
    }

    fn watched<S: Stream + Unpin>(stream: S) -> IdleStream<S> {
        let config = TimeoutsConfig {
            first_byte: seconds(20),
            idle: seconds(5),
            ..TimeoutsConfig::default()
        };
        IdleStream::new(stream, &Timeouts::new(config).unwrap())
    }

    #[tokio::test(start_paused = true)]
    async fn silence_is_the_last_item() {
        use StreamTimeout::*;
        for (pauses, expected, end) in [
            (&[19, 4, 4, 4][..], vec![Ok(19), Ok(4), Ok(4), Ok(4)], 31),
            (&[21], vec![Err(FirstByte)], 20),
            (&[0, 6, 1], vec![Ok(0), Err(Idle)], 5),
            (&[19, 0, 6], vec![Ok(19), Ok(0), Err(Idle)], 24),
            (&[], vec![], 0),
        ] {
            let start = Instant::now();
            let items: Vec<_> = watched(paused(pauses)).collect().await;
            assert_eq!(items, expected);
            assert_eq!(start.elapsed(), seconds(end), "{pauses:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_reader_is_not_silence() {
        let mut stream = watched(paused(&[1, 1, 1]));
        for _ in 0..3 {
            assert_eq!(stream.next().await, Some(Ok(1)));
            time::advance(seconds(60)).await;
        }
        assert_eq!(stream.next().await, None);
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_follows_the_end() {
        let mut stream = watched(stream::pending::<()>());
        assert_eq!(stream.next().await, Some(Err(StreamTimeout::FirstByte)));
        assert!(stream.inner.is_none());
        assert_eq!(stream.next().await, None);
        let mut stream = watched(stream::iter([1]));
        let _ = (stream.next().await, stream.next().await);
        assert_eq!(stream.next().await, None);
    }
}
