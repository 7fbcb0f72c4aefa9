// SPDX-License-Identifier: Apache-2.0
//! What the tests of this module have in common.

use std::thread;
use std::time::Duration;

use lukhas_redact::Secret;
use tokio::runtime::Builder;
use tokio::time::Instant;

use super::{LocalRedis, Redis, RedisOptions, RedisUrl};

/// Longer than anything here takes on a busy machine.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

pub(super) fn open(redis: &LocalRedis) -> Redis {
    open_at(redis.url(), PATIENCE)
}

pub(super) fn open_at(url: String, timeout: Duration) -> Redis {
    Redis::open(RedisOptions {
        url: RedisUrl::parse(&Secret::new(url)).unwrap(),
        ca: None,
        prefix: "test".to_owned(),
        connect: PATIENCE,
        timeout,
    })
    .unwrap()
}

pub(super) fn wait<F: Future>(future: F) -> F::Output {
    let runtime = Builder::new_current_thread().build().unwrap();
    runtime.block_on(future)
}

/// Waits until `holds`.
#[track_caller]
pub(super) fn until(mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < PATIENCE, "it never happens");
        thread::sleep(Duration::from_millis(5));
    }
}
