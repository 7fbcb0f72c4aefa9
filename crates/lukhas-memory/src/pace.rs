// SPDX-License-Identifier: Apache-2.0
//! Giving way to other tasks in the middle of long work.

use std::future::poll_fn;
use std::task::Poll;

/// Work between two pauses, in bytes of text: well under a millisecond.
const STRIDE: usize = 16 << 10;

/// Counts work and pauses now and then.
#[derive(Default)]
pub(crate) struct Pace {
    done: usize,
}

impl Pace {
    /// Notes that `work` bytes' worth has been done; lets other tasks run when it is time.
    pub(crate) async fn spend(&mut self, work: usize) {
        self.done += work;
        if self.done >= STRIDE {
            self.done = 0;
            pause().await;
        }
    }
}

/// Pending once, and ready to go on at once.
async fn pause() {
    let mut paused = false;
    poll_fn(|cx| {
        if paused {
            return Poll::Ready(());
        }
        paused = true;
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
