// SPDX-License-Identifier: Apache-2.0
//! JSON, looked at without being read into memory.

mod checker;
mod size;

pub(crate) use checker::Checker;
pub(crate) use size::{MAX_DEPTH, size};
