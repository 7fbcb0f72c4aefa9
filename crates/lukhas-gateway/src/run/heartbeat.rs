// SPDX-License-Identifier: Apache-2.0
//! When a silent stream has to say that it is alive.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

/// Comes due after every interval of silence.
///
/// Silence begins when something is waited for, so that what is there already costs no look at the
/// clock.
#[derive(Debug)]
pub(crate) struct Heartbeat {
    /// `None` never comes due.
    interval: Option<Duration>,
    silent_since: Option<Instant>,
    timer: Option<Pin<Box<Sleep>>>,
}

impl Heartbeat {
    pub(crate) fn new(interval: Option<Duration>) -> Self {
        Self {
            interval,
            silent_since: None,
            timer: None,
        }
    }

    /// The silence is over.
    pub(super) fn reset(&mut self) {
        self.silent_since = None;
    }

    /// Ready when the silence has lasted an interval; then the next one begins.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(interval) = self.interval else {
            return Poll::Pending;
        };
        let due = *self.silent_since.get_or_insert_with(Instant::now) + interval;
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(due)));
        // The timer is of an earlier silence mostly, and is moved only when it fires.
        while timer.deadline() < due {
            ready!(timer.as_mut().poll(cx));
            timer.as_mut().reset(due);
        }
        ready!(timer.as_mut().poll(cx));
        self.silent_since = None;
        Poll::Ready(())
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use tokio::time::{advance, sleep, timeout};

    use super::*;

    const INTERVAL: Duration = Duration::from_secs(15);

    async fn due(heartbeat: &mut Heartbeat) -> Duration {
        let start = Instant::now();
        poll_fn(|cx| heartbeat.poll(cx)).await;
        start.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn it_comes_after_every_interval_of_silence() {
        let mut heartbeat = Heartbeat::new(Some(INTERVAL));
        for _ in 0..3 {
            assert_eq!(due(&mut heartbeat).await, INTERVAL);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_said_puts_it_off() {
        let mut heartbeat = Heartbeat::new(Some(INTERVAL));
        for _ in 0..5 {
            let waited = timeout(INTERVAL - Duration::from_secs(1), due(&mut heartbeat)).await;
            assert!(waited.is_err());
            heartbeat.reset();
        }
        // What is not waited for is no silence.
        advance(INTERVAL).await;
        assert_eq!(due(&mut heartbeat).await, INTERVAL);
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_that_is_given_up_and_begun_again_is_one_silence() {
        let mut heartbeat = Heartbeat::new(Some(INTERVAL));
        let first = timeout(Duration::from_secs(10), due(&mut heartbeat)).await;
        assert!(first.is_err());
        sleep(Duration::from_secs(2)).await;
        assert_eq!(due(&mut heartbeat).await, Duration::from_secs(3));
    }

    #[tokio::test(start_paused = true)]
    async fn without_an_interval_it_never_comes() {
        let mut heartbeat = Heartbeat::new(None);
        let waited = timeout(Duration::from_hours(1), due(&mut heartbeat)).await;
        assert!(waited.is_err());
    }
}
