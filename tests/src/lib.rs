// SPDX-License-Identifier: Apache-2.0
//! Harness of the whole-product tests: the gateway with its real parts on a port of its own, a
//! plain HTTP client, and the official document as an independent reader.

#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a harness of tests fails by panicking"
)]

mod client;
mod official;
mod server;
mod shared;
mod upstream;

pub use client::{Answer, Client};
pub use official::{assert_valid, assert_valid_event, faults};
pub use server::{FAILURES, Options, PROXY, TestServer};
pub use shared::SharedHere;
pub use upstream::{Patience, answering, keyed_upstream, routed, upstream};
