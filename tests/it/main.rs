// SPDX-License-Identifier: Apache-2.0
//! Whole-product tests: the gateway with its real parts, over HTTP.

#![cfg(test)]

#[macro_use]
mod places;

mod admin;
mod attempts;
mod budgets;
mod continuation;
mod documents;
mod embeddings;
mod errors;
mod faults;
mod hedging;
mod hostile;
mod idempotency;
mod independent;
mod keys;
mod operations;
mod overload;
mod partial;
mod passed_on;
mod rate_limits;
mod recorded;
mod responses;
mod routing;
mod streams;
mod strict;
mod upstreams;
mod urls;
