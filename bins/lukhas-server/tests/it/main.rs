// SPDX-License-Identifier: Apache-2.0
//! The `lukhas` process from outside: what it prints, how it ends, what it puts up with.

mod config;
mod http;
mod limits;
mod process;
mod signals;
mod startup;
