// SPDX-License-Identifier: Apache-2.0
//! A herd of clients that failed together: jitter spreads them out.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use lukhas_reliability::{Attempt, Backoff, BackoffConfig, Jitter};
use rand::SeedableRng;
use rand::rngs::SmallRng;
use tokio::task::JoinSet;
use tokio::time::{self, Instant};

const CLIENTS: u64 = 1_000;
/// Requests that are served in each slot.
const SERVED: u32 = 10;
const SLOT: Duration = Duration::from_millis(10);

/// Serves [`SERVED`] requests in each [`SLOT`]; the others fail.
#[derive(Debug)]
struct Server {
    start: Instant,
    slot: u128,
    served: u32,
}

impl Server {
    fn serves(&mut self) -> bool {
        let slot = self.start.elapsed().as_nanos() / SLOT.as_nanos();
        if slot != self.slot {
            self.slot = slot;
            self.served = 0;
        }
        self.served += 1;
        self.served <= SERVED
    }
}

/// How long it takes until all clients, who come at the same moment, are served; and how many
/// attempts they make.
async fn drain(jitter: Jitter) -> (Duration, u64) {
    let backoff = Backoff::new(BackoffConfig {
        max: 5.0,
        jitter,
        ..BackoffConfig::default()
    });
    let backoff = backoff.unwrap();
    let start = Instant::now();
    let server = Arc::new(Mutex::new(Server {
        start,
        slot: 0,
        served: 0,
    }));
    let mut clients = JoinSet::new();
    for seed in 0..CLIENTS {
        let server = Arc::clone(&server);
        clients.spawn(async move {
            let mut rng = SmallRng::seed_from_u64(seed);
            let mut attempt = Attempt::FIRST;
            while !server.lock().unwrap().serves() {
                let wait = backoff.delay(attempt, &mut rng);
                time::sleep(wait).await;
                attempt = attempt.next(wait);
            }
            u64::from(attempt.number) + 1
        });
    }
    let mut attempts = 0;
    while let Some(client) = clients.join_next().await {
        attempts += client.unwrap();
    }
    (start.elapsed(), attempts)
}

#[tokio::test(start_paused = true)]
async fn jitter_drains_a_herd_a_hundred_times_faster() {
    let mut times = Vec::new();
    for jitter in [
        Jitter::NONE,
        Jitter::Shorten(0.1),
        Jitter::FULL,
        Jitter::Decorrelated,
    ] {
        let (time, attempts) = drain(jitter).await;
        println!("{jitter:?}: {time:?}, {attempts} attempts");
        times.push(time);
    }
    let [none, tenth, full, decorrelated] = times[..] else {
        panic!("four kinds")
    };
    assert!(none > Duration::from_secs(400), "{none:?}");
    assert!(tenth * 5 < none, "{tenth:?}");
    assert!(full * 50 < none, "{full:?}");
    assert!(decorrelated * 50 < none, "{decorrelated:?}");
}
