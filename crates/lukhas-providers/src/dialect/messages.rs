// SPDX-License-Identifier: Apache-2.0
//! Anthropic's Messages.
//!
//! Source: Anthropic's API documentation ("Messages", "Streaming messages", "Stop reasons",
//! "Structured outputs", "Effort"), version 2023-06-01.

mod answer;
mod content;
mod request;

pub(super) use answer::MessagesReader;
pub(super) use request::request;
