// SPDX-License-Identifier: Apache-2.0
//! Several real processes that share limits, budgets and answers in a real Redis.

mod budgets;
mod idempotency;
mod limits;
mod outage;
mod startup;

use std::thread;
use std::time::Duration;

use lukhas_store::LocalRedis;
use tokio::time::Instant;

use crate::http::{Answer, Client};
use crate::process::{PATIENCE, Server, Setup};

/// A key of each replica.
fn key() -> String {
    "k".repeat(24)
}

/// A replica that shares `redis`, with further settings.
fn setup(redis: &LocalRedis, yaml: &str) -> Setup {
    setup_of(&["serve", "--listen", "127.0.0.1:0"], redis, yaml)
}

/// The same for another command.
fn setup_of(arguments: &[&str], redis: &LocalRedis, yaml: &str) -> Setup {
    // A busy machine is no slow Redis.
    Setup::new(arguments)
        .config(format!("auth: {{keys_file: keys}}\n{yaml}"))
        .secret_file("keys", &format!("{} team\n", key()))
        .env("LUKHAS_REDIS__TIMEOUT_MS", "20000")
        .env("LUKHAS_REDIS_URL", &redis.url())
}

fn connect(server: &Server) -> Client {
    server.connect().with_key(&key())
}

fn get(server: &Server, path: &str) -> Answer {
    connect(server).get(path)
}

/// Waits until `holds`.
#[track_caller]
fn until(mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < PATIENCE, "it never happens");
        thread::sleep(Duration::from_millis(10));
    }
}

/// What `/readyz` says of Redis, and its status.
fn readiness(server: &Server) -> (u16, String) {
    let answer = server.get("/readyz");
    let (_, check) = answer.body.split_once(r#""redis":"#).unwrap();
    let check = check.split_inclusive('}').next().unwrap();
    (answer.status, check.to_owned())
}
