// SPDX-License-Identifier: Apache-2.0
//! Waiting, but not for ever.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

/// How long something is waited for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Limit {
    /// Until then.
    Until(Instant),
    /// So long from when there is something to wait for.
    For(Duration),
}

/// It took longer than the limit, which left this much time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Elapsed(pub(super) Duration);

/// Waits for one thing after another, all on one timer.
///
/// The waits of a stream are many and short. The timer is not set with each of them: it goes off
/// too early for most, and is then set for the one that is under way.
#[derive(Debug, Default)]
pub(super) struct Patience(Option<Pin<Box<Sleep>>>);

impl Patience {
    /// Waits for `poll`, within `limit`.
    pub(super) async fn wait<T>(
        &mut self,
        limit: Limit,
        mut poll: impl FnMut(&mut Context<'_>) -> Poll<T>,
    ) -> Result<T, Elapsed> {
        let mut until = None;
        poll_fn(|cx| {
            if let Poll::Ready(value) = poll(cx) {
                return Poll::Ready(Ok(value));
            }
            let (until, time) = *until.get_or_insert_with(|| {
                let now = Instant::now();
                match limit {
                    Limit::Until(until) => (until, until.saturating_duration_since(now)),
                    Limit::For(time) => (now + time, time),
                }
            });
            self.poll_timer(until, cx).map(|()| Err(Elapsed(time)))
        })
        .await
    }

    fn poll_timer(&mut self, until: Instant, cx: &mut Context<'_>) -> Poll<()> {
        let timer = self.0.get_or_insert_with(|| Box::pin(sleep_until(until)));
        if timer.deadline() > until {
            timer.as_mut().reset(until);
        }
        while timer.as_mut().poll(cx).is_ready() {
            if Instant::now() >= until {
                return Poll::Ready(());
            }
            timer.as_mut().reset(until);
        }
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::sleep;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// Waits for something that takes `time`.
    async fn wait(patience: &mut Patience, time: Duration, limit: Limit) -> Result<(), Elapsed> {
        let mut thing = Box::pin(sleep(time));
        patience.wait(limit, |cx| thing.as_mut().poll(cx)).await
    }

    #[tokio::test(start_paused = true)]
    async fn each_wait_has_its_own_limit() {
        let mut patience = Patience::default();
        for _ in 0..10 {
            let waited = wait(&mut patience, SECOND * 2, Limit::For(SECOND * 3)).await;
            assert_eq!(
                waited,
                Ok(()),
                "only waiting counts, and not what was waited before"
            );
        }
        let started = Instant::now();
        let waited = wait(&mut patience, SECOND * 4, Limit::For(SECOND * 3)).await;
        assert_eq!(waited, Err(Elapsed(SECOND * 3)));
        assert_eq!(started.elapsed().as_secs(), 3);
        let until = Instant::now() + SECOND;
        let waited = wait(&mut patience, SECOND * 2, Limit::Until(until)).await;
        assert_eq!(waited, Err(Elapsed(SECOND)), "a shorter limit is kept, too");
        assert_eq!(started.elapsed().as_secs(), 4);
        assert_eq!(
            wait(&mut patience, Duration::ZERO, Limit::Until(until)).await,
            Ok(())
        );
    }
}
