// SPDX-License-Identifier: Apache-2.0
//! Speed of token counting and of whole answers.
fn main() {}
