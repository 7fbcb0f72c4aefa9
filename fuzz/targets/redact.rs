// SPDX-License-Identifier: Apache-2.0
//! Looks for an input for which [`lukhas_fuzz::redact`] does not hold.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| lukhas_fuzz::redact(input));
