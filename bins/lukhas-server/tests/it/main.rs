// SPDX-License-Identifier: Apache-2.0
//! The `lukhas` process from outside: what it prints, how it ends, what it puts up with.

#[cfg(test)]
mod budgets;
#[cfg(test)]
mod canary;
#[cfg(test)]
mod config;
#[cfg(test)]
mod counted;
#[cfg(test)]
mod http;
#[cfg(test)]
mod idempotency;
#[cfg(test)]
mod keys;
#[cfg(test)]
mod knobs;
#[cfg(test)]
mod leaving;
#[cfg(test)]
mod limits;
#[cfg(test)]
mod masking;
#[cfg(test)]
mod mock;
#[cfg(test)]
mod process;
#[cfg(test)]
mod prometheus;
#[cfg(test)]
mod rate_limits;
#[cfg(test)]
mod receiver;
#[cfg(test)]
mod redact;
#[cfg(test)]
mod refusals;
#[cfg(test)]
mod reload;
#[cfg(test)]
mod replicas;
#[cfg(test)]
mod run_log;
#[cfg(test)]
mod signals;
#[cfg(test)]
mod startup;
#[cfg(test)]
mod traces;
#[cfg(test)]
mod upstream;
