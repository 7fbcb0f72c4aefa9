// SPDX-License-Identifier: Apache-2.0
//! A body that does what its plan says.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::time::Sleep;

use crate::Ending;
use crate::plan::Step;
use crate::record::Running;
use crate::server::ResetSwitch;

/// The connection is to be reset.
#[derive(Debug, thiserror::Error)]
#[error("told to reset the connection")]
pub(crate) struct Cut;

/// Plays the steps of a plan, each piece as a write of its own: between two pieces it is not ready
/// once, so that hyper writes what it has.
#[derive(Debug)]
pub(crate) struct Player {
    steps: VecDeque<Step>,
    length: Option<u64>,
    sleep: Option<Pin<Box<Sleep>>>,
    /// Whether what came before has been written.
    written: bool,
    switch: ResetSwitch,
    /// `None` for requests that are not recorded.
    running: Option<Running>,
}

impl Player {
    pub(crate) fn new(
        steps: Vec<Step>,
        length: Option<u64>,
        switch: ResetSwitch,
        running: Option<Running>,
    ) -> Self {
        let mut player = Self {
            steps: steps.into(),
            length,
            sleep: None,
            written: false,
            switch,
            running,
        };
        player.end_if_done();
        player
    }

    /// A body that nobody needs to poll again has ended.
    fn end_if_done(&mut self) {
        if self.steps.is_empty() {
            self.end(Ending::Answered);
        }
    }

    fn end(&mut self, ending: Ending) {
        if let Some(running) = &mut self.running {
            running.end(ending);
        }
    }

    /// Not ready once, then ready.
    fn poll_written(&mut self, cx: &Context<'_>) -> Poll<()> {
        self.written = !self.written;
        if self.written {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(())
    }

    fn send(&mut self, bytes: Bytes) -> Frame<Bytes> {
        if let Some(running) = &self.running {
            running.sent();
        }
        self.end_if_done();
        Frame::data(bytes)
    }
}

impl Body for Player {
    type Data = Bytes;
    type Error = Cut;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        loop {
            if let Some(sleep) = &mut self.sleep {
                ready!(sleep.as_mut().poll(cx));
                self.sleep = None;
            }
            match self.steps.front() {
                None => return Poll::Ready(None),
                Some(Step::Stall) => return Poll::Pending,
                Some(Step::Wait(duration)) => {
                    self.sleep = Some(Box::pin(tokio::time::sleep(*duration)));
                    self.steps.pop_front();
                    self.end_if_done();
                }
                Some(Step::Reset) => {
                    ready!(self.poll_written(cx));
                    self.switch.reset();
                    self.end(Ending::Reset);
                    return Poll::Ready(Some(Err(Cut)));
                }
                Some(Step::Repeat(bytes)) => {
                    let bytes = bytes.clone();
                    ready!(self.poll_written(cx));
                    return Poll::Ready(Some(Ok(self.send(bytes))));
                }
                Some(Step::Send(_)) => {
                    ready!(self.poll_written(cx));
                    if let Some(Step::Send(bytes)) = self.steps.pop_front() {
                        return Poll::Ready(Some(Ok(self.send(bytes))));
                    }
                }
            }
        }
    }

    fn size_hint(&self) -> SizeHint {
        self.length
            .map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::Waker;

    use super::*;

    /// What polling a body of `steps` gives: text, `-` for not ready, `!` for an error, `.` for
    /// the end.
    fn polled(steps: Vec<Step>, times: usize) -> String {
        let mut body = pin!(Player::new(steps, None, ResetSwitch::default(), None));
        let mut cx = Context::from_waker(Waker::noop());
        let mut seen = String::new();
        for _ in 0..times {
            match body.as_mut().poll_frame(&mut cx) {
                Poll::Pending => seen.push('-'),
                Poll::Ready(None) => seen.push('.'),
                Poll::Ready(Some(Err(Cut))) => seen.push('!'),
                Poll::Ready(Some(Ok(frame))) => {
                    let data = frame.into_data().unwrap();
                    seen += std::str::from_utf8(&data).unwrap();
                }
            }
        }
        seen
    }

    #[test]
    fn what_came_before_is_written_before_each_piece() {
        let send = |text: &'static str| Step::Send(text.into());
        assert_eq!(polled(vec![send("a"), send("b")], 5), "-a-b.");
        assert_eq!(polled(vec![send("a"), Step::Reset], 4), "-a-!");
        assert_eq!(polled(vec![send("a"), Step::Stall], 5), "-a---");
        assert_eq!(polled(vec![Step::Repeat("a".into())], 6), "-a-a-a");
        assert_eq!(polled(Vec::new(), 1), ".");
    }
}
