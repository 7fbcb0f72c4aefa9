// SPDX-License-Identifier: Apache-2.0
//! Simulations on tokio's paused clock: an outage, a bad upstream, and a herd of clients.

#![cfg(test)]

mod bad_upstream;
mod herd;
mod outage;
