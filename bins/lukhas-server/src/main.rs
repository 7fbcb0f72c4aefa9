// SPDX-License-Identifier: Apache-2.0
//! The lukhas binary.
fn main() {}
